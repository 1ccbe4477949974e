"""The server as a process of its own, on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

SERVE = """
import sys
from pathlib import Path
from songda.base.settings import load
from songda.web import serve

serve(load({}, home=Path(sys.argv[1])), port=int(sys.argv[2]), find_letter=lambda token: None)
"""
TOKEN = "a-token-that-no-log-may-hold"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[str], Path]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(tmp_path), str(port)],
            stdout=output,
            stderr=output,
            text=True,
            env=os.environ,
        )
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, "the server did not start"
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}", process, log
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_a_real_server_answers_and_its_log_holds_no_path(served: tuple[str, subprocess.Popen[str], Path]) -> None:
    base, process, log = served
    with httpx.Client(base_url=base, trust_env=False) as browser:
        assert browser.get("/healthz").status_code == 503
        page = browser.get(f"/c/{TOKEN}", headers={"X-Forwarded-For": "203.0.113.9"})
    assert page.status_code == 404
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "server" not in page.headers
    process.terminate()
    process.wait(timeout=20)
    text = log.read_text()
    assert "Uvicorn running" in text
    assert TOKEN not in text
    assert "/c/" not in text


def test_nobody_escapes_the_limit_by_forging_a_forwarded_address(
    served: tuple[str, subprocess.Popen[str], Path],
) -> None:
    base, _, _ = served
    with httpx.Client(base_url=base, trust_env=False) as browser:
        codes = [browser.get("/c/x", headers={"X-Forwarded-For": f"203.0.113.{n}"}).status_code for n in range(34)]
    assert 429 in codes


@pytest.mark.parametrize(
    ("begin", "endless"),
    [
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ", b"a" * 65_536),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n", b"X-Many: a\r\n" * 6_000),
        (b"GET /", b"a" * 65_536),
        (b"POST /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Trailer: a\r\n" * 5_000),
    ],
    ids=["one header", "headers", "address", "trailers"],
)
def test_what_never_ends_is_cut_off(
    served: tuple[str, subprocess.Popen[str], Path], begin: bytes, endless: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", int(served[0].rsplit(":", 1)[1])), timeout=20) as line:
        line.sendall(begin)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            line.sendall(endless * 1000)


def test_long_bodies_one_after_the_other_are_no_long_headers(
    served: tuple[str, subprocess.Popen[str], Path],
) -> None:
    with httpx.Client(base_url=served[0], trust_env=False) as client:
        for _ in range(3):
            for body in (b"a" * 300_000, iter([b"a" * 50_000] * 6)):
                assert client.post("/healthz", content=body).status_code == 405
            assert client.get("/healthz").status_code == 503
