"""What the envelope factory says about a run: it has the same manifest, it has printed, these pieces are spoiled.

    acknowledge(engine, run_id, manifest_sha256=…, at=now)
    report(engine, tenant, run_id, spoiled={"pce_…": "jam"}, at=now)       # every piece accounted for → balanced

A spoiled piece gets a successor of the same letter in the next run: a new envelope with a new waybill, never a second demand.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, select

from songda.base.errors import SongdaError
from songda.dispatch import lock_attempts, taken_out, unanswered
from songda.flow.pieces import RunPieces, begin, move_run
from songda.flow.press import UnknownRun
from songda.flow.tenants import Tenant
from songda.store import tables

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
        run = find_run(connection, run_id, "locked", "rejected", "acknowledged")
        if run.state == "acknowledged" and run.manifest_sha256 == manifest_sha256:
            return
        if run.state != "locked":
            raise WrongRunState(run=run_id, state=run.state)
        fits = run.manifest_sha256 == manifest_sha256
        target, reason = ("acknowledged", "same_manifest") if fits else ("rejected", "another_manifest")
        move_run(connection, run, target, reason=reason, at=at)
        if not fits:
            never = [each.piece_id for each in unanswered(connection, run_id)]
            taken_out(connection, never, at=at, printed=False)
    if not fits:
        raise ManifestRejected(run=run_id)


def abort(engine: Engine, run_id: str, *, at: datetime) -> None:
    """Gives the run up before anything of it was printed: its pieces go to the next run as they are, with their waybills.

    The caller has the factory's word that nothing was printed. Raises UnknownRun, WrongRunState.
    """
    with engine.begin() as connection:
        run = find_run(connection, run_id, "locked", "acknowledged", "aborted")
        if run.state != "aborted":
            move_run(connection, run, "aborted", reason="given_up", at=at)
            never = [each.piece_id for each in unanswered(connection, run_id)]
            taken_out(connection, never, at=at, printed=False)


def report(
    engine: Engine, tenant: Tenant, run_id: str, *, at: datetime, spoiled: Mapping[str, str] | None = None
) -> None:
    """The factory's word about the whole run: all is in its envelope but the `spoiled` pieces (id → reason), which get
    successors, and what was to be taken out lies aside. Where an inserter writes files, songda.flow.inserter reads them.

    Raises UnknownRun, WrongRunState, UnknownPiece.
    """
    bad = dict(spoiled or {})
    with engine.begin() as connection:
        run = find_run(connection, run_id, "acknowledged", "printing", "balanced")
        if run.state == "balanced":
            return
        going = select(_p.attempt_id).where(_p.run_id == run_id, _p.state.not_in(("spoiled", "pulled")))
        lock_attempts(connection, set(connection.scalars(going)))
        pieces = RunPieces(connection, run_id)
        living = [piece for piece in pieces.by_seq.values() if piece.state not in ("spoiled", "pulled")]
        if strange := set(bad) - {piece.id for piece in living}:
            raise UnknownPiece(run=run_id, piece=min(strange))
        for piece in living:
            pieces.tell(piece, "spoiled" if piece.id in bad else "good")
        run = begin(connection, run, at=at)
        pieces.store(connection, tenant, run, at=at)
        taken_out(connection, [each.piece_id for each in unanswered(connection, run_id)], at=at)
        move_run(connection, run, "balanced", reason="balanced", at=at)


def find_run(connection: Connection, run_id: str, *states: str) -> Any:
    """The run's row. Raises UnknownRun, and WrongRunState when it stands in none of `states`."""
    run = connection.execute(select(tables.run).where(tables.run.c.id == run_id)).first()
    if run is None:
        raise UnknownRun(run=run_id)
    if run.state not in states:
        raise WrongRunState(run=run_id, state=run.state)
    return run
