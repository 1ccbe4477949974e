"""Cut-off hours and closed days: letters.md §11, 24, 25 and 30."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from songda.base.calendar import CalendarUnknown, load_calendar
from songda.base.days import SHANGHAI
from songda.base.hours import Hours

CALENDAR = load_calendar()
FACTORY = Hours(cut_off=time(17, 30), works="working_days")


def test_24_the_cut_off_parts_two_days_at_the_microsecond() -> None:
    cut_off = datetime(2026, 11, 24, 17, 30, tzinfo=SHANGHAI)
    assert FACTORY.day_of(cut_off - timedelta(microseconds=1), CALENDAR) == date(2026, 11, 24)
    assert FACTORY.day_of(cut_off, CALENDAR) == date(2026, 11, 25)


def test_30_the_day_is_the_factorys_wherever_the_server_stands() -> None:
    # 17:30 in Shanghai is 9:30 UTC.
    assert FACTORY.day_of(datetime(2026, 11, 24, 9, 29, tzinfo=UTC), CALENDAR) == date(2026, 11, 24)
    assert FACTORY.day_of(datetime(2026, 11, 24, 9, 30, tzinfo=UTC), CALENDAR) == date(2026, 11, 25)
    assert FACTORY.day_of(datetime(2026, 11, 24, 16, 30, tzinfo=UTC), CALENDAR) == date(2026, 11, 25)


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ((2026, 9, 30, 18, 0), date(2026, 10, 8)),  # over National Day
        ((2026, 10, 9, 18, 0), date(2026, 10, 10)),  # a made-up Saturday
        ((2026, 11, 28, 9, 0), date(2026, 11, 30)),  # a Saturday
    ],
)
def test_25_closed_days_are_passed_and_made_up_days_are_open(instant: tuple[int, ...], day: date) -> None:
    assert FACTORY.day_of(datetime(*instant, tzinfo=SHANGHAI), CALENDAR) == day  # type: ignore[misc, arg-type]


def test_a_factory_may_differ_from_the_calendar() -> None:
    own = Hours(
        cut_off=time(17, 30),
        works="working_days",
        closed=frozenset((date(2026, 11, 24), date(2026, 11, 28))),
        opened=frozenset((date(2026, 11, 28), date(2026, 11, 29))),
    )
    days = [date(2026, 11, 24) + timedelta(days=n) for n in range(7)]
    assert [own.is_open(day, CALENDAR) for day in days] == [False, True, True, True, False, True, True]


def test_25_nothing_is_scheduled_into_a_year_without_a_table() -> None:
    with pytest.raises(CalendarUnknown):
        FACTORY.day_of(datetime(2026, 12, 31, 18, 0, tzinfo=SHANGHAI), CALENDAR)
    every_day = Hours(cut_off=time(17, 30), works="every_day")
    assert every_day.day_of(datetime(2026, 12, 31, 18, 0, tzinfo=SHANGHAI), CALENDAR) == date(2027, 1, 1)
