"""How long dispatch waits for what: the waits of the life cycles (songda.store.machines) and deadlines.toml.

>>> load_deadlines().revision_days
60

Days are calendar days in Shanghai; where the name says working days, they are counted by songda.base.calendar.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from songda.base.calendar import CalendarUnknown, load_calendar
from songda.base.days import add_days, business_day
from songda.store import Wait, wait

#: Field of `Deadlines` → wait of an attempt's life.
_WAITS = {
    "objection_days": "objection",
    "stored_days": "stored",
    "no_event_working_days": "no_event",
    "total_days": "total",
    "silent_days": "silent",
    "revision_days": "revision",
}

#: Calendar days that the longest wait in working days (20) takes when no holiday falls into it.
LONGEST_WORKING_WAIT = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    #: Days without a correction after which an outcome settles, and one of a letter that lies somewhere for the addressee: what
    #: nobody fetches comes back, and another place may then be tried.
    objection_days: int
    stored_days: int
    #: Sub-states that settle without that wait.
    at_once: frozenset[str]
    #: Sub-states that end a letter's way.
    final: frozenset[str]
    #: Working days without an event, and days in all without an outcome, after which an attempt is silent.
    no_event_working_days: int
    total_days: int
    #: Days after which a silent attempt settles without proof.
    silent_days: int
    #: Days for which a settled outcome may be revised.
    revision_days: int
    #: Days between two questions about settled letters.
    revision_every_days: int
    #: State of an attempt under way → hours between two questions about it.
    ask_every_hours: Mapping[str, int]

    def days_to_settle(self, state: str) -> int:
        """Days after which an outcome of that sub-state settles."""
        return self.stored_days if state == "stored" else self.objection_days


@cache
def load_deadlines() -> Deadlines:
    """The deadlines that ship with this version."""
    table: dict[str, Any] = tomllib.loads(files("songda.dispatch").joinpath("deadlines.toml").read_text("utf-8"))
    waits = {field: wait("attempt", name).amount for field, name in _WAITS.items()}
    return Deadlines(**table | waits | {name: frozenset(table[name]) for name in ("at_once", "final")})


def over(wait: Wait, since: datetime, *, at: datetime) -> bool:
    """Whether at `at` the wait is over that began at `since`."""
    match wait.unit:
        case "hours":
            return at >= since + timedelta(hours=wait.amount)
        case "working days":
            return passed_working(since, wait.amount, at=at)
    return passed(since, wait.amount, at=at)


def passed(since: datetime, days: int, *, at: datetime) -> bool:
    """Whether at `at` the day has come that lies `days` calendar days after `since`."""
    return business_day(at) >= add_days(business_day(since), days)


def passed_working(since: datetime, days: int, *, at: datetime) -> bool:
    """Whether at `at` the `days`-th working day after `since` has come.

    Days of a year whose holidays nobody has announced do not count: the deadline comes later, never too early, and the
    missing year is a task (`year_missing`).
    """
    first, today = business_day(since), business_day(at)
    if (today - first).days < days:
        return False
    calendar = load_calendar()
    return calendar.working_between(first, min(today, calendar.last)) >= days


@lru_cache(maxsize=4096)
def working_day_due(first: date, days: int) -> date | None:
    """The `days`-th working day after `first`; None while nobody has announced the holidays that decide it."""
    try:
        return load_calendar().add_working(first, days)
    except CalendarUnknown:
        return None


def year_missing(at: datetime) -> int | None:
    """The year whose holidays a wait that begins at `at` would have to know and no table knows; None when all is known."""
    day = add_days(business_day(at), LONGEST_WORKING_WAIT)
    return None if day <= load_calendar().last else day.year


def is_quiet(last_event_at: datetime | None, *, posted_at: datetime, at: datetime, deadlines: Deadlines) -> bool:
    """Whether an attempt without an outcome has become silent.

    An event later than the total deadline buys one more wait for the next event.
    """
    last = last_event_at or posted_at
    late = passed(posted_at, deadlines.total_days, at=last)
    return passed_working(last, deadlines.no_event_working_days, at=at) or (
        not late and passed(posted_at, deadlines.total_days, at=at)
    )


def quiet_from(last_event_at: datetime | None, *, posted_at: datetime, deadlines: Deadlines) -> date | None:
    """The first day on which `is_quiet` may hold; None while a calendar is missing for it."""
    last = last_event_at or posted_at
    day = working_day_due(business_day(last), deadlines.no_event_working_days)
    if passed(posted_at, deadlines.total_days, at=last):
        return day
    total = add_days(business_day(posted_at), deadlines.total_days)
    return total if day is None else min(day, total)
