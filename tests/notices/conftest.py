"""A tenant with letters, and a receiver that is a real HTTP server on loopback."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from songda.notices import open_http
from songda.store import insert_missing, move, tables
from songda.vault import DataKey, LocalMasterKey, new_data_key, open_data_key

# Lets the tests import what lies beside them.
sys.path.insert(0, str(Path(__file__).parent))

START = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


@dataclass
class Hook:
    """The receiver's side: what came, in the order in which it came, and how it answers."""

    url: str = ""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    #: (webhook-id) → status, or None to cut the line.
    answer: Callable[[str], int | None] = lambda _id: 204
    headers: dict[str, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def events(self) -> list[dict[str, Any]]:
        """What was taken."""
        return [json.loads(body) for _, body in self.got]

    def first_of_each(self) -> list[dict[str, Any]]:
        """Without repetitions, as a receiver that knows ids sees it."""
        seen: dict[str, dict[str, Any]] = {}
        for event in self.events():
            seen.setdefault(event["id"], event)
        return list(seen.values())


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            with hook.lock:
                status = hook.answer(headers["webhook-id"])
                if status is not None and 200 <= status < 300:
                    hook.got.append((headers, body))
            if status is None:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in hook.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hook.url = f"http://127.0.0.1:{server.server_port}/hook?token=of-the-receiver"
    yield hook
    server.shutdown()
    server.server_close()


@pytest.fixture
def key() -> DataKey:
    master = LocalMasterKey(bytes(32))
    return open_data_key(master, new_data_key(master))


@dataclass
class Firm:
    database: Engine
    now: datetime = START

    def clock(self) -> datetime:
        return self.now

    def later(self, **step: float) -> None:
        self.now += timedelta(**step)

    def letters(self, count: int, tenant: str = "ten_1") -> list[str]:
        """A tenant with letters that stand at `ready`."""
        batch, life = tenant.replace("ten", "bat"), {"state": "ready", "version": 0}
        ids = [f"ltr_{tenant}_{n:03d}" for n in range(count)]
        own = {"tenant_id": tenant}
        person = own | {"id": f"per_{tenant}", "lookup": "x", "sealed": b""} | life
        letter = own | {"batch_id": batch, "person_id": person["id"], "kind": "lawyer_letter"} | life
        letter |= {"letter_date": date(2026, 11, 24), "amount_fen": 1, "reasons": []}
        with self.database.begin() as connection:
            row = {"id": tenant, "name": tenant, "data_key": b"", "created_at": START}
            insert_missing(connection, tables.tenant, [row])
            row = own | {"id": batch, "file_sha256": "0" * 64, "as_of": START.date()} | life
            connection.execute(insert(tables.batch), row)
            connection.execute(insert(tables.person), person)
            connection.execute(insert(tables.letter), [letter | {"id": id_, "letter_no": id_[4:]} for id_ in ids])
        return ids

    def step(self, ids: list[str], version: int) -> None:
        """From ready to approved and back, one event a letter: `version` 0, 1, 2 …"""
        ways = [("ready", "approved", "lawyer", "batch_signed"), ("approved", "ready", "system", "approval_void")]
        source, target, actor, reason = ways[version % 2]
        with self.database.begin() as connection:
            rows = [(id_, version) for id_ in ids]
            move(connection, "letter", rows, source=source, target=target, actor=actor, reason=reason, at=self.now)


@pytest.fixture
def firm(database: Engine) -> Firm:
    return Firm(database)


@pytest.fixture
def http() -> Iterator[Any]:
    with open_http() as client:
        yield client
