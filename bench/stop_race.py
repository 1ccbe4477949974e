"""Letters on their way into a print run, and the two who race for them: whoever stops a letter, and whoever locks its run.

    .venv/bin/python bench/stop_race.py [--letters 10000] [--seed 1] [--out stop_race.json]

Each letter has an interleaving of its own, drawn at random: the stop comes before the lock reads its run, between that and
its commit, or after it. Exactly one of the two must win: a withdrawn letter is in no locked run, and one that was locked
first is recalled with its piece. The stop is songda.dispatch's own; the lock is the last transaction of songda.flow.press.
Prints what became of the letters; exits with 1 when one was lost or won twice.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import sys
import time
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, insert, select, update
from sqlalchemy.pool import StaticPool

from songda.base import days
from songda.dispatch import Answer, lock_attempts
from songda.dispatch.stopping import stop_letters
from songda.store import Conflict, move, tables

TENANT, BATCH = "ten_1", "bat_1"
NOON = days.at(date(2026, 11, 24), 12)
#: Where the stop may come.
MOMENTS = ("before the lock reads", "between its reading and its commit", "after its commit")


def sealed_letters(engine: Engine, count: int) -> list[str]:
    """`count` letters whose sealed attempt has a queued piece in an open run of its own; returns their numbers."""
    numbers = [f"{n:05d}" for n in range(count)]
    life = {"version": 0}
    rows: list[tuple[Any, list[dict[str, Any]]]] = [
        (tables.tenant, [{"id": TENANT, "name": "t", "data_key": b"", "created_at": NOON}]),
        (
            tables.batch,
            [life | {"id": BATCH, "tenant_id": TENANT, "file_sha256": "0", "as_of": NOON.date(), "state": "decided"}],
        ),
        (
            tables.person,
            [life | {"id": "per_1", "tenant_id": TENANT, "lookup": "0", "sealed": b"", "state": "active"}],
        ),
        (
            tables.case,
            [
                {"id": "cas_1", "tenant_id": TENANT, "batch_id": BATCH, "person_id": "per_1", "row_no": 1}
                | {"lookup": "0", "sealed": b""}
            ],
        ),
        (tables.address_record, [{"id": "adr_1", "person_id": "per_1", "case_id": "cas_1", "ordinal": 1}]),
        (
            tables.letter,
            [
                life
                | {"id": f"ltr_{no}", "tenant_id": TENANT, "batch_id": BATCH, "person_id": "per_1", "amount_fen": 1}
                | {"kind": "lawyer_letter", "state": "active"}
                for no in numbers
            ],
        ),
        (
            tables.run,
            [
                life
                | {"id": f"run_{no}", "tenant_id": TENANT, "batch_id": BATCH, "number": int(no), "day": NOON.date()}
                | {"state": "open", "pieces": 0}
                for no in numbers
            ],
        ),
        (
            tables.attempt,
            [
                life
                | {"id": f"att_{no}", "letter_id": f"ltr_{no}", "n": 1, "state": "sealed", "place": "p"}
                | {"address_record_id": "adr_1"}
                for no in numbers
            ],
        ),
        (
            tables.piece,
            [
                life
                | {"id": f"pce_{no}", "attempt_id": f"att_{no}", "run_id": f"run_{no}", "copy": 1, "seq": 1}
                | {"state": "queued", "order_no": no}
                for no in numbers
            ],
        ),
    ]
    with engine.begin() as connection:
        for table, values in rows:
            connection.execute(insert(table), values)
    return numbers


def read_run(connection: Connection, no: str) -> Any:
    """What the lock decides on: the piece while it is queued, its attempt and run with their versions."""
    p, n, r = tables.piece.c, tables.attempt.c, tables.run.c
    query = (
        select(
            p.id, n.id.label("attempt_id"), n.version.label("attempt_version"), n.state, r.version, r.id.label("run")
        )
        .join(tables.attempt, n.id == p.attempt_id)
        .join(tables.run, r.id == p.run_id)
        .where(p.id == f"pce_{no}", p.state == "queued")
    )
    return connection.execute(query).first()


def lock(engine: Engine, seen: Any) -> bool:
    """Locks the run as it was read; False: somebody was faster."""
    p = tables.piece.c
    try:
        with engine.begin() as connection:
            lock_attempts(connection, [seen.attempt_id])
            still = update(tables.piece).where(p.id == seen.id, p.state == "queued").values(print_sha256="0")
            if connection.execute(still).rowcount != 1:
                raise Conflict(object="piece", count=1)
            for object, row, source in (
                ("attempt", (seen.attempt_id, seen.attempt_version), "sealed"),
                ("run", (seen.run, seen.version), "open"),
            ):
                move(
                    connection,
                    object,
                    [row],
                    source=source,
                    target="locked",
                    actor="production",
                    reason="manifest_fixed",
                    at=NOON,
                )
    except Conflict:
        return False
    return True


def stop(engine: Engine, no: str) -> Answer:
    letter = f"ltr_{no}"
    return stop_letters(engine, [letter], reason="stop:paid", order="stp_1", at=NOON, actor="operator")[letter]


def standing(connection: Connection, no: str) -> tuple[str, str, str, str]:
    """States of letter, attempt, piece and run."""
    t, n, p, r = (each.c for each in (tables.letter, tables.attempt, tables.piece, tables.run))
    query = (
        select(t.state, n.state, p.state, r.state)
        .join(tables.attempt, n.letter_id == t.id)
        .join(tables.piece, p.attempt_id == n.id)
        .join(tables.run, r.id == p.run_id)
        .where(t.id == f"ltr_{no}")
    )
    row = connection.execute(query).one()
    return row[0], row[1], row[2], row[3]


def race(engine: Engine, no: str, moment: str) -> tuple[str, bool]:
    """Stops and locks one letter in that order; returns the stop's answer and whether the lock won."""
    answer = stop(engine, no) if moment == MOMENTS[0] else None
    with engine.connect() as connection:
        seen = read_run(connection, no)
    if moment == MOMENTS[1]:
        answer = stop(engine, no)
    locked = seen is not None and lock(engine, seen)
    if answer is None:
        answer = stop(engine, no)
    return answer.outcome, locked


def fault(outcome: str, locked: bool, states: tuple[str, str, str, str]) -> bool:
    """Whether not exactly one has won: the letter is out of the run, or it was in and is recalled."""
    if locked:
        return (outcome, states) != ("recalled", ("withdrawn", "recalled", "pulled", "locked"))
    return (outcome, states) != ("withdrawn", ("withdrawn", "dropped", "pulled", "open"))


def measure(*, letters: int, seed: int) -> dict[str, Any]:
    """The figures of so many races in a database in memory."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    tables.metadata.create_all(engine)
    draw, results, faults = random.Random(seed), Counter[str](), 0
    numbers = sealed_letters(engine, letters)
    began = time.perf_counter()
    for no in numbers:
        outcome, locked = race(engine, no, draw.choice(MOMENTS))
        results["the lock won, recalled" if locked else "the stop won, withdrawn"] += 1
        with engine.connect() as connection:
            faults += fault(outcome, locked, standing(connection, no))
    seconds = time.perf_counter() - began
    return {"letters": letters, "seed": seed, "faults": faults, "seconds": round(seconds, 1)} | {
        "results": dict(results)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--letters", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    figures = measure(letters=chosen.letters, seed=chosen.seed)
    figures |= {"python": platform.python_version(), "machine": platform.machine()}
    for name, value in figures.items():
        print(f"{name:>10}  {value}")
    if chosen.out is not None:
        chosen.out.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    sys.exit(1 if figures["faults"] else 0)


if __name__ == "__main__":
    main()
