"""What the store promises, on both databases."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import Engine, func, inspect, select, text

from songda import store
from songda.base.ids import new
from songda.base.settings import Settings
from songda.store import (
    Conflict,
    DatabaseUnavailable,
    append_audit,
    history,
    insert_missing,
    move,
    open_database,
    read_audit,
    revision,
    tables,
)

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
#: The newest schema: migrations are numbered in their order.
NEWEST = max(each.name[:4] for each in (Path(store.__file__).parent / "migrations/versions").glob("[0-9]*.py"))


def new_tasks(database: Engine, count: int) -> list[tuple[str, int]]:
    rows = [
        {
            "id": new("tsk"),
            "kind": "order",
            "object_id": "x",
            "state": "open",
            "version": 0,
            "reason": "r",
            "opened_on": NOW.date(),
        }
        for _ in range(count)
    ]
    with database.begin() as connection:
        insert_missing(connection, tables.task, rows)
    return [(str(row["id"]), 0) for row in rows]


def close(database: Engine, rows: list[tuple[str, int]], **changes: Any) -> int:
    arguments: dict[str, Any] = {"source": "open", "target": "done", "actor": "person", "reason": "settled", "at": NOW}
    with database.begin() as connection:
        return move(connection, "task", rows, **{**arguments, **changes})


def test_the_migrated_schema_is_the_declared_one(database: Engine) -> None:
    assert revision(database) == NEWEST
    found = {
        table: {c["name"] for c in inspect(database).get_columns(table)}
        for table in inspect(database).get_table_names()
    }
    found.pop("alembic_version")
    assert found == {name: set(table.columns.keys()) for name, table in tables.metadata.tables.items()}


def test_opening_twice_changes_nothing(database: Engine, tmp_path: Path) -> None:
    url = database.url.render_as_string(hide_password=False)
    again = open_database(
        Settings(home=tmp_path, database_url=url, master_key=None, master_key_file=tmp_path, workers=1)
    )
    assert revision(again) == NEWEST
    again.dispose()


def test_a_commit_waits_for_the_disk(database: Engine) -> None:
    with database.connect() as connection:
        if database.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        else:
            assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"
            assert connection.execute(text("SHOW fsync")).scalar() == "on"


def test_a_move_changes_state_version_and_history_together(database: Engine) -> None:
    rows = new_tasks(database, 3)
    assert close(database, rows) == 3
    with database.connect() as connection:
        states = connection.execute(select(tables.task.c.state, tables.task.c.version)).all()
        steps = history(connection, rows[0][0])
    assert states == [("done", 1)] * 3
    assert [(s.source, s.target, s.version, s.actor, s.reason) for s in steps] == [
        ("open", "done", 1, "person", "settled")
    ]


def test_a_stale_move_leaves_everything_as_it_was(database: Engine) -> None:
    rows = new_tasks(database, 3)
    close(database, rows[:1])
    with pytest.raises(Conflict):
        close(database, rows)
    with database.connect() as connection:
        assert connection.scalar(select(func.count()).where(tables.task.c.state == "open")) == 2
        assert connection.scalar(select(func.count()).select_from(tables.transition)) == 1


def test_of_two_that_move_the_same_thing_at_once_exactly_one_wins(database: Engine) -> None:
    for _ in range(10):
        rows, barrier, ends = new_tasks(database, 1), Barrier(2), list[str]()

        def race(
            how: dict[str, str],
            rows: list[tuple[str, int]] = rows,
            barrier: Barrier = barrier,
            ends: list[str] = ends,
        ) -> None:
            barrier.wait()
            try:
                close(database, rows, **how)
                ends.append("won")
            except Conflict:
                ends.append("lost")

        ways = ({"target": "done"}, {"target": "dropped", "actor": "timer", "reason": "no_longer_so"})
        racers = [Thread(target=race, args=(how,)) for how in ways]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
        assert sorted(ends) == ["lost", "won"]


def test_extra_columns_are_set_row_by_row(database: Engine) -> None:
    rows = new_tasks(database, 2)
    close(database, rows, values=[{"reason": "first"}, {"reason": "second"}])
    with database.connect() as connection:
        found = {row.id: row.reason for row in connection.execute(select(tables.task))}
    assert found == {rows[0][0]: "first", rows[1][0]: "second"}


def test_a_repeated_insert_changes_nothing(database: Engine) -> None:
    row = {
        "id": "tsk_1",
        "kind": "a",
        "object_id": "x",
        "state": "open",
        "version": 0,
        "reason": "r",
        "opened_on": NOW.date(),
    }
    for kind in ("a", "b"):
        with database.begin() as connection:
            insert_missing(connection, tables.task, [{**row, "kind": kind}])
    with database.connect() as connection:
        assert connection.execute(select(tables.task.c.kind)).all() == [("a",)]


def test_parallel_audit_entries_form_one_chain(database: Engine) -> None:
    def link(previous: str | None, row: Any) -> str:
        return hashlib.sha256(f"{previous}|{row['seq']}|{row['action']}".encode()).hexdigest()

    def write() -> None:
        for _ in range(10):
            with database.begin() as connection:
                append_audit(connection, link, at="t", actor="a", action="press.open", object_id="run_1", details={})

    writers = [Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    previous = None
    with database.connect() as connection:
        rows = list(read_audit(connection))
    assert [row["seq"] for row in rows] == list(range(1, 31))
    for row in rows:
        assert row["hash"] == link(previous, row)
        previous = row["hash"]


def test_a_database_that_cannot_be_opened_is_told_with_a_remedy(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    url = f"sqlite:///{blocked / 'songda.db'}"
    with pytest.raises(DatabaseUnavailable) as caught:
        open_database(Settings(home=tmp_path, database_url=url, master_key=None, master_key_file=tmp_path, workers=1))
    assert caught.value.exit_code == 74
    assert str(tmp_path) not in caught.value.message_zh
