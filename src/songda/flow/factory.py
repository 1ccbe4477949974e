"""What the envelope factory says about a run: it has the same manifest, it has printed, these pieces are spoiled.

    acknowledge(engine, run_id, manifest_sha256=…, at=now)
    report(engine, tenant, run_id, spoiled={"pce_…": "jam"}, at=now)       # every piece accounted for → balanced

A spoiled piece gets a successor of the same letter in the next run: a new envelope with a new waybill, never a second demand.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from songda.base.errors import SongdaError
from songda.dispatch import end_attempts, hold_letters, lock_attempts
from songda.flow.dealing import new_run, open_run, queue_pieces
from songda.flow.press import UnknownRun
from songda.flow.tenants import Tenant
from songda.store import move, tables

#: Pieces of one attempt that may be spoiled before a person has to look.
MAX_SPOILED = 3

_p = tables.piece.c


class ManifestRejected(SongdaError):
    zh = "打印批次 {run} 的清单哈希与印制方收到的不一致，批次已作废，未打印"
    remedy = "请重新传输打印文件和清单；函件未寄出，重新运行 songda run --resume 会生成新批次"
    exit_code = 65


class WrongRunState(SongdaError):
    zh = "打印批次 {run} 处于 {state} 状态，不能执行此操作"
    remedy = "顺序为：确认清单 → 报告打印结果 → 交寄；批次状态可用 songda press list 查看"
    exit_code = 75


class UnknownPiece(SongdaError):
    zh = "打印批次 {run} 中没有可登记损坏的封件 {piece}"
    remedy = "封件编号见该批次的 manifest.csv"
    exit_code = 65


def acknowledge(engine: Engine, run_id: str, *, manifest_sha256: str, at: datetime) -> None:
    """The factory answers with the hash of the manifest it holds. Raises UnknownRun, WrongRunState, ManifestRejected."""
    with engine.begin() as connection:
        run = _run(connection, run_id, "locked", "rejected", "acknowledged")
        if run.state == "acknowledged" and run.manifest_sha256 == manifest_sha256:
            return
        if run.state != "locked":
            raise WrongRunState(run=run_id, state=run.state)
        fits = run.manifest_sha256 == manifest_sha256
        target, reason = ("acknowledged", "same_manifest") if fits else ("rejected", "another_manifest")
        _move_run(connection, run, target, reason=reason, at=at)
    if not fits:
        raise ManifestRejected(run=run_id)


def report(
    engine: Engine, tenant: Tenant, run_id: str, *, at: datetime, spoiled: Mapping[str, str] | None = None
) -> None:
    """Every piece of the run is in its envelope but the `spoiled` ones (piece id → reason), which get successors.

    Raises UnknownRun, WrongRunState, UnknownPiece.
    """
    bad = dict(spoiled or {})
    with engine.begin() as connection:
        run = _run(connection, run_id, "acknowledged", "printing", "balanced")
        if run.state == "balanced":
            return
        if run.state == "acknowledged":
            run = _move_run(connection, run, "printing", reason="printing", at=at)
        query = select(_p.id, _p.version, _p.attempt_id, _p.copy, _p.state).where(
            _p.run_id == run_id, _p.state == "queued"
        )
        lock_attempts(connection, {piece.attempt_id for piece in connection.execute(query)})
        pieces = connection.execute(query).all()
        strange = set(bad) - {piece.id for piece in pieces}
        if strange:
            raise UnknownPiece(run=run_id, piece=min(strange))
        _step(connection, pieces, 0, "queued", "printed", "printed", at)
        _step(connection, [each for each in pieces if each.id not in bad], 1, "printed", "enveloped", "code_read", at)
        spoilt = [each for each in pieces if each.id in bad]
        _step(connection, spoilt, 1, "printed", "spoiled", "spoiled", at)
        _replace(connection, tenant, run, spoilt, at)
        _move_run(connection, run, "balanced", reason="balanced", at=at)


def _run(connection: Connection, run_id: str, *states: str) -> Any:
    run = connection.execute(select(tables.run).where(tables.run.c.id == run_id)).first()
    if run is None:
        raise UnknownRun(run=run_id)
    if run.state not in states:
        raise WrongRunState(run=run_id, state=run.state)
    return run


def _move_run(connection: Connection, run: Any, target: str, *, reason: str, at: datetime) -> Any:
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


def _step(
    connection: Connection, pieces: list[Any] | Any, ahead: int, source: str, target: str, reason: str, at: datetime
) -> None:
    """Moves pieces that have made `ahead` moves since they were read."""
    move(
        connection,
        "piece",
        [(piece.id, piece.version + ahead) for piece in pieces],
        source=source,
        target=target,
        actor="production",
        reason=reason,
        at=at,
    )


def _replace(connection: Connection, tenant: Tenant, run: Any, spoilt: list[Any], at: datetime) -> None:
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
    again = [piece for piece in spoilt if counts[piece.attempt_id] < MAX_SPOILED]
    if not again:
        return
    n = tables.attempt.c
    following = open_run(connection, run.batch_id) or new_run(connection, tenant, run.batch_id, run.day)
    queue_pieces(connection, tenant, following, [(piece.attempt_id, piece.copy + 1) for piece in again])
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
