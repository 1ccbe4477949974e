from datetime import UTC, date, datetime

import pytest

from songda.base import days


def test_the_business_day_turns_at_midnight_in_shanghai() -> None:
    assert days.business_day(datetime(2026, 11, 24, 15, 59, 59, tzinfo=UTC)) == date(2026, 11, 24)
    assert days.business_day(datetime(2026, 11, 24, 16, 0, tzinfo=UTC)) == date(2026, 11, 25)


def test_an_instant_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        days.business_day(datetime(2026, 11, 24))  # noqa: DTZ001
