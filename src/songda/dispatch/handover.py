"""Handing a printed run to the carrier: from here on its letters are posted, and nothing of it can be pulled any more.

handed = hand_over(engine, run_id=run, at=now)
handed.posted, handed.posted_on
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from songda.base.days import business_day
from songda.dispatch.diverting import unanswered
from songda.dispatch.errors import PiecesInThePile, PiecesWithoutWaybill, RunNotBalanced, RunNotReady
from songda.dispatch.facts import lock_attempts
from songda.dispatch.instants import stored
from songda.store import move, tables

ACTOR = "dispatch"

#: States in which a piece of a run may stand when the run is handed over; only the first of them goes.
_ACCOUNTED = ("enveloped", "spoiled", "pulled")
_OVER = frozenset({"handed_over", "reconciled"})

_p, _a, _r = tables.piece.c, tables.attempt.c, tables.run.c


@dataclass(frozen=True, slots=True)
class HandOver:
    run_id: str
    #: Pieces that the carrier got.
    posted: int
    spoiled: int
    pulled: int
    #: Business day of the posting; None when every piece was taken out.
    posted_on: date | None
    #: The posting list, in the order of the run.
    waybills: tuple[str, ...] = field(repr=False)


def hand_over(engine: Engine, *, run_id: str, at: datetime) -> HandOver:
    """Marks the run as handed over at the instant `at`, whole or not at all; a repetition tells the first figures again.

    Raises RunNotReady unless the run is balanced, RunNotBalanced while the whereabouts of a piece are unknown,
    PiecesInThePile until the factory has taken out what must not go, and PiecesWithoutWaybill: what cannot be followed is not posted.
    """
    with engine.begin() as connection:
        # Who comes second waits here, and finds the run handed over.
        _hold_attempts(connection, run_id)
        run = connection.execute(select(_r.state, _r.version).where(_r.id == run_id)).one()
        if run.state not in _OVER:
            if run.state != "balanced":
                raise RunNotReady(state=run.state)
            _post(connection, run_id, at=at)
            _move(connection, "run", [(run_id, run.version)], source="balanced", target="handed_over", at=at)
        return _figures(connection, run_id)


def _post(connection: Connection, run_id: str, *, at: datetime) -> None:
    query = (
        select(
            _p.id, _p.state, _p.version, _p.waybill_no, _a.id.label("attempt_id"), _a.version.label("attempt_version")
        )
        .join(tables.attempt, _a.id == _p.attempt_id)
        .where(_p.run_id == run_id)
        .order_by(_p.seq, _p.id)
    )
    pieces = connection.execute(query).all()
    if stray := sum(piece.state not in _ACCOUNTED for piece in pieces):
        raise RunNotBalanced(count=stray)
    if lying := unanswered(connection, run_id):
        raise PiecesInThePile(count=len(lying), run=run_id)
    going = [piece for piece in pieces if piece.state == "enveloped"]
    if bare := sum(not piece.waybill_no for piece in going):
        raise PiecesWithoutWaybill(count=bare)
    rows = [(piece.id, piece.version) for piece in going]
    _move(connection, "piece", rows, source="enveloped", target="handed_over", at=at)
    attempts = list({piece.attempt_id: piece.attempt_version for piece in going}.items())
    # A recalled attempt whose piece is still in the pile is a Conflict: nothing of the run is posted.
    # Nothing can be known on the day of the posting: the first question comes later.
    posted = {"posted_on": business_day(at), "asked_at": stored(at), "look_at": stored(at)}
    _move(connection, "attempt", attempts, source="locked", target="posted", at=at, posted=posted)


def _hold_attempts(connection: Connection, run_id: str) -> None:
    lock_attempts(connection, set(connection.scalars(select(_p.attempt_id).where(_p.run_id == run_id))))


def _move(
    connection: Connection,
    object: str,
    rows: list[tuple[str, int]],
    *,
    source: str,
    target: str,
    at: datetime,
    posted: Mapping[str, Any] | None = None,
) -> None:
    values = [] if posted is None else [posted] * len(rows)
    move(
        connection,
        object,
        rows,
        source=source,
        target=target,
        actor=ACTOR,
        reason="handed_over",
        at=at,
        values=values,
    )


def _figures(connection: Connection, run_id: str) -> HandOver:
    by_state = select(_p.state, func.count()).where(_p.run_id == run_id).group_by(_p.state)
    counts: dict[str, int] = {row[0]: row[1] for row in connection.execute(by_state)}
    handed = _p.run_id == run_id, _p.state == "handed_over"
    waybills = connection.scalars(select(_p.waybill_no).where(*handed).order_by(_p.seq, _p.id))
    day = select(func.min(_a.posted_on)).join(tables.piece, _p.attempt_id == _a.id).where(*handed)
    return HandOver(
        run_id=run_id,
        posted=counts.get("handed_over", 0),
        spoiled=counts.get("spoiled", 0),
        pulled=counts.get("pulled", 0),
        posted_on=connection.scalar(day),
        waybills=tuple(number for number in waybills if number is not None),
    )
