"""Files between an institution and this house: encrypted on their way, and opened in memory alone.

    exchange_key(home, tenant)                       # "age1…": what the institution encrypts its files to
    with opened(home, tenant, path) as readable:     # PATH.age: a file that has no name and lies on no disk
        take_in(house, readable, …)

The institution uses any program that speaks age (age-encryption.org/v1). The house's half of the key is made on first use and lies
sealed. What goes back with persons in it is encrypted to the key that the profile names in [exchange].
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Any

from songda.base.errors import SongdaError
from songda.flow.handoff import Lock, to_age_key
from songda.flow.tenants import Tenant
from songda.intake import NoSuchFile
from songda.vault import SegmentExists
from songda.vault.durable import new_file

SUFFIX = ".age"
#: What files of age begin with, as bytes and as text.
_MAGICS = (b"age-encryption.org/v1", b"-----BEGIN AGE ENCRYPTED")
_CONTEXT = "exchange-key"


class NotForUs(SongdaError):
    zh = "无法解密 {file}：不是用本机构的公钥加密的，或文件不完整"
    remedy = "请用 songda exchange key 给出的公钥重新加密（age -r 公钥 -o 文件.age 文件）"
    exit_code = 65


class NotEncrypted(SongdaError):
    zh = "{file} 没有加密，机构档案 [exchange] 只接收加密的文件"
    remedy = "请用 songda exchange key 给出的公钥加密后再提交（age -r 公钥 -o 文件.age 文件），并安全删除明文"
    exit_code = 77


def exchange_key(home: Path, tenant: Tenant) -> str:
    """The public half of the tenant's key (age, X25519), which is made on first use. Raises Unsealable."""
    return str(_identity(home, tenant).to_public())


def has_key(home: Path, tenant: Tenant) -> bool:
    return _key_path(home, tenant).exists()


@contextmanager
def opened(home: Path, tenant: Tenant, path: Path) -> Iterator[Path]:
    """`path`, or what it holds when it is encrypted, for as long as it is needed; errors name the file as the person does.

    Raises NotForUs, NotEncrypted (where the profile takes nothing else), NoSuchFile.
    """
    try:
        with path.open("rb") as file:
            encrypted = file.read(24).startswith(_MAGICS)
    except FileNotFoundError:
        raise NoSuchFile(file=path.name) from None
    except OSError:
        # Whoever reads it says why.
        encrypted = False
    if not encrypted:
        if tenant.profile.exchange.encrypted_only:
            raise NotEncrypted(file=path.name)
        yield path
        return
    with _in_memory(home, tenant, path) as memory:
        inner = Path(f"/proc/self/fd/{memory.fileno()}")
        try:
            yield inner
        except SongdaError as error:
            if error.data.get("file") != inner.name:
                raise
            raise type(error)(**{**error.data, "file": path.name}) from error


def outgoing_lock(tenant: Tenant) -> Lock | None:
    """To whom files with persons go that are handed back; None: to whoever reads the folder. Raises BadRecipient."""
    recipient = tenant.profile.exchange.recipient
    return None if recipient is None else to_age_key(recipient)


@contextmanager
def _in_memory(home: Path, tenant: Tenant, path: Path) -> Iterator[FileIO]:
    import pyrage

    with FileIO(os.memfd_create("songda", os.MFD_CLOEXEC), "rb+") as memory:
        try:
            with path.open("rb") as file:
                pyrage.decrypt_io(file, memory, [_identity(home, tenant)])
        except (pyrage.DecryptError, OSError) as error:
            raise NotForUs(file=path.name) from error
        memory.seek(0)
        yield memory


def _identity(home: Path, tenant: Tenant) -> Any:
    import pyrage

    path = _key_path(home, tenant)
    if not path.exists():
        text = str(pyrage.x25519.Identity.generate())
        # Another process may be quicker.
        with suppress(SegmentExists), new_file(path) as file:
            file.write(tenant.key.seal(text.encode(), context=_CONTEXT))
    sealed = path.read_bytes()
    return pyrage.x25519.Identity.from_str(tenant.key.unseal(sealed, context=_CONTEXT).decode())


def _key_path(home: Path, tenant: Tenant) -> Path:
    return home / "exchange" / f"{tenant.id}.key"
