"""Attempts in the carrier's hands as they stand, and which of them have to be folded again.

An attempt is folded when its facts or the mapping are not those of its last outcome, or when a deadline may be due;
most of the time neither is so, and its facts are not even read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, or_, select

from songda.carriers import Mapping as Codes
from songda.dispatch.deadlines import Deadlines, is_quiet, passed
from songda.dispatch.facts import lock_attempts
from songda.dispatch.folding import Basis
from songda.dispatch.followed import UNDER_WAY, settled_since
from songda.dispatch.grades import NO_PROOF
from songda.dispatch.instants import read
from songda.dispatch.outcomes import Said, last_said
from songda.dispatch.stopping import STOP_REQUESTED
from songda.store import tables

_p, _a, _l, _t, _f = (t.c for t in (tables.piece, tables.attempt, tables.letter, tables.transition, tables.fact))


@dataclass(frozen=True, slots=True)
class Attempt:
    id: str
    version: int
    state: str
    letter_id: str
    grade: str | None
    #: Whether its letter must not be tried again.
    stopped: bool
    #: Facts stored so far, and the latest instant that they tell.
    facts: int
    last_told: datetime | None
    said: Said | None


def candidates(
    connection: Connection, tenant_id: str, *, batch_id: str | None, at: datetime, deadlines: Deadlines
) -> list[str]:
    """Ids of the attempts under way or settled within the revision window, in their order."""
    recent = _a.id.in_(settled_since(at, days=deadlines.revision_days))
    query = (
        select(_a.id)
        .join(tables.letter, _l.id == _a.letter_id)
        .where(_l.tenant_id == tenant_id, or_(_a.state.in_(UNDER_WAY), _replaced(), (_a.state == "settled") & recent))
        .order_by(_a.id)
    )
    return list(connection.scalars(query if batch_id is None else query.where(_l.batch_id == batch_id)))


def read_attempts(connection: Connection, ids: Sequence[str]) -> list[Attempt]:
    """The attempts, held until the transaction ends."""
    lock_attempts(connection, ids)
    told = select(_f.attempt_id, func.count(), func.max(_f.op_time)).where(_f.attempt_id.in_(ids))
    heard = {row[0]: (row[1], read(row[2])) for row in connection.execute(told.group_by(_f.attempt_id))}
    said = last_said(connection, ids)
    query = select(_a.id, _a.version, _a.state, _a.letter_id, _a.grade, _l.flags)
    query = query.join(tables.letter, _l.id == _a.letter_id)
    live = or_(_a.state.in_((*UNDER_WAY, "settled")), _replaced())
    rows = connection.execute(query.where(_a.id.in_(ids), live).order_by(_a.id)).all()
    nothing: tuple[int, datetime | None] = (0, None)
    return [
        Attempt(
            id=row.id,
            version=row.version,
            state=row.state,
            letter_id=row.letter_id,
            grade=row.grade,
            stopped=STOP_REQUESTED in row.flags,
            facts=heard.get(row.id, nothing)[0],
            last_told=heard.get(row.id, nothing)[1],
            said=said.get(row.id),
        )
        for row in rows
    ]


def _replaced() -> ColumnElement[bool]:
    """Attempts whose lost piece gets a replacement: it may turn up all the same."""
    return (_a.state == "locked") & _a.posted_on.is_not(None)


def has_news(attempt: Attempt, *, mapping_version: str) -> bool:
    """Whether a fold may say something else than the last one, whatever the day."""
    said = attempt.said
    if said is None:
        return attempt.facts > 0
    if attempt.state == "settled" and (said.text.partition(":")[2].replace("-", NO_PROOF)) != attempt.grade:
        # A revision that waits for a person.
        return True
    # Parked events may come true by waiting.
    return attempt.facts != said.facts or said.mapping != mapping_version or bool(said.parked)


def is_due(
    attempt: Attempt,
    *,
    posted_at: datetime,
    silent_since: datetime | None,
    at: datetime,
    mapping: Codes,
    deadlines: Deadlines,
) -> bool:
    """Whether a deadline may have come for an attempt without news."""
    if attempt.state == "reported":
        said = attempt.said
        # A doubtful outcome waits for a person, who may have spoken by now.
        if said is None or said.at is None or not mapping.review_flags.isdisjoint(said.flags):
            return True
        return passed(said.at, deadlines.objection_days, at=at)
    if attempt.state == "silent":
        return silent_since is not None and passed(silent_since, deadlines.silent_days, at=at)
    return attempt.state in ("posted", "carried") and is_quiet(
        attempt.last_told, posted_at=posted_at, at=at, deadlines=deadlines
    )


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
