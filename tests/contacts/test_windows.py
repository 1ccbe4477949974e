"""The window of a day to the second, across midnight, month and year, and the next lawful instant."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from songda.base.calendar import load_calendar
from songda.base.days import SHANGHAI
from songda.contacts import Window, on_holiday

WINDOW = Window("08:00", "22:00")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("asked", "lawful"),
    [
        ("2026-11-26 07:59:59", "2026-11-26 08:00:00"),
        ("2026-11-26 08:00:00", "2026-11-26 08:00:00"),
        ("2026-11-26 21:59:59", "2026-11-26 21:59:59"),
        ("2026-11-26 22:00:00", "2026-11-27 08:00:00"),
        ("2026-11-30 23:59:59", "2026-12-01 08:00:00"),
        ("2028-02-28 22:00:00", "2028-02-29 08:00:00"),
        ("2026-12-31 22:30:00", "2027-01-01 08:00:00"),
    ],
)
def test_the_next_lawful_instant(asked: str, lawful: str) -> None:
    assert WINDOW.next_open(at(asked)) == at(lawful)


def test_the_day_is_that_of_shanghai_whatever_zone_the_instant_has() -> None:
    # 22:00 in Shanghai.
    assert WINDOW.next_open(datetime(2026, 11, 30, 14, 0, tzinfo=UTC)) == at("2026-12-01 08:00:00")


def test_nobody_is_called_on_a_holiday_and_made_up_days_are_days() -> None:
    calendar = load_calendar()
    assert WINDOW.next_open(at("2026-09-30 22:00:00"), calendar=calendar) == at("2026-10-08 08:00:00")
    assert on_holiday(at("2026-10-10 12:00:00").date(), calendar) is False


def test_a_year_that_no_table_knows_promises_no_instant() -> None:
    calendar = load_calendar()
    assert on_holiday(at("2027-01-02 12:00:00").date(), calendar) is None
    assert WINDOW.next_open(at("2026-12-31 22:00:00"), calendar=calendar) is None
