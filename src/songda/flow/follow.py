"""Seventh stage: what the carrier tells, what became of each letter, another place for some, and what waits too long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, exists, select

from songda.carriers import Mapping
from songda.dispatch import (
    cancel_waybills,
    close_letters,
    follow,
    letters_at_end,
    next_attempts,
    reconcile,
    settle,
    sweep,
    take_tracking_files,
)
from songda.flow.further import another_place
from songda.flow.handoff import ask_for_receipts
from songda.flow.post import THREADS, Carrier
from songda.flow.tenants import Tenant
from songda.store import move, tables


@dataclass(frozen=True, slots=True)
class Followed:
    #: Letters that go to another place.
    further: int
    closed: int


def follow_up(
    engine: Engine, tenant: Tenant, *, carrier: Carrier, at: datetime, mapping: Mapping | None = None
) -> Followed:
    """Gives back waybills that carry nothing, pulls the traces of everything under way, settles, ends or renews letters."""
    cancel_waybills(engine, tenant_id=tenant.id, post=carrier.post, at=at, drill=carrier.drill)
    if carrier.files is not None:
        take_tracking_files(engine, tenant_id=tenant.id, key=tenant.key, files=carrier.files, at=at)
    follow(
        engine,
        tenant_id=tenant.id,
        key=tenant.key,
        post=carrier.post,
        fallback=carrier.fallback,
        at=at,
        threads=THREADS,
        drill=carrier.drill,
    )
    return conclude(engine, tenant, at=at, mapping=mapping)


def conclude(engine: Engine, tenant: Tenant, *, at: datetime, mapping: Mapping | None = None) -> Followed:
    """Settles by the facts at hand; letters at their end get another place or are closed; sweeps what waits too long.

    All of the tenant's letters at once: what a day costs grows with its news, not with batches or with what is over.
    `mapping`: table of tracking codes, the shipped one unless given.
    """
    settle(engine, tenant_id=tenant.id, at=at, mapping=mapping)
    with engine.begin() as connection:
        ends = letters_at_end(connection, tenant_id=tenant.id)
        places, over = another_place(connection, tenant, ends, at=at)
    next_attempts(engine, places, key=tenant.key, at=at)
    close_letters(engine, [(end, over[end.letter_id]) for end in ends if end.letter_id in over], at=at)
    reconcile(engine, tenant_id=tenant.id, at=at)
    sweep(engine, tenant_id=tenant.id, at=at)
    ask_for_receipts(engine, tenant.id, at=at)
    _finish(engine, tenant.id, at=at)
    return Followed(further=len(places), closed=len(over))


def _finish(engine: Engine, tenant_id: str, *, at: datetime) -> None:
    """A batch is done when every letter of it has its end; held letters still wait for somebody."""
    t, b = tables.letter.c, tables.batch.c
    going = exists().where(t.batch_id == b.id, t.state.in_(("received", "held", "ready", "approved", "active")))
    query = select(b.id, b.version).where(b.tenant_id == tenant_id, b.state == "decided", ~going)
    with engine.begin() as connection:
        move(
            connection,
            "batch",
            [(batch.id, batch.version) for batch in connection.execute(query)],
            source="decided",
            target="done",
            actor="system",
            reason="all_ended",
            at=at,
        )
