"""Changing the state of things: compare-and-set, with history, event and money in the same transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, insert, literal, select, update

from songda.base.errors import SongdaError
from songda.store import tables
from songda.store.events import note_events
from songda.store.life import check
from songda.store.money import follow_money
from songda.store.rows import chunks


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
    moved = [id_ for id_, _ in rows]
    for part in chunks(moved):
        _hold(connection, table, part)
    alike = all(each == values[0] for each in values)
    change = _change_alike if alike else _change_each
    changed = change(connection, table, rows, source=source, target=target, values=values)
    if changed != len(rows):
        raise Conflict(object=object, count=len(rows) - changed)
    for part in chunks(moved):
        _write_history(connection, table, part, source=source, target=target, actor=actor, reason=reason, at=at)
    note_events(connection, object, moved, source=source, target=target, reason=reason, at=at)
    follow_money(connection, object, moved, target=target, at=at)
    return changed


def _hold(connection: Connection, table: Table, ids: Sequence[str]) -> None:
    """Everybody takes things in the order of their ids, so that nobody waits in a circle. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        (key,) = table.primary_key.columns
        connection.execute(select(key).where(key.in_(ids)).order_by(key).with_for_update()).all()


def _change_alike(
    connection: Connection,
    table: Table,
    rows: Sequence[tuple[str, int]],
    *,
    source: str,
    target: str,
    values: Sequence[Mapping[str, Any]],
) -> int:
    """One statement for all rows of a version."""
    (key,) = table.primary_key.columns
    by_version: dict[int, list[str]] = defaultdict(list)
    for id_, version in rows:
        by_version[version].append(id_)
    new = values[0] if values else {}
    changed = 0
    for version, ids in by_version.items():
        for part in chunks(ids):
            statement = update(table).where(key.in_(part), table.c.state == source, table.c.version == version)
            changed += connection.execute(statement.values(state=target, version=version + 1, **new)).rowcount
    return changed


def _change_each(
    connection: Connection,
    table: Table,
    rows: Sequence[tuple[str, int]],
    *,
    source: str,
    target: str,
    values: Sequence[Mapping[str, Any]],
) -> int:
    (key,) = table.primary_key.columns
    statement = (
        update(table)
        .where(key == bindparam("the_id"), table.c.state == source, table.c.version == bindparam("the_version"))
        .values(state=target, version=table.c.version + 1, **{name: bindparam(f"new_{name}") for name in values[0]})
    )
    parameters = [
        {"the_id": id_, "the_version": version, **{f"new_{name}": value for name, value in new.items()}}
        for (id_, version), new in zip(rows, values, strict=True)
    ]
    return connection.execute(statement, parameters).rowcount


def _write_history(
    connection: Connection,
    table: Table,
    ids: Sequence[str],
    *,
    source: str,
    target: str,
    actor: str,
    reason: str,
    at: datetime,
) -> None:
    (key,) = table.primary_key.columns
    t = tables.transition.c
    # SQLite forgets the zone: what lies there is always UTC.
    same = {"source": source, "target": target, "actor": actor, "reason": reason, "at": at.astimezone(UTC)}
    row = {"object": literal(table.name), "object_id": key, "version": table.c.version}
    row |= {name: literal(value, t[name].type) for name, value in same.items()}
    connection.execute(
        insert(tables.transition).from_select(list(row), select(*row.values()).where(key.in_(ids)).order_by(key))
    )


def history(connection: Connection, object_id: str) -> list[Step]:
    """All changes of one thing, first to last."""
    t = tables.transition.c
    query = (
        select(t.source, t.target, t.version, t.actor, t.reason, t.at).where(t.object_id == object_id).order_by(t.seq)
    )
    rows = connection.execute(query).all()
    return [Step(*row[:-1], row.at if row.at.tzinfo else row.at.replace(tzinfo=UTC)) for row in rows]
