"""How fast tracking events become outcomes: read, folded, stored sealed, settled, and folded again under another table.

    .venv/bin/python bench/tracking_fold.py [--letters 5000] [--out tracking_fold.json]

One process, one core: rates are events a second of this process's CPU time. The ways come from the stand-in's courier
(18 outcomes, late and repeated events among them), the ledger is SQLite. People are invented.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, insert

from songda.base import days
from songda.base.settings import Settings
from songda.carriers import Trace, fold, load_mapping, parse_trace
from songda.dispatch import Told, settle, shadow, store_events
from songda.sim.carrier import ShippedLetter
from songda.sim.carrier.book import Item
from songda.sim.carrier.chains import courier
from songda.sim.carrier.operations import event_object
from songda.store import open_database, tables
from songda.vault import DataKey, LocalMasterKey, new_data_key, open_data_key

TENANT = "ten_1"
POSTED = days.at(date(2026, 11, 24), 17)
OVER = POSTED + timedelta(days=30)
NAME = "柳如烟"


def answers(letters: int) -> list[tuple[str, str]]:
    """(waybill, `retBody`) of letters whose way is over."""
    found = []
    for number in range(letters):
        waybill = f"98{number:011d}"
        letter = ShippedLetter(
            waybill_no=waybill,
            order_no=f"att-{number}-1",
            name=NAME,
            mobile="13900000000",
            prov="浙江省",
            city="杭州市",
            county="西湖区",
            address=f"文一路{number % 900 + 1}号2幢3单元401室",
            handed_over_at=POSTED,
        )
        item = Item(waybill, letter.order_no, (), (), 18)
        found.append(
            (waybill, orjson.dumps({"responseItems": [event_object(item, each) for each in courier(letter)]}).decode())
        )
    return found


def posted(engine: Engine, waybills: Iterable[str], *, tenant_id: str) -> None:
    """Letters of a tenant in the carrier's hands, one a waybill."""
    with engine.begin() as connection:
        _one(
            connection,
            "batch",
            id="bat_1",
            tenant_id=tenant_id,
            file_sha256="0" * 64,
            as_of=POSTED.date(),
            state="decided",
            version=0,
            rows=0,
            figures={},
        )
        rows: dict[str, list[dict[str, Any]]] = {}
        for number, waybill in enumerate(waybills):
            for table, row in _letter(number, waybill, tenant_id):
                rows.setdefault(table, []).append(row)
        for table, some in rows.items():
            connection.execute(insert(tables.metadata.tables[table]), some)


def _letter(number: int, waybill: str, tenant_id: str) -> list[tuple[str, dict[str, Any]]]:
    no = f"{number:06d}"
    ids = {name: f"{name}_{no}" for name in ("per", "cas", "adr", "ltr", "att", "pie")}
    whose = {"tenant_id": tenant_id, "person_id": ids["per"]}
    life = {"version": 0}
    return [
        (
            "person",
            {"id": ids["per"], "tenant_id": tenant_id, "lookup": no * 10, "sealed": b"", "state": "active", **life},
        ),
        ("case", {"id": ids["cas"], **whose, "batch_id": "bat_1", "row_no": number, "lookup": no * 10, "sealed": b""}),
        (
            "address_record",
            {"id": ids["adr"], "person_id": ids["per"], "case_id": ids["cas"], "ordinal": 1, "origin": "contract"},
        ),
        (
            "letter",
            {"id": ids["ltr"], **whose, "batch_id": "bat_1", "kind": "lawyer_letter", "letter_no": f"QS2026-{no}"}
            | {"state": "active", "amount_fen": 100, "reasons": [], "flags": [], **life},
        ),
        ("letter_case", {"letter_id": ids["ltr"], "case_id": ids["cas"]}),
        (
            "attempt",
            {"id": ids["att"], "letter_id": ids["ltr"], "n": 1, "state": "posted", "address_record_id": ids["adr"]}
            | {"place": "p", "posted_on": POSTED.date(), **life},
        ),
        (
            "piece",
            {"id": ids["pie"], "attempt_id": ids["att"], "copy": 1, "state": "handed_over", "waybill_no": waybill}
            | {"order_no": f"{ids['att']}-1", **life},
        ),
        (
            "transition",
            {"object": "piece", "object_id": ids["pie"], "source": "enveloped", "target": "handed_over", "version": 1}
            | {"actor": "dispatch", "reason": "handed_over", "at": POSTED},
        ),
    ]


def _one(connection: Connection, table: str, **row: Any) -> None:
    connection.execute(insert(tables.metadata.tables[table]), row)


def measured(work: Callable[[], Any]) -> tuple[Any, float]:
    """Result, and seconds of this process's CPU."""
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def measure(letters: int) -> dict[str, Any]:
    texts, mapping = answers(letters), load_mapping()
    traces, read_s = measured(
        lambda: [parse_trace(text, waybill_no=waybill, addressee=NAME) for waybill, text in texts]
    )
    events = sum(len(trace.events) for trace in traces)
    _, fold_s = measured(
        lambda: [
            fold(trace.events, mapping=mapping, handed_over_at=POSTED, as_of=OVER, address_basis="contract")
            for trace in traces
        ]
    )
    with tempfile.TemporaryDirectory(prefix="songda-bench-") as folder:
        engine = open_database(_settings(Path(folder)))
        with engine.begin() as connection:
            _one(connection, "tenant", id=TENANT, name="t", data_key=b"", created_at=POSTED)
        posted(engine, (waybill for waybill, _ in texts), tenant_id=TENANT)
        _, store_s = measured(lambda: _store(engine, traces))
        settled, settle_s = measured(lambda: settle(engine, tenant_id=TENANT, at=OVER))
        newer = replace(mapping, version="bench-2")
        refolded, replay_s = measured(lambda: settle(engine, tenant_id=TENANT, at=OVER, mapping=newer))
        changes, shadow_s = measured(
            lambda: list(shadow(engine, tenant_id=TENANT, mapping=mapping, other=newer, at=OVER))
        )
        engine.dispose()
    assert settled.folded == letters
    assert refolded.folded == letters
    assert changes == []
    return {
        "letters": letters,
        "events": events,
        "events_read_per_s": round(events / read_s),
        "events_folded_per_s": round(events / fold_s),
        "events_stored_sealed_per_s": round(events / store_s),
        "events_settled_per_s": round(events / settle_s),
        "events_replayed_per_s": round(events / replay_s),
        "events_shadowed_per_s": round(events / shadow_s),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def _store(engine: Engine, traces: list[Trace], chunk: int = 500) -> None:
    key = _key()
    for first in range(0, len(traces), chunk):
        told = [
            Told(f"att_{first + n:06d}", event, words)
            for n, trace in enumerate(traces[first : first + chunk])
            for event, words in zip(trace.events, trace.words, strict=True)
        ]
        with engine.begin() as connection:
            store_events(connection, key=key, told=told, received_at=OVER)


def _key() -> DataKey:
    master = LocalMasterKey(bytes(range(32)))
    return open_data_key(master, new_data_key(master))


def _settings(home: Path) -> Settings:
    url = f"sqlite:///{home / 'songda.db'}"
    return Settings(home=home, database_url=url, master_key=None, master_key_file=home / "key", workers=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--letters", type=int, default=5000)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    figures = measure(arguments.letters)
    for name, value in figures.items():
        print(f"{name:28} {value:>12}")
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
