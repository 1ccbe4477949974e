"""The pieces of a run at the factory, and the moves that a word about them makes.

pieces = RunPieces(connection, run_id)                   # their attempts are held by the caller
pieces.tell(pieces.by_seq[17], "spoiled")
pieces.store(connection, tenant, run, at=now)            # moves written; what was spoiled is made anew
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from songda.dispatch import end_attempts, hold_letters
from songda.flow.dealing import new_run, open_run, piece_id, queue_pieces
from songda.flow.tenants import Tenant
from songda.store import move, tables, take_over

#: Pieces of one attempt that may be spoiled before a person has to look.
MAX_SPOILED = 3

#: State, result → the moves that follow (to, reason). Spoiled and pulled pieces are at their end.
MOVES: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {
    ("queued", "good"): (("printed", "printed"), ("enveloped", "code_read")),
    ("queued", "spoiled"): (("printed", "printed"), ("spoiled", "spoiled")),
    ("queued", "diverted"): (("printed", "printed"), ("diverted", "diverted")),
    ("queued", "missing"): (("printed", "printed"), ("missing", "missing")),
    ("printed", "good"): (("enveloped", "code_read"),),
    ("printed", "spoiled"): (("spoiled", "spoiled"),),
    ("printed", "diverted"): (("diverted", "diverted"),),
    ("printed", "missing"): (("missing", "missing"),),
    ("enveloped", "good"): (),
    ("enveloped", "spoiled"): (("spoiled", "spoiled"),),
    ("enveloped", "diverted"): (("diverted", "diverted"),),
    ("enveloped", "missing"): (("missing", "missing"),),
    ("diverted", "good"): (("enveloped", "found"),),
    ("diverted", "spoiled"): (("spoiled", "spoiled"),),
    ("diverted", "diverted"): (),
    ("missing", "good"): (("enveloped", "found"),),
    ("missing", "spoiled"): (("spoiled", "written_off"),),
    ("missing", "missing"): (),
}

_p = tables.piece.c


@dataclass(slots=True)
class RunPiece:
    id: str
    #: As the codes on its sheets say it.
    seq: int
    attempt_id: str
    copy: int
    state: str
    version: int
    #: From, to, reason: not written yet.
    moves: list[tuple[str, str, str]] = field(default_factory=list)


class RunPieces:
    """The pieces in the manifest of a run, by their numbers."""

    def __init__(self, connection: Connection, run_id: str) -> None:
        columns = (_p.id, _p.seq, _p.attempt_id, _p.copy, _p.state, _p.version)
        # What was pulled before the lock was never printed and has no number on paper.
        printed = select(*columns).where(_p.run_id == run_id, _p.print_sha256.is_not(None)).order_by(_p.seq)
        self.by_seq = {row.seq: RunPiece(*row) for row in connection.execute(printed)}

    def tell(self, piece: RunPiece, result: str, *, why: str | None = None) -> None:
        """`result` (good, spoiled, diverted, missing) of a piece; `why` stands as the reason of its last move.

        Raises KeyError where no move leads there.
        """
        steps = MOVES[piece.state, result]
        for number, (target, reason) in enumerate(steps, 1):
            piece.moves.append((piece.state, target, why if why and number == len(steps) else reason))
            piece.state = target

    def store(self, connection: Connection, tenant: Tenant, run: Any, *, at: datetime) -> None:
        moved = [piece for piece in self.by_seq.values() if piece.moves]
        for depth in range(max((len(piece.moves) for piece in moved), default=0)):
            groups: dict[tuple[str, str, str], list[tuple[str, int]]] = defaultdict(list)
            for piece in moved:
                if depth < len(piece.moves):
                    groups[piece.moves[depth]].append((piece.id, piece.version + depth))
            for (source, target, reason), rows in sorted(groups.items()):
                move(
                    connection,
                    "piece",
                    rows,
                    source=source,
                    target=target,
                    actor="production",
                    reason=reason,
                    at=at,
                )
        _replace(connection, tenant, run, [piece for piece in moved if piece.state == "spoiled"], at)


def move_run(connection: Connection, run: Any, target: str, *, reason: str, at: datetime) -> Any:
    """Moves the run and returns its row as it stands then."""
    move(
        connection,
        "run",
        [(run.id, run.version)],
        source=run.state,
        target=target,
        actor="production",
        reason=reason,
        at=at,
    )
    return connection.execute(select(tables.run).where(tables.run.c.id == run.id)).one()


def begin(connection: Connection, run: Any, *, at: datetime) -> Any:
    """The run as one of which something is printed."""
    return move_run(connection, run, "printing", reason="printing", at=at) if run.state == "acknowledged" else run


def _replace(connection: Connection, tenant: Tenant, run: Any, spoilt: Sequence[RunPiece], at: datetime) -> None:
    """A new piece for each spoiled one, in the next open run of the batch; what is spoiled again and again is held."""
    spoilt_ever = (
        select(_p.attempt_id, func.count())
        .where(_p.attempt_id.in_([piece.attempt_id for piece in spoilt]), _p.state == "spoiled")
        .group_by(_p.attempt_id)
    )
    counts: dict[str, int] = {row[0]: row[1] for row in connection.execute(spoilt_ever)}
    over = [piece.attempt_id for piece in spoilt if counts[piece.attempt_id] >= MAX_SPOILED]
    letters = end_attempts(connection, over, actor="production", reason="spoiled_too_often", at=at)
    hold_letters(connection, letters, actor="production", reason="spoiled_too_often", at=at)
    n = tables.attempt.c
    # What has turned up after all, or was recalled meanwhile, wants no envelope any more.
    standing = select(n.id).where(n.id.in_([piece.attempt_id for piece in spoilt]), n.state == "locked")
    locked = set(connection.scalars(standing))
    again = [piece for piece in spoilt if piece.attempt_id in locked and counts[piece.attempt_id] < MAX_SPOILED]
    if not again:
        return
    following = open_run(connection, run.batch_id) or new_run(connection, tenant, run.batch_id, run.day)
    queue_pieces(connection, tenant, following, [(piece.attempt_id, piece.copy + 1) for piece in again])
    anew = {piece.id: piece_id(tenant, piece.attempt_id, piece.copy + 1) for piece in again}
    take_over(connection, anew, at=at)
    versions = connection.execute(select(n.id, n.version).where(n.id.in_([piece.attempt_id for piece in again]))).all()
    move(
        connection,
        "attempt",
        [tuple(row) for row in versions],
        source="locked",
        target="locked",
        actor="production",
        reason="piece_spoiled",
        at=at,
    )
