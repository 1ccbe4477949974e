"""Orders whose answer was lost and that no query could settle: what is known of them, and what a person found out.

    for order in doubtful_orders(connection, tenant_id=tenant): ...
    settle_order(connection, tenant_id=tenant, order_no="01m8…-1", waybill_no="9800000000006", at=now)

Such an order has an open task (`tasks.ORDER_UNRESOLVED`) and is never repeated before somebody has asked the carrier.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select

from songda.dispatch import tasks
from songda.dispatch.errors import OtherWaybill, UnknownOrder, WaybillTaken
from songda.dispatch.instants import read
from songda.dispatch.intents import NEVER_POSTED, move_intents, set_waybill
from songda.store import tables

#: What is known of an order that a kill cut off from its answer.
INTERRUPTED = "interrupted"

_ACTOR = "person"

_i, _p, _n, _l, _t = (t.c for t in (tables.intent, tables.piece, tables.attempt, tables.letter, tables.task))


@dataclass(frozen=True, slots=True)
class DoubtfulOrder:
    order_no: str
    letter_no: str | None
    #: When it was first about to leave.
    since: datetime
    #: What came instead of an answer (`NoAnswer.reason`), or `interrupted`.
    known: str
    #: Our own number of a range, under which the carrier is asked with every run; None: only a person can ask.
    waybill_no: str | None


def doubtful_orders(connection: Connection, *, tenant_id: str) -> list[DoubtfulOrder]:
    """The tenant's orders that wait for a person, the oldest first."""
    rows = connection.execute(_waiting(tenant_id).order_by(_i.asked_at, _i.order_no)).all()
    return [_order(row) for row in rows]


def settle_order(
    connection: Connection, *, tenant_id: str, order_no: str, waybill_no: str | None, at: datetime
) -> DoubtfulOrder:
    """A person's answer about a doubtful order: the carrier's number for it, or None: never taken, so it may be asked again.

    Raises UnknownOrder when no such order of the tenant waits for a person, OtherWaybill when it went out under a number of
    ours and another is named, WaybillTaken when another piece holds the number.
    """
    row = connection.execute(_waiting(tenant_id).where(_i.order_no == order_no)).first()
    if row is None:
        raise UnknownOrder(order_no=order_no)
    if waybill_no is not None:
        if row.waybill_no not in (None, waybill_no):
            raise OtherWaybill(order_no=order_no, waybill_no=row.waybill_no)
        held = select(_p.id).where(_p.waybill_no == waybill_no, _p.id != row.piece_id)
        if connection.scalar(held) is not None:
            raise WaybillTaken(waybill_no=waybill_no)
    move_intents(
        connection,
        [(order_no, row.version)],
        source="unresolved",
        target="written" if waybill_no is None else "answered",
        reason="person",
        answers=[{"repeat": "person"} if waybill_no is None else {"found_by": "person", "waybill_no": waybill_no}],
        at=at,
        actor=_ACTOR,
    )
    if waybill_no is not None:
        set_waybill(connection, {row.piece_id: waybill_no})
        if row.piece_state in NEVER_POSTED:
            # The piece was taken out meanwhile: its waybill is given back.
            tasks.open_tasks(connection, tasks.WAYBILL_UNUSED, {row.piece_id: row.piece_state}, at=at)
    tasks.close_tasks(connection, tasks.ORDER_UNRESOLVED, [row.piece_id], actor=_ACTOR, reason="settled", at=at)
    return _order(row)


def _waiting(tenant_id: str) -> Select[Any]:
    columns = (_i.order_no, _i.version, _i.asked_at, _i.answer, _i.piece_id)
    return (
        select(*columns, _p.waybill_no, _p.state.label("piece_state"), _l.letter_no)
        .join(tables.piece, _p.id == _i.piece_id)
        .join(tables.attempt, _n.id == _p.attempt_id)
        .join(tables.letter, _l.id == _n.letter_id)
        .join(tables.task, (_t.object_id == _p.id) & (_t.kind == tasks.ORDER_UNRESOLVED) & (_t.state == "open"))
        .where(_l.tenant_id == tenant_id, _i.kind == "order", _i.state == "unresolved")
    )


def _order(row: Any) -> DoubtfulOrder:
    known = (row.answer or {}).get("no_answer", INTERRUPTED)
    return DoubtfulOrder(row.order_no, row.letter_no, read(row.asked_at), known, row.waybill_no)
