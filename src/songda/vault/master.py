"""The master key: it wraps the tenants' data keys and nothing else.

By default 32 random bytes in a file that only its owner can read, made on first use; or given in the environment; or in a
key service (songda.vault.key_service). Others plug in by being a `MasterKey`: three members, no base class.

>>> key = LocalMasterKey(bytes(32))
>>> key.unwrap(key.wrap(b"data key"))
b'data key'
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import secrets
import stat
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn, Protocol

from songda.base.settings import Settings
from songda.vault.durable import disk_errors, replacing, sync_folder
from songda.vault.errors import BadMasterKey, KeyFileExposed, MasterKeyMissing, Unsealable, WrongMasterKey
from songda.vault.suites import AES_256_GCM, NONCE_BYTES, Aead

_KEY_BYTES = 32
_ID_BYTES = 8
_MAGIC = b"songda.wrap/1\x00"


class MasterKey(Protocol):
    @property
    def key_id(self) -> str:
        """Names the key in messages and in the audit log; tells nothing about its bytes."""
        ...

    def wrap(self, secret: bytes) -> bytes:
        """`secret` encrypted and authenticated under this key."""
        ...

    def unwrap(self, wrapped: bytes) -> bytes:
        """What `wrap` was given. Raises WrongMasterKey, Unsealable."""
        ...


class LocalMasterKey:
    """A master key held in this process. Wrapped: magic, key id (8), nonce (12), AES-256-GCM ciphertext, tag.

    Of several keys the first wraps, the others only unwrap what they have wrapped. `reread`: gives them as they are now; it is asked
    before anything is wrapped, and when something was wrapped by a key that is not known.
    """

    __slots__ = ("_aeads", "_reread")

    def __init__(self, key: bytes, *older: bytes, reread: Callable[[], Sequence[bytes]] | None = None) -> None:
        self._aeads, self._reread = _aeads([key, *older]), reread

    @property
    def key_id(self) -> str:
        return next(iter(self._look_again())).hex()

    def wrap(self, secret: bytes) -> bytes:
        aeads = self._look_again()
        id_ = next(iter(aeads))
        header = _MAGIC + id_
        nonce = secrets.token_bytes(NONCE_BYTES)
        return header + nonce + aeads[id_].seal(nonce, secret, header)

    def unwrap(self, wrapped: bytes) -> bytes:
        header, body = wrapped[: len(_MAGIC) + _ID_BYTES], wrapped[len(_MAGIC) + _ID_BYTES :]
        if not header.startswith(_MAGIC) or len(body) < NONCE_BYTES:
            raise Unsealable(reason="wrapped key")
        id_ = header[len(_MAGIC) :]
        aead = self._aeads.get(id_) or self._look_again().get(id_)
        # Told apart from damage, because the remedy differs: look for the right key, not for a backup of the data.
        if aead is None:
            raise WrongMasterKey(sealed_by=id_.hex(), present=next(iter(self._aeads)).hex())
        return aead.open(body[:NONCE_BYTES], body[NONCE_BYTES:], header)

    def _look_again(self) -> Mapping[bytes, Aead]:
        if self._reread is not None:
            self._aeads = _aeads(self._reread())
        return self._aeads

    def __repr__(self) -> str:
        return f"LocalMasterKey({next(iter(self._aeads)).hex()})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a master key is never pickled")


class MovingMasterKey:
    """Two keepers of a master key, while a house moves from its own to a service: that one wraps, each unwraps what it wrapped."""

    __slots__ = ("_before", "_service")

    def __init__(self, service: MasterKey, before: LocalMasterKey) -> None:
        self._service, self._before = service, before

    @property
    def key_id(self) -> str:
        return self._service.key_id

    def wrap(self, secret: bytes) -> bytes:
        return self._service.wrap(secret)

    def unwrap(self, wrapped: bytes) -> bytes:
        return (self._before if wrapped.startswith(_MAGIC) else self._service).unwrap(wrapped)


def wrapped_by(wrapped: bytes) -> str:
    """Id of the master key that wrapped it, as its `key_id` says it. Raises Unsealable, WrongMasterKey."""
    if wrapped.startswith(_MAGIC):
        return wrapped[len(_MAGIC) : len(_MAGIC) + _ID_BYTES].hex()
    from songda.vault.key_service import service_key_of

    return service_key_of(wrapped)


def _aeads(keys: Sequence[bytes]) -> dict[bytes, Aead]:
    """Id of each key → what it encrypts with; in their order."""
    if any(len(key) != _KEY_BYTES for key in keys):
        raise BadMasterKey(source="bytes")
    derive = AES_256_GCM.derive
    return {
        derive(key, b"", b"songda.master.id/1", _ID_BYTES): AES_256_GCM.aead(
            derive(key, b"", b"songda.master.wrap/1", AES_256_GCM.key_bytes)
        )
        for key in keys
    }


def load_master_key(settings: Settings, *, create: bool = True) -> MasterKey:
    """The master key of this installation: of the key service, where one is named; else `settings.master_key` (base64) if
    set, else the file `settings.master_key_file`. These two may hold several, newest first, while one is exchanged for another.

    A missing file is made (mode 0600, its folder 0700) unless `create` is false: pass false once there is data, so
    that a lost file or a mistyped path is reported instead of being papered over by a fresh key. Raises BadMasterKey
    (not 32 bytes of base64), KeyFileExposed (others may read or replace it), MasterKeyMissing,
    CannotWrite, DiskFull.
    """
    if settings.key_service is not None:
        from songda.vault.key_service import KeyService

        named = settings.key_service
        service = KeyService(
            named.url,
            key=named.key,
            token=named.token,
            ca=named.ca,
            certificate=named.certificate,
            private_key=named.private_key,
        )
        # A house that moves to the service keeps what wrapped until then, until everything is wrapped by the service.
        moving = settings.master_key is not None or settings.master_key_file.exists()
        return MovingMasterKey(service, _local(settings, create=False)) if moving else service
    return _local(settings, create=create)


def _local(settings: Settings, *, create: bool) -> LocalMasterKey:
    if settings.master_key is not None:
        return LocalMasterKey(*_decode(settings.master_key, source="SONGDA_MASTER_KEY"))
    path = settings.master_key_file
    if not path.exists():
        if not create:
            raise MasterKeyMissing(path=str(path))
        _create(path)
    return LocalMasterKey(*read_master_keys(path), reread=partial(read_master_keys, path))


def read_master_keys(path: Path) -> list[bytes]:
    """The keys of the file, newest first. Raises MasterKeyMissing, BadMasterKey, KeyFileExposed."""
    while True:
        try:
            file = path.open("rb")
        except FileNotFoundError:
            raise MasterKeyMissing(path=str(path)) from None
        with file:
            # Asked of the open file, not of the path: what is checked is what is read.
            status = os.fstat(file.fileno())
            _refuse_exposed(path, status, wanted=0o600, forbidden=0o077)
            _refuse_exposed(path.parent, path.parent.stat(), wanted=0o700, forbidden=0o022)
            text = file.read(4096)
            # A file that was replaced meanwhile may have been overwritten under our eyes. Asked while it is open: its number is
            # not given to another one until then.
            replaced = not path.exists() or path.stat().st_ino != status.st_ino
        if not replaced:
            return _decode(text.decode("ascii", "replace"), source=str(path))


def add_master_key(path: Path) -> None:
    """Puts a fresh key before those of the file, unless the last exchange is not over. Raises what `read_master_keys` does."""
    keys = read_master_keys(path)
    if len(keys) == 1:
        _replace(path, [secrets.token_bytes(_KEY_BYTES), *keys])


def drop_old_master_keys(path: Path) -> None:
    """Leaves the newest key of the file alone and overwrites what held the others."""
    _replace(path, read_master_keys(path)[:1])


def _replace(path: Path, keys: Sequence[bytes]) -> None:
    with path.open("r+b") as before:
        with replacing(path) as file:
            file.write(_encode(keys))
        os.pwrite(before.fileno(), bytes(os.fstat(before.fileno()).st_size), 0)
        os.fsync(before.fileno())


def _create(path: Path) -> None:
    # Written whole under another name, then linked: of two processes that start together one wins and both read the
    # same key.
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with disk_errors(path.parent):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(_encode([secrets.token_bytes(_KEY_BYTES)]))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(fresh, path)
        finally:
            fresh.unlink()
        sync_folder(path.parent)


def _refuse_exposed(path: Path, status: os.stat_result, *, wanted: int, forbidden: int) -> None:
    mode = stat.S_IMODE(status.st_mode)
    if mode & forbidden or status.st_uid not in {os.geteuid(), 0}:
        raise KeyFileExposed(path=str(path), mode=f"{mode:04o}", wanted=f"{wanted:04o}")


def _encode(keys: Sequence[bytes]) -> bytes:
    return b"".join(base64.b64encode(key) + b"\n" for key in keys)


def _decode(text: str, *, source: str) -> list[bytes]:
    """The keys in their order. Raises BadMasterKey."""
    try:
        keys = [base64.b64decode(each, validate=True) for each in text.split()]
    except (binascii.Error, ValueError):
        raise BadMasterKey(source=source) from None
    if not keys or any(len(key) != _KEY_BYTES for key in keys):
        raise BadMasterKey(source=source)
    return keys
