"""Changing the state of things: compare-and-set, with history, event and money in the same transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, insert, select, update

from songda.base.errors import SongdaError
from songda.store import tables
from songda.store.events import note_events
from songda.store.life import check
from songda.store.money import follow_money


class Conflict(SongdaError):
    """Somebody else changed the thing first; nothing of this transaction may stand."""

    zh = "{count} 个{object}的状态已被其他操作改变"
    remedy = "请重新运行，系统会从当前状态继续"
    exit_code = 75


@dataclass(frozen=True, slots=True)
class Step:
    """One line of an object's history."""

    source: str
    target: str
    version: int
    actor: str
    reason: str
    at: datetime


def move(
    connection: Connection,
    object: str,
    rows: Iterable[tuple[str, int]],
    *,
    source: str,
    target: str,
    actor: str,
    reason: str,
    at: datetime,
    values: Sequence[Mapping[str, Any]] = (),
) -> int:
    """Moves the things `rows` (id, version) of table `object` from state `source` to `target`; returns how many.

    `values`: one mapping a row with further columns to set, or nothing. Raises Conflict unless every row still stands
    at (source, version); the caller's transaction must then roll back. Raises IllegalTransition for a change,
    an actor or a reason that songda.store.life does not know.
    """
    check(object, source, target, actor=actor, reason=reason)
    rows = list(rows)
    if not rows:
        return 0
    table: Table = tables.metadata.tables[object]
    (key,) = table.primary_key.columns
    extra = list(values[0]) if values else []
    statement = (
        update(table)
        .where(key == bindparam("the_id"), table.c.state == source, table.c.version == bindparam("the_version"))
        .values(state=target, version=table.c.version + 1, **{name: bindparam(f"new_{name}") for name in extra})
    )
    parameters = [
        {"the_id": id_, "the_version": version, **{f"new_{k}": v for k, v in (values[i] if values else {}).items()}}
        for i, (id_, version) in enumerate(rows)
    ]
    changed = connection.execute(statement, parameters).rowcount
    if changed != len(rows):
        raise Conflict(object=object, count=len(rows) - changed)
    connection.execute(
        insert(tables.transition),
        [
            {
                "object": object,
                "object_id": id_,
                "source": source,
                "target": target,
                "version": version + 1,
                "actor": actor,
                "reason": reason,
                # SQLite forgets the zone: what lies there is always UTC.
                "at": at.astimezone(UTC),
            }
            for id_, version in rows
        ],
    )
    moved = [id_ for id_, _ in rows]
    note_events(connection, object, moved, source=source, target=target, reason=reason, at=at)
    follow_money(connection, object, moved, target=target, at=at)
    return changed


def history(connection: Connection, object_id: str) -> list[Step]:
    """All changes of one thing, first to last."""
    t = tables.transition.c
    query = (
        select(t.source, t.target, t.version, t.actor, t.reason, t.at).where(t.object_id == object_id).order_by(t.seq)
    )
    rows = connection.execute(query).all()
    return [Step(*row[:-1], row.at if row.at.tzinfo else row.at.replace(tzinfo=UTC)) for row in rows]
