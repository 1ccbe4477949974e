"""How fast pushed events are taken: a real server in a process of its own, and the carrier in another.

    .venv/bin/python bench/push_endpoint.py [--database sqlite|postgresql|both] [--rates 1000 1500 2000]
                                            [--seconds 5] [--repeat 1] [--out push_endpoint.json]

Every push is one event (040002), encrypted, and acknowledged after its commit to the disk (SQLite with synchronous=FULL,
PostgreSQL with fsync). Two questions are asked of each database. How long does a push wait at an offered rate: pushes are
due at random moments (a Poisson process) that were drawn beforehand, the carrier does not wait for answers, and a push has
waited since the moment at which it was due, whatever kept it, the carrier itself included (`sent_late`). And how many are
taken a second by lines that always have a next one (`saturated`); how long these wait would say nothing.
Carrier and server share the machine's cores; `load` is the system's load average before each row, `other_cores` how many
cores were busy with something else than the two (PostgreSQL, or other people's work). Of `--repeat` runs, each in a ledger of
its own, the best row of each rate is told. People are invented.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import platform
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import accumulate, islice, takewhile, zip_longest
from pathlib import Path
from typing import Any

import httpx
import orjson
from sqlalchemy import Engine, func, select, update

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.letter_faults_around import postgresql
from bench.tracking_fold import POSTED, answers, posted
from songda.base import days
from songda.base.settings import Settings, load
from songda.carriers import Envelope
from songda.cli.drill import invented_profile
from songda.flow.shared_secrets import valid
from songda.flow.tenants import Tenant, import_tenant
from songda.sim.carrier import SimContract
from songda.store import open_database, tables
from songda.vault import load_master_key
from songda.web import push_path

SIM = SimContract()
SECRETS = {"SONGDA_EMS_AUTHORIZATION": SIM.authorization, "SONGDA_EMS_SIGN_KEY": SIM.sign_key or ""}
SONGDA = "from songda.cli import main; main()"
#: Pushes before the first figure.
LEARNING = 1000
#: Pushes of the saturated row, and on how many lines; at offered rates there is nearly always a free one.
SATURATED, LINES_SATURATED, LINES = 6000, 32, 128
#: The target of this house.
P99_MS = 50


def house(settings: Settings, texts: list[tuple[str, str]]) -> str:
    """A ledger with posted letters about sealed people; returns the path to which their carrier pushes."""
    engine, master = open_database(settings), load_master_key(settings, create=True)
    tenant = import_tenant(engine, master, name="t", profile_toml=invented_profile()[0], at=POSTED, actor="bench")
    posted(engine, (waybill for waybill, _ in texts), tenant_id=tenant.id)
    _seal_people(engine, tenant)
    path = push_path("t", valid(engine, tenant, "push", at=days.now())[0].text)
    engine.dispose()
    return path


def _seal_people(engine: Engine, tenant: Tenant) -> None:
    p = tables.person
    with engine.begin() as connection:
        for person_id in connection.scalars(select(p.c.id)).all():
            record = orjson.dumps({"name": "柳如烟", "phones": [], "addresses": {}})
            sealed = tenant.key.seal(record, context=f"person:{person_id}")
            connection.execute(update(p).where(p.c.id == person_id).values(sealed=sealed))


def pushes(texts: list[tuple[str, str]]) -> list[bytes]:
    """Bodies of pushes as the carrier sends them, without delivery codes: the first event of every letter, the second, …"""
    envelope = Envelope(SIM.key)
    ways = [orjson.loads(text)["responseItems"] for _, text in texts]
    bodies: list[bytes] = []
    for items in zip_longest(*ways):
        for item in filter(None, items):
            pushed = {name: value for name, value in item.items() if not name.endswith("Code") or name == "opCode"}
            fields = {
                "senderNo": SIM.sender_no,
                "method": "040002",
                "msgType": "0",
                "serialNo": f"{len(bodies):023d}",
                "logitcsInterface": envelope.seal_push(orjson.dumps(pushed | {"opOrgCode": item["opOrgCode"]})),
            }
            bodies.append(orjson.dumps(fields))
    return bodies


class Line(asyncio.Protocol):
    """A connection of the carrier: one push at a time. A client of the usual kind would cost more than the server."""

    def __init__(self, answered: Callable[[Line, bytes], None]) -> None:
        self._answered = answered
        self._received = b""
        #: Number of the push under way.
        self.push = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self, push: int, request: bytes) -> None:
        self.push = push
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, _, body = self._received.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if length and len(body) >= int(length):
            self._received = b""
            self._answered(self, body)

    def close(self) -> None:
        self._transport.close()


@dataclass(frozen=True, slots=True)
class Told:
    """What became of pushes, in seconds."""

    #: From the first moment to the last acknowledgement.
    seconds: float
    #: From the moment at which each push was due until it was sent, and until it was acknowledged; sorted.
    sent: list[float]
    waited: list[float]


async def tell(port: int, path: str, bodies: Sequence[bytes], due: Sequence[float], *, lines: int) -> Told:
    """Pushes each body at its moment (seconds from the beginning) or as soon as a line is free after it."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: "
    requests = [f"{head}{len(body)}\r\n\r\n".encode() + body for body in bodies]
    sent, waited = [0.0] * len(bodies), [0.0] * len(bodies)
    free: deque[Line] = deque()
    waiting: deque[int] = deque()
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    left = len(bodies)

    def send(line: Line, push: int) -> None:
        sent[push] = time.perf_counter() - start - due[push]
        line.send(push, requests[push])

    def answered(line: Line, body: bytes) -> None:
        nonlocal left
        if b'"00000"' not in body and not done.done():
            done.set_exception(RuntimeError("a push was refused"))
        waited[line.push] = time.perf_counter() - start - due[line.push]
        left -= 1
        if waiting:
            send(line, waiting.popleft())
        else:
            free.append(line)
        if not left and not done.done():
            done.set_result(None)

    for _ in range(lines):
        free.append((await loop.create_connection(lambda: Line(answered), "127.0.0.1", port))[1])
    start = time.perf_counter()
    for push, moment in enumerate(due):
        early = start + moment - time.perf_counter()
        if early > 0:
            await asyncio.sleep(early)
        if free:
            send(free.popleft(), push)
        else:
            waiting.append(push)
    await asyncio.wait_for(done, 60)
    seconds = time.perf_counter() - start
    for line in free:
        line.close()
    return Told(seconds, sorted(sent), sorted(waited))


def measure(database: str, *, rates: Sequence[int], seconds: int) -> list[dict[str, Any]]:
    """A row for each offered rate, and one for lines that always have a next push."""
    counts = [LEARNING, *(rate * seconds for rate in rates), SATURATED]
    texts = answers(sum(counts) // 8)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="songda-bench-"))) / "house"
        folder.mkdir()
        url = {"SONGDA_DATABASE_URL": stack.enter_context(postgresql(folder / "pg"))} if database != "sqlite" else {}
        settings = load(url, home=folder)
        path = house(settings, texts)
        bodies = iter(pushes(texts))
        port, server = stack.enter_context(serving(folder, url))
        gc.collect()
        gc.freeze()
        chance = random.Random(1)

        def row(offered: int | None, count: int) -> dict[str, Any]:
            some = list(islice(bodies, count))
            assert len(some) == count
            due = list(accumulate(chance.expovariate(offered) for _ in some)) if offered else [0.0] * count
            load_before, cpu_s, own_s, busy_s = os.getloadavg()[0], _cpu_s(server), _cpu_s(os.getpid()), _busy_s()
            told = asyncio.run(tell(port, path, some, due, lines=LINES if offered else LINES_SATURATED))
            cpu_s, own_s, busy_s = _cpu_s(server) - cpu_s, _cpu_s(os.getpid()) - own_s, _busy_s() - busy_s
            return {
                "database": database,
                "offered_per_s": offered or "saturated",
                "taken_per_s": round(count / told.seconds),
                **{f"p{share}_ms": _ms(told.waited, share) if offered else None for share in (50, 99, 99.9)},
                "sent_late_p99_ms": _ms(told.sent, 99) if offered else None,
                "server_cpu_ms": round(cpu_s / count * 1000, 2),
                "load": round(load_before, 1),
                "other_cores": round((busy_s - cpu_s - own_s) / told.seconds, 1),
            }

        row(500, LEARNING)
        rows = [row(rate, rate * seconds) for rate in rates]
        rows.append(row(None, SATURATED))
        engine = open_database(settings)
        with engine.connect() as connection:
            stored = connection.scalar(select(func.count()).select_from(tables.fact)) or 0
        engine.dispose()
    # The courier of the stand-in repeats some of its events.
    assert sum(counts) * 0.97 < stored <= sum(counts), stored
    return rows


def best(runs: Sequence[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Of each rate the row with the shortest wait; of the saturated ones that with the most pushes."""
    return [min(rows, key=lambda row: row["p99_ms"] or -row["taken_per_s"]) for rows in zip(*runs, strict=True)]


@contextmanager
def serving(folder: Path, more: Mapping[str, str], *, program: str = SONGDA) -> Iterator[tuple[int, int]]:
    """Port and process id of `songda serve` over the house in `folder`; `program`: Python that calls the command line."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environ = {**os.environ, **SECRETS, **more, "SONGDA_HOME": str(folder)}
    command = [sys.executable, "-c", program, "serve", "--port", str(port)]
    server = subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        _wait(port)
        yield port, server.pid
    finally:
        server.terminate()
        server.wait(30)


def _most(rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Database → the highest offered rate up to which the target was met at every rate."""
    most: dict[str, int] = {}
    for database in dict.fromkeys(row["database"] for row in rows):
        offered = [row for row in rows if row["database"] == database and row["p99_ms"] is not None]
        met = takewhile(lambda row: row["p99_ms"] <= P99_MS, sorted(offered, key=lambda row: row["offered_per_s"]))
        most[database] = max((row["offered_per_s"] for row in met), default=0)
    return most


def _ms(seconds: Sequence[float], share: float) -> float:
    """The time within which `share` percent of the sorted times lie."""
    return round(seconds[min(int(len(seconds) * share / 100), len(seconds) - 1)] * 1000, 1)


def _cpu_s(process_id: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _busy_s() -> float:
    """Seconds of CPU that the machine has spent on anything."""
    user, nice, system, _, _, *interrupts = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:8])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def _wait(port: int) -> None:
    for _ in range(300):
        try:
            httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the server did not start")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="sqlite")
    parser.add_argument("--rates", type=int, nargs="+", default=[1000, 1500, 2000])
    parser.add_argument("--seconds", type=int, default=5, help="of pushes at each rate")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for database in ("sqlite", "postgresql") if chosen.database == "both" else (chosen.database,):
        runs = []
        for _ in range(chosen.repeat):
            runs.append(measure(database, rates=chosen.rates, seconds=chosen.seconds))
            for row in runs[-1]:
                print(*(f"{name} {value}" for name, value in row.items()), sep="  ", flush=True)
        rows += best(runs)
    figures = {
        "seconds_each": chosen.seconds,
        "runs": chosen.repeat,
        **{f"most_per_s_{name}": most for name, most in _most(rows).items()},
        "python": platform.python_version(),
        "machine": platform.machine(),
        "rates": rows,
    }
    if chosen.out:
        chosen.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
