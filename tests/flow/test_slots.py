"""The plan of a day over the record of several tenants: letters.md §11, 24, 25, 31 and 32."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from bank import opened, rows_of, signed
from sqlalchemy import update

from songda.base import days
from songda.flow.plan import BadPlan, Plan, capacity_on, read_plan, shut
from songda.flow.produce import produce
from songda.flow.run import House, Watch, take_in
from songda.flow.slots import plan_day, tallies
from songda.sim.case_rows import DAY, case_row, write_rows
from songda.store import tables

NOON = days.at(DAY, 12)
FACTORY = """
[[factory]]
valid_from = 2026-01-01
per_day = {per_day}
cut_off = "17:30"
works = "working_days"
"""


def written(folder: Path, text: str) -> Plan:
    (folder / "plan.toml").write_text(text, "utf-8")
    plan = read_plan(folder)
    assert plan is not None
    return plan


def row(person: int, **changes: Any) -> dict[str, str]:
    return case_row(person, person, 剩余本金=str(20000 + 1000 * person), 放款金额="60000", **changes)


def in_earnest(house: House, *rows: dict[str, str]) -> str:
    """A batch of approved letters that are to be posted."""
    file = write_rows(house.home / "cases.csv", *rows)
    batch, _ = take_in(house, file, as_of=DAY, drill=False, at=NOON, watch=Watch())
    signed(house, batch)
    return batch


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Five approved letters, to be posted in earnest."""
    with opened(tmp_path) as house:
        in_earnest(house, *(row(n) for n in range(5)))
        yield house


def reasons(house: House, on: date = DAY) -> Counter[str]:
    return Counter({each.reason: each.letters for each in tallies(house.engine, on)})


def test_the_day_is_planned_once_and_kept(house: House, tmp_path: Path) -> None:
    plan = written(tmp_path, FACTORY.format(per_day=2))
    going = plan_day(house.engine, plan, on=DAY, at=NOON)
    assert len(going) == 2
    assert reasons(house) == {"leftover": 2, "print_cap": 3}
    assert plan_day(house.engine, plan, on=DAY, at=NOON) == going
    # A larger factory in the afternoon: those who had a slot keep it.
    more = plan_day(house.engine, written(tmp_path, FACTORY.format(per_day=3)), on=DAY, at=NOON)
    assert going < more
    assert len(more) == 3
    assert reasons(house) == {"leftover": 3, "print_cap": 2}
    d = tables.decision.c
    for decision in rows_of(house, d.versions, d.inputs_sha256, stage="slot"):
        assert decision.versions == {"slots": "urgent-again-share-age/1"}
        assert len(decision.inputs_sha256) == 64


def test_only_those_with_a_slot_are_rendered_and_the_rest_comes_the_next_day(house: House, tmp_path: Path) -> None:
    plan = written(tmp_path, FACTORY.format(per_day=3))
    t = tables.letter.c
    batch = rows_of(house, tables.batch.c.id)[0].id
    for n, states in enumerate(({"active": 3, "approved": 2}, {"active": 5})):
        on = DAY + timedelta(days=n)
        slots = plan_day(house.engine, plan, on=on, at=days.at(on, 12))
        produce(house.engine, house.tenant, batch, home=house.home, workers=1, at=days.at(on, 12), slots=slots)
        # Whatever was rendered goes into the run of its day.
        with house.engine.begin() as connection:
            connection.execute(update(tables.attempt).values(state="locked"))
        assert Counter(each.state for each in rows_of(house, t.state)) == states


def test_what_was_rendered_and_not_printed_takes_its_place_the_next_day(house: House, tmp_path: Path) -> None:
    plan = written(tmp_path, FACTORY.format(per_day=3))
    batch = rows_of(house, tables.batch.c.id)[0].id
    slots = plan_day(house.engine, plan, on=DAY, at=NOON)
    produce(house.engine, house.tenant, batch, home=house.home, workers=1, at=NOON, slots=slots)
    tomorrow = DAY + timedelta(days=1)
    assert plan_day(house.engine, plan, on=tomorrow, at=days.at(tomorrow, 12)) == frozenset()
    assert reasons(house, tomorrow) == {"print_cap": 2}


def test_a_claim_near_its_limitation_goes_first(tmp_path: Path) -> None:
    near = (DAY - timedelta(days=3 * 365 - 9)).isoformat()
    with opened(tmp_path) as house:
        old = row(2, 放款日期="2022-01-10", 到期日期=near, 逾期起始日=near)
        in_earnest(house, row(0), row(1), old, row(3))
        (going,) = plan_day(house.engine, written(tmp_path, FACTORY.format(per_day=1)), on=DAY, at=NOON)
        (letter,) = rows_of(house, tables.letter.c.amount_fen, id=going)
        assert letter.amount_fen == 2_200_000
        assert reasons(house) == {"urgent": 1, "print_cap": 3}


def test_a_drill_takes_no_place(house: House, tmp_path: Path) -> None:
    with house.engine.begin() as connection:
        connection.execute(update(tables.batch).values(drill=True))
    assert plan_day(house.engine, written(tmp_path, FACTORY.format(per_day=2)), on=DAY, at=NOON) == frozenset()


@pytest.mark.parametrize(
    ("on", "at", "why"),
    [
        (DAY, days.at(DAY, 17, 29), None),
        (DAY, days.at(DAY, 17, 30), "after_cut_off"),
        (DAY, days.at(DAY + timedelta(days=1), 9), None),  # taken up again
        (date(2026, 11, 28), days.at(date(2026, 11, 28)), "factory_closed"),
        (date(2026, 9, 20), days.at(date(2026, 9, 20)), None),  # a made-up Sunday
        (date(2025, 12, 31), days.at(date(2025, 12, 31)), "factory_closed"),  # no factory yet
        (date(2027, 1, 4), days.at(date(2027, 1, 4)), "calendar_unknown"),
    ],
)
def test_24_25_a_day_is_shut_for_a_reason(tmp_path: Path, on: date, at: Any, why: str | None) -> None:
    assert shut(written(tmp_path, FACTORY.format(per_day=2)), on=on, at=at) == why


def test_nothing_is_printed_that_the_carrier_does_not_collect(tmp_path: Path) -> None:
    carrier = '[[carrier]]\nvalid_from = 2026-01-01\nworks = "every_day"\nclosed = [2026-11-24]\n'
    plan = written(tmp_path, FACTORY.format(per_day=2) + carrier)
    assert shut(plan, on=DAY, at=NOON) == "carrier_closed"
    assert shut(plan, on=DAY + timedelta(days=1), at=days.at(DAY + timedelta(days=1), 12)) is None


def test_25_letters_of_a_shut_day_wait_with_its_reason(house: House, tmp_path: Path) -> None:
    plan = written(tmp_path, FACTORY.format(per_day=2))
    assert plan_day(house.engine, plan, on=DAY, at=days.at(DAY, 18)) == frozenset()
    assert reasons(house) == {"after_cut_off": 5}


def test_31_a_new_capacity_holds_on_its_first_day(tmp_path: Path) -> None:
    text = FACTORY.format(per_day=2) + FACTORY.format(per_day=9).replace("2026-01-01", "2026-11-24")
    text += '[[share]]\nvalid_from = 2026-11-24\ntenant = "bank"\nper_day = 5\n'
    text += '[[province]]\nvalid_from = 2026-11-24\ncode = "44"\nper_day = 3\n'
    plan = written(tmp_path, text)
    before, after = (capacity_on(plan, day, {"bank": "ten_1"}) for day in (date(2026, 11, 23), date(2026, 11, 24)))
    assert (before.per_day, before.declared, before.per_province) == (2, {}, {})
    assert (after.per_day, after.declared, after.per_province) == (9, {"ten_1": 5}, {"44": 3})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("guaranteed = 0.5\n", "factory"),
        (FACTORY.format(per_day=-1), "per_day"),
        (FACTORY.format(per_day=1).replace("17:30", "25:00"), "cut_off"),
        (FACTORY.format(per_day=1) + "unknown = 1\n", "unknown"),
        ("guaranteed = 1.0\n" + FACTORY.format(per_day=1), "guaranteed"),
        ("x = [", "TOML"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_by_name(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(BadPlan) as refused:
        written(tmp_path, text)
    assert problem in refused.value.message_zh


def test_without_a_file_nothing_is_limited(tmp_path: Path) -> None:
    assert read_plan(tmp_path) is None
