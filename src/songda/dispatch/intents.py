"""Orders that left without an answer: settled by a query, by the contract's promise or by a person.

Left open are intents `written` (killed between call and answer) and `unresolved` (answer lost):

| what we have | what happens |
| --- | --- |
| a number of ours on the order | ask: known → answered; unknown → may be asked again, same number; silent for a day → also a task |
| a contract that promises idempotent orders | may be asked again |
| neither | a person's task (songda.dispatch.doubtful) |

"May be asked again" is a fact of its own (`answer.repeat` says why), committed before anything is repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, select, update

from songda.carriers import Carrier, NoAnswer, Refused, Terms, Trace
from songda.dispatch import tasks
from songda.dispatch.instants import read
from songda.store import chunks, move, tables

ACTOR = "dispatch"

#: States of pieces whose waybill will carry nothing.
NEVER_POSTED = frozenset({"pulled", "spoiled"})
#: Intents settled in one transaction.
_CHUNK = 500
#: An order of which nobody has heard for so long is told to a person; it is asked for all the same.
_LATE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Resolved:
    #: The carrier had taken them.
    answered: int
    #: Proven safe to ask again.
    repeatable: int
    #: Still without an answer; where the carrier cannot be asked, or has not answered for a day, a person has a task.
    unresolved: int


@dataclass(frozen=True, slots=True)
class Intent:
    order_no: str
    version: int
    state: str
    piece_id: str
    #: Our own number of a pre-allocated range, or None.
    waybill_no: str | None
    piece_state: str
    asked_at: datetime


def resolve_intents(
    engine: Engine, *, batch_id: str, post: Carrier, contract: Terms, at: datetime, threads: int = 8
) -> Resolved:
    """Settles what earlier processes left open in this batch. Call it before any new order leaves."""
    with engine.connect() as connection:
        left = _left_open(connection, batch_id)
    answered = repeatable = unresolved = 0
    for part in chunks(left, _CHUNK):
        numbers = [intent.waybill_no for intent in part if intent.waybill_no]
        traced = dict(post.trace_many(numbers, threads=threads)) if numbers else {}
        verdicts = {i.order_no: _verdict(i, traced, idempotent=contract.orders_idempotent) for i in part}
        with engine.begin() as connection:
            _store(connection, part, verdicts, at=at)
        answered += sum(verdict == "answered" for verdict in verdicts.values())
        repeatable += sum(verdict.startswith("repeat:") for verdict in verdicts.values())
        unresolved += sum(verdict in {"ask_later", "person"} for verdict in verdicts.values())
    return Resolved(answered=answered, repeatable=repeatable, unresolved=unresolved)


def move_intents(
    connection: Connection,
    rows: Iterable[tuple[str, int]],
    *,
    source: str,
    target: str,
    reason: str,
    answers: Sequence[Mapping[str, Any] | None],
    at: datetime,
    actor: str = ACTOR,
) -> None:
    """Moves intents (order number, version), each with its answer."""
    values = [{"answer": None if answer is None else dict(answer)} for answer in answers]
    move(
        connection,
        "intent",
        rows,
        source=source,
        target=target,
        actor=actor,
        reason=reason,
        at=at,
        values=values,
    )


def set_waybill(connection: Connection, numbers: Mapping[str, str]) -> None:
    """Writes the waybill numbers of pieces (piece id → number)."""
    p = tables.piece.c
    for piece_id, number in numbers.items():
        connection.execute(update(tables.piece).where(p.id == piece_id).values(waybill_no=number))


def may_repeat(answer: Any) -> bool:
    return isinstance(answer, dict) and "repeat" in answer


def _left_open(connection: Connection, batch_id: str) -> list[Intent]:
    i, p, r = tables.intent.c, tables.piece.c, tables.run.c
    query = (
        select(i.order_no, i.version, i.state, i.piece_id, p.waybill_no, p.state, i.asked_at, i.answer)
        .join(tables.piece, p.id == i.piece_id)
        .join(tables.run, r.id == p.run_id)
        .where(r.batch_id == batch_id, i.kind == "order", i.state.in_(("written", "unresolved")))
        .order_by(i.order_no)
    )
    return [
        Intent(*row[:-2], read(row.asked_at)) for row in connection.execute(query).all() if not may_repeat(row.answer)
    ]


def _verdict(intent: Intent, traced: Mapping[str, Trace | Refused | NoAnswer], *, idempotent: bool) -> str:
    """answered | repeat:why | ask_later | person."""
    if intent.waybill_no is None:
        return "repeat:idempotent" if idempotent else "person"
    found = traced.get(intent.waybill_no)
    if not isinstance(found, Trace):
        return "ask_later"
    return "answered" if found.known else "repeat:unknown_to_carrier"


def _store(connection: Connection, part: Sequence[Intent], verdicts: Mapping[str, str], *, at: datetime) -> None:
    for state in ("written", "unresolved"):
        for verdict in sorted(set(verdicts.values())):
            group = [i for i in part if i.state == state and verdicts[i.order_no] == verdict]
            if verdict in {"ask_later", "person"}:
                if state == "written":
                    _move_group(connection, group, state, "unresolved", verdict, None, at=at)
            elif verdict == "answered":
                _move_group(connection, group, state, "answered", "found_by_query", {"found_by": "query"}, at=at)
            else:
                why = verdict.removeprefix("repeat:")
                _move_group(connection, group, state, "written", why, {"repeat": why}, at=at)
    unused = {
        i.piece_id: "pulled" for i in part if verdicts[i.order_no] == "answered" and i.piece_state in NEVER_POSTED
    }
    tasks.open_tasks(connection, tasks.WAYBILL_UNUSED, unused, at=at)
    late = {i.order_no for i in part if verdicts[i.order_no] == "ask_later" and at - i.asked_at >= _LATE}
    for_person = {i.piece_id: "no_answer" for i in part if verdicts[i.order_no] == "person" or i.order_no in late}
    tasks.open_tasks(connection, tasks.ORDER_UNRESOLVED, for_person, at=at)
    resolved = [i.piece_id for i in part if verdicts[i.order_no] not in {"ask_later", "person"}]
    tasks.keep_tasks(connection, tasks.ORDER_UNRESOLVED, {}, among=resolved, actor=ACTOR, at=at)


def _move_group(
    connection: Connection,
    group: Sequence[Intent],
    source: str,
    target: str,
    reason: str,
    answer: Mapping[str, Any] | None,
    *,
    at: datetime,
) -> None:
    rows = [(intent.order_no, intent.version) for intent in group]
    answers = [answer] * len(rows)
    move_intents(connection, rows, source=source, target=target, reason=reason, answers=answers, at=at)
