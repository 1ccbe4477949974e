"""Timestamps of a real server over HTTP: asked for, verified, and refused when anything is wrong with them."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from songda.evidence import AuthorityUnreachable, BadTrust, Stamper, UntrustedStamp, ask, read_trust
from songda.evidence.timestamp import new_request, read_stamp
from songda.sim.authority import new_signer, stamp, stamping

AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def test_an_authority_is_asked_over_http_and_its_answer_holds() -> None:
    signer = new_signer()
    with stamping(signer, clock=lambda: AT) as authority:
        token = ask(Stamper(authority.url, authority.root), b"message")
    found = read_stamp(token, b"message", roots=[signer.root])
    assert (found.at, found.authority) == (AT, "CN=演练时间戳机构")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_verifies_the_same_answer(tmp_path: Path) -> None:
    with stamping() as authority:
        token = ask(Stamper(authority.url, authority.root), b"message")
    for name, data in (("data", b"message"), ("token", token), ("root", authority.root)):
        (tmp_path / name).write_bytes(data)
    words = ["openssl", "ts", "-verify", "-data", "data", "-in", "token", "-CAfile", "root"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Verification: OK" in done.stdout + done.stderr


def test_another_message_root_or_nonce_is_refused() -> None:
    signer, asked = new_signer(), new_request(b"message")
    token = stamp(asked.der, signer, at=AT)
    read_stamp(token, b"message", roots=[signer.root], nonce=asked.nonce)
    for message, root, nonce in (
        (b"other", signer.root, None),
        (b"message", new_signer().root, None),
        (b"message", signer.root, 7),
    ):
        with pytest.raises(UntrustedStamp):
            read_stamp(token, message, roots=[root], nonce=nonce)
    for rubbish in (b"", b"\x30\x03\x02\x01\x00", b"rubbish", token[:-5], bytes(70_000)):
        with pytest.raises(UntrustedStamp):
            read_stamp(rubbish, b"message", roots=[signer.root])
    with pytest.raises(UntrustedStamp):
        read_stamp(token, b"message", roots=[])


@pytest.fixture
def page() -> Iterator[list[bytes]]:
    """A server that is no authority: answers with what the list holds."""
    answer: list[bytes] = [b"<html>busy</html>"]

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200 if answer[0] else 503)
            self.end_headers()
            self.wfile.write(answer[0])

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Door)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    answer.append(f"http://127.0.0.1:{server.server_port}/".encode())
    yield answer
    server.shutdown()
    server.server_close()


def test_a_server_that_is_no_authority_is_told_apart_from_one_that_is_down(page: list[bytes]) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding

    root = new_signer().root.public_bytes(Encoding.PEM)
    url = page[1].decode()
    with pytest.raises(UntrustedStamp):
        ask(Stamper(url, root), b"message")
    page[0] = b"x" * 100_000
    with pytest.raises(AuthorityUnreachable):
        ask(Stamper(url, root), b"message")
    page[0] = b""
    with pytest.raises(AuthorityUnreachable) as caught:
        ask(Stamper(url, root), b"message")
    assert "503" in caught.value.message_zh
    with pytest.raises(AuthorityUnreachable):
        ask(Stamper("http://127.0.0.1:9/", root), b"message")


def test_trust_is_read_from_pem_and_nothing_else() -> None:
    from cryptography.hazmat.primitives.serialization import Encoding

    root = new_signer().root.public_bytes(Encoding.PEM)
    assert len(read_trust([("a", root + b"\n" + root)]).certificates) == 2
    for pem in (b"", b"no pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"):
        with pytest.raises(BadTrust):
            read_trust([("a", pem)])
    with pytest.raises(BadTrust):
        read_trust([("a", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----")])
