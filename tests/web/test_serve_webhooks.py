"""`songda serve` sends webhooks by itself, and beside `songda webhooks deliver --stay`, on both databases."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import Engine, insert

from songda.base import days
from songda.base.settings import load
from songda.cli.drill import invented_profile
from songda.cli.opening import open_base
from songda.flow.tenants import import_tenant
from songda.flow.webhooks import add
from songda.store import move, tables

PROGRAM = [sys.executable, "-c", "from songda.cli import main; main()"]
#: Letters, and changes of each: a letter goes from ready to approved and back.
LETTERS, STEPS = 20, 10


class House:
    """A home over a database, with an institution whose letters change state."""

    def __init__(self, home: Path, database: Engine) -> None:
        self.home, self.database = home, database
        self.environ: Mapping[str, str] = os.environ | {
            "SONGDA_HOME": str(home),
            "SONGDA_DATABASE_URL": database.url.render_as_string(hide_password=False),
        }
        profile, *_ = invented_profile()
        at, life = days.now(), {"state": "ready", "version": 0}
        with open_base(load(self.environ)) as (engine, master, _):
            self.tenant = import_tenant(engine, master, name="bank", profile_toml=profile, at=at, actor="test")
        # Opening the house sends logs to the stderr of this test.
        structlog.reset_defaults()
        self.letters = [f"ltr_{n:03d}" for n in range(LETTERS)]
        with database.begin() as connection:
            own = {"tenant_id": self.tenant.id}
            batch = own | {"id": "bat_1", "file_sha256": "0" * 64, "as_of": at.date()} | life
            connection.execute(insert(tables.batch), batch)
            connection.execute(insert(tables.person), own | {"id": "per_1", "lookup": "x", "sealed": b""} | life)
            letter = own | {"batch_id": "bat_1", "person_id": "per_1", "kind": "lawyer_letter", "amount_fen": 1} | life
            letter |= {"reasons": []}
            connection.execute(
                insert(tables.letter), [letter | {"id": each, "letter_no": each} for each in self.letters]
            )

    def tell(self, url: str) -> None:
        """Adds a receiver."""
        add(self.database, self.tenant, url, at=days.now(), actor="test")

    @contextmanager
    def staying(self, *words: str) -> Iterator[None]:
        """A command that stays up, interrupted at the end as by Ctrl-C."""
        log = self.home / f"{words[0]}.log"
        with log.open("w") as output:
            process = subprocess.Popen([*PROGRAM, *words], stdout=output, stderr=output, env=self.environ)
        try:
            yield
            assert process.poll() is None, log.read_text("utf-8")
            process.send_signal(signal.SIGINT)
            assert process.wait(60) in (0, 130, -signal.SIGINT), log.read_text("utf-8")
            assert "Traceback" not in log.read_text("utf-8")
        finally:
            process.kill()
            process.wait(10)

    def change(self, version: int) -> None:
        ways = [("ready", "approved", "lawyer", "batch_signed"), ("approved", "ready", "system", "approval_void")]
        source, target, actor, reason = ways[version % 2]
        with self.database.begin() as connection:
            rows = [(each, version) for each in self.letters]
            move(connection, "letter", rows, source=source, target=target, actor=actor, reason=reason, at=days.now())


@pytest.fixture
def house(tmp_path: Path, database: Engine) -> House:
    return House(tmp_path, database)


@pytest.fixture
def got() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A receiver: its address, and what it has taken."""
    taken: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            taken.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", taken
    server.shutdown()
    server.server_close()


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def answers(port: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(port))) == 0


def until(holds: Callable[[], bool], *, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "never"
        time.sleep(0.1)


def in_order(events: list[dict[str, Any]]) -> bool:
    by_letter: dict[str, list[int]] = defaultdict(list)
    for event in events:
        by_letter[event["data"]["letter_id"]].append(event["cursor"])
    return all(cursors == sorted(cursors) for cursors in by_letter.values())


def test_a_server_and_two_senders_beside_it_tell_every_event_and_each_letters_in_order(
    house: House, got: tuple[str, list[dict[str, Any]]]
) -> None:
    url, taken = got
    house.tell(url)
    deliver = ("webhooks", "deliver", "--stay")
    with house.staying("serve", "--port", (port := free_port())), house.staying(*deliver), house.staying(*deliver):
        # An interrupt while a program still loads its libraries may be swallowed by one of them.
        until(lambda: answers(port))
        for version in range(STEPS):
            house.change(version)
            time.sleep(0.2)
        until(lambda: len({event["id"] for event in taken}) == LETTERS * STEPS)
    assert in_order(list({event["id"]: event for event in reversed(taken)}.values())[::-1])


def test_a_server_sends_alone_unless_it_is_told_not_to(house: House, got: tuple[str, list[dict[str, Any]]]) -> None:
    url, taken = got
    house.tell(url)
    house.change(0)
    with house.staying("serve", "--port", (port := free_port()), "--no-webhooks"):
        until(lambda: answers(port))
        time.sleep(3)
    assert taken == []
    with house.staying("serve", "--port", (port := free_port())):
        until(lambda: answers(port) and len(taken) == LETTERS)
