"""What songda is built on: pinned with hashes, under licences that its users can live with, and asked about daily."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from sbom import LOCK, components

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
#: What licences are called that may be used; GPL and AGPL may not.
MAY = re.compile(
    r"\b(Apache|MIT|BSD|ISC|MPL|Mozilla|EPL|PostgreSQL|PSF|Python Software|LGPL|Lesser General|Unlicense|CC0|"
    r"0BSD|Zlib|OFL|HPND|CMU|Public Domain|Dual License)\b",
    re.IGNORECASE,
)
MAY_NOT = re.compile(r"(?<!L)(?<!Lesser )\b(A?GPL|(Affero )?General Public License)", re.IGNORECASE)


def test_every_pin_has_hashes_and_the_lock_names_no_registry() -> None:
    text = LOCK.read_text("utf-8")
    for each in components(text):
        assert each["hashes"], each["name"]
    assert "://" not in re.sub(r"^ *#.*$", "", text, flags=re.MULTILINE)


def test_every_installed_dependency_has_a_licence_that_may_be_used() -> None:
    stated = {
        each["name"]: each["licenses"][0]["license"]["name"]
        for each in components(LOCK.read_text("utf-8"))
        if "licenses" in each
    }
    assert len(stated) > 50
    refused = {name: licence for name, licence in stated.items() if MAY_NOT.search(licence) and not MAY.search(licence)}
    unknown = {name: licence for name, licence in stated.items() if not MAY.search(licence)}
    assert refused == {}
    assert unknown == {}


@pytest.mark.parametrize(
    ("licence", "may"), [("GPL-3.0-only", False), ("AGPL-3.0", False), ("LGPL-3.0-only", True), ("MIT", True)]
)
def test_a_licence_that_may_not_be_used_is_known(licence: str, may: bool) -> None:
    assert bool(MAY.search(licence)) is may


@pytest.fixture
def service() -> Any:
    """A stand-in of osv.dev that knows one vulnerable package."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
            results = [{"vulns": [{"id": "GHSA-1"}]} if each["package"]["name"] == "typst" else {} for each in asked]
            body = json.dumps({"results": results[: self.server.answers]}).encode()  # type: ignore[attr-defined]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.answers = None  # type: ignore[attr-defined]
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def audit(url: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, SCRIPTS / "audit_dependencies.py", "--service", url, "--json"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_known_vulnerability_is_told(service: Any) -> None:
    done = audit(f"http://127.0.0.1:{service.server_port}")
    assert done.returncode == 65, done.stderr
    told = json.loads(done.stdout)
    (pin,) = told["vulnerable"]
    assert pin.startswith("typst==")
    assert told["asked"] == len(components(LOCK.read_text("utf-8")))


def test_no_answer_or_half_an_answer_is_not_taken_for_none(service: Any) -> None:
    assert audit("http://127.0.0.1:9").returncode == 69
    service.answers = 3
    assert audit(f"http://127.0.0.1:{service.server_port}").returncode == 69
