"""The tables of life: nothing unreachable, nothing without an end, no way around them, and the page that tells them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

import songda
from songda.base.ids import new
from songda.store import IllegalTransition, allowed, history, insert_missing, machine, move, tables, terminal
from songda.store.life import OBJECTS, check
from songda.store.lifecycle import page

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=timezone(timedelta(hours=8)))
SOURCES = Path(songda.__file__).parent
#: Persons do not end: they are erased (rule D05).
ENDING = [object for object in OBJECTS if object != "person"]
LINES = [(object, line) for object in OBJECTS for line in machine(object).transitions]


def reached(object: str, start: str, *, backwards: bool = False) -> set[str]:
    found, border = {start}, [start]
    while border:
        here = border.pop()
        for line in machine(object).transitions:
            origin, goal = (line.target, line.source) if backwards else (line.source, line.target)
            if origin == here and goal not in found:
                found.add(goal)
                border.append(goal)
    return found


@pytest.mark.parametrize("object", OBJECTS)
def test_every_state_is_reached_from_creation(object: str) -> None:
    assert reached(object, machine(object).created) == set(machine(object).states)


@pytest.mark.parametrize("object", ENDING)
def test_every_state_can_reach_an_end(object: str) -> None:
    assert terminal(object)
    ending = set().union(*(reached(object, end, backwards=True) for end in terminal(object)))
    assert ending == set(machine(object).states)


def test_ends_are_those_of_the_tables() -> None:
    assert terminal("letter") == {"rejected", "not_sent", "withdrawn", "closed"}
    assert terminal("attempt") == {"no_place", "dropped", "failed", "recalled", "settled"}
    assert terminal("piece") == {"handed_over", "spoiled", "pulled"}
    assert terminal("run") == {"reconciled", "rejected", "aborted"}
    assert terminal("stop_order") == {"lifted"}
    assert terminal("intent") == {"answered", "refused"}


def test_every_object_with_a_state_and_a_version_has_a_life() -> None:
    alive = {name for name, table in tables.metadata.tables.items() if {"state", "version"} <= set(table.c.keys())}
    assert alive == set(OBJECTS)


def test_no_transition_stands_twice() -> None:
    lines = [(object, line.source, line.target) for object, line in LINES]
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize(("object", "line"), LINES, ids=lambda each: getattr(each, "target", each))
def test_what_a_table_says_is_done_by_a_module_stands_in_that_module(object: str, line: object) -> None:
    """Each reason of a line is written in one of the modules that it names."""
    texts = [(SOURCES / path).read_text("utf-8") for path in line.by]  # type: ignore[attr-defined]
    written = [(f'"{why}', f':{why}"') for why in line.reasons]  # type: ignore[attr-defined]
    missing = [forms for forms in written if texts and not any(form in text for text in texts for form in forms)]
    assert not missing, f"{object}: {missing}"


def test_waits_that_end_a_state_lead_where_the_tables_allow() -> None:
    for object in OBJECTS:
        for each in machine(object).waits:
            assert each.then in ("task", "frozen") or allowed(object, each.state, each.then), each


def test_a_closed_letter_is_never_opened_again() -> None:
    assert allowed("letter", "closed", "closed")
    assert [line.target for line in machine("letter").transitions if line.source == "closed"] == ["closed"]


def test_the_page_says_what_the_tables_say() -> None:
    text = (Path(__file__).parents[2] / "docs" / "lifecycle.md").read_text(encoding="utf-8")
    assert text == page(), "python -m songda.store.lifecycle > docs/lifecycle.md"


@pytest.mark.parametrize(
    ("object", "source", "target"), [("task", "done", "open"), ("task", "open", "closed"), ("tenant", "open", "done")]
)
def test_a_move_that_no_table_knows_is_refused(database: Engine, object: str, source: str, target: str) -> None:
    with database.begin() as connection, pytest.raises(IllegalTransition):
        move(connection, object, [("x", 0)], source=source, target=target, actor="person", reason="settled", at=NOW)


@pytest.mark.parametrize(("actor", "reason"), [("carrier", "settled"), ("person", "because")])
def test_a_move_by_another_or_for_another_reason_is_refused(actor: str, reason: str) -> None:
    with pytest.raises(IllegalTransition):
        check("task", "open", "done", actor=actor, reason=reason)


def test_a_reason_with_a_detail_is_known_by_its_head() -> None:
    check("letter", "ready", "withdrawn", actor="operator", reason="stop:paid")
    with pytest.raises(IllegalTransition):
        check("letter", "ready", "withdrawn", actor="operator", reason="stop")


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
            actor="person",
            reason="settled",
            at=NOW,
        )
        steps = history(connection, str(task["id"]))
        assert connection.scalar(select(tables.task.c.state)) == "done"
    assert [step.at for step in steps] == [NOW.astimezone(UTC)]
