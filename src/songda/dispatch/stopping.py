"""Carrying a stop out: pieces that are still in the house are taken out, or it is too late and that is written down.

| where the letter is | what happens | answer |
| --- | --- | --- |
| before the lock | attempt dropped, letter withdrawn | withdrawn |
| locked, in the factory | pieces pulled, attempt recalled, letter withdrawn | recalled |
| an earlier attempt was posted | as above; the letter keeps its way and ends with its real result | recalled |
| with the carrier | `stop_requested`: no further attempt; a task asks for the carrier's interception | too_late |
| a piece is missing | told back: somebody has to find it or write it off before the run can leave | missing |
| at its end | nothing | ended |

Each letter is one transaction: whoever else moves it meanwhile, one of the two wins and the other looks again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select

from songda.base import ids
from songda.base.days import business_day
from songda.dispatch import tasks
from songda.dispatch.facts import lock_attempts
from songda.dispatch.instants import read
from songda.dispatch.pulling import BEFORE_LOCK, PULLABLE, attempts_of, pull
from songda.store import Conflict, chunks, move, tables

#: Flag of a letter that must not be tried again.
STOP_REQUESTED = "stop_requested"

_BEFORE_ATTEMPTS = frozenset({"received", "held", "ready", "approved"})
#: Times that a letter which somebody else moves meanwhile is looked at again.
_TRIES = 5

_p, _a, _l, _t = tables.piece.c, tables.attempt.c, tables.letter.c, tables.transition.c


@dataclass(frozen=True, slots=True)
class Answer:
    #: withdrawn | recalled | too_late | missing | ended
    outcome: str
    #: Pieces that were taken out: whoever holds the pile has to find them.
    pieces: tuple[str, ...] = ()
    #: When it was handed over, where it is too late.
    posted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pulled:
    #: Pieces taken out, other copies of the same attempts included.
    pulled: int
    #: Letters of which nothing was ever posted.
    withdrawn: int
    #: Pieces that the carrier has already.
    too_late: tuple[str, ...]
    #: Pieces that nobody can find now.
    missing: tuple[str, ...]


def stop_letters(
    engine: Engine, letter_ids: Collection[str], *, reason: str, order: str, at: datetime, actor: str
) -> dict[str, Answer]:
    """Stops each letter, in a transaction of its own; letter id → what was found. Repeating it changes nothing.

    `reason`: as `stop:paid`; `order`: id of the stop order. Raises Conflict for a letter that others never leave alone.
    """
    return {each: _with_patience(engine, each, reason=reason, order=order, at=at, actor=actor) for each in letter_ids}


def _with_patience(engine: Engine, letter_id: str, *, reason: str, order: str, at: datetime, actor: str) -> Answer:
    for turn in range(_TRIES):
        try:
            with engine.begin() as connection:
                answer = _stop_one(connection, letter_id, reason=reason, at=at, actor=actor)
                _write_down(connection, letter_id, answer, reason=reason, order=order, at=at)
                return answer
        except Conflict:
            if turn == _TRIES - 1:
                raise
    raise AssertionError("unreachable")


def _stop_one(connection: Connection, letter_id: str, *, reason: str, at: datetime, actor: str) -> Answer:
    letter = connection.execute(select(_l.state, _l.version).where(_l.id == letter_id)).one()
    if letter.state in _BEFORE_ATTEMPTS:
        move(
            connection,
            "letter",
            [(letter_id, letter.version)],
            source=letter.state,
            target="withdrawn",
            actor=actor,
            reason=reason,
            at=at,
            values=[{"reasons": [reason]}],
        )
        return Answer("withdrawn")
    if letter.state != "active":
        return Answer("ended")
    last = _last_attempt(connection, letter_id)
    pieces = connection.execute(select(_p.id, _p.state).where(_p.attempt_id == last.id).order_by(_p.copy)).all()
    in_hand = [piece.id for piece in pieces if piece.state in PULLABLE]
    locked = last.state == "locked"
    if locked and any(piece.state == "missing" for piece in pieces):
        # Its letter may not be tried again, but whoever finds it must hear of the order at the gate of the hand-over.
        flag_stopped(connection, [letter_id], actor=actor, at=at)
        return Answer("missing")
    if locked or last.state in BEFORE_LOCK:
        pull(connection, in_hand, actor=actor, reason=reason, at=at, attempts=[last.id])
        end_unposted(connection, [letter_id], actor=actor, reason=reason, at=at)
        return Answer("recalled" if locked else "withdrawn", tuple(in_hand))
    flag_stopped(connection, [letter_id], actor=actor, at=at)
    handed = _handed_over_at(connection, last.id)
    if handed is None or last.state == "settled":
        return Answer("ended")
    tasks.open_tasks(connection, tasks.INTERCEPT, {last.id: f"{reason} posted {business_day(handed)}"}, at=at)
    return Answer("too_late", posted_at=handed)


def _last_attempt(connection: Connection, letter_id: str) -> Any:
    """The last attempt, held until the transaction ends, so that no piece is made of it meanwhile."""
    query = select(_a.id, _a.state).where(_a.letter_id == letter_id).order_by(_a.n.desc()).limit(1)
    lock_attempts(connection, [connection.execute(query).one().id])
    return connection.execute(query).one()


def _handed_over_at(connection: Connection, attempt_id: str) -> datetime | None:
    query = (
        select(func.max(_t.at))
        .join(tables.piece, _p.id == _t.object_id)
        .where(_p.attempt_id == attempt_id, _t.target == "handed_over")
    )
    found = connection.scalar(query)
    return None if found is None else read(found)


def _write_down(
    connection: Connection, letter_id: str, answer: Answer, *, reason: str, order: str, at: datetime
) -> None:
    when = None if answer.posted_at is None else answer.posted_at.isoformat()
    connection.execute(
        insert(tables.decision),
        {
            "id": ids.new("dec"),
            "object_id": letter_id,
            "stage": "stop",
            "outcome": answer.outcome,
            "inputs_sha256": sha256(order.encode()).hexdigest(),
            "versions": {"order": order, "at": at.isoformat(), "posted_at": when},
            "reasons": [reason],
            "on_day": business_day(at),
        },
    )


def pull_pieces(engine: Engine, pieces: Mapping[str, str], *, at: datetime, actor: str) -> Pulled:
    """Takes out the pieces (piece id → reason) at a gate, in one transaction; repeating it changes nothing.

    Waybills of pulled pieces become a task each: they are to be cancelled at the carrier.
    """
    with engine.begin() as connection:
        # All at once: those of one reason after those of another would be another order than everybody's.
        lock_attempts(connection, attempts_of(connection, pieces))
        states = _states(connection, pieces)
        wanted = {piece: pieces[piece] for piece, state in states.items() if state in PULLABLE}
        wanted = _with_copies(connection, wanted)
        by_reason: dict[str, list[str]] = defaultdict(list)
        for piece, reason in wanted.items():
            by_reason[reason].append(piece)
        withdrawn = 0
        for reason, group in sorted(by_reason.items()):
            letters = pull(connection, group, actor=actor, reason=reason, at=at)
            withdrawn += end_unposted(connection, letters, actor=actor, reason=reason, at=at)
        too_late = tuple(sorted(piece for piece, state in states.items() if state == "handed_over"))
        flag_stopped(connection, _letters_of(connection, too_late), actor=actor, at=at)
    missing = tuple(sorted(piece for piece, state in states.items() if state == "missing"))
    return Pulled(pulled=len(wanted), withdrawn=withdrawn, too_late=too_late, missing=missing)


def end_unposted(connection: Connection, letter_ids: Iterable[str], *, actor: str, reason: str, at: datetime) -> int:
    """Withdraws active letters of which nothing was ever posted, marks the others; returns how many it withdrew."""
    withdrawn = 0
    for part in chunks(sorted(set(letter_ids))):
        posted = set(connection.scalars(select(_a.letter_id).where(_a.letter_id.in_(part), _a.posted_on.is_not(None))))
        query = select(_l.id, _l.version).where(_l.id.in_(part), _l.state == "active")
        going = [(row.id, row.version) for row in connection.execute(query).all() if row.id not in posted]
        withdrawn += move(
            connection,
            "letter",
            going,
            source="active",
            target="withdrawn",
            actor=actor,
            reason=reason,
            at=at,
            values=[{"reasons": [reason]}] * len(going),
        )
        flag_stopped(connection, posted, actor=actor, at=at)
    return withdrawn


def flag_stopped(connection: Connection, letter_ids: Collection[str], *, actor: str, at: datetime) -> None:
    """Marks active letters of which something was posted: no further attempt, and the end is the real result."""
    for part in chunks(sorted(set(letter_ids))):
        query = select(_l.id, _l.version, _l.flags).where(_l.id.in_(part), _l.state == "active")
        rows = [row for row in connection.execute(query).all() if STOP_REQUESTED not in row.flags]
        move(
            connection,
            "letter",
            [(row.id, row.version) for row in rows],
            source="active",
            target="active",
            actor=actor,
            reason="stop_requested",
            at=at,
            values=[{"flags": sorted({*row.flags, STOP_REQUESTED})} for row in rows],
        )


def _states(connection: Connection, piece_ids: Collection[str]) -> dict[str, str]:
    return {
        row.id: row.state
        for part in chunks(sorted(piece_ids))
        for row in connection.execute(select(_p.id, _p.state).where(_p.id.in_(part)))
    }


def _with_copies(connection: Connection, wanted: Mapping[str, str]) -> dict[str, str]:
    """The pieces and the other pieces of their attempts: a recalled attempt leaves nothing in the pile."""
    found = dict(wanted)
    other = tables.piece.alias("other")
    for part in chunks(sorted(wanted)):
        query = (
            select(_p.id, other.c.id.label("other_id"))
            .join(other, other.c.attempt_id == _p.attempt_id)
            .where(_p.id.in_(part), other.c.state.in_(PULLABLE))
        )
        for row in connection.execute(query):
            found.setdefault(row.other_id, wanted[row.id])
    return found


def _letters_of(connection: Connection, piece_ids: Collection[str]) -> list[str]:
    return [
        letter
        for part in chunks(sorted(piece_ids))
        for letter in connection.scalars(
            select(_a.letter_id).join(tables.piece, _p.attempt_id == _a.id).where(_p.id.in_(part))
        )
    ]
