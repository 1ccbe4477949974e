"""Waits that are counted in working days."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from songda.base import days
from songda.dispatch.deadlines import passed_working, year_missing


@pytest.mark.parametrize(
    ("posted", "silent"),
    [
        (date(2026, 11, 24), date(2026, 12, 1)),  # an ordinary week
        (date(2026, 9, 30), date(2026, 10, 13)),  # National Day: 8, 9, 10 (a Saturday), 12, 13 October
        (date(2026, 2, 13), date(2026, 2, 27)),  # Spring Festival: 14, 24, 25, 26, 27 February
    ],
)
def test_a_wait_in_working_days_leaves_out_holidays_and_counts_made_up_days(posted: date, silent: date) -> None:
    since = days.at(posted, 17)
    assert not passed_working(since, 5, at=days.at(days.add_days(silent, -1), 23, 59))
    assert passed_working(since, 5, at=days.at(silent, 0))


def test_25_a_wait_into_a_year_without_a_table_does_not_end_by_guessing() -> None:
    assert not passed_working(days.at(date(2026, 12, 28)), 5, at=days.at(date(2027, 1, 20)))
    assert passed_working(days.at(date(2026, 12, 23)), 5, at=days.at(date(2027, 1, 20)))
    assert year_missing(days.at(date(2026, 12, 3))) is None
    assert year_missing(days.at(date(2026, 12, 4))) == 2027


def test_25_the_missing_year_is_a_task_for_a_person(house: Any) -> None:
    house.posted(1)
    house.settle(9)
    assert house.tasks("calendar_missing") == []
    house.settle(30)
    house.settle(31)
    assert house.tasks("calendar_missing") == [("open", "2027")]
