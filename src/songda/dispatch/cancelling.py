"""Waybills that will never carry anything are given back to the carrier (020006), so that nobody waits for their pieces.

    report = cancel_waybills(engine, tenant_id=tenant, post=post, at=now)
    report.cancelled, report.refused

A cancellation changes nothing twice: an order cancelled already is refused, and what is refused waits for a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, and_, exists, select

from songda.carriers import Awaited, Cancelled, Carrier, NoAnswer, Refused
from songda.dispatch import tasks
from songda.store import chunks, tables

_ACTOR = "dispatch"
#: Reason of the tasks about waybills that the carrier would not cancel.
REFUSED = "cancel_refused:"
#: Calls in a row without an answer after which the carrier is left alone.
_GIVE_UP = 5

_p, _a, _l, _b, _i, _t = (
    t.c for t in (tables.piece, tables.attempt, tables.letter, tables.batch, tables.intent, tables.task)
)


@dataclass(frozen=True, slots=True)
class CancelReport:
    cancelled: int
    #: A person has a task.
    refused: int
    #: No answer, or not asked any more: asked again next time.
    left: int


def cancel_waybills(
    engine: Engine, *, tenant_id: str, post: Carrier, at: datetime, drill: bool = False, chunk: int = 100
) -> CancelReport:
    """Cancels the waybills of pulled and spoiled pieces of the tenant that were not cancelled yet; a drill's in a drill only."""
    with engine.connect() as connection:
        todo = _unused(connection, tenant_id, drill=drill)
    cancelled = refused = silent = 0
    for part in chunks(todo, chunk):
        answers: dict[str, Cancelled | Refused] = {}
        for piece_id, order_no, waybill_no in part:
            if silent >= _GIVE_UP:
                break
            try:
                answers[piece_id] = post.cancel(order_no=order_no, waybill_no=waybill_no, reason="封件未交寄")
                silent = 0
            except Awaited:
                silent = 0
            except NoAnswer:
                silent += 1
        with engine.begin() as connection:
            _store(connection, [piece for piece, *_ in part], answers, at=at)
        cancelled += sum(isinstance(answer, Cancelled) for answer in answers.values())
        refused += sum(isinstance(answer, Refused) for answer in answers.values())
    return CancelReport(cancelled=cancelled, refused=refused, left=len(todo) - cancelled - refused)


def _unused(connection: Connection, tenant_id: str, *, drill: bool) -> Sequence[tuple[str, str, str]]:
    """(piece, order number, waybill) of pieces that were ordered, never posted and not settled with the carrier."""
    about = and_(_t.kind == tasks.WAYBILL_UNUSED, _t.object_id == _p.id)
    over = exists().where(about, (_t.state == "done") | _t.reason.startswith(REFUSED))
    query = (
        select(_p.id, _p.order_no, _p.waybill_no)
        .join(tables.attempt, _a.id == _p.attempt_id)
        .join(tables.letter, _l.id == _a.letter_id)
        .join(tables.batch, _b.id == _l.batch_id)
        .join(tables.intent, _i.order_no == _p.order_no)
        .where(_b.drill == drill)
        .where(_l.tenant_id == tenant_id, _p.state.in_(("pulled", "spoiled")), _p.waybill_no.is_not(None))
        .where(_i.state == "answered", ~over)
        .order_by(_p.id)
    )
    return [(row.id, row.order_no, row.waybill_no) for row in connection.execute(query)]


def _store(
    connection: Connection, pieces: Sequence[str], answers: dict[str, Cancelled | Refused], *, at: datetime
) -> None:
    tasks.open_tasks(connection, tasks.WAYBILL_UNUSED, dict.fromkeys(pieces, "unused"), at=at)
    done = [piece for piece, answer in answers.items() if isinstance(answer, Cancelled)]
    tasks.close_tasks(connection, tasks.WAYBILL_UNUSED, done, actor=_ACTOR, reason="cancelled", at=at)
    codes = {piece: f"{REFUSED}{answer.code}" for piece, answer in answers.items() if isinstance(answer, Refused)}
    tasks.keep_tasks(connection, tasks.WAYBILL_UNUSED, codes, among=list(codes), actor=_ACTOR, at=at)
