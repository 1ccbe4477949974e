"""What waits for a person, of whatever kind: what it is about, why, since when, and what is to be done.

    for task in open_tasks(connection, tenant): ...
    finish(engine, tenant, ["tsk_01m8…"], by="ops-7", at=now)

Most tasks end with their cause; of some kinds (tasks.toml) nobody but a person knows when they are done.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from sqlalchemy import Connection, Engine, Select, func, or_, select

from songda.base.errors import SongdaError
from songda.flow.audit import write_audit
from songda.flow.tenants import Tenant
from songda.store import move, tables


class UnknownTask(SongdaError):
    zh = "机构没有待处理的任务 {task}"
    remedy = "待处理的任务可用 songda tasks list 查看"
    exit_code = 65


class EndsWithItsCause(SongdaError):
    zh = "任务 {task}（{kind}）不能手工办结"
    remedy = "{remedy}"
    exit_code = 65


@dataclass(frozen=True, slots=True)
class Kind:
    zh: str
    #: What is to be done, with the command.
    remedy: str
    #: Whether somebody may write it off.
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class OpenTask:
    id: str
    kind: str
    #: What it is about, by id; and the letter, waybill or run that people know it by.
    object_id: str
    letter_no: str | None
    waybill_no: str | None
    run_number: int | None
    reason: str
    since: date
    version: int


@cache
def kinds() -> Mapping[str, Kind]:
    text = files("songda.flow").joinpath("tasks.toml").read_text("utf-8")
    return {name: Kind(**stated) for name, stated in tomllib.loads(text).items()}


def kind_of(name: str) -> Kind:
    """A kind that a later version made has only its name."""
    return kinds().get(name, Kind(name, ""))


def open_tasks(connection: Connection, tenant: Tenant, *, kind: str | None = None) -> list[OpenTask]:
    """The tenant's open tasks, the oldest first."""
    query = _open(tenant.id)
    if kind is not None:
        query = query.where(tables.task.c.kind == kind)
    return [OpenTask(**row._mapping) for row in connection.execute(query)]


def finish(engine: Engine, tenant: Tenant, task_ids: Sequence[str], *, by: str, at: datetime) -> list[OpenTask]:
    """Writes tasks off by hand, all or none. `by`: id of the one who answers for it; kept in the audit log.

    Raises UnknownTask, EndsWithItsCause.
    """
    with engine.begin() as connection:
        standing = {task.id: task for task in open_tasks(connection, tenant)}
        for id_ in task_ids:
            if id_ not in standing:
                raise UnknownTask(task=id_)
            kind = kind_of(standing[id_].kind)
            if not kind.by_hand:
                raise EndsWithItsCause(task=id_, kind=kind.zh, remedy=kind.remedy)
        done = [standing[id_] for id_ in dict.fromkeys(task_ids)]
        rows = [(task.id, task.version) for task in done]
        move(connection, "task", rows, source="open", target="done", actor="person", reason="by_hand", at=at)
        for task in done:
            details = {"kind": task.kind, "reason": task.reason}
            write_audit(connection, at=at, actor=by, action="task.done", object_id=task.object_id, details=details)
    return done


def _open(tenant_id: str) -> Select[Any]:
    k, p, n, t, r = (each.c for each in (tables.task, tables.piece, tables.attempt, tables.letter, tables.run))
    b, w, a = tables.batch.c, tables.webhook.c, tables.recipient_answer.c
    return (
        select(
            k.id,
            k.kind,
            k.object_id,
            t.letter_no,
            p.waybill_no,
            r.number.label("run_number"),
            k.reason,
            k.opened_on.label("since"),
            k.version,
        )
        .select_from(tables.task)
        .outerjoin(tables.piece, p.id == k.object_id)
        .outerjoin(tables.attempt, n.id == func.coalesce(p.attempt_id, k.object_id))
        .outerjoin(tables.recipient_answer, a.id == k.object_id)
        .outerjoin(tables.letter, t.id == func.coalesce(n.letter_id, a.letter_id, k.object_id))
        .outerjoin(tables.run, r.id == k.object_id)
        .outerjoin(tables.batch, b.id == k.object_id)
        .outerjoin(tables.webhook, w.id == k.object_id)
        .where(
            k.state == "open",
            or_(*(each == tenant_id for each in (t.tenant_id, r.tenant_id, b.tenant_id, w.tenant_id, k.object_id))),
        )
        .order_by(k.opened_on, k.id)
    )
