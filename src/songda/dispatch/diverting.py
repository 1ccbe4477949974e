"""Envelopes at the factory that must not go: each is asked for, and the run stays until the factory has answered.

    divert(connection, {piece: "stop:paid"}, at=now)             # those whose run the factory has; others need nothing
    [(each.job, each.seq, each.reason) for each in unanswered(connection, run_id)]
    taken_out(connection, [piece], at=now)                       # it lies aside

A piece that the ledger has pulled is still paper: only the one who holds the pile can take it out. The question is a task about
the piece; the answer, what `hand_over` waits for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select

from songda.dispatch import tasks
from songda.store import chunks, tables

#: States of runs that the factory may have on paper and the carrier has not.
AT_FACTORY = ("locked", "acknowledged", "printing", "balanced")

_p, _r, _k = tables.piece.c, tables.run.c, tables.task.c


class Divert(NamedTuple):
    piece_id: str
    #: Job and piece number, as the codes on its sheets say them.
    job: int
    seq: int
    #: Why it must not go: `stop:paid`, `gate_hand_over`, `replaced` …
    reason: str


def divert(connection: Connection, reasons: Mapping[str, str], *, at: datetime) -> None:
    """Asks for the pieces (piece id → reason) that lie at the factory, each once."""
    there: dict[str, str] = {}
    for part in chunks(sorted(reasons)):
        query = select(_p.id).join(tables.run, _r.id == _p.run_id).where(_p.id.in_(part), _r.state.in_(AT_FACTORY))
        there |= {piece: reasons[piece] for piece in connection.scalars(query)}
    tasks.open_tasks(connection, tasks.DIVERT, there, at=at)


def unanswered(connection: Connection, run_id: str) -> list[Divert]:
    """What the factory has not answered yet, in the order of the run."""
    query = (
        select(_p.id, _r.number, _p.seq, _k.reason)
        .join(tables.run, _r.id == _p.run_id)
        .join(tables.task, _k.object_id == _p.id)
        .where(_p.run_id == run_id, _k.kind == tasks.DIVERT, _k.state == "open")
        .order_by(_p.seq)
    )
    return [Divert(*row) for row in connection.execute(query)]


def taken_out(
    connection: Connection, piece_ids: Collection[str], *, at: datetime, actor: str = "production", printed: bool = True
) -> None:
    """The factory's answer: these lie aside; or, of a run that it rejected, were never printed."""
    reason = "taken_out" if printed else "never_printed"
    tasks.close_tasks(connection, tasks.DIVERT, piece_ids, actor=actor, reason=reason, at=at)
