"""How long dispatch waits for what (deadlines.toml).

>>> load_deadlines().revision_days
60

All are calendar days in Shanghai: the house has no calendar of China's statutory holidays yet, and Monday to Friday
would be wrong around every one of them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from songda.base.days import add_days, business_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    #: Days without a correction after which an outcome settles.
    objection_days: int
    #: Sub-states that settle without that wait.
    at_once: frozenset[str]
    #: Sub-states that end a letter's way.
    final: frozenset[str]
    #: Days without an event, and days in all without an outcome, after which an attempt is silent.
    no_event_days: int
    total_days: int
    #: Days after which a silent attempt settles without proof.
    silent_days: int
    #: Days for which a settled outcome may be revised.
    revision_days: int
    #: Days between two questions about settled letters.
    revision_every_days: int
    #: State of an attempt under way → hours between two questions about it.
    ask_every_hours: Mapping[str, int]


@cache
def load_deadlines() -> Deadlines:
    """The deadlines that ship with this version."""
    table: dict[str, Any] = tomllib.loads(files("songda.dispatch").joinpath("deadlines.toml").read_text("utf-8"))
    return Deadlines(**table | {name: frozenset(table[name]) for name in ("at_once", "final")})


def passed(since: datetime, days: int, *, at: datetime) -> bool:
    """Whether at `at` the day has come that lies `days` calendar days after `since`."""
    return business_day(at) >= add_days(business_day(since), days)


def is_quiet(last_event_at: datetime | None, *, posted_at: datetime, at: datetime, deadlines: Deadlines) -> bool:
    """Whether an attempt without an outcome has become silent.

    An event later than the total deadline buys one more wait for the next event.
    """
    last = last_event_at or posted_at
    late = passed(posted_at, deadlines.total_days, at=last)
    return passed(last, deadlines.no_event_days, at=at) or (not late and passed(posted_at, deadlines.total_days, at=at))
