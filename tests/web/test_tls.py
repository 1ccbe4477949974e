"""`songda serve` over TLS: with a client certificate from the right authority there is an answer, without one there is none."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from parties import Party
from program import songda


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Party]:
    folder = tmp_path_factory.mktemp("certificates")
    ours, theirs, strange = (Party(folder, name) for name in ("ours", "theirs", "strange"))
    return {
        "ours": ours,
        "theirs": theirs,
        "house": Party(folder, "house", ours),
        "bank": Party(folder, "bank", theirs),
        "stranger": Party(folder, "stranger", strange),
    }


@pytest.fixture(scope="module")
def served(parties: dict[str, Party], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("home")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = (
        "--port",
        str(port),
        "--tls-certificate",
        parties["house"].certificate,
        "--tls-key",
        parties["house"].private,
    )
    program = [sys.executable, "-c", "from songda.cli import main; main()", "serve", *words]
    log = home / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*program, "--client-ca", parties["theirs"].certificate],
            env=os.environ | {"SONGDA_HOME": str(home)},
            stdout=output,
            stderr=output,
        )
    try:
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until
                time.sleep(0.05)
        yield f"https://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def client(parties: dict[str, Party], who: str | None) -> httpx.Client:
    context = ssl.create_default_context(cafile=str(parties["ours"].certificate))
    if who is not None:
        context.load_cert_chain(parties[who].certificate, parties[who].private)
    return httpx.Client(verify=context, trust_env=False)


def test_the_institution_is_answered(served: str, parties: dict[str, Party]) -> None:
    with client(parties, "bank") as bank:
        assert bank.get(f"{served}/healthz").status_code == 200


@pytest.mark.parametrize("who", [None, "stranger"])
def test_nobody_else_gets_as_far_as_a_request(served: str, parties: dict[str, Party], who: str | None) -> None:
    with client(parties, who) as other, pytest.raises(httpx.TransportError):
        other.get(f"{served}/healthz")


def test_nothing_is_said_in_the_clear(served: str) -> None:
    with httpx.Client(trust_env=False) as plain, pytest.raises(httpx.TransportError):
        plain.get(served.replace("https", "http") + "/healthz")


def test_files_that_do_not_fit_are_told_of_before_anything_is_served(tmp_path: Path, parties: dict[str, Party]) -> None:
    house, bank = parties["house"], parties["bank"]
    certificate, key = ("--tls-certificate", str(house.certificate)), ("--tls-key", str(house.private))
    assert "--tls-key" in songda(tmp_path, "serve", *certificate, rc=64)
    assert "--tls-key" in songda(tmp_path, "serve", "--client-ca", str(bank.certificate), rc=64)
    assert "不能用" in songda(tmp_path, "serve", *certificate, "--tls-key", str(bank.private), rc=78)
    assert "不能用" in songda(tmp_path, "serve", *certificate, "--tls-key", str(tmp_path / "none"), rc=78)
    assert "不能用" in songda(tmp_path, "serve", *certificate, *key, "--client-ca", str(house.private), rc=78)
