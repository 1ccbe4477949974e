"""A tenant's data key: seals records, finds persons again, makes ids and tokens.

>>> from songda.vault.master import LocalMasterKey
>>> key = open_data_key(master := LocalMasterKey(bytes(32)), new_data_key(master))
>>> key.unseal(key.seal(b"a person", context="person:1"), context="person:1")
b'a person'

What lies in the database is the *wrapped* data key: a list of secrets (version, suite, 32 bytes) under the master key. The newest
seals; every one still opens what it sealed, until it is dropped (decision 025). Five more are derived from the first one and never
change: of the blind index, tokens, ids, the audit log and the tenant's signature. When the first one is dropped, the five are wrapped
beside the list, as they are (songda.dk/2).

A process that holds the key while another rotates it learns of that by itself: whoever opened the key tells where its wrapped form lies
(`reread`), and it is looked at before a seal when the last look is half a minute ago, and at once when a record names an unknown version.

Sealed record: suite (1 byte), kind (1), version (2), nonce (12), ciphertext, tag (16): 32 bytes more than the
plaintext. Header and context are authenticated, so a record moved to another row, or presented as another version or
kind, is refused. Nonces are random: rotate before 2^32 records under one version (NIST SP 800-38D §8.3).

What is about one person is sealed by a key of his own (decision 021), so that destroying the one copy of that key makes all
of it noise. The record then names the person: suite, kind, version, length of the id (1), id, nonce, ciphertext, tag. The
wrapped key is one more sealed record of the data key; where it lies is the caller's business (`PersonKeyReader`). A person's
key seals some hundred records in its life: that two of its random nonces are equal has a chance below 2^-80.
"""

from __future__ import annotations

import base64
import hmac
import os
import secrets
import struct
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from threading import Lock
from typing import BinaryIO, NamedTuple, NoReturn

from songda.vault import stream
from songda.vault.errors import PersonErased, Unsealable
from songda.vault.master import MasterKey
from songda.vault.suites import NONCE_BYTES, TAG_BYTES, Aead, Suite, suite_coded, suite_named

_SECRET_BYTES = 32
_MAGIC, _FIRST_MAGIC = b"songda.dk/2\x00", b"songda.dk/1\x00"
#: Suite of the blind index and the tokens; secrets of index, tokens, ids, audit log and signature.
_KEPT = struct.Struct(">B" + 5 * f"{_SECRET_BYTES}s")
_ENTRY = struct.Struct(f">HB{_SECRET_BYTES}s")
_HEADER = struct.Struct(">BBH")
_RECORD, _STREAM, _PERSONAL = 1, 2, 3
_OVERHEAD = _HEADER.size + NONCE_BYTES + TAG_BYTES
#: Persons whose opened keys are kept, and for how many seconds: so long may another process still open what was destroyed, and seal
#: with a secret that is not the newest any more.
_AT_HAND, _KEPT_S = 5000, 30.0
_TOKEN_BYTES = 18  # 144 bits; a multiple of 3, so that base64 needs no padding


#: Ids of persons → wrapped keys of those who have one; empty: it was destroyed.
PersonKeyReader = Callable[[Collection[str]], Mapping[str, bytes]]
#: The wrapped data key as it lies now.
Reread = Callable[[], bytes]


class _Secret(NamedTuple):
    version: int
    suite: Suite
    secret: bytes

    def derive(self, purpose: str, length: int, *, salt: bytes = b"") -> bytes:
        return self.suite.derive(self.secret, salt, b"songda.dk/1:" + purpose.encode(), length)


class _Kept(NamedTuple):
    """What a rotation never changes, because numbers, links and signatures that are out in the world come from it."""

    suite: Suite
    blind: bytes
    tokens: bytes
    ids: bytes
    audit: bytes
    signing: bytes


class _Ring(NamedTuple):
    kept: _Kept
    #: Oldest first; the last one seals.
    secrets: tuple[_Secret, ...]


class _Opened(NamedTuple):
    """One state of the ring, ready for use. Never changed, only put in the place of another: threads need no lock to read it."""

    wrapped: bytes
    current: _Secret
    by_version: Mapping[int, _Secret]
    records: Mapping[int, Aead]
    header: bytes


class PersonKey:
    """The opened key of one person. Seals; what it sealed is opened by `DataKey.unseal`, which finds the key by the record."""

    __slots__ = ("_aead", "_header", "person_id")

    def __init__(self, person_id: str, suite: Suite, secret: bytes) -> None:
        self.person_id = person_id
        self._aead = suite.aead(secret)
        self._header = _personal_header(suite, person_id)

    def seal(self, plaintext: bytes, *, context: str) -> bytes:
        """`plaintext` sealed for the one place that `context` names, as `DataKey.seal`."""
        nonce = os.urandom(NONCE_BYTES)
        return self._header + nonce + self._aead.seal(nonce, plaintext, self._header + context.encode())

    def _open(self, sealed: bytes, context: str) -> bytes:
        start = len(self._header)
        if len(sealed) == start:
            raise PersonErased(person=self.person_id)
        if sealed[:start] != self._header or len(sealed) < start + NONCE_BYTES + TAG_BYTES:
            raise Unsealable(reason="short")
        body = start + NONCE_BYTES
        return self._aead.open(sealed[start:body], sealed[body:], self._header + context.encode())

    def __repr__(self) -> str:
        return f"PersonKey({self.person_id})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a person's key is never pickled: open it again in the other process")


class DataKey:
    """An opened data key. Thread-safe; shows no key bytes and refuses to be pickled. Make one with `open_data_key`."""

    __slots__ = (
        *("_kept", "_look_at", "_master", "_opened", "_reread"),
        *("_at_hand", "_lock", "_read_person_keys"),
    )

    def __init__(
        self, master: MasterKey, wrapped: bytes, person_keys: PersonKeyReader | None, reread: Reread | None
    ) -> None:
        ring = _unwrap(master, wrapped)
        self._master, self._reread = master, reread
        self._read_person_keys, self._lock = person_keys, Lock()
        self._at_hand: OrderedDict[str, tuple[float, PersonKey]] = OrderedDict()
        self._kept, self._opened = ring.kept, _opened(ring, wrapped)
        self._look_at = time.monotonic() + _KEPT_S

    @property
    def suite(self) -> str:
        """Name of the suite that seals now."""
        return self._opened.current.suite.name

    @property
    def version(self) -> int:
        """Version of the secret that seals now, from 1."""
        return self._opened.current.version

    @property
    def old_heads(self) -> tuple[bytes, ...]:
        """What records and streams begin with that another than the newest secret sealed; none: there is no other."""
        opened = self._opened
        old = [each for each in opened.by_version.values() if each is not opened.current]
        return tuple(_HEADER.pack(each.suite.code, kind, each.version) for each in old for kind in (_RECORD, _STREAM))

    def look_again(self) -> None:
        """Reads the wrapped key again, if it is known where that lies. Raises what `open_data_key` does."""
        if self._reread is not None:
            wrapped = self._reread()
            if wrapped != self._opened.wrapped:
                self._opened = _opened(_unwrap(self._master, wrapped), wrapped)
            self._look_at = time.monotonic() + _KEPT_S

    def _sealing(self) -> _Opened:
        if self._reread is not None and time.monotonic() >= self._look_at:
            self.look_again()
        return self._opened

    def seal(self, plaintext: bytes, *, context: str) -> bytes:
        """`plaintext` sealed for the one place that `context` names, e.g. "person:per_01kb…" (authenticated, not
        stored).
        """
        nonce, opened = os.urandom(NONCE_BYTES), self._sealing()
        header = opened.header
        aead = opened.records[opened.current.version]
        return header + nonce + aead.seal(nonce, plaintext, header + context.encode())

    def unseal(self, sealed: bytes, *, context: str) -> bytes:
        """What was sealed for `context`, by this key or by one of a person. Raises Unsealable, PersonErased."""
        if is_personal(sealed):
            return self._person_key_of(sealed)._open(sealed, context)
        if len(sealed) < _OVERHEAD:
            raise Unsealable(reason="short")
        header = sealed[: _HEADER.size]
        opened, secret = self._secret_of(header, kind=_RECORD)
        body = _HEADER.size + NONCE_BYTES
        aead = opened.records[secret.version]
        return aead.open(sealed[_HEADER.size : body], sealed[body:], header + context.encode())

    def new_person_key(self, person_id: str) -> bytes:
        """A fresh key for the person, wrapped; the only copy that there is. Raises ValueError for an id that is too long."""
        suite = self._sealing().current.suite
        _personal_header(suite, person_id)
        return self.seal(bytes([suite.code]) + os.urandom(suite.key_bytes), context=f"person.key:{person_id}")

    def open_person_key(self, person_id: str, wrapped: bytes) -> PersonKey:
        """Raises PersonErased for one that was destroyed (empty), Unsealable."""
        if not wrapped:
            raise PersonErased(person=person_id)
        plain = self.unseal(wrapped, context=f"person.key:{person_id}")
        return PersonKey(person_id, suite_coded(plain[0]), plain[1:])

    def of_persons(self, person_ids: Collection[str]) -> Mapping[str, PersonKey | DataKey]:
        """What seals records of each person: his key, or this one for who has none yet (persons of before there were any).

        Reads those that are not at hand in one go: worth calling before many records are opened. Whoever was erased is left
        out.
        """
        now = time.monotonic()
        with self._lock:
            found = {each: kept[1] for each in person_ids if (kept := self._at_hand.get(each)) and kept[0] > now}
        missing = [each for each in dict.fromkeys(person_ids) if each not in found]
        wrapped = self._read_person_keys(missing) if missing and self._read_person_keys else {}
        fresh = {each: self.open_person_key(each, wrapped[each]) for each in missing if wrapped.get(each)}
        with self._lock:
            for each, key in fresh.items():
                self._at_hand[each] = (now + _KEPT_S, key)
                self._at_hand.move_to_end(each)
            while len(self._at_hand) > _AT_HAND:
                self._at_hand.popitem(last=False)
        without = {each: self for each in missing if each not in wrapped}
        return {**found, **fresh, **without}

    def of_person(self, person_id: str) -> PersonKey | DataKey:
        """As `of_persons`, for one. Raises PersonErased."""
        try:
            return self.of_persons([person_id])[person_id]
        except KeyError:
            raise PersonErased(person=person_id) from None

    def forget_person(self, person_id: str) -> None:
        """Drops the opened key of a person from memory."""
        with self._lock:
            self._at_hand.pop(person_id, None)

    def tombstone(self, person_id: str) -> bytes:
        """What is put in the place of a sealed record of a person who was erased: opening it says so."""
        return _personal_header(self._opened.current.suite, person_id)

    def _person_key_of(self, sealed: bytes) -> PersonKey:
        start = _HEADER.size + 1
        name = sealed[start : start + sealed[_HEADER.size]] if len(sealed) > _HEADER.size else b""
        try:
            key = self.of_person(name.decode("ascii"))
        except UnicodeDecodeError:
            raise Unsealable(reason="person") from None
        if not isinstance(key, PersonKey):
            raise Unsealable(reason="person's key")
        return key

    def seal_stream(self, source: BinaryIO, target: BinaryIO, *, context: str) -> None:
        """Reads `source` to its end and writes it sealed to `target`, in constant memory (format:
        songda.vault.stream).
        """
        current = self._sealing().current
        header = _HEADER.pack(current.suite.code, _STREAM, current.version)
        salt = os.urandom(stream.SALT_BYTES)
        target.write(header + salt)
        stream.seal(source, target, aead=self._stream_aead(current, salt), aad=header + context.encode())

    def open_stream(self, source: BinaryIO, *, context: str) -> Iterator[bytes]:
        """The plaintext in verified pieces of at most 64 KiB.

        Raises Unsealable as soon as a piece is changed, reordered or, at the end, missing: what has been given out
        until then is genuine but incomplete, so whoever consumes the pieces must treat the exception as "discard
        everything".
        """
        header, salt = source.read(_HEADER.size), source.read(stream.SALT_BYTES)
        if len(header) < _HEADER.size or len(salt) < stream.SALT_BYTES:
            raise Unsealable(reason="short")
        _, secret = self._secret_of(header, kind=_STREAM)
        aead = self._stream_aead(secret, salt)
        return stream.unseal(source, aead=aead, aad=header + context.encode())

    def blind_index(self, field: str, value: str) -> str:
        """32 hex characters that are equal for equal (`field`, `value`) and tell nothing else without this key.

        Normalises nothing: the caller folds case, width and blanks before asking.
        """
        return self._kept.suite.mac(self._kept.blind, _joined(field, value))[:16].hex()

    def id_secret(self) -> bytes:
        """Secret for `songda.base.ids.derive`."""
        return self._kept.ids

    def audit_secret(self) -> bytes:
        """Secret for the anchors of the audit log (`songda.vault.audit`)."""
        return self._kept.audit

    def signing_seed(self) -> bytes:
        """32 bytes of which the tenant's signing key for evidence is made (`songda.evidence`); the same each time."""
        return self._kept.signing

    def token(self, purpose: str, *parts: str | int) -> str:
        """24 url-safe characters (144 bits) that only this key can make for `purpose` and `parts`; the same each
        time.
        """
        mac = self._kept.suite.mac(self._kept.tokens, _joined(purpose, *parts))
        return base64.urlsafe_b64encode(mac[:_TOKEN_BYTES]).decode()

    def verify_token(self, token: str, purpose: str, *parts: str | int) -> bool:
        """Whether `token` is the one for `purpose` and `parts`; takes the same time for every wrong token."""
        return hmac.compare_digest(token.encode("utf-8", "replace"), self.token(purpose, *parts).encode())

    def _secret_of(self, header: bytes, *, kind: int) -> tuple[_Opened, _Secret]:
        code, found, version = _HEADER.unpack(header)
        if version not in self._opened.by_version:
            # Another process may have rotated the key since it was opened here.
            self.look_again()
        opened = self._opened
        secret = opened.by_version.get(version)
        if secret is None:
            raise Unsealable(reason=f"key version {version}")
        if found != kind or code != secret.suite.code:
            raise Unsealable(reason="kind")
        return opened, secret

    @staticmethod
    def _stream_aead(secret: _Secret, salt: bytes) -> Aead:
        # A key of its own for each stream, so that its nonces can simply count.
        return secret.suite.aead(secret.derive("stream", secret.suite.key_bytes, salt=salt))

    def __repr__(self) -> str:
        return f"DataKey({self.suite}, version {self.version})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a data key is never pickled: open it again in the other process")


def new_data_key(master: MasterKey, *, suite: str = "AES-256-GCM") -> bytes:
    """A fresh data key, wrapped by `master`. Raises ValueError for an unknown suite ("AES-256-GCM", "SM4-GCM")."""
    first = _Secret(1, suite_named(suite), secrets.token_bytes(_SECRET_BYTES))
    return _wrap(master, _Ring(_kept_of(first), (first,)))


def open_data_key(
    master: MasterKey, wrapped: bytes, *, person_keys: PersonKeyReader | None = None, reread: Reread | None = None
) -> DataKey:
    """The data key that `wrapped` holds. `person_keys`: where the wrapped keys of persons lie; None: it opens no record of
    theirs. `reread`: where the wrapped key itself lies; None: it is never looked at again. Raises WrongMasterKey, Unsealable.
    """
    return DataKey(master, wrapped, person_keys, reread)


def is_personal(sealed: bytes) -> bool:
    """Whether a person's own key sealed the record: then it is gone with that key."""
    return len(sealed) >= _HEADER.size and _HEADER.unpack_from(sealed)[1] == _PERSONAL


def rotate_data_key(master: MasterKey, wrapped: bytes, *, suite: str | None = None) -> bytes:
    """The same data key with one more secret, which seals from now on; `suite` changes the cipher, default: as
    before.
    """
    ring = _unwrap(master, wrapped)
    newest = ring.secrets[-1]
    chosen = newest.suite if suite is None else suite_named(suite)
    fresh = _Secret(newest.version + 1, chosen, secrets.token_bytes(_SECRET_BYTES))
    return _wrap(master, ring._replace(secrets=(*ring.secrets, fresh)))


def drop_old_secrets(master: MasterKey, wrapped: bytes) -> bytes:
    """The same data key with its newest secret alone: whatever another sealed can never be opened again."""
    ring = _unwrap(master, wrapped)
    return _wrap(master, ring._replace(secrets=ring.secrets[-1:]))


def key_versions(master: MasterKey, wrapped: bytes) -> list[int]:
    """Versions of the secrets of a data key, oldest first; more than one: a rotation is under way."""
    return [secret.version for secret in _unwrap(master, wrapped).secrets]


def rewrap_data_key(wrapped: bytes, *, old: MasterKey, new: MasterKey) -> bytes:
    """The same data key under another master key; nothing that it sealed changes."""
    return _wrap(new, _unwrap(old, wrapped))


def _opened(ring: _Ring, wrapped: bytes) -> _Opened:
    current = ring.secrets[-1]
    return _Opened(
        wrapped=wrapped,
        current=current,
        by_version={secret.version: secret for secret in ring.secrets},
        records={s.version: s.suite.aead(s.derive("records", s.suite.key_bytes)) for s in ring.secrets},
        header=_HEADER.pack(current.suite.code, _RECORD, current.version),
    )


def _kept_of(secret: _Secret) -> _Kept:
    purposes = ("blind index", "tokens", "ids", "audit", "evidence signing")
    return _Kept(secret.suite, *(secret.derive(purpose, _SECRET_BYTES) for purpose in purposes))


def _wrap(master: MasterKey, ring: _Ring) -> bytes:
    entries = b"".join(_ENTRY.pack(s.version, s.suite.code, s.secret) for s in ring.secrets)
    if ring.kept == _kept_of(ring.secrets[0]):
        # Programs of before there was another form can still read this one.
        return master.wrap(_FIRST_MAGIC + entries)
    return master.wrap(_MAGIC + _KEPT.pack(ring.kept.suite.code, *ring.kept[1:]) + entries)


def _unwrap(master: MasterKey, wrapped: bytes) -> _Ring:
    plain = master.unwrap(wrapped)
    start = len(_MAGIC) + (_KEPT.size if plain.startswith(_MAGIC) else 0)
    entries = plain[start:]
    if not plain.startswith((_MAGIC, _FIRST_MAGIC)) or not entries or len(entries) % _ENTRY.size:
        raise Unsealable(reason="wrapped key")
    ring = tuple(_Secret(version, suite_coded(code), secret) for version, code, secret in _ENTRY.iter_unpack(entries))
    if plain.startswith(_FIRST_MAGIC):
        return _Ring(_kept_of(ring[0]), ring)
    code, *five = _KEPT.unpack_from(plain, len(_MAGIC))
    return _Ring(_Kept(suite_coded(code), *five), ring)


def _personal_header(suite: Suite, person_id: str) -> bytes:
    name = person_id.encode("ascii")
    if not 0 < len(name) < 256:
        raise ValueError(f"id of a person: expected 1 to 255 characters, found {len(name)}")
    return _HEADER.pack(suite.code, _PERSONAL, 1) + bytes([len(name)]) + name


def _joined(*parts: str | int) -> bytes:
    # Length-prefixed, so that ("ab", "c") and ("a", "bc") differ.
    return b"".join(len(p).to_bytes(4, "big") + p for p in (str(part).encode() for part in parts))
