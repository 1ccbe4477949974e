"""Which waybills are asked for: those whose letters are under way, and now and then those whose outcome may still change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import blake2b, sha256
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, insert, or_, select, update

from songda.base import ids
from songda.base.days import business_day
from songda.dispatch.instants import stored
from songda.store import chunks, tables

#: States of attempts whose letters are under way.
UNDER_WAY = ("posted", "carried", "silent", "reported")
#: Stage of the decision that notes on which day the settled letters of a tenant were asked for.
_ASKED = "follow_settled"

_p, _a, _l, _b, _t, _d = (
    t.c for t in (tables.piece, tables.attempt, tables.letter, tables.batch, tables.transition, tables.decision)
)

_ANSWERED = (
    update(tables.attempt)
    .where(_a.id.in_(bindparam("attempts", expanding=True)))
    .values(asked_at=bindparam("at", type_=_a.asked_at.type))
)


@dataclass(frozen=True, slots=True)
class Followed:
    """One waybill to ask for."""

    waybill_no: str
    piece_id: str
    attempt_id: str
    person_id: str


def under_way(
    connection: Connection, tenant_id: str, *, at: datetime, every: Mapping[str, int], drill: bool = False
) -> list[Followed]:
    """Those about which it is time to ask again: `every` (hours, by the state of the attempt) after the last answer."""
    due = [
        and_(_a.state == state, or_(_a.asked_at.is_(None), _a.asked_at <= stored(at - timedelta(hours=hours))))
        for state, hours in every.items()
    ]
    return _waybills(connection, tenant_id, or_(*due), _b.drill == drill)


def note_answered(connection: Connection, attempt_ids: Iterable[str], *, at: datetime | None) -> None:
    """Writes down that the carrier has spoken about these attempts, asked or by itself: it need not be asked so soon.

    `at` None: what it said leaves something open, and it is asked with the next questions.
    """
    for part in chunks(sorted(set(attempt_ids))):
        connection.execute(_ANSWERED, {"attempts": part, "at": None if at is None else stored(at)})


def revisable(
    connection: Connection, tenant_id: str, *, at: datetime, days: int, every: int, drill: bool = False
) -> list[Followed]:
    """Those settled within `days`; none when they were asked for within the last `every` days, this one included."""
    since = business_day(at) - timedelta(days=every)
    asked = select(_d.id).where(_d.object_id == tenant_id, _d.stage == _ASKED, _d.on_day > since)
    if connection.execute(asked.limit(1)).first():
        return []
    recent = _a.id.in_(settled_since(at, days=days))
    return _waybills(connection, tenant_id, _a.state == "settled", recent, _b.drill == drill)


def settled_since(at: datetime, *, days: int) -> Any:
    """Ids of attempts that settled (not: were revised) within `days` before `at`."""
    return select(_t.object_id).where(
        _t.object == "attempt",
        _t.target == "settled",
        _t.source != "settled",
        _t.at >= stored(at - timedelta(days=days)),
    )


def note_asked(connection: Connection, tenant_id: str, *, day: date) -> None:
    connection.execute(
        insert(tables.decision),
        {
            "id": ids.new("dec"),
            "object_id": tenant_id,
            "stage": _ASKED,
            "outcome": "asked",
            "inputs_sha256": sha256(day.isoformat().encode()).hexdigest(),
            "versions": {},
            "reasons": [],
            "on_day": day,
        },
    )


def shuffled(waybills: Iterable[Followed], *, at: datetime) -> list[Followed]:
    """In an order of this instant: where a limit cuts the list, it cuts other letters each time."""
    salt = stored(at).isoformat().encode()[:64]
    return sorted(waybills, key=lambda each: blake2b(each.waybill_no.encode(), key=salt, digest_size=8).digest())


def _waybills(connection: Connection, tenant_id: str, *which: ColumnElement[bool]) -> list[Followed]:
    query = (
        select(_p.waybill_no, _p.id, _a.id, _l.person_id)
        .join(tables.attempt, _a.id == _p.attempt_id)
        .join(tables.letter, _l.id == _a.letter_id)
        .join(tables.batch, _b.id == _l.batch_id)
        .where(_l.tenant_id == tenant_id, _p.state == "handed_over", _p.waybill_no.is_not(None), *which)
        .order_by(_p.waybill_no)
    )
    return [Followed(*row) for row in connection.execute(query).all()]
