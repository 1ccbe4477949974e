"""Pieces and the open run in which they stand: first ones, those of rejected runs, and replacements of what was spoiled or lost.

A piece's order number is attempt and copy, so that no two orders can share it; a replacement is a new piece of the same
attempt and never a second demand.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from songda.base import ids
from songda.dispatch import REPLACEMENT_UNPAID, end_attempts, flag_stopped, keep_tasks, lock_attempts
from songda.flow.money import OVER_BUDGET, pay_again
from songda.flow.sealed import LASTING
from songda.flow.stopped import who_is_stopped
from songda.flow.tenants import Tenant
from songda.letters import Products
from songda.store import insert_missing, tables

#: States of pieces that nothing can come of any more.
_GONE = ("handed_over", "spoiled", "pulled")

_r, _p, _n, _l = tables.run.c, tables.piece.c, tables.attempt.c, tables.letter.c


def open_run(connection: Connection, batch_id: str) -> str | None:
    """The open run of the batch."""
    found: str | None = connection.scalar(select(_r.id).where(_r.batch_id == batch_id, _r.state == "open"))
    return found


def new_run(connection: Connection, tenant: Tenant, batch_id: str, day: date) -> str:
    """An open run of the batch; returns its id."""
    # Numbers count over the tenant: they stand in the codes of the sheets.
    number = (connection.scalar(select(func.max(_r.number)).where(_r.tenant_id == tenant.id)) or 0) + 1
    run_id = ids.derive("run", day, tenant.key.id_secret(), batch_id, number)
    row = {"id": run_id, "tenant_id": tenant.id, "batch_id": batch_id, "number": number, "day": day}
    connection.execute(insert(tables.run), {**row, "state": "open", "version": 0, "pieces": 0})
    return run_id


def queue_pieces(connection: Connection, tenant: Tenant, run_id: str, attempts: Sequence[tuple[str, int]]) -> None:
    """Queues a piece of each attempt (id, number of the copy) at the end of the run."""
    last = _last(connection, run_id)
    rows = [
        _piece_row(tenant, attempt_id, copy=copy, run_id=run_id, seq=seq)
        for seq, (attempt_id, copy) in enumerate(attempts, last + 1)
    ]
    insert_missing(connection, tables.piece, rows)


def deal_again(connection: Connection, tenant: Tenant, batch_id: str, day: date) -> None:
    """Moves the pieces of runs that were rejected or given up into the open run of the batch."""
    rejected = (
        select(_p.id)
        .join(tables.run, _r.id == _p.run_id)
        .where(_r.batch_id == batch_id, _r.state.in_(("rejected", "aborted")), _p.state == "queued")
        .order_by(_r.number, _p.seq)
    )
    pieces = connection.scalars(rejected).all()
    if not pieces:
        return
    following = open_run(connection, batch_id) or new_run(connection, tenant, batch_id, day)
    last = _last(connection, following)
    connection.execute(
        update(tables.piece)
        .where(_p.id == bindparam("the_id"))
        .values(run_id=following, seq=bindparam("the_seq"), print_sha256=None),
        [{"the_id": piece, "the_seq": seq} for seq, piece in enumerate(pieces, last + 1)],
    )


def replace_lost(
    connection: Connection, tenant: Tenant, batch_id: str, *, products: Products, on: date, at: datetime
) -> None:
    """A new piece for each locked attempt that has none left; where a stop stands, the attempt settles as lost instead.

    Each is paid for. One that no account bears waits as it is: a person has a task, and the next run asks again.
    """
    # Held first: a stop that comes now waits, and then finds the piece.
    lock_attempts(connection, [row.id for row in _lost(connection, batch_id)])
    lost = _lost(connection, batch_id)
    stopped = who_is_stopped(connection, tenant, {row.letter_id for row in lost}, on=on) if lost else {}
    ended = [row for row in lost if row.letter_id in stopped]
    end_attempts(connection, [row.id for row in ended], actor="rules", reason="gate_hand_over", at=at)
    flag_stopped(connection, [row.letter_id for row in ended], actor="rules", at=at)
    again = {piece_id(tenant, row.id, row.copy + 1): row for row in lost if row.letter_id not in stopped}
    unpaid = pay_again(connection, tenant, batch_id, again, products=products, on=on, at=at)
    waiting = dict.fromkeys((again[piece].id for piece in unpaid), OVER_BUDGET)
    among = {*_waiting_for_money(connection, batch_id), *waiting}
    keep_tasks(connection, REPLACEMENT_UNPAID, waiting, among=among, actor="dispatch", at=at)
    if paid := [(row.id, row.copy + 1) for piece, row in again.items() if piece not in unpaid]:
        run_id = open_run(connection, batch_id) or new_run(connection, tenant, batch_id, on)
        queue_pieces(connection, tenant, run_id, paid)


def _lost(connection: Connection, batch_id: str) -> Sequence[Any]:
    """Locked attempts of the batch of which no piece is left, with their last copy and what was quoted for the first."""
    other = tables.piece.alias().c
    living = select(other.id).where(other.attempt_id == _n.id, other.state.not_in(_GONE)).exists()
    columns = (_n.id, _n.letter_id, _n.sheets, _n.zone, _n.price_fen)
    query = (
        select(*columns, func.max(_p.copy).label("copy"))
        .join(tables.letter, _l.id == _n.letter_id)
        .join(tables.piece, _p.attempt_id == _n.id)
        .where(_l.batch_id == batch_id, _n.state == "locked", ~living)
        .group_by(*columns)
        .order_by(_n.id)
    )
    return connection.execute(query).all()


def _waiting_for_money(connection: Connection, batch_id: str) -> Sequence[str]:
    k = tables.task.c
    query = (
        select(_n.id)
        .join(tables.letter, _l.id == _n.letter_id)
        .join(tables.task, (k.object_id == _n.id) & (k.kind == REPLACEMENT_UNPAID) & (k.state == "open"))
        .where(_l.batch_id == batch_id)
    )
    return connection.scalars(query).all()


def piece_id(tenant: Tenant, attempt_id: str, copy: int) -> str:
    """Id of the `copy`-th piece of an attempt."""
    return ids.derive("pce", LASTING, tenant.key.id_secret(), attempt_id, copy)


def _piece_row(tenant: Tenant, attempt_id: str, *, copy: int, run_id: str, seq: int) -> dict[str, Any]:
    return {
        "id": piece_id(tenant, attempt_id, copy),
        "attempt_id": attempt_id,
        "run_id": run_id,
        "copy": copy,
        "seq": seq,
        "state": "queued",
        "version": 0,
        "order_no": f"{attempt_id.removeprefix('att_')}-{copy}",
    }


def _last(connection: Connection, run_id: str) -> int:
    return connection.scalar(select(func.max(_p.seq)).where(_p.run_id == run_id)) or 0
