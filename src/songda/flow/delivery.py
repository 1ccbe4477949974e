"""Where the factory finds the files of a run: a folder that it picks up from, or its SFTP server.

    with open_place(where) as place:                # Path | Sftp
        place.begin(run_id)                         # refuses a run that is there already
        place.put(run_id, "inserter.csv", data)     # appears under its name only when it is whole

A file on its way over SFTP lies there under a hidden name that bears its hash. A line that breaks is taken up where it broke, by
this call or by a later one with the same bytes. The server must show the very key that was agreed: no key is learnt on the way.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urlsplit

from songda.base.errors import SongdaError
from songda.vault.durable import new_file

if TYPE_CHECKING:
    import paramiko

#: The file that says that a run is whole, without the ending of its lock.
LAST = "manifest.json"
#: Seconds for a connection, and for any answer.
_PATIENCE_S = 30.0
#: Times that a broken line is taken up again, and seconds before each.
_PAUSES_S = (0.5, 2.0, 8.0)
_PIECE = 1 << 20
#: Bytes at the end of what lies there that must be ours before anything is added to them.
_SEAM = 1 << 15
_HOST = re.compile(r"[A-Za-z0-9.:-]+")


class BadDelivery(SongdaError):
    """`reason`: what is wrong with the settings."""

    zh = "印制方 SFTP 设置不可用：{reason}"
    remedy = "见 docs/press.zh-CN.md 的“交给印制方”一节"
    exit_code = 78


class FolderNotEmpty(SongdaError):
    zh = "{folder} 中已有该批次的文件"
    remedy = "重新传输请先清空，或换一个文件夹"
    exit_code = 73


class HostKeyDiffers(SongdaError):
    """The server at that address shows another key than the pinned one; nothing was sent."""

    zh = "印制方服务器 {host} 的主机密钥与约定的不符，未发送任何文件"
    remedy = "请用电话等另一渠道向印制方核对；确认更换后再修改设置，不要直接接受新密钥"
    exit_code = 76


class NotLetIn(SongdaError):
    zh = "印制方服务器 {host} 不接受用户 {user} 的密钥"
    remedy = "请核对用户名和私钥文件，并请印制方登记对应的公钥"
    exit_code = 77


class FactoryRefuses(SongdaError):
    """`reason`: the server's own word about a file."""

    zh = "印制方服务器拒绝了文件 {name}：{reason}"
    remedy = "请印制方检查文件夹权限和剩余空间，再执行同一命令，已传完的部分不会重传"
    exit_code = 73


class FactoryUnreachable(SongdaError):
    zh = "连不上印制方服务器 {host}：{reason}"
    remedy = "稍后再执行同一命令，会从断开处继续"
    exit_code = 75


@dataclass(frozen=True, slots=True, kw_only=True)
class Sftp:
    """A folder at the factory's server. `parse_sftp` makes it of what stands in commands and settings."""

    host: str
    port: int
    user: str
    #: Absolute, or from the user's own folder.
    folder: str
    #: Kind and base64 of the server's public key, as in known_hosts.
    host_key: tuple[str, str]
    #: File of our private key.
    identity: Path


class Place(Protocol):
    #: Whether a later call may go on with what an earlier one began; the bytes must then be the same.
    resumes: bool

    def begin(self, run_id: str) -> None:
        """Raises FolderNotEmpty when the run is there."""
        ...

    def put(self, run_id: str, name: str, data: bytes) -> None: ...


def parse_sftp(url: str, *, host_key: str, identity: Path) -> Sftp:
    """`sftp://user@host:port/folder`; a folder that begins with `/~/` lies under the user's own. Raises BadDelivery."""
    try:
        parts = urlsplit(url)
        port = parts.port or 22
    except ValueError:
        raise BadDelivery(reason="地址应写成 sftp://用户@主机:端口/文件夹") from None
    if parts.scheme != "sftp" or not parts.username or not _HOST.fullmatch(parts.hostname or ""):
        raise BadDelivery(reason="地址应写成 sftp://用户@主机:端口/文件夹")
    if parts.password:
        raise BadDelivery(reason="不用口令登录，请用私钥文件")
    words = host_key.split()
    try:
        kind, text = words[0], words[1]
        base64.b64decode(text, validate=True)
    except (IndexError, binascii.Error):
        raise BadDelivery(reason="主机公钥应为“ssh-ed25519 AAAA…”一行") from None
    folder = unquote(parts.path).removeprefix("/~/") or "/"
    assert parts.hostname is not None
    return Sftp(
        host=parts.hostname,
        port=port,
        user=unquote(parts.username),
        folder=folder.rstrip("/") or "/",
        host_key=(kind, text),
        identity=identity,
    )


@contextmanager
def open_place(where: Path | Sftp) -> Iterator[Place]:
    """Raises BadDelivery, HostKeyDiffers, NotLetIn, FactoryUnreachable."""
    if isinstance(where, Path):
        yield _Folder(where)
        return
    place = _Server(where)
    try:
        yield place
    finally:
        place.close()


class _Folder:
    resumes = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, run_id: str) -> None:
        folder = self._folder / run_id
        if folder.exists() and any(folder.iterdir()):
            raise FolderNotEmpty(folder=str(folder))

    def put(self, run_id: str, name: str, data: bytes) -> None:
        with new_file(self._folder / run_id / name) as file:
            file.write(data)


class _Server:
    """One connection, made anew when it breaks."""

    resumes = True

    def __init__(self, where: Sftp) -> None:
        self._where, self._client = where, _connect(where)

    def close(self) -> None:
        channel = self._client.get_channel()
        if channel is not None:
            channel.get_transport().close()

    def begin(self, run_id: str) -> None:
        folder = f"{self._where.folder}/{run_id}"
        try:
            with suppress(FileNotFoundError):
                if any(name.startswith(LAST) for name in self._client.listdir(folder)):
                    raise FolderNotEmpty(folder=f"{self._where.host}:{folder}")
                return
            self._client.mkdir(folder, 0o700)
        except OSError as error:
            raise FactoryRefuses(name=run_id, reason=_words(error)) from error

    def put(self, run_id: str, name: str, data: bytes) -> None:
        import paramiko

        for pause in (*_PAUSES_S, None):
            try:
                self._put(f"{self._where.folder}/{run_id}", name, data)
            except (OSError, EOFError, paramiko.SSHException) as error:
                if self._stands() and not isinstance(error, _broken()):
                    raise FactoryRefuses(name=name, reason=_words(error)) from error
                if pause is None:
                    raise FactoryUnreachable(host=self._where.host, reason=_words(error)) from error
                time.sleep(pause)
                self.close()
                self._client = _connect(self._where)
            else:
                return

    def _stands(self) -> bool:
        """Whether the line is still there: then an error is the server's word and not a broken line."""
        channel = self._client.get_channel()
        return channel is not None and not channel.closed and channel.get_transport().is_active()

    def _put(self, folder: str, name: str, data: bytes) -> None:
        whole = f"{folder}/{name}"
        if self._size(whole) == len(data):
            return  # an earlier call came as far as this
        part = f"{folder}/.{name}.{hashlib.sha256(data).hexdigest()[:16]}.part"
        there = self._seam(part, data)
        with self._client.open(part, "r+b" if there else "wb") as file:
            file.seek(there)
            file.set_pipelined(True)
            for start in range(there, len(data), _PIECE):
                file.write(data[start : start + _PIECE])
        if (size := self._size(part)) != len(data):
            raise OSError(f"{size} bytes of {len(data)} lie there")
        # Without overwriting: SFTP refuses to rename onto a name that exists.
        self._client.rename(part, whole)

    def _size(self, path: str) -> int | None:
        try:
            return self._client.stat(path).st_size
        except FileNotFoundError:
            return None

    def _seam(self, part: str, data: bytes) -> int:
        """How much of `data` lies there already; 0 when what lies there is something else."""
        there = self._size(part) or 0
        if not 0 < there <= len(data):
            return 0
        begin = max(0, there - _SEAM)
        with self._client.open(part, "rb") as file:
            file.seek(begin)
            return there if file.read(there - begin) == data[begin:there] else 0


def _connect(where: Sftp) -> paramiko.SFTPClient:
    import paramiko

    kind, text = where.host_key
    try:
        pinned = paramiko.PKey.from_type_string(kind, base64.b64decode(text))
    except (paramiko.SSHException, paramiko.pkey.UnknownKeyType, ValueError):
        raise BadDelivery(reason=f"不认识的主机公钥类型 {kind}") from None
    ours = _identity(where.identity)
    # What goes wrong is raised and told; its threads would tell it once more, with traces.
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    try:
        line = socket.create_connection((where.host, where.port), timeout=_PATIENCE_S)
        transport = paramiko.Transport(line)
    except OSError as error:
        raise FactoryUnreachable(host=where.host, reason=_words(error)) from error
    transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = _PATIENCE_S
    try:
        # Ask for the kind of key that was agreed: a server with several shows that one.
        transport.get_security_options().key_types = ("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,)
        transport.start_client(timeout=_PATIENCE_S)
        shown = transport.get_remote_server_key()
        if shown.asbytes() != pinned.asbytes():
            raise HostKeyDiffers(host=where.host)
        transport.auth_publickey(where.user, ours)
        client = paramiko.SFTPClient.from_transport(transport)
        assert client is not None
        channel = client.get_channel()
        assert channel is not None
        channel.settimeout(_PATIENCE_S)
    except BaseException as error:
        transport.close()
        if isinstance(error, paramiko.AuthenticationException):
            raise NotLetIn(host=where.host, user=where.user) from None
        if isinstance(error, paramiko.SSHException) and "no acceptable host key" in str(error):
            raise HostKeyDiffers(host=where.host) from None
        if isinstance(error, _broken()):
            raise FactoryUnreachable(host=where.host, reason=_words(error)) from error
        raise
    return client


def _identity(path: Path) -> paramiko.PKey:
    import paramiko

    try:
        if path.stat().st_mode & 0o077:
            raise BadDelivery(reason=f"私钥文件 {path} 应只有本人能读（chmod 600）")
        return paramiko.PKey.from_path(path)
    except OSError:
        raise BadDelivery(reason=f"读不了私钥文件 {path}") from None
    except (paramiko.SSHException, paramiko.pkey.UnknownKeyType, ValueError, TypeError):
        raise BadDelivery(reason=f"{path} 不是可用的私钥（不能带口令）") from None


def _broken() -> tuple[type[Exception], ...]:
    """What a lost line raises, in whichever layer it is noticed. A word of the server about a file is none of these."""
    import paramiko

    return (paramiko.SSHException, EOFError, ConnectionError, TimeoutError, socket.gaierror)


def _words(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__)[:200]
