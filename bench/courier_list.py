"""How long a delivery office waits for its list, for one name and for the answer to a report, in a ledger full of letters.

    .venv/bin/python bench/courier_list.py [--letters 20000] [--offices 100] [--out courier_list.json]

Letters of one tenant lie spread over the offices, six events each; the ledger is SQLite with synchronous=FULL. Wall-clock
milliseconds of the function behind the page, persons opened, advice and audit included; without HTTP. People are invented.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Engine, select, update

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.tracking_fold import POSTED, posted
from songda.base.settings import load
from songda.carriers import Event
from songda.cli.drill import invented_profile
from songda.dispatch import Report, Reporter, Told, store_events
from songda.flow.courier import Viewer, unmask, worklist
from songda.flow.courier_reports import take
from songda.flow.tenants import Tenant, import_tenant
from songda.store import chunks, open_database, tables
from songda.vault import load_master_key

NOW = POSTED + timedelta(hours=40)
#: Hours after the posting, code; the last three at the office of delivery.
WAY = ((2, "203"), (8, "305"), (20, "954"), (37, "306"), (38, "713"), (39, "702"))


def fill(engine: Engine, tenant: Tenant, letters: int, offices: int) -> list[list[str]]:
    """Posts the letters and tells their ways; returns the waybills of each office."""
    waybills = [f"98{number:011d}" for number in range(letters)]
    posted(engine, waybills, tenant_id=tenant.id)
    p, lying = tables.person, [waybills[office::offices] for office in range(offices)]
    with engine.begin() as connection:
        for person_id in connection.scalars(select(p.c.id)).all():
            parts = {"province": "浙江省", "city": "杭州市", "district": "西湖区", "poi": "示例花园", "building": "2幢"}
            address = parts | {"room": "401室", "label": ["浙江省杭州市西湖区示例花园", "2幢401室"]}
            record = {"name": "柳如烟", "phones": ["13900000000"], "addresses": {f"adr_{person_id[4:]}": address}}
            sealed = tenant.key.seal(orjson.dumps(record), context=f"person:{person_id}")
            connection.execute(update(p).where(p.c.id == person_id).values(sealed=sealed))
    for part in chunks(range(letters), 1000):
        told = [
            Told(
                f"att_{number:06d}",
                Event(
                    waybill_no=waybills[number],
                    op_time=POSTED + timedelta(hours=hours),
                    op_code=code,
                    office=code_of(number % offices) if hours > 30 else "11000000",
                ),
                b"{}",
            )
            for number in part
            for hours, code in WAY
        ]
        with engine.begin() as connection:
            store_events(connection, key=tenant.key, told=told, received_at=NOW)
    return lying


def code_of(office: int) -> str:
    return f"33{office:06d}"


def timed(work: Callable[[int], Any], rounds: int) -> dict[str, float]:
    """Milliseconds of `rounds` calls: median, 95th percentile."""
    took = []
    for number in range(rounds):
        start = time.perf_counter()
        work(number)
        took.append((time.perf_counter() - start) * 1000)
    return {"median_ms": round(statistics.median(took), 1), "p95_ms": round(sorted(took)[int(rounds * 0.95)], 1)}


def measure(*, letters: int, offices: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        settings = load({}, home=Path(folder))
        engine, master = open_database(settings), load_master_key(settings, create=True)
        tenant = import_tenant(engine, master, name="t", profile_toml=invented_profile()[0], at=POSTED, actor="bench")
        lying = fill(engine, tenant, letters, offices)

        def list_(number: int) -> None:
            rows = worklist(engine, tenant, code_of(number % offices), home=settings.home, at=NOW)
            assert len(rows) == len(lying[number % offices])

        def show(number: int) -> None:
            office, waybill = number % offices, lying[number % offices][0]
            viewer = Viewer("team-1", "scanned")
            assert unmask(engine, tenant, code_of(office), waybill, home=settings.home, viewer=viewer, at=NOW)

        def report(number: int) -> None:
            office = number % offices
            said = Report(client_id=str(uuid.uuid4()), waybill_no=lying[office][1], happened_at=NOW, outcome="absent")
            reporter = Reporter("courier", code_of(office), "team-1")
            taken = take(engine, tenant, settings.home, report=said, slip=None, reporter=reporter, at=NOW)
            assert taken.status == "taken"

        figures = {
            "letters": letters,
            "items_of_an_office": letters // offices,
            "list": timed(list_, min(40, offices)),
            "one_name": timed(show, 200),
            "report": timed(report, 200),
            "python": platform.python_version(),
        }
        engine.dispose()
        return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--letters", type=int, default=20_000)
    parser.add_argument("--offices", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path("courier_list.json"))
    arguments = parser.parse_args()
    figures = measure(letters=arguments.letters, offices=arguments.offices)
    arguments.out.write_text(json.dumps(figures, ensure_ascii=False, indent=2), encoding="utf-8")
    print(json.dumps(figures, ensure_ascii=False, indent=2))


if __name__ == "__main__":
    main()
