"""What a delivery office's team is advised to do with an item: day, window, entrance, phone, to whom, what to record.

>>> from songda.base.days import at
>>> item = Situation(kind="lawyer_letter", place="estate", tries=(), phone=True, stopped=False)
>>> advice = advise(item, at=at(date(2026, 11, 26), 9))
>>> advice.day, advice.window, advice.why_then
(datetime.date(2026, 11, 26), ('18:30', '20:30'), '住宅在工作日白天多无人，晚间在家的多')

Plain rules over what is known, as data with a reason each (courier_advice.toml). A model that learns from outcomes takes
the place of `advise` alone: it gets the same situation and answers with the same advice.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from songda.base.calendar import CalendarUnknown, load_calendar
from songda.base.days import SHANGHAI, business_day

#: Hour at which the evening of a working day begins.
_EVENING = 17
#: Days ahead in which a suitable one is looked for: longer than any holiday.
_AHEAD = 14


class Try(NamedTuple):
    """A visit in vain."""

    at: datetime
    #: What it said about the address (songda.carriers): absent, ambiguous, bad, fine, or "".
    signal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that the advice depends on; no person."""

    #: Kind of the letter; never shown.
    kind: str
    #: unit | estate | village | other, see `place_of`.
    place: str
    #: At this place, oldest first.
    tries: tuple[Try, ...]
    #: Whether a number is known.
    phone: bool
    #: Whether the sender has asked for it back.
    stopped: bool


class Hint(NamedTuple):
    #: Chinese, for the team.
    text: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    #: Not to be delivered at all, and why; the rest is then void.
    hold: Hint | None
    #: None when no suitable day is known (the year's holidays are in no table).
    day: date | None
    #: From, until (`18:30`), Shanghai.
    window: tuple[str, str]
    why_then: str
    entrance: Hint
    phone: Hint
    phone_first: bool
    hand_to: tuple[Hint, ...]
    #: Relations (tracking_signers.csv) that `hand_to` allows.
    relations: tuple[str, ...]
    never_to: Hint
    record: tuple[str, ...]
    cautions: tuple[Hint, ...]
    #: Of the rules.
    version: str


@cache
def rules() -> Mapping[str, Any]:
    """courier_advice.toml."""
    return tomllib.loads(files("songda.dispatch").joinpath("courier_advice.toml").read_text("utf-8"))


def place_of(address: Mapping[str, Any]) -> str:
    """Kind of place by the parts of an address (songda.base.schemas.STANDARD)."""
    name = address.get("poi") or ""
    for place in rules()["place"]:
        stated = any(address.get(part) for part in place.get("parts", ()))
        if stated or name.endswith(tuple(place.get("endings", ()))):
            return str(place["code"])
    return "other"


def place_zh(place: str) -> str:
    """Chinese for a kind of place."""
    return str(next(row["zh"] for row in rules()["place"] if row["code"] == place))


def call_rules() -> dict[str, Any]:
    """What holds for every call that a courier makes: open, close, most_a_day, words, never."""
    return dict(rules()["call"])


def may_call(at: datetime) -> bool:
    """Whether the hour allows a call (rule T01)."""
    call, clock = rules()["call"], at.astimezone(SHANGHAI).time()
    return time.fromisoformat(call["open"]) <= clock < time.fromisoformat(call["close"])


def advise(situation: Situation, *, at: datetime) -> Advice:
    """The advice for an item that lies at the office at the instant `at`."""
    table = rules()
    slot, day = _slot(situation, at=at)
    phone = next(row for row in table["phone"] if _phone_fits(row, situation))
    allowed = [row for row in table["hand_to"] if _may_be_handed(row, situation)]
    return Advice(
        hold=_hint(table["hold"]) if situation.stopped else None,
        day=day,
        window=(slot["window"][0], slot["window"][1]),
        why_then=slot["reason"],
        entrance=_hint(next(row for row in table["entrance"] if row["place"] == situation.place)),
        phone=_hint(phone),
        phone_first=phone["first"] and not situation.stopped,
        hand_to=tuple(map(_hint, allowed)),
        relations=tuple(word for row in allowed for word in row["relations"]),
        never_to=_hint(table["never_to"]),
        record=tuple(row["text"] for row in table["record"]),
        cautions=tuple(_hint(row) for row in table["caution"] if _tried(row, situation)),
        version=table["version"],
    )


def _slot(situation: Situation, *, at: datetime) -> tuple[Mapping[str, Any], date | None]:
    """The soonest slot in the first part of the week in which nobody has come in vain, else in the one tried longest ago."""
    last: dict[str, datetime] = {}
    for visit in situation.tries:
        last[part_of_week(visit.at)] = visit.at
    slots = [row for row in rules()["slot"] if row["place"] == situation.place]
    fresh = [row["part"] for row in slots if row["part"] not in last]
    part = fresh[0] if fresh else min((row["part"] for row in slots), key=lambda each: last[each])
    days = [(row, _day(part, row["window"][1], at=at)) for row in slots if row["part"] == part]
    return min(days, key=lambda each: each[1] or date.max)


def part_of_week(instant: datetime) -> str:
    """day or evening of a working day, or rest."""
    if not _is_working(business_day(instant)):
        return "rest"
    return "evening" if instant.astimezone(SHANGHAI).hour >= _EVENING else "day"


def _is_working(day: date) -> bool:
    try:
        return load_calendar().is_working(day)
    except CalendarUnknown:
        # Of a visit that is over, the weekday says enough.
        return day.weekday() < 5


def _day(part: str, until: str, *, at: datetime) -> date | None:
    """The first day of that kind whose window is not over at `at`."""
    today, calendar = business_day(at), load_calendar()
    over = at.astimezone(SHANGHAI).time() >= time.fromisoformat(until)
    for ahead in range(over, _AHEAD):
        day = today + timedelta(days=ahead)
        try:
            if calendar.is_working(day) != (part == "rest"):
                return day
        except CalendarUnknown:
            return None
    return None


def _phone_fits(row: Mapping[str, Any], situation: Situation) -> bool:
    if row.get("when") == "none":
        return not situation.phone
    return row.get("place") in (None, situation.place) and _tried(row, situation)


def _tried(row: Mapping[str, Any], situation: Situation) -> bool:
    met = {visit.signal for visit in situation.tries}
    return len(situation.tries) >= row.get("tries", 0) and ("after" not in row or not met.isdisjoint(row["after"]))


def _may_be_handed(row: Mapping[str, Any], situation: Situation) -> bool:
    return (
        situation.kind in row["kinds"]
        and situation.place in row.get("places", (situation.place,))
        and situation.place not in row.get("not_places", ())
    )


def _hint(row: Mapping[str, Any]) -> Hint:
    return Hint(row["text"], row["reason"])
