"""What waits longer than its life allows is told of, once, and forgotten when it moves on."""

from __future__ import annotations

from typing import Any

import pytest
from posted import BOTH, RUN, TENANT, after
from sqlalchemy import insert

from songda.dispatch import Swept, sweep
from songda.store import machine, move, tables


def swept(house: Any, day: float, hour: float = 12) -> Swept:
    return sweep(house.database, tenant_id=TENANT, at=after(day, hour))


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_a_posted_letter_of_which_nothing_is_heard_is_a_task_after_a_working_day(house: Any) -> None:
    house.posted(2)
    assert swept(house, 0.2).overdue == 0
    assert swept(house, 1).overdue == 2
    swept(house, 1.1)
    assert house.tasks("overdue") == [("open", "attempt:posted")] * 2
    house.tell(1, (1, 18, "203"))
    house.settle(2)
    swept(house, 2)
    # The first has been heard of; the run waits for the other.
    assert sorted(house.tasks("overdue")) == [
        ("dropped", "attempt:posted"),
        ("open", "attempt:posted"),
        ("open", "run:handed_over"),
    ]


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_hours_are_hours_and_end_with_the_state(house: Any) -> None:
    house.printed(1)
    house.change("attempt", state="rendered")

    def go(source: str, target: str, version: int, hour: float, actor: str, reason: str) -> None:
        at = after(0, hour)
        with house.database.begin() as connection:
            row = [("att_001", version)]
            move(connection, "attempt", row, source=source, target=target, actor=actor, reason=reason, at=at)

    go("rendered", "sealed", 0, 8, "renderer", "produced")
    assert swept(house, 0, 11.9).overdue == 0
    assert swept(house, 0, 12).overdue == 1
    go("sealed", "locked", 1, 13, "production", "manifest_fixed")
    assert swept(house, 0, 14).overdue == 0
    assert house.tasks("overdue") == [("dropped", "attempt:sealed")]
    assert swept(house, 1, 14).overdue == 1


def test_a_run_that_the_factory_does_not_answer_is_a_task(house: Any) -> None:
    house.printed(1)
    house.change("run", state="open")
    with house.database.begin() as connection:
        row = [(RUN, 0)]
        made = {"actor": "production", "reason": "manifest_fixed", "at": after(0)}
        move(connection, "run", row, source="open", target="locked", **made)
    assert swept(house, 0, 23).overdue == 0
    assert swept(house, 1).overdue == 1
    assert house.tasks("overdue") == [("open", "run:locked")]


def test_another_tenants_letters_are_not_looked_at(house: Any) -> None:
    house.posted(1)
    assert sweep(house.database, tenant_id="ten_2", at=after(9)).overdue == 0


def test_every_wait_has_somebody_who_looks_at_it() -> None:
    """The sweepers take tasks and the ends of letters; settling the carrier's part; the rest is frozen."""
    for object in ("batch", "letter", "attempt", "piece", "run", "stop_order", "intent", "task"):
        for each in machine(object).waits:
            assert each.then in ("task", "frozen") or (object, each.then) in {
                ("letter", "held"),
                ("letter", "not_sent"),
                ("attempt", "silent"),
                ("attempt", "settled"),
            }


def test_a_letter_for_which_the_day_had_no_room_waits_for_its_turn(house: Any) -> None:
    house.printed(2, state="ready")
    rows = [(f"ltr_{n:03d}", 0) for n in (1, 2)]
    later = {"id": "dec_1", "object_id": "ltr_001", "stage": "slot", "outcome": "later", "inputs_sha256": ""}
    with house.database.begin() as connection:
        why = {"actor": "lawyer", "reason": "batch_signed"}
        move(connection, "letter", rows, source="ready", target="approved", at=after(0), **why)
        row = later | {"versions": {}, "reasons": ["print_cap"], "on_day": after(1).date()}
        connection.execute(insert(tables.decision), row)
    swept(house, 1)
    assert house.rows("task", "object_id") == ["ltr_002"]
    # The plan of the next day says nothing of it: it is late then like every other.
    with house.database.begin() as connection:
        row |= {"id": "dec_2", "object_id": "ltr_other", "on_day": after(2).date()}
        connection.execute(insert(tables.decision), row)
    swept(house, 2)
    assert sorted(house.rows("task", "object_id")) == ["ltr_001", "ltr_002"]
