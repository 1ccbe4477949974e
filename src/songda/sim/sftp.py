"""A stand-in for the factory's SFTP server: real SSH on 127.0.0.1, one user with one key, files in a real folder, lines that break.

with SftpServer(folder, user="songda", authorized=public_key) as server:
    server.port, server.host_key                   # "ssh-ed25519 AAAA…", to be pinned
    server.cut_after = 100_000                     # the line breaks after so many bytes of files, once
"""

from __future__ import annotations

import base64
import io
import os
import socket
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED, OPEN_SUCCEEDED
from paramiko.sftp import SFTP_FAILURE, SFTP_OK


class SftpServer:
    """Serves until the block ends. `keys` of host and user are made new where none is given."""

    def __init__(self, folder: Path, *, user: str = "songda", authorized: paramiko.PKey, port: int = 0) -> None:
        self.folder, self.user, self.authorized = folder.resolve(), user, authorized
        self._key = new_key()
        #: Bytes of files after which the line breaks, once; None: never.
        self.cut_after: int | None = None
        #: Bytes of files that came in.
        self.received = 0
        self._transports: list[paramiko.Transport] = []
        self._listening = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listening.getsockname()[1]

    @property
    def host_key(self) -> str:
        return f"{self._key.get_name()} {self._key.get_base64()}"

    @property
    def url(self) -> str:
        return f"sftp://{self.user}@127.0.0.1:{self.port}/"

    def __enter__(self) -> SftpServer:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.close()
        for transport in self._transports:
            transport.close()

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._listening.accept()
            except OSError:
                return
            transport = paramiko.Transport(line)
            self._transports.append(transport)
            transport.add_server_key(self._key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files, self, transport)
            with suppress(paramiko.SSHException, EOFError, OSError):
                transport.start_server(server=_Door(self))

    def took(self, count: int, transport: paramiko.Transport) -> None:
        self.received += count
        if self.cut_after is not None and self.received >= self.cut_after:
            self.cut_after = None
            transport.sock.close()


def public_key(line: str) -> paramiko.PKey:
    """The key that a line of authorized_keys states. Raises ValueError."""
    kind, text, *_ = line.split()
    return paramiko.PKey.from_type_string(kind, base64.b64decode(text))


def new_key() -> paramiko.PKey:
    """A fresh Ed25519 key pair."""
    return paramiko.Ed25519Key.from_private_key(io.StringIO(new_identity().decode()))


def new_identity() -> bytes:
    """The private key file of a fresh Ed25519 pair, as ssh-keygen writes it."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


class _Door(paramiko.ServerInterface):
    def __init__(self, server: SftpServer) -> None:
        self._server = server

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        known = username == self._server.user and key.asbytes() == self._server.authorized.asbytes()
        return AUTH_SUCCESSFUL if known else AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED if kind == "session" else OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED


class _Files(paramiko.SFTPServerInterface):
    """The folder and nothing above it."""

    def __init__(self, door: _Door, house: SftpServer, transport: paramiko.Transport, *_: Any) -> None:
        super().__init__(door)
        self._house, self._transport = house, transport

    def _real(self, path: str) -> Path:
        return self._house.folder / self.canonicalize(path).lstrip("/")

    def list_folder(self, path: str) -> Any:
        with _refusals() as refusal:
            real = self._real(path)
            return [paramiko.SFTPAttributes.from_stat(each.stat(), each.name) for each in real.iterdir()]
        return refusal.code

    def stat(self, path: str) -> Any:
        with _refusals() as refusal:
            return paramiko.SFTPAttributes.from_stat(self._real(path).stat())
        return refusal.code

    lstat = stat

    def open(self, path: str, flags: int, attr: Any) -> Any:
        with _refusals() as refusal:
            fd = os.open(self._real(path), flags | os.O_CLOEXEC, 0o600)
            return _Handle(self._house, self._transport, fd, flags)
        return refusal.code

    def rename(self, oldpath: str, newpath: str) -> int:
        with _refusals() as refusal:
            if self._real(newpath).exists():  # SFTP version 3 never overwrites
                return SFTP_FAILURE
            self._real(oldpath).rename(self._real(newpath))
            return SFTP_OK
        return refusal.code

    def mkdir(self, path: str, attr: Any) -> int:
        with _refusals() as refusal:
            self._real(path).mkdir(mode=0o700)
            return SFTP_OK
        return refusal.code


class _Handle(paramiko.SFTPHandle):
    def __init__(self, house: SftpServer, transport: paramiko.Transport, fd: int, flags: int) -> None:
        super().__init__(flags)
        self._house, self._transport = house, transport
        self.readfile = self.writefile = os.fdopen(
            fd, "r+b" if flags & os.O_RDWR else "wb" if flags & os.O_WRONLY else "rb"
        )

    def write(self, offset: int, data: Any) -> int:
        answer = super().write(offset, data)
        self._house.took(len(data), self._transport)
        return answer

    def stat(self) -> Any:
        return paramiko.SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))


class _refusals:  # noqa: N801 - reads as a function
    """Turns what the file system says into SFTP's words."""

    code = SFTP_OK

    def __enter__(self) -> _refusals:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, OSError):
            self.code = paramiko.SFTPServer.convert_errno(error.errno or 0)
            return True
        return False
