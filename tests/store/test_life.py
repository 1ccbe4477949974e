"""The tables of life: nothing unreachable, nothing without an end, and no way around them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from songda.base.ids import new
from songda.store import IllegalTransition, history, insert_missing, move, tables
from songda.store.life import CREATED, TRANSITIONS, allowed, as_markdown, states, terminal

OBJECTS = sorted(CREATED)
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=timezone(timedelta(hours=8)))


def reached(object: str, start: str, *, backwards: bool = False) -> set[str]:
    found, border = {start}, [start]
    while border:
        here = border.pop()
        for line in TRANSITIONS:
            origin, goal = (line.target, line.source) if backwards else (line.source, line.target)
            if line.object == object and origin == here and goal not in found:
                found.add(goal)
                border.append(goal)
    return found


@pytest.mark.parametrize("object", OBJECTS)
def test_every_state_is_reached_from_creation(object: str) -> None:
    assert reached(object, CREATED[object]) == states(object)


@pytest.mark.parametrize("object", OBJECTS)
def test_every_state_can_reach_an_end(object: str) -> None:
    assert terminal(object)
    ending = set().union(*(reached(object, end, backwards=True) for end in terminal(object)))
    assert ending == states(object)


def test_ends_are_those_of_the_tables() -> None:
    assert terminal("letter") == {"rejected", "not_sent", "withdrawn", "closed"}
    assert terminal("attempt") == {"no_place", "dropped", "failed", "recalled", "settled"}
    assert terminal("piece") == {"handed_over", "spoiled", "pulled"}
    assert terminal("run") == {"reconciled", "rejected", "aborted"}
    assert terminal("intent") == {"answered", "refused"}


def test_every_object_with_a_state_and_a_version_has_a_life() -> None:
    alive = {name for name, table in tables.metadata.tables.items() if {"state", "version"} <= set(table.c.keys())}
    assert alive == set(CREATED)


def test_no_transition_stands_twice() -> None:
    lines = [(line.object, line.source, line.target) for line in TRANSITIONS]
    assert len(lines) == len(set(lines))


def test_a_closed_letter_is_never_opened_again() -> None:
    assert allowed("letter", "closed", "closed")
    assert [line.target for line in TRANSITIONS if (line.object, line.source) == ("letter", "closed")] == ["closed"]


def test_the_page_says_what_the_tables_say() -> None:
    page = Path(__file__).parents[2] / "docs" / "life-cycle.md"
    assert page.read_text(encoding="utf-8") == as_markdown(), "python -m songda.store.life > docs/life-cycle.md"


@pytest.mark.parametrize(
    ("object", "source", "target"), [("task", "done", "open"), ("task", "open", "closed"), ("tenant", "open", "done")]
)
def test_a_move_that_no_table_knows_is_refused(database: Engine, object: str, source: str, target: str) -> None:
    with database.begin() as connection, pytest.raises(IllegalTransition):
        move(connection, object, [("x", 0)], source=source, target=target, actor="test", reason="because", at=NOW)


def test_history_tells_the_same_instant_on_every_database(database: Engine) -> None:
    task = {"id": new("tsk"), "kind": "order", "object_id": "x", "state": "open", "version": 0, "reason": "r"}
    with database.begin() as connection:
        insert_missing(connection, tables.task, [{**task, "opened_on": NOW.date()}])
        move(
            connection,
            "task",
            [(str(task["id"]), 0)],
            source="open",
            target="done",
            actor="test",
            reason="because",
            at=NOW,
        )
        steps = history(connection, str(task["id"]))
        assert connection.scalar(select(tables.task.c.state)) == "done"
    assert [step.at for step in steps] == [NOW.astimezone(UTC)]
