"""How fast pushed events are taken: a real server in a process of its own, pushers that wait for each acknowledgement.

    .venv/bin/python bench/push_endpoint.py [--events 6000] [--pushers 32] [--out push_endpoint.json]

Every push is one event (040002), encrypted, and acknowledged after its commit to SQLite with synchronous=FULL. The
pushers share the machine's cores with the server. People are invented.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
from sqlalchemy import Engine, select, update

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.tracking_fold import POSTED, answers, posted
from songda.base import days
from songda.base.settings import load
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


def house(home: Path, texts: list[tuple[str, str]]) -> str:
    """A ledger with posted letters about sealed people; returns the path to which their carrier pushes."""
    settings = load({}, home=home)
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


def pushes(texts: list[tuple[str, str]], events: int) -> list[bytes]:
    """Bodies of pushes, event after event of letter after letter, as the carrier sends them: without delivery codes."""
    envelope = Envelope(SIM.key)
    bodies: list[bytes] = []
    for waybill, text in texts:
        for item in orjson.loads(text)["responseItems"]:
            pushed = {name: value for name, value in item.items() if not name.endswith("Code") or name == "opCode"}
            fields = {
                "senderNo": SIM.sender_no,
                "method": "040002",
                "msgType": "0",
                "serialNo": f"{waybill}{len(bodies):010d}",
                "logitcsInterface": envelope.seal_push(orjson.dumps(pushed | {"opOrgCode": item["opOrgCode"]})),
            }
            bodies.append(orjson.dumps(fields))
    return bodies[:events]


async def push_all(port: int, path: str, bodies: list[bytes], pushers: int) -> list[float]:
    """Seconds from each push to its acknowledgement. Bare sockets: a client of the usual kind costs more than the server."""
    waiting: Iterator[bytes] = iter(bodies)
    took: list[float] = []

    async def pusher() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for body in waiting:
            head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
            start = time.perf_counter()
            writer.write(head.encode() + body)
            answer = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(answer.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            acknowledgement = await reader.readexactly(length)
            took.append(time.perf_counter() - start)
            assert b'"00000"' in acknowledgement, answer
        writer.close()

    await asyncio.gather(*(pusher() for _ in range(pushers)))
    return took


def measure(*, events: int, pushers: int) -> dict[str, Any]:
    texts = answers(events // 9 + 10)
    with tempfile.TemporaryDirectory(prefix="songda-bench-") as folder:
        path = house(Path(folder), texts)
        bodies = pushes(texts, events)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        environ = os.environ | SECRETS | {"SONGDA_HOME": folder}
        program = [sys.executable, "-c", "from songda.cli import main; main()", "serve", "--port", str(port)]
        server = subprocess.Popen(program, env=environ, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            _wait(port)
            asyncio.run(push_all(port, path, bodies[:200], pushers))
            start, cpu_s = time.perf_counter(), _cpu_s(server.pid)
            took = asyncio.run(push_all(port, path, bodies[200:], pushers))
            seconds = time.perf_counter() - start
            cpu_s = _cpu_s(server.pid) - cpu_s
        finally:
            server.terminate()
            server.wait(30)
        engine = open_database(load({}, home=Path(folder)))
        with engine.connect() as connection:
            stored = len(connection.execute(select(tables.fact.c.id)).all())
        engine.dispose()
    took.sort()
    return {
        "pushes": len(took),
        "pushers": pushers,
        "pushes_per_s": round(len(took) / seconds),
        "p50_ms": round(took[len(took) // 2] * 1000, 1),
        "server_cpu_ms_per_push": round(cpu_s / len(took) * 1000, 2),
        "p99_ms": round(took[len(took) * 99 // 100] * 1000, 1),
        "facts_stored": stored,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def _cpu_s(process_id: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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
    parser.add_argument("--events", type=int, default=6000)
    parser.add_argument("--pushers", type=int, default=32)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    figures = measure(events=arguments.events, pushers=arguments.pushers)
    for name, value in figures.items():
        print(f"{name:16} {value:>12}")
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
