"""Stop orders found at the gate of the hand-over: their pieces are taken out, or it is too late and that is written down.

| the piece is | then |
| --- | --- |
| in our hands | pulled; its attempt is recalled; its letter withdrawn, unless an earlier attempt of it was posted |
| handed over | too late: the letter carries `stop_requested`, gets no further attempt and ends with its real result |
| missing | told back: somebody has to find it or write it off before the run can leave |
| spoiled or pulled already | nothing to do |
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, select

from songda.dispatch.pulling import pull
from songda.store import chunks, move, tables

#: Flag of a letter that must not be tried again.
STOP_REQUESTED = "stop_requested"

_PULLABLE = frozenset({"queued", "printed", "enveloped", "diverted"})

_p, _a, _l = tables.piece.c, tables.attempt.c, tables.letter.c


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


def pull_pieces(engine: Engine, pieces: Mapping[str, str], *, at: datetime, actor: str) -> Pulled:
    """Takes out the pieces (piece id → reason code of its stop order), in one transaction; repeating it changes nothing.

    Waybills of pulled pieces become a task each: they are to be cancelled at the carrier.
    """
    with engine.begin() as connection:
        states = _states(connection, pieces)
        wanted = {piece: pieces[piece] for piece, state in states.items() if state in _PULLABLE}
        wanted = _with_copies(connection, wanted)
        by_reason: dict[str, list[str]] = defaultdict(list)
        for piece, reason in wanted.items():
            by_reason[reason].append(piece)
        withdrawn = 0
        for reason, group in sorted(by_reason.items()):
            letters = pull(connection, group, actor=actor, reason=reason, at=at)
            withdrawn += _stop(connection, letters, actor=actor, reason=reason, at=at)
        too_late = tuple(sorted(piece for piece, state in states.items() if state == "handed_over"))
        _stop(connection, _letters_of(connection, too_late), actor=actor, reason="stop requested", at=at)
    missing = tuple(sorted(piece for piece, state in states.items() if state == "missing"))
    return Pulled(pulled=len(wanted), withdrawn=withdrawn, too_late=too_late, missing=missing)


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
            .where(_p.id.in_(part), other.c.state.in_(_PULLABLE))
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


def _stop(connection: Connection, letter_ids: Collection[str], *, actor: str, reason: str, at: datetime) -> int:
    """Withdraws active letters of which nothing was ever posted, and marks the others; returns how many it withdrew."""
    withdrawn = 0
    for part in chunks(sorted(set(letter_ids))):
        posted = set(connection.scalars(select(_a.letter_id).where(_a.letter_id.in_(part), _a.posted_on.is_not(None))))
        query = select(_l.id, _l.version, _l.flags).where(_l.id.in_(part), _l.state == "active")
        letters = connection.execute(query).all()
        going = [(row.id, row.version) for row in letters if row.id not in posted]
        withdrawn += move(
            connection, "letter", going, source="active", target="withdrawn", actor=actor, reason=reason, at=at
        )
        staying = [row for row in letters if row.id in posted and STOP_REQUESTED not in row.flags]
        move(
            connection,
            "letter",
            [(row.id, row.version) for row in staying],
            source="active",
            target="active",
            actor=actor,
            reason="stop requested",
            at=at,
            values=[{"flags": sorted({*row.flags, STOP_REQUESTED})} for row in staying],
        )
    return withdrawn
