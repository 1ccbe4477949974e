"""How fast permits to contact are granted or refused, and whether anybody ever gets a fourth.

    .venv/bin/python bench/contact_permits.py [--callers 50] [--seconds 10] [--debtors 5000] [--tries 4000]
                                              [--http] [--out contact_permits.json]

On a throw-away PostgreSQL whose fsync and synchronous_commit are asked of the server and must be on. Four questions:

speed    `--callers` callers of one process, each with the next question as soon as it has its answer, through the gatherer of
         the web door (questions that come during a commit share the next one). A wait is from the question to the answer
         after its commit. Most are granted, the others refused by the counters. People are invented.
http     the same through `songda serve` in a process of its own, over as many connections.
proof    200 callers at once on three debtors, in transactions of their own (nothing gathered), who ask again and again and tell
         outcomes of every kind at random; then the ledger is read: no debtor with more than three calls that were put through
         or may have been, no number with more than six dials that nobody answered.
chain    the audit log is verified from its first entry to the last.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import platform
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Engine, create_engine, func, insert, select, text

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.letter_faults_around import postgresql
from bench.push_endpoint import SONGDA, Line, _cpu_s, serving
from songda.base import days, ids
from songda.base.settings import load
from songda.cli.drill import invented_profile
from songda.contacts import Answer, Ask
from songda.flow.audit import verify_audit
from songda.flow.contact_facts import case_id_of
from songda.flow.contacts import ask_permit, ask_permits, report_outcome
from songda.flow.sealed import seal_case, seal_person
from songda.flow.shared_secrets import valid
from songda.flow.tenants import Tenant, import_tenant
from songda.store import open_database, tables
from songda.vault import load_master_key
from songda.web.gather import Gatherer

#: A Thursday without a holiday, at noon.
NOON = days.at(date(2026, 11, 26), 12)
SCRIPT = "您好，我是示例机构工号 1024，想与您核对账单。"
PROOF_DEBTORS, PROOF_CALLERS = 3, 200
OUTCOMES = ("interactive", "informing", "unanswered", "unanswered", "not_dialled", None)
#: The targets of this house.
PER_S, P99_MS = 1000, 50


def people(engine: Engine, tenant: Tenant, count: int) -> list[str]:
    """Case numbers of as many debtors, one case each, who have agreed to be called at any hour: the server's clock is the real one."""
    numbers = [f"AJ-{n:07d}" for n in range(count)]
    batch = {"id": "bat_bench", "tenant_id": tenant.id, "file_sha256": "0" * 64, "as_of": NOON.date(), "version": 0}
    persons, cases, declared = [], [], []
    for n, number in enumerate(numbers):
        person_id, case_id = f"per_{n}", case_id_of(tenant, number)
        record = {"name": "柳如烟", "id_number": "", "phones": [f"164{n:08d}", f"165{n:08d}"], "addresses": {}}
        own = {"tenant_id": tenant.id, "state": "active", "version": 0, "birth_year": 1990}
        own |= {"lookup": tenant.key.blind_index("id_number", str(n))}
        persons.append(own | {"id": person_id, "sealed": seal_person(tenant.key, person_id, record)})
        sealed = seal_case(tenant.key, case_id, {"case_no": number, "contract_no": "", "product_name": ""}, [])
        case = {"id": case_id, "tenant_id": tenant.id, "batch_id": "bat_bench", "person_id": person_id, "row_no": n}
        case |= {"lookup": tenant.key.blind_index("case_no", number), "sealed": sealed, "role": "debtor"}
        case |= {"state": "open", "dispute_open": False, "debtor_state": "normal", "debtor_flags": []}
        case |= {"assigned": False, "credit_notice_given": True, "overdue_since": date(2025, 9, 1)}
        cases.append(case | {"principal_fen": 2_000_000, "annual_cost": 0.15})
        said: dict[str, Any] = {"id": ids.new("dcl"), "tenant_id": tenant.id, "kind": "out_of_hours"}
        said |= {"subject": person_id}
        said |= {
            "channel": "app",
            "since": date(2026, 1, 1),
            "sealed": b"",
            "recorded_at": NOON,
            "recorded_by": "bench",
        }
        declared.append(said)
    with engine.begin() as connection:
        connection.execute(insert(tables.batch), batch | {"state": "received"})
        connection.execute(insert(tables.person), persons)
        connection.execute(insert(tables.case), cases)
        connection.execute(insert(tables.declaration), declared)
    return numbers


def question(case_no: str, *, phone: int = 1) -> Ask:
    return Ask(
        key=ids.new("key"),
        actor="agency-1",
        channel="call",
        purpose="demand",
        case_no=case_no,
        phone=phone,
        mode="interactive",
        script=SCRIPT,
        identifies_self=True,
        recording=True,
        no_extra_fee=True,
    )


def speed(engine: Engine, tenant: Tenant, cases: Sequence[str], *, callers: int, seconds: float) -> dict[str, Any]:
    """The gatherer of the door, with callers that always have a next question."""
    chance, waits, granted = random.Random(1), list[float](), 0

    async def run() -> tuple[float, float]:
        together: Gatherer[Ask, Answer | Exception] = Gatherer(lambda asks: ask_permits(engine, tenant, asks, at=NOON))
        for _ in range(200):
            await asyncio.gather(*(together.call(question(chance.choice(cases))) for _ in range(callers // 2)))
            if time.perf_counter() - began > 2:
                break
        start, cpu = time.perf_counter(), time.process_time()

        async def caller() -> None:
            nonlocal granted
            while (asked := time.perf_counter()) - start < seconds:
                answer = await together.call(question(chance.choice(cases)))
                waits.append(time.perf_counter() - asked)
                assert isinstance(answer, Answer), answer
                granted += answer.permit.granted

        await asyncio.gather(*(caller() for _ in range(callers)))
        return time.perf_counter() - start, time.process_time() - cpu

    began = time.perf_counter()
    took, cpu = asyncio.run(run())
    return told("gatherer", waits, took, granted) | {"cpu_ms": round(cpu / len(waits) * 1000, 2)}


def over_http(port: int, key: str, cases: Sequence[str], *, callers: int, seconds: float) -> dict[str, Any]:
    """The same through the server, over as many connections."""
    chance, waits, granted, start = random.Random(2), list[float](), 0, 0.0

    def request() -> bytes:
        body = {
            "case_no": chance.choice(cases),
            "actor": "agency-1",
            "channel": "call",
            "purpose": "demand",
            "phone": 1,
        }
        body |= {"mode": "interactive", "script": SCRIPT, "identifies_self": True, "recording": True}
        sent = orjson.dumps(body | {"no_extra_fee": True})
        head = f"POST /api/v1/permits HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        head += f"Content-Type: application/json\r\nIdempotency-Key: {ids.new('key')}\r\n"
        return f"{head}Content-Length: {len(sent)}\r\n\r\n".encode() + sent

    async def run() -> float:
        nonlocal start
        loop, sent_at = asyncio.get_running_loop(), dict[Line, float]()
        done, open_lines = loop.create_future(), 0

        def answered(line: Line, body: bytes) -> None:
            nonlocal granted, open_lines
            now = time.perf_counter()
            if b'"permit":"prm_' not in body and not done.done():
                done.set_exception(RuntimeError(f"no permit was answered: {body[:200]!r}"))
            if now > start:
                waits.append(now - sent_at[line])
                granted += b'"granted":true' in body
            if now - start < seconds:
                sent_at[line] = now
                line.send(0, request())
            else:
                open_lines -= 1
                if not open_lines and not done.done():
                    done.set_result(None)

        lines = [(await loop.create_connection(lambda: Line(answered), "127.0.0.1", port))[1] for _ in range(callers)]
        open_lines = len(lines)
        # A second to warm up; what is answered in it is not counted.
        start = time.perf_counter() + 1
        for line in lines:
            sent_at[line] = time.perf_counter()
            line.send(0, request())
        await asyncio.wait_for(done, seconds + 60)
        for line in lines:
            line.close()
        return time.perf_counter() - start

    took = asyncio.run(run())
    return told("http", waits, took, granted)


def proof(engine: Engine, tenant: Tenant, cases: Sequence[str], *, tries: int) -> dict[str, Any]:
    """Callers at once on few debtors, each in a transaction of its own; then what the ledger says."""
    chance, local = random.Random(3), threading.local()
    asks = [(question(chance.choice(cases), phone=chance.choice((1, 2))), chance.random()) for _ in range(tries)]
    together = threading.Barrier(min(PROOF_CALLERS, tries))

    def call(each: tuple[Ask, float]) -> None:
        if not getattr(local, "begun", False):
            local.begun = True
            # All of them begin at once.
            together.wait(60)
        ask, luck = each
        permit = ask_permit(engine, tenant, ask, at=NOON).permit
        outcome = OUTCOMES[int(luck * len(OUTCOMES))]
        if permit.granted and outcome is not None:
            report_outcome(engine, tenant, permit.id, outcome, at=NOON, by="bench")

    start = time.perf_counter()
    with ThreadPoolExecutor(together.parties) as callers:
        list(callers.map(call, asks))
    took = time.perf_counter() - start
    return _ledger(engine) | {"tries": tries, "callers": together.parties, "seconds": round(took, 1)}


def _ledger(engine: Engine) -> dict[str, Any]:
    """Read by its own words, not with the desk's counters."""
    p, o = tables.permit.c, tables.permit_outcome.c
    query = select(p.person_id, p.number, p.on_day, o.outcome).outerjoin(tables.permit_outcome, o.permit_id == p.id)
    connected, dials, granted = Counter[tuple[str, date]](), Counter[tuple[str, date]](), 0
    with engine.connect() as connection:
        for row in connection.execute(query.where(p.granted.is_(True))):
            granted += 1
            connected[row.person_id, row.on_day] += row.outcome in (None, "interactive", "informing")
            dials[row.number, row.on_day] += row.outcome in (None, "unanswered")
        refused = connection.scalar(select(func.count()).where(p.granted.is_(False)))
    most_calls, most_dials = max(connected.values()), max(dials.values())
    assert most_calls <= 3, most_calls
    assert most_dials <= 6, most_dials
    return {
        "granted": granted,
        "refused": refused,
        "most_calls_of_a_debtor": most_calls,
        "most_dials_of_a_number": most_dials,
    }


def told(way: str, waits: list[float], took: float, granted: int) -> dict[str, Any]:
    waits.sort()
    return {
        "way": way,
        "permits_per_s": round(len(waits) / took),
        **{
            f"p{share}_ms": round(waits[min(int(len(waits) * share / 100), len(waits) - 1)] * 1000, 1)
            for share in (50, 99)
        },
        "granted": granted,
        "answers": len(waits),
        "load": round(os.getloadavg()[0], 1),
    }


def durable(engine: Engine) -> dict[str, str]:
    """What the server itself says of its commits; both must be on."""
    with engine.connect() as connection:
        said = {name: connection.scalar(text(f"SHOW {name}")) for name in ("fsync", "synchronous_commit")}
    assert said == {"fsync": "on", "synchronous_commit": "on"}, said
    return said


def verified(engine: Engine) -> int:
    """Entries of the audit log, all of them in their chain."""
    with engine.connect() as connection:
        chain = verify_audit(connection)
    assert not chain.breaks, chain.breaks[:3]
    return chain.entries


def measure(chosen: argparse.Namespace) -> dict[str, Any]:
    rows, figures = [], dict[str, Any]()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="songda-bench-"))) / "house"
        folder.mkdir()
        url = {"SONGDA_DATABASE_URL": stack.enter_context(postgresql(folder / "pg"))}
        settings = load(url, home=folder)
        engine, master = open_database(settings), load_master_key(settings, create=True)
        profile = invented_profile()[0]
        tenant = import_tenant(engine, master, name="t", profile_toml=profile, at=NOON, actor="bench")
        figures |= durable(engine)
        cases = people(engine, tenant, chosen.debtors)
        gc.collect()
        gc.freeze()
        # The proof first: its debtors have had no call yet, and nobody else is called meanwhile.
        many = create_engine(engine.url, pool_size=40, max_overflow=0, pool_timeout=300, hide_parameters=True)
        figures["proof"] = proof(many, tenant, cases[:PROOF_DEBTORS], tries=chosen.tries)
        many.dispose()
        print("proof", figures["proof"], flush=True)
        rows.append(speed(engine, tenant, cases, callers=chosen.callers, seconds=chosen.seconds))
        print(rows[-1], flush=True)
        if chosen.http:
            key = valid(engine, tenant, "contacts", at=datetime.now(days.SHANGHAI))[0].text
            port, server = stack.enter_context(serving(folder, url, program=SONGDA))
            cpu = _cpu_s(server)
            rows.append(over_http(port, key, cases, callers=chosen.callers, seconds=chosen.seconds))
            rows[-1]["cpu_ms"] = round((_cpu_s(server) - cpu) / rows[-1]["answers"] * 1000, 2)
            print(rows[-1], flush=True)
        figures["ledger"] = _ledger(engine)
        figures["audit_entries"] = verified(engine)
        engine.dispose()
    met = rows[0]["permits_per_s"] >= PER_S and rows[0]["p99_ms"] <= P99_MS
    return figures | {"callers": chosen.callers, "debtors": chosen.debtors, "target_met": met, "speed": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--callers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--debtors", type=int, default=5000)
    parser.add_argument("--tries", type=int, default=4000, help="of the proof")
    parser.add_argument("--http", action="store_true", help="also through the server")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    figures = measure(chosen) | {"python": platform.python_version(), "machine": platform.machine()}
    if chosen.out:
        chosen.out.write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
