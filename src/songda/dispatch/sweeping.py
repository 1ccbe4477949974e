"""The sweepers: what waits longer than its life allows becomes a task, or ends.

    swept = sweep(engine, tenant_id=tenant, at=now)
    swept.overdue, swept.held, swept.not_sent

How long is too long stands in the tables of life (songda.store.machines); letters in the carrier's hands are settling's.
Idempotent: who asks twice moves once, and a task goes away with its cause.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, func, literal, select

from songda.base.days import business_day
from songda.dispatch import tasks
from songda.dispatch.deadlines import over
from songda.dispatch.instants import read
from songda.store import Wait, chunks, machine, move, tables, wait

ACTOR = "timer"

_l, _a, _r, _t, _k, _d = (
    t.c for t in (tables.letter, tables.attempt, tables.run, tables.transition, tables.task, tables.decision)
)
#: Things that may wait, with their tenant.
_WAITING: dict[str, Select[Any]] = {
    "letter": select(_l.id, _l.version, _l.state, _l.tenant_id.label("tenant_id")),
    "attempt": select(_a.id, _a.version, _a.state, _l.tenant_id.label("tenant_id")).join(
        tables.letter, _l.id == _a.letter_id
    ),
    "run": select(_r.id, _r.version, _r.state, _r.tenant_id.label("tenant_id")),
}
#: How letters go on to which nobody came: target → reason.
_ENDS = {"held": "lawyer_deadline", "not_sent": "hold_deadline"}

#: (id, version, since when it stands in its state).
_Row = tuple[str, int, datetime]


@dataclass(frozen=True, slots=True)
class Swept:
    #: Things about which a person has a task because they wait too long.
    overdue: int
    #: Letters to which no lawyer came, and held letters that nobody released.
    held: int
    not_sent: int


def sweep(engine: Engine, *, tenant_id: str, at: datetime) -> Swept:
    """Looks at everything of the tenant that stands in a state with a deadline."""
    counts: Counter[str] = Counter()
    for object in _WAITING:
        for state in machine(object).states:
            waits = [each for each in machine(object).waits if each.state == state and _is_ours(object, each)]
            if waits:
                counts += _sweep(engine, object, waits, tenant_id, at=at)
        with engine.begin() as connection:
            _forget(connection, object, tenant_id, at=at)
    return Swept(overdue=counts["task"], held=counts["held"], not_sent=counts["not_sent"])


def _is_ours(object: str, wait: Wait) -> bool:
    return wait.then == "task" or (object == "letter" and wait.then in _ENDS)


def _sweep(engine: Engine, object: str, waits: Sequence[Wait], tenant_id: str, *, at: datetime) -> Counter[str]:
    with engine.connect() as connection:
        rows = _waiting(connection, object, waits[0].state, tenant_id)
    counts: Counter[str] = Counter()
    for part in chunks(rows, 1000):
        with engine.begin() as connection:
            ended = _end(connection, [each for each in waits if each.then in _ENDS], part, at=at)
            patient = _put_off(connection, [id_ for id_, *_ in part], at=at) if waits[0].state == "approved" else {}
            for each in waits:
                if each.then == "task":
                    late = [
                        id_ for id_, _, since in part if id_ not in ended and over(patient.get(id_, each), since, at=at)
                    ]
                    reasons = dict.fromkeys(late, f"{object}:{each.state}")
                    tasks.keep_tasks(
                        connection, tasks.OVERDUE, reasons, among=[id_ for id_, *_ in part], actor=ACTOR, at=at
                    )
                    counts["task"] += len(late)
            counts += Counter(ended.values())
    return counts


def _waiting(connection: Connection, object: str, state: str, tenant_id: str) -> list[_Row]:
    """What stands in the state and came into it by a change: what was only made waits for nobody."""
    query = _WAITING[object].subquery()
    rows = connection.execute(
        select(query.c.id, query.c.version, func.max(_t.at))
        .join(tables.transition, (_t.object_id == query.c.id) & (_t.target == state))
        .where(query.c.state == state, query.c.tenant_id == tenant_id)
        .group_by(query.c.id, query.c.version)
        .order_by(query.c.id)
    )
    return [(row[0], row[1], read(row[2])) for row in rows.all()]


def _put_off(connection: Connection, letter_ids: Sequence[str], *, at: datetime) -> dict[str, Wait]:
    """Approved letters for which the last plan of a day had no room: they wait as long as for a day of their own."""
    planned = select(func.max(_d.on_day)).where(_d.stage == "slot", _d.on_day <= business_day(at)).scalar_subquery()
    query = select(_d.object_id).where(
        _d.stage == "slot", _d.outcome == "later", _d.on_day == planned, _d.object_id.in_(letter_ids)
    )
    return dict.fromkeys(connection.scalars(query), wait("attempt", "scheduled"))


def _end(connection: Connection, waits: Sequence[Wait], rows: Sequence[_Row], *, at: datetime) -> dict[str, str]:
    """Moves letters on; letter id → where it went."""
    ended: dict[str, str] = {}
    for each in waits:
        reason = _ENDS[each.then]
        due = [(id_, version) for id_, version, since in rows if over(each, since, at=at)]
        # A letter that ends keeps the reasons for which it was held.
        values = [{"reasons": [reason]}] * len(due) if each.then == "held" else ()
        move(
            connection,
            "letter",
            due,
            source=each.state,
            target=each.then,
            actor=ACTOR,
            reason=reason,
            at=at,
            values=values,
        )
        ended |= {id_: each.then for id_, _ in due}
    return ended


def _forget(connection: Connection, object: str, tenant_id: str, *, at: datetime) -> None:
    """Drops the tasks about things that have left the state in which they were late."""
    query = _WAITING[object].subquery()
    moved_on = (
        select(query.c.id)
        .join(tables.task, (_k.object_id == query.c.id) & (_k.kind == tasks.OVERDUE) & (_k.state == "open"))
        .where(query.c.tenant_id == tenant_id, _k.reason != literal(f"{object}:") + query.c.state)
    )
    gone = list(connection.scalars(moved_on))
    tasks.keep_tasks(connection, tasks.OVERDUE, {}, among=gone, actor=ACTOR, at=at)
