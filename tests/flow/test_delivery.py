"""The factory's SFTP server: files appear whole, a broken line is taken up, only the agreed key is believed."""

from __future__ import annotations

import io
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paramiko
import pytest

from songda.flow import delivery
from songda.flow.delivery import (
    BadDelivery,
    FactoryRefuses,
    FactoryUnreachable,
    FolderNotEmpty,
    HostKeyDiffers,
    NotLetIn,
    Sftp,
    open_place,
    parse_sftp,
)
from songda.sim.sftp import SftpServer, new_identity, new_key

DATA = bytes(range(256)) * 8000  # 2 MB
RUN = "run_1"


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    path = tmp_path / "id_ed25519"
    path.write_bytes(new_identity())
    path.chmod(0o600)
    return path


@pytest.fixture
def server(tmp_path: Path, identity: Path) -> Iterator[SftpServer]:
    (tmp_path / "in").mkdir()
    with SftpServer(tmp_path / "in", authorized=paramiko.PKey.from_path(identity)) as server:
        yield server


def where(server: SftpServer, identity: Path, *, host_key: str | None = None, user: str = "songda") -> Sftp:
    url = server.url.replace("songda@", f"{user}@")
    return parse_sftp(url, host_key=host_key or server.host_key, identity=identity)


def send(to: Sftp, *files: tuple[str, bytes]) -> None:
    with open_place(to) as place:
        place.begin(RUN)
        for name, data in files:
            place.put(RUN, name, data)


def test_files_lie_there_whole_and_nothing_else(server: SftpServer, identity: Path) -> None:
    send(where(server, identity), ("a.pdf.age", DATA), ("manifest.json.age", b"{}"))
    folder = server.folder / RUN
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "a.pdf.age": DATA,
        "manifest.json.age": b"{}",
    }
    with pytest.raises(FolderNotEmpty):
        send(where(server, identity), ("a.pdf.age", DATA))


def test_a_broken_line_is_taken_up_where_it_broke(
    server: SftpServer, identity: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_PAUSES_S", (0.0, 0.1, 0.5))
    server.cut_after = 500_000
    send(where(server, identity), ("a.pdf.age", DATA))
    assert (server.folder / RUN / "a.pdf.age").read_bytes() == DATA
    assert server.received < len(DATA) + 300_000, "sent from the beginning again"


def test_a_later_call_goes_on_where_an_earlier_one_ended(
    server: SftpServer, identity: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_PAUSES_S", ())
    server.cut_after = 1_000_000
    with pytest.raises(FactoryUnreachable):
        send(where(server, identity), ("a.pdf.age", b"first"), ("b.pdf.age", DATA))
    assert [path.name for path in (server.folder / RUN).iterdir() if not path.name.startswith(".")] == ["a.pdf.age"]
    before = server.received
    send(where(server, identity), ("a.pdf.age", b"first"), ("b.pdf.age", DATA), ("manifest.json.age", b"{}"))
    assert (server.folder / RUN / "b.pdf.age").read_bytes() == DATA
    assert server.received - before < len(DATA) - 500_000, "what lay there was sent again"


def test_what_lies_half_there_and_is_not_ours_is_not_continued(server: SftpServer, identity: Path) -> None:
    import hashlib

    folder = server.folder / RUN
    folder.mkdir()
    (folder / f".a.pdf.age.{hashlib.sha256(DATA).hexdigest()[:16]}.part").write_bytes(b"x" * 1000)
    send(where(server, identity), ("a.pdf.age", DATA))
    assert (folder / "a.pdf.age").read_bytes() == DATA


def test_another_host_key_gets_nothing(server: SftpServer, identity: Path) -> None:
    other = new_key()
    with pytest.raises(HostKeyDiffers):
        send(where(server, identity, host_key=f"{other.get_name()} {other.get_base64()}"), ("a", b"secret"))
    rsa = paramiko.RSAKey.generate(2048)
    with pytest.raises(HostKeyDiffers):
        send(where(server, identity, host_key=f"ssh-rsa {rsa.get_base64()}"), ("a", b"secret"))
    assert list(server.folder.iterdir()) == []


def test_who_is_not_known_is_not_let_in(server: SftpServer, identity: Path, tmp_path: Path) -> None:
    with pytest.raises(NotLetIn):
        send(where(server, identity, user="other"))
    identity.write_bytes(new_identity())
    with pytest.raises(NotLetIn):
        send(where(server, identity))


def test_the_word_of_the_server_about_a_file_is_told(server: SftpServer, identity: Path) -> None:
    with pytest.raises(FactoryRefuses):
        send(where(server, identity), ("no/such/folder.age", b"x"))


def test_a_server_that_is_not_there_is_told(server: SftpServer, identity: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    to = parse_sftp(f"sftp://songda@127.0.0.1:{port}/", host_key=server.host_key, identity=identity)
    with pytest.raises(FactoryUnreachable):
        send(to)


def test_a_key_that_others_can_read_is_not_used(server: SftpServer, identity: Path) -> None:
    identity.chmod(0o644)
    with pytest.raises(BadDelivery, match="chmod 600"):
        send(where(server, identity))
    identity.chmod(0o600)
    identity.write_bytes(b"no key")
    with pytest.raises(BadDelivery):
        send(where(server, identity))


@pytest.mark.parametrize(
    "url", ["http://a@b/c", "sftp://b/c", "sftp://a:secret@b/c", "sftp://a@b:x/c", "sftp://a@/c", "/folder"]
)
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(BadDelivery):
        parse_sftp(url, host_key="ssh-ed25519 AAAA", identity=Path("k"))


def test_a_folder_may_lie_under_the_users_own() -> None:
    def folder(url: str) -> str:
        return parse_sftp(url, host_key="ssh-ed25519 AAAA", identity=Path("k")).folder

    assert folder("sftp://a@b/srv/in/") == "/srv/in"
    assert folder("sftp://a@b/~/in") == "in"


SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")


@contextmanager
def openssh(folder: Path, identity: Path) -> Iterator[Sftp]:
    """OpenSSH's own server, as the user of this test."""
    host = folder / "host_key"
    host.write_bytes(new_identity())
    host.chmod(0o600)
    public = paramiko.PKey.from_path(host)
    (folder / "authorized").write_text(f"ssh-ed25519 {paramiko.PKey.from_path(identity).get_base64()}\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = f"""
        Port {port}
        ListenAddress 127.0.0.1
        HostKey {host}
        AuthorizedKeysFile {folder / "authorized"}
        PidFile {folder / "pid"}
        StrictModes no
        UsePAM no
        PasswordAuthentication no
        Subsystem sftp internal-sftp
    """
    (folder / "sshd_config").write_text(settings)
    assert SSHD is not None
    process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(folder / "sshd_config")], stderr=subprocess.PIPE)
    try:
        for _ in range(100):
            with io.BytesIO(), socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        import getpass

        url = f"sftp://{getpass.getuser()}@127.0.0.1:{port}{folder}/in"
        yield parse_sftp(url, host_key=f"ssh-ed25519 {public.get_base64()}", identity=identity)
    finally:
        process.terminate()
        process.wait()


@pytest.mark.skipif(SSHD is None, reason="OpenSSH's server is not installed")
def test_openssh_takes_the_files(tmp_path: Path, identity: Path) -> None:
    (tmp_path / "in").mkdir()
    with openssh(tmp_path, identity) as to:
        send(to, ("a.pdf.age", DATA), ("manifest.json.age", b"{}"))
        assert (tmp_path / "in" / RUN / "a.pdf.age").read_bytes() == DATA
        assert sorted(path.name for path in (tmp_path / "in" / RUN).iterdir()) == ["a.pdf.age", "manifest.json.age"]
        with pytest.raises(FolderNotEmpty):
            send(to)


def test_the_stand_in_runs_from_the_command_line(tmp_path: Path, identity: Path) -> None:
    (tmp_path / "id.pub").write_text(f"ssh-ed25519 {paramiko.PKey.from_path(identity).get_base64()} factory\n")
    words = ["sim", "sftp", str(tmp_path / "in"), "--authorized", str(tmp_path / "id.pub"), "--port", "0"]
    program = [sys.executable, "-c", "from songda.cli import main; main()", *words]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            _, url, _, host_key = shlex.split(server.stdout.readline())
            send(parse_sftp(url, host_key=host_key, identity=identity), ("a.pdf.age", b"sealed"))
        finally:
            server.terminate()
    assert (tmp_path / "in" / RUN / "a.pdf.age").read_bytes() == b"sealed"
