"""What lies at a delivery office: the items whose way has led there and is not at its end.

    for item in items_at(connection, tenant_id, "31000100", at=now):
        item.waybill_no, item.state, item.tries

An item is at the office that its last event with an office names. It leaves the list with its outcome: signed, refused,
left in a locker, on its way back, gone on to another office.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from songda.base.days import business_day
from songda.carriers import Event, fold, load_mapping, meaning
from songda.carriers import Mapping as Codes
from songda.dispatch.courier_advice import Try, part_of_week
from songda.dispatch.facts import Fact, read_facts
from songda.dispatch.followed import UNDER_WAY
from songda.dispatch.instants import stored
from songda.dispatch.standing import handed_over
from songda.dispatch.stopping import STOP_REQUESTED
from songda.store import chunks, tables

#: Days for which an item may lie at an office: a carrier keeps it no longer than that.
DAYS = 30
_THERE = frozenset({"at_office", "out_for_delivery", "tried_failed"})
_HELD = "held_for_collection"

_f, _a, _l, _p = (t.c for t in (tables.fact, tables.attempt, tables.letter, tables.piece))


@dataclass(frozen=True, slots=True)
class Item:
    waybill_no: str
    attempt_id: str
    person_id: str
    address_record_id: str
    #: Kind of the letter.
    kind: str
    #: at_office | out_for_delivery | tried_failed | stored (for collection).
    state: str
    office_name: str
    #: When it was first told of at this office.
    since: datetime
    #: Visits in vain to this place, of this letter and of earlier ones, oldest first.
    tries: tuple[Try, ...]
    stopped: bool


class Reached(NamedTuple):
    office: str
    name: str
    #: Under way that have come there, whether or not they still lie there.
    letters: int


def items_at(
    connection: Connection,
    tenant_id: str,
    office: str,
    *,
    at: datetime,
    mapping: Codes | None = None,
    waybill_no: str | None = None,
) -> list[Item]:
    """The tenant's items that lie at `office` (8-digit code) at the instant `at`, or the one of that waybill if it does; by
    the number of their waybill.
    """
    codes = mapping or load_mapping()
    recent = _f.op_time >= stored(at - timedelta(days=DAYS))
    query = (
        select(_a.id, _a.place, _a.address_record_id, _l.person_id, _l.kind, _l.flags)
        .join(tables.letter, _l.id == _a.letter_id)
        .where(_l.tenant_id == tenant_id, _a.state.in_(UNDER_WAY))
        .where(_a.id.in_(select(_f.attempt_id).where(_f.office == office, recent)))
    )
    if waybill_no is not None:
        query = query.join(tables.piece, _p.attempt_id == _a.id).where(_p.waybill_no == waybill_no)
    attempts = {row.id: row for row in connection.execute(query)}
    facts, handed = read_facts(connection, sorted(attempts)), handed_over(connection, sorted(attempts))
    there = [
        (row, waybill, events, outcome)
        for row in attempts.values()
        for waybill, events in _by_waybill(facts[row.id]).items()
        if (posted := handed.get(row.id, {}).get(waybill)) is not None and _last_office(events) == office
        for outcome in (fold(events, mapping=codes, handed_over_at=posted, as_of=at),)
        if outcome.state in _THERE or outcome.fact == _HELD
    ]
    tries = _tries(connection, [row for row, *_ in there], facts, codes)
    items = [
        Item(
            waybill_no=waybill,
            attempt_id=row.id,
            person_id=row.person_id,
            address_record_id=row.address_record_id,
            kind=row.kind,
            state=outcome.state,
            office_name=next((e.office_name for e in reversed(events) if e.office == office and e.office_name), ""),
            since=min(event.op_time for event in events if event.office == office),
            tries=tries[row.id],
            stopped=STOP_REQUESTED in row.flags,
        )
        for row, waybill, events, outcome in there
    ]
    return sorted(items, key=lambda item: item.waybill_no)


def offices_reached(
    connection: Connection, tenant_id: str, *, at: datetime, mapping: Codes | None = None
) -> list[Reached]:
    """The offices to which the tenant's letters under way have come for delivery of late, by their codes."""
    codes = mapping or load_mapping()
    delivery = {code for (code, _), rows in codes.codes.items() for row in rows if row.fact in {*_THERE, _HELD}}
    query = (
        select(_f.office, func.max(_f.event["office_name"].as_string()), func.count(_a.id.distinct()))
        .join(tables.attempt, _a.id == _f.attempt_id)
        .join(tables.letter, _l.id == _a.letter_id)
        .where(_l.tenant_id == tenant_id, _a.state.in_(UNDER_WAY), _f.office.is_not(None))
        .where(_f.op_time >= stored(at - timedelta(days=DAYS)))
        .where(_f.event["op_code"].as_string().in_(sorted(delivery)))
        .group_by(_f.office)
        .order_by(_f.office)
    )
    return [Reached(office, name or "", letters) for office, name, letters in connection.execute(query)]


def has_lain_at(connection: Connection, tenant_id: str, office: str, waybill_no: str, *, at: datetime) -> Any | None:
    """The row of the attempt (id, person_id) whose item has come to `office` of late, whatever became of it since."""
    query = (
        select(_a.id, _l.person_id, func.min(_f.op_time).label("since"))
        .join(tables.piece, _p.attempt_id == _a.id)
        .join(tables.letter, _l.id == _a.letter_id)
        .join(tables.fact, _f.attempt_id == _a.id)
        .where(_l.tenant_id == tenant_id, _p.waybill_no == waybill_no, _p.state == "handed_over", _f.office == office)
        .where(_f.op_time >= stored(at - timedelta(days=DAYS)))
        .group_by(_a.id, _l.person_id)
    )
    return connection.execute(query).first()


def _by_waybill(facts: Iterable[Fact]) -> dict[str, list[Event]]:
    """Events in the order in which they happened."""
    found: dict[str, list[Event]] = defaultdict(list)
    for fact in sorted(facts, key=lambda fact: (fact.event.op_time, fact.event.arrival)):
        found[fact.event.waybill_no].append(fact.event)
    return found


def _last_office(events: Sequence[Event]) -> str:
    """By the carrier's own events: a late report from an office that has sent the item on does not call it back."""
    return next((event.office for event in reversed(events) if event.office and ":" not in event.op_code), "")


def _tries(
    connection: Connection, rows: Sequence[Any], facts: Mapping[str, Sequence[Fact]], codes: Codes
) -> dict[str, tuple[Try, ...]]:
    """Attempt → visits in vain to its place: its own, and those of other letters to the same person there."""
    there: dict[tuple[str, str], set[str]] = {(row.person_id, row.place): {row.id} for row in rows}
    for part in chunks(sorted({row.person_id for row in rows})):
        query = select(_a.id, _a.place, _l.person_id).join(tables.letter, _l.id == _a.letter_id)
        for other in connection.execute(query.where(_l.person_id.in_(part), _a.posted_on.is_not(None))):
            if (other.person_id, other.place) in there:
                there[other.person_id, other.place].add(other.id)
    told = {**read_facts(connection, sorted(set().union(*there.values()) - facts.keys())), **facts}
    return {
        row.id: _visits(
            [fact.event for each in there[row.person_id, row.place] for fact in told.get(each, ())],
            codes,
        )
        for row in rows
    }


def _visits(events: Iterable[Event], codes: Codes) -> tuple[Try, ...]:
    """Failed tries, one a day and part of it: the carrier and the team may tell of the same one."""
    visits: dict[Any, Try] = {}
    for event in sorted(events, key=lambda event: (event.op_time, event.arrival)):
        code = meaning(event, codes)
        if code is not None and code.fact == "tried_failed":
            when = business_day(event.op_time), part_of_week(event.op_time)
            visits.setdefault(when, Try(event.op_time, code.address_signal))
    return tuple(visits.values())
