"""Trusted timestamps over print runs: the hashes of all letters of a run, fixed by an authority on the day they are printed.

    stamp_runs(engine, tenant, home=home, at=now)    # every locked run that has none yet
    run_token(home, run_id)                          # the timestamp, or None

What is stamped follows from the manifest, whose hash the ledger keeps; the timestamp lies beside it and proves itself. An
authority that does not answer keeps no letter from being printed: the run is stamped the next time, and the timestamp says
when that was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from songda.base.errors import SongdaError
from songda.dispatch.tasks import keep_tasks
from songda.evidence import Stamper, ask, run_statement
from songda.flow.press import read_manifest
from songda.flow.tenants import Tenant
from songda.letters import Manifest
from songda.store import tables
from songda.vault.durable import new_file

TOKEN = "root.tsr"  # noqa: S105 - the name of a file


class NoAuthority(SongdaError):
    zh = "机构档案没有写明时间戳机构（缺少 {missing}），没有加盖时间戳"
    remedy = "请在机构档案 [timestamp] 中填写 url 和 certificate 后重新导入"
    exit_code = 78


#: Kind of the tasks about runs that should have a timestamp and have none.
UNSTAMPED = "run_unstamped"


@dataclass(frozen=True, slots=True)
class StampedRuns:
    stamped: int
    #: Runs that have no timestamp still, and why: the first error.
    left: int
    error: SongdaError | None


def stamp_by(tenant: Tenant) -> Callable[[bytes], bytes] | None:
    """Message → TimeStampResp by the authority that the profile names; None when it names none.

    Raises NoAuthority when it names one by half.
    """
    stated = tenant.profile.timestamp
    if stated.url is None and stated.certificate is None:
        return None
    if stated.url is None or stated.certificate is None:
        raise NoAuthority(missing="url" if stated.url is None else "certificate")
    return partial(ask, Stamper(stated.url, stated.certificate.encode()))


def stamp_runs(engine: Engine, tenant: Tenant, *, home: Path, at: datetime, batch_id: str | None = None) -> StampedRuns:
    """Stamps the locked runs of the tenant (or of one batch) that have no timestamp yet; stops at the first error.

    Where the profile names an authority, a run without its timestamp is a person's task until it has one.
    """
    locked = _locked(engine, tenant, batch_id)
    todo = [run_id for run_id in locked if run_token(home, run_id) is None]
    stamped, error = 0, None
    try:
        stamp = stamp_by(tenant)
        if stamp is None:
            return StampedRuns(0, len(todo), None)
        for run_id in todo:
            token = stamp(statement_of(read_manifest(home, run_id)))
            with new_file(home / "runs" / run_id / TOKEN) as file:
                file.write(token)
            stamped += 1
    except SongdaError as refused:
        error = refused
    left = todo[stamped:]
    reason = type(error).__name__
    with engine.begin() as connection:
        keep_tasks(connection, UNSTAMPED, dict.fromkeys(left, reason), among=locked, actor="dispatch", at=at)
    return StampedRuns(stamped, len(left), error)


def statement_of(manifest: Manifest) -> bytes:
    """What is stamped for the run of `manifest`."""
    return run_statement(
        run_id=manifest.run_id, day=manifest.day, manifest_sha256=manifest.run_sha256, rows=rows_of(manifest)
    )


def rows_of(manifest: Manifest) -> list[dict[str, Any]]:
    """The leaves of the run's tree."""
    return [piece.plain() for piece in manifest.pieces]


def run_token(home: Path, run_id: str) -> bytes | None:
    try:
        return (home / "runs" / run_id / TOKEN).read_bytes()
    except FileNotFoundError:
        return None


def _locked(engine: Engine, tenant: Tenant, batch_id: str | None) -> Sequence[str]:
    r = tables.run.c
    query = select(r.id).where(r.tenant_id == tenant.id, r.manifest_sha256.is_not(None)).order_by(r.number)
    with engine.connect() as connection:
        return connection.scalars(query if batch_id is None else query.where(r.batch_id == batch_id)).all()
