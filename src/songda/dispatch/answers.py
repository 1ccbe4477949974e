"""What came back from ordering, stored in one transaction: waybills, refusals, and what stays open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from songda.carriers import NoAnswer, Ordered, Refused
from songda.dispatch import tasks
from songda.dispatch.facts import lock_attempts
from songda.dispatch.intents import ACTOR, move_intents, set_waybill
from songda.dispatch.pulling import attempts_of, hold_letters, pull
from songda.store import tables

Answer = Ordered | Refused | NoAnswer


@dataclass(frozen=True, slots=True)
class Asked:
    """A piece whose intent is written and committed."""

    piece_id: str
    order_no: str
    version: int
    waybill_no: str | None
    #: Whether the same order left before.
    again: bool


def store_answers(
    connection: Connection, asked: Sequence[Asked], answers: Mapping[str, Answer], *, at: datetime
) -> dict[str, Answer]:
    """Stores one answer for each order; returns them as they were understood."""
    lock_attempts(connection, attempts_of(connection, [a.piece_id for a in asked]))
    answers = _without_doubles(connection, asked, answers)
    ordered = [(a, r) for a in asked if isinstance(r := answers[a.order_no], Ordered)]
    refused = [(a, r) for a in asked if isinstance(r := answers[a.order_no], Refused)]
    unanswered = [(a, r) for a in asked if isinstance(r := answers[a.order_no], NoAnswer)]
    _store_ordered(connection, ordered, at=at)
    _store_refused(connection, refused, at=at)
    for target, sent in (("unresolved", True), ("written", False)):
        group = [(a, r) for a, r in unanswered if r.sent is sent]
        move_intents(
            connection,
            [(a.order_no, a.version) for a, _ in group],
            source="written",
            target=target,
            reason="no_answer" if sent else "never_left",
            answers=[{"no_answer" if sent else "repeat": r.reason} for _, r in group],
            at=at,
        )
    return answers


def open_person_tasks(
    connection: Connection, asked: Sequence[Asked], answers: Mapping[str, Answer], *, at: datetime
) -> None:
    """Tasks for orders without an answer about which the carrier cannot be asked and which it would take twice."""
    lost = {
        a.piece_id: r.reason
        for a in asked
        if isinstance(r := answers[a.order_no], NoAnswer) and r.sent and a.waybill_no is None
    }
    tasks.open_tasks(connection, tasks.ORDER_UNRESOLVED, lost, at=at)


def _store_ordered(connection: Connection, group: Sequence[tuple[Asked, Ordered]], *, at: datetime) -> None:
    move_intents(
        connection,
        [(a.order_no, a.version) for a, _ in group],
        source="written",
        target="answered",
        reason="ordered",
        answers=[{name: value for name, value in asdict(r).items() if value} for _, r in group],
        at=at,
    )
    set_waybill(connection, {a.piece_id: r.waybill_no for a, r in group if a.waybill_no is None})


def _store_refused(connection: Connection, group: Sequence[tuple[Asked, Refused]], *, at: datetime) -> None:
    if not group:
        return
    move_intents(
        connection,
        [(a.order_no, a.version) for a, _ in group],
        source="written",
        target="refused",
        reason="refused",
        answers=[{"code": r.code} for _, r in group],
        at=at,
    )
    pieces = [a.piece_id for a, _ in group]
    letters = pull(connection, pieces, actor=ACTOR, reason="order_refused", at=at)
    hold_letters(connection, letters, actor=ACTOR, reason="order_refused", at=at)
    tasks.open_tasks(connection, tasks.ORDER_REFUSED, {a.piece_id: r.code for a, r in group}, at=at)


def _without_doubles(
    connection: Connection, asked: Sequence[Asked], answers: Mapping[str, Answer]
) -> dict[str, Answer]:
    """An answer that names a waybill which another piece holds is no answer: one of the two is a mistake."""
    numbers = [r.waybill_no for a in asked if a.waybill_no is None and isinstance(r := answers[a.order_no], Ordered)]
    p = tables.piece.c
    held = (
        set(connection.execute(select(p.waybill_no).where(p.waybill_no.in_(numbers))).scalars()) if numbers else set()
    )
    taken: set[str] = {number for number in held if number is not None}
    clean: dict[str, Answer] = dict(answers)
    for a in asked:
        answer = answers[a.order_no]
        if a.waybill_no is None and isinstance(answer, Ordered):
            if answer.waybill_no in taken:
                clean[a.order_no] = NoAnswer(reason="waybill_held_by_another", sent=True)
            taken.add(answer.waybill_no)
    return clean
