"""Taking pieces out before they are handed over: the attempt ends with them, and nothing of it was ever posted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Connection, select

from songda.dispatch import tasks
from songda.store import chunks, move, tables

_p, _a, _l = tables.piece.c, tables.attempt.c, tables.letter.c

#: How an attempt ends whose piece was pulled, by the state in which it stands.
_ENDS = {**dict.fromkeys(("planned", "quoted", "scheduled", "rendered", "sealed"), "dropped"), "locked": "recalled"}


def pull(connection: Connection, piece_ids: Collection[str], *, actor: str, reason: str, at: datetime) -> list[str]:
    """Pulls the pieces and ends their attempts; a waybill that now carries nothing becomes a task. → letter ids."""
    rows = [
        row
        for part in chunks(sorted(piece_ids))
        for row in connection.execute(
            select(
                _p.id,
                _p.state,
                _p.version,
                _p.waybill_no,
                _a.id.label("attempt_id"),
                _a.state.label("attempt_state"),
                _a.version.label("attempt_version"),
                _a.letter_id,
                tables.intent.c.state.label("intent_state"),
            )
            .join(tables.attempt, _a.id == _p.attempt_id)
            .outerjoin(tables.intent, tables.intent.c.order_no == _p.order_no)
            .where(_p.id.in_(part))
        )
    ]
    move_mixed(
        connection,
        "piece",
        ((row.id, row.version, row.state, "pulled") for row in rows),
        actor=actor,
        reason=reason,
        at=at,
    )
    move_mixed(
        connection,
        "attempt",
        # An attempt ends once, however many of its pieces are pulled.
        {
            (row.attempt_id, row.attempt_version, row.attempt_state, _ENDS[row.attempt_state])
            for row in rows
            if row.attempt_state in _ENDS
        },
        actor=actor,
        reason=reason,
        at=at,
    )
    unused = {row.id: reason for row in rows if row.waybill_no and row.intent_state != "refused"}
    tasks.open_tasks(connection, tasks.WAYBILL_UNUSED, unused, at=at)
    return [row.letter_id for row in rows]


def hold_letters(connection: Connection, letter_ids: Collection[str], *, actor: str, reason: str, at: datetime) -> None:
    """Active letters whose attempt failed before posting wait for a cure."""
    for part in chunks(sorted(letter_ids)):
        query = select(_l.id, _l.version).where(_l.id.in_(part), _l.state == "active")
        rows = [(row.id, row.version) for row in connection.execute(query).all()]
        move(connection, "letter", rows, source="active", target="held", actor=actor, reason=reason, at=at)


def move_mixed(
    connection: Connection,
    object: str,
    rows: Iterable[tuple[str, int, str, str]],
    *,
    actor: str,
    reason: str,
    at: datetime,
) -> None:
    """`move` for things (id, version, source, target) in several states."""
    groups: dict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
    for id_, version, source, target in rows:
        groups[source, target].append((id_, version))
    for (source, target), group in sorted(groups.items()):
        move(connection, object, group, source=source, target=target, actor=actor, reason=reason, at=at)
