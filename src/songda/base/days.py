"""Days and instants: the business day is Asia/Shanghai, instants are timezone-aware, nothing here reads a clock by itself but `now`.

>>> from datetime import UTC
>>> business_day(datetime(2026, 11, 24, 16, 30, tzinfo=UTC))
datetime.date(2026, 11, 25)
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    """The present instant in Asia/Shanghai. Doors call this once and hand it down."""
    return datetime.now(SHANGHAI)


def business_day(instant: datetime) -> date:
    """The calendar day in Asia/Shanghai to which an aware `instant` belongs."""
    if instant.tzinfo is None:
        raise ValueError("instant without a time zone")
    return instant.astimezone(SHANGHAI).date()


def at(day: date, hour: int = 9, minute: int = 0) -> datetime:
    """The instant at which `hour:minute` strikes in Shanghai on `day`."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=SHANGHAI)


def chinese_date(day: date) -> str:
    """`2026年11月24日`, as letters write it."""
    return f"{day.year}年{day.month}月{day.day}日"


def add_days(day: date, days: int) -> date:
    return day + timedelta(days=days)
