"""When a factory or a carrier works, and to which of its days an instant belongs.

>>> from songda.base.calendar import load_calendar
>>> factory = Hours(cut_off=time(17, 30), works="working_days")
>>> factory.day_of(datetime(2026, 9, 30, 17, 30, tzinfo=SHANGHAI), load_calendar())
datetime.date(2026, 10, 8)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from songda.base.calendar import Calendar
from songda.base.days import SHANGHAI


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    #: In Shanghai. What comes at this minute belongs to the next day already.
    cut_off: time
    works: Literal["working_days", "every_day"]
    #: Days on which it is closed although it would be open, and the other way round.
    closed: frozenset[date] = frozenset()
    opened: frozenset[date] = frozenset()

    def is_open(self, day: date, calendar: Calendar) -> bool:
        """Raises CalendarUnknown for a day whose holidays nobody has announced, unless the day itself is listed."""
        if day in self.closed or day in self.opened:
            return day in self.opened and day not in self.closed
        return self.works == "every_day" or calendar.is_working(day)

    def day_of(self, instant: datetime, calendar: Calendar) -> date:
        """The day with whose work goes what comes at `instant`, wherever the clock that read it stands. Raises CalendarUnknown."""
        local = instant.astimezone(SHANGHAI)
        day = local.date() if local.time() < self.cut_off else local.date() + timedelta(days=1)
        while not self.is_open(day, calendar):
            day += timedelta(days=1)
        return day
