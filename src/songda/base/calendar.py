"""Working days of mainland China: statutory holidays and made-up working days as dated data.

>>> calendar = load_calendar()
>>> calendar.is_working(date(2026, 10, 10)), calendar.is_working(date(2026, 10, 7))
(True, False)
>>> calendar.add_working(date(2026, 9, 30), 1)
datetime.date(2026, 10, 8)

The table (holidays.csv) ends with the last year whose arrangement was announced; a later day raises CalendarUnknown and is
never guessed from Monday to Friday. The years that follow are added to an installation by a file of the same form
(columns day, kind = off | work, name, source), which SONGDA_CALENDAR names.
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from io import StringIO
from pathlib import Path

from songda.base.errors import SongdaError

#: What every year's arrangement must name. 中秋 is not asked for: where it falls into 国庆 the notice has one entry for both.
_EVERY_YEAR = ("元旦", "春节", "清明", "劳动", "端午", "国庆")
#: Since then 清明 and 端午 are among them (全国年节及纪念日放假办法, 2007).
_SINCE = 2008


class CalendarUnknown(SongdaError):
    """`year`: its holidays are in no table."""

    zh = "系统中没有 {year} 年的法定节假日安排，不推算工作日"
    remedy = "请把国务院办公厅公布的 {year} 年安排写成 CSV（列：day、kind、name、source），用环境变量 SONGDA_CALENDAR 指明文件"
    exit_code = 78


class BadCalendar(SongdaError):
    zh = "节假日文件 {file} 第 {row} 行不对：{problem}"
    remedy = "每行写 day（如 2027-01-01）、kind（off 放假或 work 调休上班）、name、source；一年要写全"
    exit_code = 78


@dataclass(frozen=True, slots=True)
class Calendar:
    #: Days off by a holiday's arrangement, and weekend days that are worked in exchange.
    off: frozenset[date]
    made_up: frozenset[date]
    #: First and last day about which the table knows everything.
    first: date
    last: date

    def is_working(self, day: date) -> bool:
        """Whether offices work on `day`. Raises CalendarUnknown."""
        if not self.first <= day <= self.last:
            raise CalendarUnknown(year=day.year)
        return day in self.made_up or (day.weekday() < 5 and day not in self.off)

    def add_working(self, day: date, days: int) -> date:
        """The `days`-th working day after `day`, which may be any day itself. Raises CalendarUnknown."""
        if days < 1:
            raise ValueError("at least one working day")
        while days:
            day += timedelta(days=1)
            days -= self.is_working(day)
        return day

    def working_between(self, since: date, until: date) -> int:
        """Working days after `since`, up to and including `until`. Raises CalendarUnknown."""
        return sum(self.is_working(since + timedelta(days=n)) for n in range(1, (until - since).days + 1))


@cache
def load_calendar(extra: str | None = None) -> Calendar:
    """The table that ships with this version, and the years of the file `extra` (default: SONGDA_CALENDAR), which win.

    Raises BadCalendar.
    """
    days = _read(files("songda.base").joinpath("holidays.csv").read_text("utf-8"), "holidays.csv")
    if name := extra or os.environ.get("SONGDA_CALENDAR"):
        path = Path(name).expanduser()
        added = _read(_text_of(path), path.name)
        years = {day.year for day in added}
        days = {day: kind for day, kind in days.items() if day.year not in years} | added
        known = {day.year for day in days}
        if missing := set(range(min(known), max(known))) - known:
            raise BadCalendar(file=path.name, row=1, problem=f"缺少 {min(missing)} 年")
    return Calendar(
        off=frozenset(day for day, kind in days.items() if kind == "off"),
        made_up=frozenset(day for day, kind in days.items() if kind == "work"),
        first=date(min(days).year, 1, 1),
        last=date(max(days).year, 12, 31),
    )


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise BadCalendar(file=path.name, row=1, problem="读不了，或不是 UTF-8 编码") from None


def _read(text: str, file: str) -> dict[date, str]:
    """day → kind of each row, checked. Raises BadCalendar."""
    rows: dict[date, str] = {}
    names: dict[int, set[str]] = {}
    line = 1
    for line, row in enumerate(csv.DictReader(StringIO(text)), 2):
        try:
            day = date.fromisoformat(row["day"] or "")
        except (KeyError, ValueError):
            raise BadCalendar(file=file, row=line, problem="day 不是日期") from None
        if row.get("kind") not in ("off", "work"):
            raise BadCalendar(file=file, row=line, problem="kind 不是 off 或 work")
        if row["kind"] == "work" and day.weekday() < 5:
            raise BadCalendar(file=file, row=line, problem="调休上班日不在周末")
        if day in rows:
            raise BadCalendar(file=file, row=line, problem="日期重复")
        rows[day] = row["kind"]
        names.setdefault(day.year, set()).add(row.get("name") or "")
    for year, found in names.items():
        missing = [name for name in _EVERY_YEAR if not any(name in each for each in found)]
        if year >= _SINCE and missing:
            raise BadCalendar(file=file, row=line, problem=f"{year} 年缺少 {'、'.join(missing)}")
    return rows
