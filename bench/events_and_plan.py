"""What telling tenants and planning a day cost: transitions with events and money, the feed, webhooks, the plan of a day.

    .venv/bin/python bench/events_and_plan.py [--letters 20000] [--waiting 100000] [--out events_and_plan.json]

SQLite as it is opened, one process; the receiver is a thread of this process. Prints a table; with --out also writes JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine, insert

from songda.base.settings import load
from songda.notices import add_receiver, deliver, open_http, read_page
from songda.planning import Capacity, Waiting, plan
from songda.store import Cost, chunks, grant, move, open_database, reserve, tables
from songda.vault import LocalMasterKey, new_data_key, open_data_key

NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)
TENANT = "ten_1"


def timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def fill(engine: Engine, count: int) -> list[str]:
    """Letters of one tenant that stand at `ready`."""
    life, own = {"state": "ready", "version": 0}, {"tenant_id": TENANT}
    ids = [f"ltr_{n:026d}" for n in range(count)]
    letter = own | {"batch_id": "bat_1", "person_id": "per_1", "kind": "lawyer_letter", "amount_fen": 1} | life
    with engine.begin() as connection:
        row: dict[str, Any] = {"id": TENANT, "name": TENANT, "data_key": b"", "created_at": NOW}
        connection.execute(insert(tables.tenant), row)
        row = own | {"id": "bat_1", "file_sha256": "0" * 64, "as_of": NOW.date()} | life
        connection.execute(insert(tables.batch), row)
        connection.execute(insert(tables.person), own | {"id": "per_1", "lookup": "x", "sealed": b""} | life)
        rows = [letter | {"id": id_, "letter_no": id_, "reasons": []} for id_ in ids]
        connection.execute(insert(tables.letter), rows)
    return ids


def measure(engine: Engine, *, letters: int, waiting: int) -> dict[str, float]:
    ids = fill(engine, letters)

    def book() -> None:
        with engine.begin() as connection:
            account = grant(connection, TENANT, scope="batch", period="bat_1", fen=2000 * letters, at=NOW)
        for part in chunks(ids, 1000):
            with engine.begin() as connection:
                costs = [Cost(id_.replace("ltr", "att"), id_, 2000) for id_ in part]
                assert not reserve(connection, costs, accounts=[account], at=NOW)

    def go(version: int, source: str, target: str, actor: str, reason: str) -> None:
        for part in chunks(ids, 1000):
            with engine.begin() as connection:
                rows = [(id_, version) for id_ in part]
                move(connection, "letter", rows, source=source, target=target, actor=actor, reason=reason, at=NOW)

    figures = {"reservations_per_s": letters / timed(book)}
    figures["transitions_with_events_per_s"] = letters / timed(
        lambda: go(0, "ready", "approved", "lawyer", "batch_signed")
    )
    # Withdrawn letters give their money back: an event and a booking each.
    figures["transitions_with_events_and_bookings_per_s"] = letters / timed(
        lambda: go(1, "approved", "withdrawn", "operator", "stop:paid")
    )
    read_page(engine, TENANT, after=0, limit=1)
    figures["feed_events_per_s"] = 2 * letters / timed(lambda: read_all(engine))
    figures["webhook_events_per_s"] = push(engine)
    chance = random.Random(7)
    queue = [
        Waiting(f"{n:08}", f"t{n % 100}", f"{chance.randrange(11, 66)}", date(2026, 11, 24) - timedelta(n % 9))
        for n in range(waiting)
    ]
    capacity = Capacity(per_day=50_000, per_province={"44": 2000}, declared={f"t{n}": 500 for n in range(100)})
    figures["planned_letters_per_s"] = waiting / timed(lambda: plan(queue, capacity, on=date(2026, 11, 24)))
    return {name: round(value) for name, value in figures.items()}


def read_all(engine: Engine) -> None:
    page = read_page(engine, TENANT, after=0, limit=1000)
    while page.more:
        page = read_page(engine, TENANT, after=page.next, limit=1000)


def push(engine: Engine) -> float:
    """Events a second that a receiver on loopback takes."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(204)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    master = LocalMasterKey(bytes(32))
    key = open_data_key(master, new_data_key(master))
    with engine.begin() as connection:
        url = f"http://127.0.0.1:{server.server_port}/"
        add_receiver(connection, key, TENANT, url, after=0, at=NOW)
    with open_http() as http:
        began = time.perf_counter()
        done = deliver(engine, tenant_id=TENANT, key=key, http=http, clock=lambda: NOW)
        seconds = time.perf_counter() - began
    server.shutdown()
    assert done.behind == 0
    return done.events / seconds


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--letters", type=int, default=20_000)
    parser.add_argument("--waiting", type=int, default=100_000)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        engine = open_database(load({}, home=Path(folder)))
        figures = measure(engine, letters=arguments.letters, waiting=arguments.waiting)
        engine.dispose()
    for name, value in figures.items():
        print(f"{name:50} {value:>10,}")
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
