"""Which letters of all tenants are printed today.

    going = plan_day(engine, plan, on=day, at=now)          # ids of letters and attempts that have a slot of the day

A slot is given once a day and kept, so that a run that was cut off goes on with the same letters; every letter's slot, or the
reason why it has none, is a decision of the stage "slot". Drills take no place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Engine, literal, select, text

from songda.base import ids
from songda.flow.facts import LIMITATION_YEARS
from songda.flow.plan import Plan, capacity_on, shut
from songda.planning import LANES, SLOT_VERSION, Used, Waiting
from songda.planning import plan as deal
from songda.store import chunks, insert_missing, tables

STAGE, TODAY, LATER = "slot", "today", "later"

_t, _n, _r, _b, _d = (
    each.c for each in (tables.letter, tables.attempt, tables.address_record, tables.batch, tables.decision)
)


def plan_day(engine: Engine, plan: Plan, *, on: date, at: datetime) -> frozenset[str]:
    """Gives the slots of the day to what waits in all tenants, and returns whoever has one: letters on their first way by
    their own ids, further attempts by theirs.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(7315414)"))
        given = _given(connection, on)
        waiting = [each for each in _waiting(connection) if each.id not in given]
        why = shut(plan, on=on, at=at)
        if why is not None:
            later = [(each.id, LATER, why) for each in waiting]
            _write(connection, later, on=on, inputs=why)
            return frozenset(given)
        names = {row.name: row.id for row in connection.execute(select(tables.tenant.c.name, tables.tenant.c.id))}
        capacity = capacity_on(plan, on, names)
        used = [*given.values(), *_left_over(connection, given)]
        slots = deal(waiting, capacity, on=on, used=used)
        rows = [(slot.id, TODAY if slot.today else LATER, slot.reason) for slot in slots]
        _write(connection, rows, on=on, inputs=repr((capacity, sorted(waiting), sorted(used))))
    return frozenset(given) | {slot.id for slot in slots if slot.today}


@dataclass(frozen=True, slots=True)
class Tally:
    tenant: str
    outcome: str
    reason: str
    letters: int


def tallies(engine: Engine, on: date) -> list[Tally]:
    """How many letters of each tenant got a slot of the day, or none, and why."""
    with engine.connect() as connection:
        rows = _decisions(connection, on)
        places = _places(connection, [row.object_id for row in rows])
        names = {row.id: row.name for row in connection.execute(select(tables.tenant.c.id, tables.tenant.c.name))}
    today = {row.object_id for row in rows if row.outcome == TODAY}
    counted: dict[tuple[str, str, str], int] = {}
    for row in rows:
        if row.outcome == LATER and row.object_id in today:
            continue
        key = (names[places[row.object_id][0]], row.outcome, row.reasons[0])
        counted[key] = counted.get(key, 0) + 1
    return [Tally(*key, letters) for key, letters in sorted(counted.items())]


def _waiting(connection: Connection) -> list[Waiting]:
    """Approved letters, and further attempts that wait, of all tenants."""
    approved = (
        select(_t.id, _t.id.label("letter_id"), _t.tenant_id, _r.adcode, tables.approval.c.day, literal(1).label("n"))
        .join(tables.address_record, _r.id == _t.address_record_id)
        .where(_t.state == "approved")
    )
    further = (
        select(_n.id, _t.id.label("letter_id"), _t.tenant_id, _r.adcode, tables.approval.c.day, _n.n)
        .select_from(tables.attempt)
        .join(tables.letter, _t.id == _n.letter_id)
        .join(tables.address_record, _r.id == _n.address_record_id)
        .where(_t.state == "active", _n.state == "planned")
    )
    rows = [
        row
        for query in (approved, further)
        for row in connection.execute(
            query.join(tables.approval, tables.approval.c.id == _t.approval_id)
            .join(tables.batch, _b.id == _t.batch_id)
            .where(_b.drill.is_(False))
        ).all()
    ]
    ends = _limitations(connection, [row.letter_id for row in rows])
    return [
        Waiting(row.id, row.tenant_id, (row.adcode or "")[:2], row.day, ends.get(row.letter_id), row.n) for row in rows
    ]


def _limitations(connection: Connection, letters: Sequence[str]) -> dict[str, date]:
    """Letter → day on which the limitation of the first of its claims ends, as the rules reckon it."""
    c, lc = tables.case.c, tables.letter_case.c
    ends: dict[str, date] = {}
    for part in chunks(sorted(set(letters))):
        query = (
            select(lc.letter_id, c.limitation_event_on, c.due_on, c.overdue_since)
            .join(tables.case, c.id == lc.case_id)
            .where(lc.letter_id.in_(part))
        )
        for letter, *days in connection.execute(query):
            if known := [day for day in days if day is not None]:
                end = _years_later(max(known), LIMITATION_YEARS)
                ends[letter] = min(end, ends.get(letter, end))
    return ends


def _years_later(day: date, years: int) -> date:
    leap_day = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year + years, day=28 if leap_day else day.day)


def _decisions(connection: Connection, on: date) -> Sequence[Any]:
    query = select(_d.object_id, _d.outcome, _d.reasons).where(_d.stage == STAGE, _d.on_day == on)
    return connection.execute(query.order_by(_d.object_id)).all()


def _given(connection: Connection, on: date) -> dict[str, Used]:
    """Slots of the day that stand."""
    rows = [row for row in _decisions(connection, on) if row.outcome == TODAY]
    places = _places(connection, [row.object_id for row in rows])
    return {row.object_id: Used(*places[row.object_id], row.reasons[0]) for row in rows}


def _left_over(connection: Connection, given: Mapping[str, Used]) -> list[Used]:
    """Rendered on an earlier day and in no run yet: they are printed with today's."""
    query = (
        select(_n.id, _n.letter_id, _t.tenant_id, _r.adcode)
        .join(tables.letter, _t.id == _n.letter_id)
        .join(tables.batch, _b.id == _t.batch_id)
        .join(tables.address_record, _r.id == _n.address_record_id)
        .outerjoin(tables.piece, tables.piece.c.attempt_id == _n.id)
        .where(_n.state == "sealed", tables.piece.c.id.is_(None), _b.drill.is_(False))
    )
    return [
        Used(row.tenant_id, (row.adcode or "")[:2], LANES[-1])
        for row in connection.execute(query)
        if not given.keys() & {row.id, row.letter_id}
    ]


def _places(connection: Connection, objects: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Letter or attempt → (tenant, province)."""
    letters = select(_t.id, _t.tenant_id, _r.adcode).join(tables.address_record, _r.id == _t.address_record_id)
    attempts = (
        select(_n.id, _t.tenant_id, _r.adcode)
        .select_from(tables.attempt)
        .join(tables.letter, _t.id == _n.letter_id)
        .join(tables.address_record, _r.id == _n.address_record_id)
    )
    return {
        row.id: (row.tenant_id, (row.adcode or "")[:2])
        for query, key in ((letters, _t.id), (attempts, _n.id))
        for part in chunks(sorted(objects))
        for row in connection.execute(query.where(key.in_(part)))
    }


def _write(connection: Connection, rows: Sequence[tuple[str, str, str]], *, on: date, inputs: str) -> None:
    digest = sha256(inputs.encode()).hexdigest()
    insert_missing(
        connection,
        tables.decision,
        [
            {
                # Ids of letters and attempts are secret already: no tenant's key is needed to hide the decision's.
                "id": ids.derive("dec", on, object_id.encode(), STAGE, outcome),
                "object_id": object_id,
                "stage": STAGE,
                "outcome": outcome,
                "inputs_sha256": digest,
                "versions": {"slots": SLOT_VERSION},
                "reasons": [reason],
                "on_day": on,
            }
            for object_id, outcome, reason in rows
        ],
    )
