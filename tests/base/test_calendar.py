"""Working days: letters.md §11, 25."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songda.base.calendar import BadCalendar, CalendarUnknown, load_calendar

CALENDAR = load_calendar()
DAYS = st.dates(date(2004, 1, 1), date(2026, 11, 30))
HEAD = "day,kind,name,source\n"
YEAR_2027 = HEAD + "".join(
    f"2027-{day},off,{name},示例\n"
    for day, name in (
        ("01-01", "元旦"),
        ("02-06", "春节"),
        ("04-05", "清明节"),
        ("05-01", "劳动节"),
        ("06-09", "端午节"),
        ("10-01", "国庆节、中秋节"),
    )
)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return tmp_path / "2027.csv"


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 9, 20), True),  # a Sunday worked in exchange for the National Day
        (date(2026, 10, 10), True),  # a Saturday too
        (date(2026, 10, 5), False),  # a Monday off
        (date(2026, 11, 26), True),
        (date(2026, 11, 28), False),
    ],
)
def test_25_a_made_up_sunday_is_worked_and_a_holiday_monday_is_not(day: date, works: bool) -> None:
    assert CALENDAR.is_working(day) is works


@pytest.mark.parametrize("day", [date(2003, 12, 31), date(2027, 1, 1)])
def test_25_a_year_without_a_table_is_an_alarm_and_never_a_guess(day: date) -> None:
    with pytest.raises(CalendarUnknown, match=str(day.year)):
        CALENDAR.is_working(day)
    with pytest.raises(CalendarUnknown):
        CALENDAR.add_working(date(2026, 12, 31), 1)


@pytest.mark.parametrize(
    ("year", "working_days"),
    # Official counts of the year: days less weekends less holidays plus made-up days.
    [(2024, 251), (2025, 248), (2026, 248)],
)
def test_a_year_has_as_many_working_days_as_its_notice_leaves(year: int, working_days: int) -> None:
    assert CALENDAR.working_between(date(year - 1, 12, 31), date(year, 12, 31)) == working_days


@given(DAYS, st.integers(1, 20))
def test_adding_working_days_counts_exactly_so_many(day: date, days: int) -> None:
    end = CALENDAR.add_working(day, days)
    assert CALENDAR.is_working(end)
    assert CALENDAR.working_between(day, end) == days
    assert CALENDAR.working_between(day, end - timedelta(days=1)) == days - 1


@given(DAYS, st.integers(0, 30), st.integers(0, 30))
def test_counting_over_two_stretches_is_counting_over_the_whole(day: date, first: int, second: int) -> None:
    middle, end = day + timedelta(days=first), day + timedelta(days=first + second)
    if end <= CALENDAR.last:
        whole = CALENDAR.working_between(day, end)
        assert CALENDAR.working_between(day, middle) + CALENDAR.working_between(middle, end) == whole


def test_a_file_adds_the_year_that_was_announced_later(written: Path) -> None:
    written.write_text(YEAR_2027 + "2027-02-14,work,春节,示例\n", "utf-8")
    calendar = load_calendar(str(written))
    assert calendar.is_working(date(2027, 2, 14))
    assert not calendar.is_working(date(2027, 1, 1))
    assert calendar.last == date(2027, 12, 31)
    assert calendar.first == date(2004, 1, 1)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEAD + "2027-01-01,off,元旦,示例\n", "缺少 春节"),
        (HEAD + "1.1.2027,off,元旦,示例\n", "不是日期"),
        (HEAD + "2027-01-01,free,元旦,示例\n", "off 或 work"),
        (HEAD + "2027-01-04,work,元旦,示例\n", "不在周末"),
        (YEAR_2027 + "2027-01-01,off,元旦,示例\n", "重复"),
        (YEAR_2027.replace("2027", "2029"), "缺少 2027 年"),
        ("a,b\n1,2\n", "不是日期"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_with_its_reason(written: Path, text: str, problem: str) -> None:
    written.write_text(text, "utf-8")
    with pytest.raises(BadCalendar) as refused:
        load_calendar(str(written))
    assert problem in refused.value.message_zh
