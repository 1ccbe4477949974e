"""When somebody may be reached: the window of a day, to the second in Asia/Shanghai, and the next lawful instant.

>>> from datetime import datetime
>>> from songda.base.days import SHANGHAI
>>> window = Window("08:00", "22:00")
>>> window.closes_after(datetime(2026, 11, 26, 21, 59, 59, tzinfo=SHANGHAI)).isoformat()
'2026-11-26T22:00:00+08:00'
>>> window.next_open(datetime(2026, 11, 26, 22, 0, tzinfo=SHANGHAI)).isoformat()
'2026-11-27T08:00:00+08:00'

The hours are those of rule T01, which judges; nothing here grants anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from songda.base.calendar import Calendar
from songda.base.days import SHANGHAI, business_day

#: Days ahead in which one without a holiday is looked for: longer than any holiday.
_AHEAD = 30


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of a day: from `opens` (allowed) to `closes` (not any more), HH:MM."""

    opens: str
    closes: str

    def closes_after(self, at: datetime) -> datetime:
        """The end of the window on the day of `at`."""
        return _strikes(business_day(at), self.closes)

    def next_open(self, at: datetime, *, calendar: Calendar | None = None) -> datetime | None:
        """`at` itself when it lies in the window, else the next instant that does; with `calendar`, on no holiday.

        None: the holidays that decide it are in no table.
        """
        at = at.astimezone(SHANGHAI)
        for days in range(_AHEAD):
            day = at.date() + timedelta(days)
            first = max(_strikes(day, self.opens), at)
            if first >= _strikes(day, self.closes):
                continue
            off = None if calendar is None else on_holiday(day, calendar)
            if calendar is not None and off is None:
                return None
            if not off:
                return first
        return None


def on_holiday(day: date, calendar: Calendar) -> bool | None:
    """Whether `day` is off by the arrangement of a statutory holiday; None: its year is in no table."""
    return day in calendar.off if calendar.first <= day <= calendar.last else None


def day_after(at: datetime, days: int = 1) -> datetime:
    """Midnight in Shanghai, `days` days after the day of `at`."""
    return datetime.combine(business_day(at) + timedelta(days), time(), SHANGHAI)


def clock(at: datetime) -> str:
    """`21:59:59`, as rule T01 reads it."""
    return f"{at.astimezone(SHANGHAI):%H:%M:%S}"


def _strikes(day: date, hhmm: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(hhmm), SHANGHAI)
