"""Attempts in the carrier's hands as they stand, and which of them have to be folded again.

An attempt is folded when there is news of it or a deadline has come (`look_at`); of the others nothing is read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, bindparam, func, or_, select, update

from songda.base import days
from songda.base.days import add_days, business_day
from songda.carriers import Outcome
from songda.dispatch.deadlines import Deadlines, quiet_from
from songda.dispatch.facts import lock_attempts
from songda.dispatch.folding import Basis
from songda.dispatch.followed import UNDER_WAY, settled_since
from songda.dispatch.instants import read, stored
from songda.dispatch.outcomes import Said, last_said
from songda.dispatch.stopping import STOP_REQUESTED
from songda.store import tables

_p, _a, _l, _t = (t.c for t in (tables.piece, tables.attempt, tables.letter, tables.transition))


@dataclass(frozen=True, slots=True)
class Attempt:
    id: str
    version: int
    state: str
    letter_id: str
    grade: str | None
    #: Whether its letter must not be tried again.
    stopped: bool
    said: Said | None


def due(connection: Connection, tenant_id: str, *, at: datetime) -> list[str]:
    """Ids of the attempts that are to be looked at by now, in their order."""
    query = select(_a.id).join(tables.letter, _l.id == _a.letter_id)
    return list(connection.scalars(query.where(_l.tenant_id == tenant_id, _a.look_at <= stored(at)).order_by(_a.id)))


def in_hand(connection: Connection, tenant_id: str, *, at: datetime, deadlines: Deadlines) -> list[str]:
    """Ids of the attempts whose outcome may still change: under way, or settled within the revision window."""
    recent = _a.id.in_(settled_since(at, days=deadlines.revision_days))
    query = (
        select(_a.id)
        .join(tables.letter, _l.id == _a.letter_id)
        .where(_l.tenant_id == tenant_id, or_(_a.state.in_(UNDER_WAY), _replaced(), (_a.state == "settled") & recent))
        .order_by(_a.id)
    )
    return list(connection.scalars(query))


def note_looked(connection: Connection, looks: Mapping[str, datetime | None]) -> None:
    """Writes down from when on each attempt is to be looked at again; None: not before there is news."""
    rows = [{"the_id": attempt_id, "new": None if at is None else stored(at)} for attempt_id, at in looks.items()]
    if rows:
        statement = update(tables.attempt).where(_a.id == bindparam("the_id")).values(look_at=bindparam("new"))
        connection.execute(statement, rows)


def next_look(
    state: str,
    outcome: Outcome,
    *,
    posted_at: datetime,
    silent_since: datetime | None,
    in_doubt: bool,
    at: datetime,
    deadlines: Deadlines,
) -> datetime | None:
    """When an attempt that stands in `state` since a fold at `at` has to be looked at again, if nothing is told before.

    One whose outcome is `in_doubt` waits for a person, whose word is news.
    """
    tomorrow = add_days(business_day(at), 1)
    day: date | None = None
    if state in ("posted", "carried"):
        day = quiet_from(outcome.last_event_at, posted_at=posted_at, deadlines=deadlines) or tomorrow
    elif state == "silent":
        day = add_days(business_day(silent_since or at), deadlines.silent_days)
    elif state == "reported" and not in_doubt:
        wait = deadlines.days_to_settle(outcome.state)
        day = tomorrow if outcome.at is None else add_days(business_day(outcome.at), wait)
    if outcome.parked:
        # Events that cannot be true yet may come true by waiting.
        day = min(day or tomorrow, tomorrow)
    return None if day is None else days.at(max(day, tomorrow), 0)


def read_attempts(connection: Connection, ids: Sequence[str], *, at: datetime, deadlines: Deadlines) -> list[Attempt]:
    """Those of the attempts whose outcome may still change, held until the transaction ends."""
    lock_attempts(connection, ids)
    query = select(_a.id, _a.version, _a.state, _a.letter_id, _a.grade, _l.flags)
    query = query.join(tables.letter, _l.id == _a.letter_id)
    live = or_(_a.state.in_((*UNDER_WAY, "settled")), _replaced())
    rows = connection.execute(query.where(_a.id.in_(ids), live).order_by(_a.id)).all()
    over = [row.id for row in rows if row.state == "settled"]
    open_still = set(connection.scalars(settled_since(at, days=deadlines.revision_days).where(_t.object_id.in_(over))))
    said = last_said(connection, [row.id for row in rows])
    return [
        Attempt(
            id=row.id,
            version=row.version,
            state=row.state,
            letter_id=row.letter_id,
            grade=row.grade,
            stopped=STOP_REQUESTED in row.flags,
            said=said.get(row.id),
        )
        for row in rows
        if row.state != "settled" or row.id in open_still
    ]


def _replaced() -> ColumnElement[bool]:
    """Attempts whose lost piece gets a replacement: it may turn up all the same."""
    return (_a.state == "locked") & _a.posted_on.is_not(None)


def handed_over(connection: Connection, ids: Sequence[str]) -> dict[str, dict[str, datetime]]:
    """Attempt → waybill → instant of the hand-over."""
    query = (
        select(_p.attempt_id, _p.waybill_no, _t.at)
        .join(tables.transition, (_t.object_id == _p.id) & (_t.target == "handed_over"))
        .where(_p.attempt_id.in_(ids), _p.state == "handed_over", _p.waybill_no.is_not(None))
    )
    found: dict[str, dict[str, datetime]] = defaultdict(dict)
    for attempt_id, waybill_no, instant in connection.execute(query):
        found[attempt_id][waybill_no] = read(instant)
    return found


def silent_since(connection: Connection, ids: Sequence[str]) -> dict[str, datetime]:
    """Attempt → instant at which it became silent last."""
    query = (
        select(_t.object_id, func.max(_t.at)).where(_t.object_id.in_(ids), _t.target == "silent").group_by(_t.object_id)
    )
    return {row[0]: read(row[1]) for row in connection.execute(query)}


def read_bases(connection: Connection, ids: Sequence[str], handed: dict[str, dict[str, datetime]]) -> dict[str, Basis]:
    """What the grades of the attempts depend on besides their facts."""
    record, link, case = tables.address_record, tables.letter_case, tables.case
    origins = select(_a.id, record.c.origin).join(record, record.c.id == _a.address_record_id).where(_a.id.in_(ids))
    product_of = (
        select(_a.id, func.min(case.c.product), func.max(case.c.product), func.count(), func.count(case.c.product))
        .join(link, link.c.letter_id == _a.letter_id)
        .join(case, case.c.id == link.c.case_id)
        .where(_a.id.in_(ids))
        .group_by(_a.id)
    )
    products = {
        row[0]: row[1] if row[1] == row[2] and row[3] == row[4] else None for row in connection.execute(product_of)
    }
    return {row[0]: Basis(handed.get(row[0], {}), row[1], products.get(row[0])) for row in connection.execute(origins)}
