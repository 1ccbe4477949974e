"""A stand-in key service: a real HTTP server that wraps and unwraps by the calls of songda.vault.key_service.

with serving({"songda-2026": ["k1"]}, token="t") as service:
    service.url                              # to be asked
    service.rotate("songda-2026", "k2")      # wraps by another key from now on; the old one still unwraps
    service.destroy("songda-2026", "k1")     # … until it is destroyed
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Service:
    token: str | None
    #: Key → id of each version → its bytes, the last one wrapping.
    keys: dict[str, dict[str, bytes]]
    url: str = ""
    asked: list[str] = field(default_factory=list)
    #: Status with which every call is answered instead; None: as it should be.
    broken: int | None = None
    #: What such an answer says.
    nonsense: dict[str, Any] = field(default_factory=dict)

    def rotate(self, key: str, key_id: str) -> None:
        self.keys[key][key_id] = os.urandom(32)

    def destroy(self, key: str, key_id: str) -> None:
        del self.keys[key][key_id]

    def answer(self, method: str, path: str, asked: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and answer of a call."""
        _, _, name, *call = path.split("/")
        versions = self.keys.get(name)
        if self.broken is not None or not versions:
            return self.broken or 404, self.nonsense
        if (method, call) == ("GET", []):
            return 200, {"key_id": [*versions][-1]}
        if (method, call) == ("POST", ["wrap"]):
            return 200, _wrapped([*versions][-1], versions, asked)
        if (method, call) == ("POST", ["unwrap"]):
            return _unwrapped(versions, asked) if asked["key_id"] in versions else (409, {})
        return 404, {}


def _wrapped(key_id: str, versions: Mapping[str, bytes], asked: Mapping[str, Any]) -> dict[str, str]:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(12)
    wrapped = nonce + AESGCM(versions[key_id]).encrypt(nonce, base64.b64decode(asked["secret"]), b"")
    return {"key_id": key_id, "wrapped": base64.b64encode(wrapped).decode()}


def _unwrapped(versions: Mapping[str, bytes], asked: Mapping[str, Any]) -> tuple[int, dict[str, str]]:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    body = base64.b64decode(asked["wrapped"])
    try:
        secret = AESGCM(versions[asked["key_id"]]).decrypt(body[:12], body[12:], b"")
    except (InvalidTag, ValueError):
        return 422, {}
    return 200, {"secret": base64.b64encode(secret).decode()}


@contextmanager
def serving(
    keys: Mapping[str, Sequence[str]], *, token: str | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[Service]:
    """The service on loopback while the block runs. `keys`: each with the ids of its versions, made here."""
    service = Service(token, {name: {each: os.urandom(32) for each in ids} for name, ids in keys.items()})

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, asked: Mapping[str, Any]) -> None:
            service.asked.append(f"{self.command} {self.path}")
            allowed = service.token is None or self.headers.get("Authorization") == f"Bearer {service.token}"
            status, told = service.answer(self.command, self.path, asked) if allowed else (401, {})
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    worker = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    worker.start()
    service.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        worker.join()
