"""Seventh stage: what the carrier tells, what became of each letter, and a second attempt where the first one failed.

A second attempt goes only to a place that the lawyer's approval covers and that no attempt of the letter has tried, and
only after an attempt that cannot have reached the person (grades E and F): any other counts against the interval (T07).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, func, select

from songda.carriers import Mapping
from songda.dispatch import (
    STOP_REQUESTED,
    AtEnd,
    cancel_waybills,
    close_letters,
    follow,
    letters_at_end,
    next_attempts,
    settle,
)
from songda.flow.post import THREADS, Carrier
from songda.flow.tenants import Tenant
from songda.store import chunks, move, tables

#: Grades of attempts that made no demand.
_NOT_REACHED = frozenset({"E", "F"})
#: What of an outcome forbids to write again, wherever to.
_ENOUGH = frozenset({STOP_REQUESTED, "deceased", "refused", "wrong_person"})


@dataclass(frozen=True, slots=True)
class Followed:
    #: Letters that go to another place.
    further: int
    closed: int


def follow_up(
    engine: Engine, tenant: Tenant, batch_id: str, *, carrier: Carrier, at: datetime, mapping: Mapping | None = None
) -> Followed:
    """Gives back waybills that carry nothing, pulls the traces of everything under way, settles, ends or renews letters."""
    cancel_waybills(engine, tenant_id=tenant.id, post=carrier.post, at=at)
    follow(engine, tenant_id=tenant.id, key=tenant.key, post=carrier.post, at=at, threads=THREADS)
    return conclude(engine, tenant, batch_id, at=at, mapping=mapping)


def conclude(
    engine: Engine, tenant: Tenant, batch_id: str, *, at: datetime, mapping: Mapping | None = None
) -> Followed:
    """Settles by the facts at hand; letters at their end get another place or are closed.

    `mapping`: table of tracking codes, the shipped one unless given.
    """
    settle(engine, tenant_id=tenant.id, at=at, mapping=mapping)
    with engine.connect() as connection:
        ends = letters_at_end(connection, batch_id=batch_id)
        places = _further_places(connection, [end for end in ends if _may_go_on(end, tenant)])
    next_attempts(engine, places, key=tenant.key, at=at)
    over = [end for end in ends if end.letter_id not in places]
    close_letters(engine, over, at=at)
    _finish(engine, batch_id, at=at)
    return Followed(further=len(places), closed=len(over))


def _may_go_on(end: AtEnd, tenant: Tenant) -> bool:
    return (
        end.state == "settled"
        and end.last_grade in _NOT_REACHED
        and (end.grade or "F") in _NOT_REACHED
        and end.n < (tenant.profile.policy.max_attempts or 1)
        and _ENOUGH.isdisjoint(end.flags)
    )


def _further_places(connection: Connection, ends: Sequence[AtEnd]) -> dict[str, tuple[str, str]]:
    """letter id → (address record, place): the next approved address that was not tried."""
    t, p, r = tables.letter.c, tables.approved.c, tables.address_record.c
    tried = {end.letter_id: ({record for record, _ in end.tried}, {place for _, place in end.tried}) for end in ends}
    found: dict[str, tuple[str, str]] = {}
    for part in chunks(sorted(tried)):
        query = (
            select(p.letter_id, p.address_record_id, r.place)
            .join(tables.letter, (t.id == p.letter_id) & (t.approval_id == p.approval_id))
            .join(tables.address_record, r.id == p.address_record_id)
            .where(p.letter_id.in_(part), r.place.is_not(None))
            .order_by(p.letter_id, p.n)
        )
        for letter_id, record, place in connection.execute(query):
            records, places = tried[letter_id]
            if letter_id not in found and record not in records and place not in places:
                found[letter_id] = (record, place)
    return found


def _finish(engine: Engine, batch_id: str, *, at: datetime) -> None:
    """The batch is done when every letter has its end; held letters still wait for somebody."""
    t, b = tables.letter.c, tables.batch.c
    going = ("received", "held", "ready", "approved", "active")
    with engine.begin() as connection:
        batch = connection.execute(select(b.id, b.version, b.state).where(b.id == batch_id)).one()
        left = connection.scalar(select(func.count()).where(t.batch_id == batch_id, t.state.in_(going)))
        if batch.state == "decided" and not left:
            move(
                connection,
                "batch",
                [(batch.id, batch.version)],
                source="decided",
                target="done",
                actor="system",
                reason="every letter has its end",
                at=at,
            )
