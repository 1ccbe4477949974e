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
from pathlib import Path
from typing import NoReturn, Protocol

from songda.base.settings import Settings
from songda.vault.durable import disk_errors, sync_folder
from songda.vault.errors import BadMasterKey, KeyFileExposed, MasterKeyMissing, Unsealable, WrongMasterKey
from songda.vault.suites import AES_256_GCM, NONCE_BYTES

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
    """A master key held in this process. Wrapped: magic, key id (8), nonce (12), AES-256-GCM ciphertext, tag."""

    __slots__ = ("_aead", "_id")

    def __init__(self, key: bytes) -> None:
        if len(key) != _KEY_BYTES:
            raise BadMasterKey(source="bytes")
        self._id = AES_256_GCM.derive(key, b"", b"songda.master.id/1", _ID_BYTES)
        self._aead = AES_256_GCM.aead(AES_256_GCM.derive(key, b"", b"songda.master.wrap/1", AES_256_GCM.key_bytes))

    @property
    def key_id(self) -> str:
        return self._id.hex()

    def wrap(self, secret: bytes) -> bytes:
        header = _MAGIC + self._id
        nonce = secrets.token_bytes(NONCE_BYTES)
        return header + nonce + self._aead.seal(nonce, secret, header)

    def unwrap(self, wrapped: bytes) -> bytes:
        header, body = wrapped[: len(_MAGIC) + _ID_BYTES], wrapped[len(_MAGIC) + _ID_BYTES :]
        if not header.startswith(_MAGIC) or len(body) < NONCE_BYTES:
            raise Unsealable(reason="wrapped key")
        # Told apart from damage, because the remedy differs: look for the right key, not for a backup of the data.
        if header[len(_MAGIC) :] != self._id:
            raise WrongMasterKey(sealed_by=header[len(_MAGIC) :].hex(), present=self.key_id)
        return self._aead.open(body[:NONCE_BYTES], body[NONCE_BYTES:], header)

    def __repr__(self) -> str:
        return f"LocalMasterKey({self.key_id})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a master key is never pickled")


def load_master_key(settings: Settings, *, create: bool = True) -> MasterKey:
    """The master key of this installation: a key service's where one is named, else `settings.master_key` (base64) if set, else
    the file `settings.master_key_file`.

    A missing file is made (mode 0600, its folder 0700) unless `create` is false: pass false once there is data, so
    that a lost file or a mistyped path is reported instead of being papered over by a fresh key. Raises BadMasterKey
    (not 32 bytes of base64), KeyFileExposed (others may read or replace it), MasterKeyMissing,
    CannotWrite, DiskFull.
    """
    if settings.key_service is not None:
        from songda.vault.key_service import KeyService

        named = settings.key_service
        return KeyService(
            named.url,
            key=named.key,
            token=named.token,
            ca=named.ca,
            certificate=named.certificate,
            private_key=named.private_key,
        )
    if settings.master_key is not None:
        return LocalMasterKey(_decode(settings.master_key, source="SONGDA_MASTER_KEY"))
    path = settings.master_key_file
    if not path.exists():
        if not create:
            raise MasterKeyMissing(path=str(path))
        _create(path)
    return LocalMasterKey(_read(path))


def _create(path: Path) -> None:
    # Written whole under another name, then linked: of two processes that start together one wins and both read the
    # same key.
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with disk_errors(path.parent):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(base64.b64encode(secrets.token_bytes(_KEY_BYTES)) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(fresh, path)
        finally:
            fresh.unlink()
        sync_folder(path.parent)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        # Asked of the open file, not of the path: what is checked is what is read.
        status = os.fstat(file.fileno())
        _refuse_exposed(path, status, wanted=0o600, forbidden=0o077)
        _refuse_exposed(path.parent, path.parent.stat(), wanted=0o700, forbidden=0o022)
        text = file.read(4096)
    return _decode(text.decode("ascii", "replace"), source=str(path))


def _refuse_exposed(path: Path, status: os.stat_result, *, wanted: int, forbidden: int) -> None:
    mode = stat.S_IMODE(status.st_mode)
    if mode & forbidden or status.st_uid not in {os.geteuid(), 0}:
        raise KeyFileExposed(path=str(path), mode=f"{mode:04o}", wanted=f"{wanted:04o}")


def _decode(text: str, *, source: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise BadMasterKey(source=source) from None
    if len(key) != _KEY_BYTES:
        raise BadMasterKey(source=source)
    return key
