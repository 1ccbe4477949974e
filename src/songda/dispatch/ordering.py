"""Ordering waybills: intents first, then the calls, then the answers; a crash loses no order and repeats none.

A chunk is three steps: one transaction writes its intents (and, under a pre-allocated range, the number of each
piece), the calls go out, one transaction stores what came back. Whatever a kill leaves between the two transactions,
`resolve_intents` settles at the next start.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, insert

from songda.carriers import Awaited, Carrier, LineCut, NoAnswer, Ordered, Party, Refused, Terms, Trace
from songda.dispatch.answers import Answer, Asked, open_person_tasks, store_answers
from songda.dispatch.errors import NumberRangeUsedUp
from songda.dispatch.intents import move_intents, resolve_intents, set_waybill
from songda.dispatch.numbers import next_numbers
from songda.dispatch.waiting import Waiting, orders, read_waiting, waiting_pieces
from songda.store import chunks, tables
from songda.vault import DataKey


@dataclass(frozen=True, slots=True)
class OrderReport:
    #: Orders that the carrier took, those found by query included.
    ordered: int
    #: Refused by the carrier or by our own check: piece pulled, letter held, a person has a task.
    refused: int
    #: The carrier may have taken them: settled at the next start, or by a person.
    unresolved: int
    #: Never left, because the carrier cannot be reached: call again later.
    waiting: int
    #: What stood in the way of the last order without an answer; None when all were answered.
    trouble: NoAnswer | None = field(default=None, compare=False)


def order_waybills(
    engine: Engine,
    *,
    batch_id: str,
    key: DataKey,
    post: Carrier,
    contract: Terms,
    sender: Party,
    at: datetime,
    chunk: int = 500,
    threads: int = 8,
) -> OrderReport:
    """Orders a waybill for every queued piece of the batch's open runs; resumable, and empty when all is ordered.

    Raises NumberRangeUsedUp (after ordering what the range still gives) and Unsealable.
    """
    before = resolve_intents(engine, batch_id=batch_id, post=post, contract=contract, at=at, threads=threads)
    with engine.connect() as connection:
        todo = waiting_pieces(connection, batch_id)
    every: list[Answer] = []
    for first, part in zip(range(0, len(todo), chunk), chunks(todo, chunk), strict=True):
        with engine.begin() as connection:
            pieces = read_waiting(connection, part)
            numbered = _numbered(connection, pieces, contract.number_range)
            asked = _write_intents(connection, numbered, at=at)
        answers = _ask(numbered, asked, key=key, post=post, sender=sender, at=at, threads=threads)
        with engine.begin() as connection:
            answers = store_answers(connection, asked, answers, at=at)
            if not contract.orders_idempotent:
                open_person_tasks(connection, asked, answers, at=at)
        every += answers.values()
        if len(numbered) < len(pieces):
            raise NumberRangeUsedUp(missing=len(todo) - first - len(numbered))
        if answers and all(_is_lost(answer) for answer in answers.values()):
            # A carrier that answers nobody is not asked fifty thousand times.
            break
    with engine.connect() as connection:
        waiting = len(waiting_pieces(connection, batch_id))
    return OrderReport(
        ordered=before.answered + sum(isinstance(answer, Ordered) for answer in every),
        refused=sum(isinstance(answer, Refused) for answer in every),
        unresolved=before.unresolved + sum(isinstance(answer, NoAnswer) and answer.sent for answer in every),
        waiting=waiting,
        trouble=_trouble(every),
    )


def _trouble(answers: Iterable[Answer]) -> NoAnswer | None:
    """What to tell of a carrier that did not answer: that its line was cut, else the last failure."""
    lost = [answer for answer in answers if isinstance(answer, NoAnswer) and _is_lost(answer)]
    return next((answer for answer in lost if isinstance(answer, LineCut)), lost[-1] if lost else None)


def _is_lost(answer: Answer) -> bool:
    """Whether nobody answered: a carrier that takes lists and answers later has."""
    return isinstance(answer, NoAnswer) and not isinstance(answer, Awaited)


def _numbered(connection: Connection, pieces: list[Waiting], bounds: tuple[str, str] | None) -> list[Waiting]:
    """The pieces with their numbers, stored; up to the first for which the range has none left."""
    if bounds is None:
        return pieces
    bare = [piece for piece in pieces if piece.waybill_no is None]
    numbers = dict(zip((piece.piece_id for piece in bare), next_numbers(connection, bounds, len(bare)), strict=False))
    set_waybill(connection, numbers)
    return [
        replace(piece, waybill_no=number)
        for piece in pieces
        if (number := piece.waybill_no or numbers.get(piece.piece_id)) is not None
    ]


def _write_intents(connection: Connection, pieces: Sequence[Waiting], *, at: datetime) -> list[Asked]:
    """Writes down what is about to be asked."""
    fresh = [
        {
            "order_no": piece.order_no,
            "piece_id": piece.piece_id,
            "kind": "order",
            "state": "written",
            "version": 0,
            "asked_at": at.astimezone(UTC),
        }
        for piece in pieces
        if piece.intent_version is None
    ]
    if fresh:
        connection.execute(insert(tables.intent), fresh)
    again = [(piece.order_no, piece.intent_version) for piece in pieces if piece.intent_version is not None]
    nothing = [None] * len(again)
    move_intents(connection, again, source="written", target="written", reason="asked_again", answers=nothing, at=at)
    return [
        Asked(
            piece_id=piece.piece_id,
            order_no=piece.order_no,
            version=0 if piece.intent_version is None else piece.intent_version + 1,
            waybill_no=piece.waybill_no,
            again=piece.intent_version is not None,
        )
        for piece in pieces
    ]


def _ask(
    pieces: Sequence[Waiting],
    asked: Sequence[Asked],
    *,
    key: DataKey,
    post: Carrier,
    sender: Party,
    at: datetime,
    threads: int,
) -> dict[str, Answer]:
    """One answer for each order number. Nothing is written while the calls are under way."""
    ready, refused = orders(pieces, key=key, sender=sender, at=at)
    answers: dict[str, Answer] = {**refused, **dict(post.order_many(ready, threads=threads))}
    for order in asked:
        if order.again and order.waybill_no and isinstance(answers[order.order_no], Refused):
            answers[order.order_no] = _taken_after_all(post, order, answers[order.order_no])
    return answers


def _taken_after_all(post: Carrier, order: Asked, refused: Answer) -> Answer:
    """A repeated order may be refused because the first one arrived late: then the carrier knows its number by now."""
    try:
        trace = post.trace(order.waybill_no or "")
    except NoAnswer as error:
        return error
    if isinstance(trace, Trace) and trace.known:
        return Ordered(order_no=order.order_no, waybill_no=trace.waybill_no)
    return refused
