"""Taking pieces out before they are handed over: the attempt ends with them, and nothing of these pieces was ever posted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, select

from songda.dispatch import tasks
from songda.dispatch.diverting import divert
from songda.dispatch.facts import lock_attempts
from songda.dispatch.grades import NO_PROOF
from songda.store import chunks, move, tables

_p, _a, _l = tables.piece.c, tables.attempt.c, tables.letter.c

#: States of pieces that can be taken out.
PULLABLE = frozenset({"queued", "printed", "enveloped", "diverted"})
#: States of attempts whose piece stands in no locked run.
BEFORE_LOCK = frozenset({"planned", "quoted", "scheduled", "rendered", "sealed"})


def pull(
    connection: Connection,
    piece_ids: Collection[str],
    *,
    actor: str,
    reason: str,
    at: datetime,
    attempts: Collection[str] = (),
) -> list[str]:
    """Pulls the pieces and ends their attempts; a waybill that now carries nothing becomes a task. → letter ids.

    `attempts`: further attempts to end, which may have no piece yet.
    """
    lock_attempts(connection, {*attempts, *attempts_of(connection, piece_ids)})
    rows = take_out(connection, piece_ids, actor=actor, reason=reason, at=at)
    return end_attempts(connection, {*attempts, *(row.attempt_id for row in rows)}, actor=actor, reason=reason, at=at)


def attempts_of(connection: Connection, piece_ids: Collection[str]) -> set[str]:
    return {
        attempt
        for part in chunks(sorted(piece_ids))
        for attempt in connection.scalars(select(_p.attempt_id).where(_p.id.in_(part)))
    }


def take_out(connection: Connection, piece_ids: Collection[str], *, actor: str, reason: str, at: datetime) -> list[Any]:
    """Pulls those of the pieces alone that are still in the house, and asks the factory for those it has; returns their
    rows (attempt_id among them).
    """
    rows = [
        row
        for part in chunks(sorted(piece_ids))
        for row in connection.execute(
            select(
                _p.id,
                _p.state,
                _p.version,
                _p.waybill_no,
                _p.attempt_id,
                tables.intent.c.state.label("intent_state"),
            )
            .outerjoin(tables.intent, tables.intent.c.order_no == _p.order_no)
            .where(_p.id.in_(part), _p.state.in_(PULLABLE))
        )
    ]
    pieces = ((row.id, row.version, row.state, "pulled") for row in rows)
    move_mixed(connection, "piece", pieces, actor=actor, reason=reason, at=at)
    unused = {row.id: reason for row in rows if row.waybill_no and row.intent_state != "refused"}
    tasks.open_tasks(connection, tasks.WAYBILL_UNUSED, unused, at=at)
    divert(connection, {row.id: reason for row in rows}, at=at)
    return rows


def set_aside(
    connection: Connection,
    piece_ids: Collection[str],
    *,
    actor: str,
    reason: str,
    at: datetime,
    why: str | None = None,
    attempts: Collection[str] = (),
) -> None:
    """Pulls the pieces, ends their attempts (and `attempts`), and holds the letters of which nothing was ever posted.

    `why`: as for `hold_letters`.
    """
    letters = pull(connection, piece_ids, actor=actor, reason=reason, at=at, attempts=attempts)
    hold_letters(connection, letters, actor=actor, reason=reason, at=at, why=why)


def take_out_strays(engine: Engine, run_id: str, *, at: datetime) -> int:
    """Takes out the good pieces of a run for which no attempt waits: what they were to replace has turned up, or their attempt
    has ended, while nobody could find them; returns how many. The rest of the run may then go.
    """
    query = (
        select(_p.id)
        .join(tables.attempt, _a.id == _p.attempt_id)
        .where(_p.run_id == run_id, _p.state == "enveloped", _a.state != "locked")
    )
    with engine.begin() as connection:
        lock_attempts(connection, attempts_of(connection, connection.scalars(query).all()))
        strays = connection.scalars(query).all()
        return len(take_out(connection, strays, actor="rules", reason="gate_hand_over", at=at))


def end_attempts(
    connection: Connection, attempt_ids: Collection[str], *, actor: str, reason: str, at: datetime
) -> list[str]:
    """Ends attempts whose pieces are all accounted for and none is with the carrier; returns the ids of their letters.

    What was lost by the carrier and gets no replacement settles as such: it was posted, and nothing is proven.
    """
    ends, letters = [], []
    for part in chunks(sorted(attempt_ids)):
        query = select(_a.id, _a.version, _a.state, _a.letter_id, _a.posted_on).where(_a.id.in_(part))
        for row in connection.execute(query.order_by(_a.id)):
            letters.append(row.letter_id)
            if row.state in BEFORE_LOCK:
                ends.append((row.id, row.version, row.state, "dropped"))
            elif row.state == "locked":
                ends.append((row.id, row.version, row.state, "settled" if row.posted_on else "recalled"))
    grade = {"settled": {"grade": NO_PROOF}}
    move_mixed(connection, "attempt", ends, actor=actor, reason=reason, at=at, values=grade)
    return letters


def hold_letters(
    connection: Connection,
    letter_ids: Collection[str],
    *,
    actor: str,
    reason: str,
    at: datetime,
    why: str | None = None,
) -> None:
    """Active letters of which nothing was ever posted wait for a cure; the others go on to their real result.

    `why`: code that the letter then gives as its reason; `reason` when absent.
    """
    for part in chunks(sorted(set(letter_ids))):
        posted = select(_a.letter_id).where(_a.letter_id.in_(part), _a.posted_on.is_not(None))
        query = select(_l.id, _l.version).where(_l.id.in_(part), _l.state == "active", _l.id.not_in(posted))
        rows = [(row.id, row.version) for row in connection.execute(query).all()]
        move(
            connection,
            "letter",
            rows,
            source="active",
            target="held",
            actor=actor,
            reason=reason,
            at=at,
            values=[{"reasons": [why or reason]}] * len(rows),
        )


def move_mixed(
    connection: Connection,
    object: str,
    rows: Iterable[tuple[str, int, str, str]],
    *,
    actor: str,
    reason: str,
    at: datetime,
    values: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """`move` for things (id, version, source, target) in several states. `values`: target → columns to set."""
    groups: dict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
    for id_, version, source, target in rows:
        groups[source, target].append((id_, version))
    for (source, target), group in sorted(groups.items()):
        extra = (values or {}).get(target)
        move(
            connection,
            object,
            group,
            source=source,
            target=target,
            actor=actor,
            reason=reason,
            at=at,
            values=[extra] * len(group) if extra else (),
        )
