"""Asking an aggregator to push what it hears of the letters under way, once a waybill.

    report = subscribe(engine, tenant_id=tenant, tracker=kuaidi100, callback_url=url, at=now)

Subscriptions cost money: each is noted (a decision about the piece) in a transaction of its own, so that a kill repeats
one at most, which the aggregator recognises.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, Engine, exists, insert, select

from songda.base import ids
from songda.base.days import business_day
from songda.carriers import Aggregator, NoAnswer
from songda.dispatch.followed import UNDER_WAY
from songda.store import tables

#: Stage of the decision that notes a subscription.
STAGE = "carrier_subscription"
#: Calls in a row without an answer after which the aggregator is left alone.
_GIVE_UP = 5

_p, _a, _l, _d = (t.c for t in (tables.piece, tables.attempt, tables.letter, tables.decision))


@dataclass(frozen=True, slots=True)
class Subscribed:
    taken: int
    #: The aggregator said no: asked again next time, since most refusals are about the account.
    refused: int
    #: No answer, or not asked any more: asked again next time.
    left: int


def subscribe(engine: Engine, *, tenant_id: str, tracker: Aggregator, callback_url: str, at: datetime) -> Subscribed:
    """Subscribes the waybills under way that were not subscribed yet. Stops early when nobody answers."""
    with engine.connect() as connection:
        todo = _unsubscribed(connection, tenant_id)
    taken = refused = silent = 0
    for piece_id, waybill_no in todo:
        try:
            refusal = tracker.subscribe(waybill_no, callback_url=callback_url)
        except NoAnswer:
            silent += 1
            if silent >= _GIVE_UP:
                break
            continue
        silent = 0
        if refusal is not None:
            refused += 1
            continue
        with engine.begin() as connection:
            _note(connection, piece_id, waybill_no, at=at)
        taken += 1
    return Subscribed(taken=taken, refused=refused, left=len(todo) - taken - refused)


def _unsubscribed(connection: Connection, tenant_id: str) -> list[tuple[str, str]]:
    """(piece, waybill) of the letters under way about which no subscription is noted."""
    noted = exists().where(_d.object_id == _p.id, _d.stage == STAGE)
    query = (
        select(_p.id, _p.waybill_no)
        .join(tables.attempt, _a.id == _p.attempt_id)
        .join(tables.letter, _l.id == _a.letter_id)
        .where(_l.tenant_id == tenant_id, _p.state == "handed_over", _p.waybill_no.is_not(None))
        .where(_a.state.in_(UNDER_WAY), ~noted)
        .order_by(_p.id)
    )
    return [(row.id, row.waybill_no) for row in connection.execute(query)]


def _note(connection: Connection, piece_id: str, waybill_no: str, *, at: datetime) -> None:
    connection.execute(
        insert(tables.decision),
        {
            "id": ids.new("dec"),
            "object_id": piece_id,
            "stage": STAGE,
            "outcome": "subscribed",
            "inputs_sha256": sha256(waybill_no.encode()).hexdigest(),
            "versions": {},
            "reasons": [],
            "on_day": business_day(at),
        },
    )
