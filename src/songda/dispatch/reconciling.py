"""Runs of which the carrier has told about every piece: the last difference of the ledger is zero.

    reconcile(engine, tenant_id=tenant, at=now)

A piece counts as accepted when an event of its waybill is not older than the hand-over, or when its attempt has settled
without one: then the difference is explained, as a letter without proof.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, exists, select

from songda.dispatch.instants import read
from songda.store import move, tables

#: The carrier's clocks against ours.
_SKEW = timedelta(minutes=30)

_r, _p, _a, _f, _t = (t.c for t in (tables.run, tables.piece, tables.attempt, tables.fact, tables.transition))


def reconcile(engine: Engine, *, tenant_id: str, at: datetime) -> int:
    """Moves the tenant's handed-over runs to `reconciled` as far as the carrier has told about them; returns how many."""
    with engine.begin() as connection:
        query = (
            select(_r.id, _r.version, _t.at)
            .join(tables.transition, (_t.object_id == _r.id) & (_t.target == "handed_over"))
            .where(_r.tenant_id == tenant_id, _r.state == "handed_over")
            .order_by(_r.id)
        )
        runs = connection.execute(query).all()
        whole = [(run.id, run.version) for run in runs if not _open(connection, run.id, read(run.at))]
        return move(
            connection,
            "run",
            whole,
            source="handed_over",
            target="reconciled",
            actor="carrier",
            reason="accepted_by_carrier",
            at=at,
        )


def _open(connection: Connection, run_id: str, handed_at: datetime) -> bool:
    """Whether a piece of the run is still unheard of."""
    own = _f.event["waybill_no"].as_string() == _p.waybill_no
    told = exists().where(_f.attempt_id == _a.id, own, _f.op_time >= handed_at - _SKEW)
    query = (
        select(_p.id)
        .join(tables.attempt, _a.id == _p.attempt_id)
        .where(_p.run_id == run_id, _p.state == "handed_over", _a.state != "settled", ~told)
    )
    return connection.execute(query.limit(1)).first() is not None
