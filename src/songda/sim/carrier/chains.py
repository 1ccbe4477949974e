"""The courier without a world: outcomes drawn from the mix of chains.toml, by the waybill number alone.

>>> from datetime import date
>>> from songda.base import days
>>> letter = ShippedLetter(waybill_no="9800000000006", order_no="a-1", name="某甲", mobile="13900000000",
...     prov="浙江省", city="杭州市", county="西湖区", address="文一路1号",
...     handed_over_at=days.at(date(2026, 11, 24), 17))
>>> [event.op_code for event in courier(letter)][:4]
['203', '305', '954', '389']
"""

from __future__ import annotations

import hashlib
import itertools
import random
import tomllib
from bisect import bisect
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from importlib.resources import files

from songda.base import days
from songda.sim.carrier.events import PlannedEvent, ShippedLetter


@dataclass(frozen=True, slots=True)
class _Step:
    day: int
    hour: float
    #: "704:10" or "702", the key of its text too.
    key: str


@dataclass(frozen=True, slots=True)
class _Mix:
    names: tuple[str, ...]
    #: Cumulated shares.
    shares: tuple[float, ...]
    steps: tuple[tuple[_Step, ...], ...]
    #: How the way is told: "" as it happens, "nothing", "twice_backwards".
    told: tuple[str, ...]
    #: Last digits of a magic mobile → outcome.
    numbers: dict[str, int]
    #: Key → opName, opDesc with places to fill.
    text: dict[str, tuple[str, str]]
    late_share: float
    duplicate_share: float


def _read() -> _Mix:
    table = tomllib.loads(files("songda.sim.carrier").joinpath("chains.toml").read_text(encoding="utf-8"))
    outcomes = table["outcome"]
    shares = tuple(itertools.accumulate(outcome["share"] for outcome in outcomes))
    if abs(shares[-1] - 1) > 1e-9:
        raise ValueError("the shares of chains.toml do not add up to 1")
    steps = tuple(
        tuple(_Step(int(day), float(hour), key) for day, hour, key in (step.split() for step in outcome["steps"]))
        for outcome in outcomes
    )
    text = {key: (name, desc) for key, (name, desc) in table["text"].items()}
    names = tuple(outcome["name"] for outcome in outcomes)
    told = tuple(outcome.get("told", "") for outcome in outcomes)
    numbers = {outcome["number"]: index for index, outcome in enumerate(outcomes)}
    return _Mix(names, shares, steps, told, numbers, text, table["late_share"], table["duplicate_share"])


_MIX = _read()
#: Mobiles that begin like this and end in the `number` of an outcome (chains.toml) or a fault (faults.toml) order it.
MAGIC = "1990000"
_MEN = ("方志远", "梁小军", "何建波", "段文斌", "蒋卫国", "苏丽娟", "韦海峰", "倪春燕")
_ORIGIN, _ORIGIN_CENTRE = "始发揽投部", "始发邮件处理中心"


def outcome_of(waybill_no: str) -> str:
    """Name of the outcome that the mix gives this number."""
    return _MIX.names[_drawn(_generator(waybill_no))]


def courier(letter: ShippedLetter) -> list[PlannedEvent]:
    """The whole way of one letter; equal letters get equal ways."""
    generator = _generator(letter.waybill_no)
    drawn = _drawn(generator)
    ordered = _ordered(letter)
    return _way(letter, drawn if ordered is None else ordered, generator)


def scripted(letter: ShippedLetter) -> list[PlannedEvent] | None:
    """The way that a magic mobile orders; None for all others."""
    outcome = _ordered(letter)
    return None if outcome is None else _way(letter, outcome, _generator(letter.waybill_no))


def _ordered(letter: ShippedLetter) -> int | None:
    return _MIX.numbers.get(letter.mobile.removeprefix(MAGIC)) if letter.mobile.startswith(MAGIC) else None


def _way(letter: ShippedLetter, outcome: int, generator: random.Random) -> list[PlannedEvent]:
    if _MIX.told[outcome] == "nothing":
        return []
    places = _places(letter, generator)
    at = letter.handed_over_at
    events = [_event("203", at + timedelta(minutes=generator.randint(20, 90)), "origin", places)]
    for hours, key, where in (
        (3, "305", "origin"),
        (5, "954", "origin_centre"),
        (9, "389", "origin_centre"),
        (generator.randint(18, 46), "954", "centre"),
        (generator.randint(48, 52), "389", "centre"),
    ):
        events.append(_event(key, at + timedelta(hours=hours, minutes=generator.randrange(60)), where, places))
    steps = _MIX.steps[outcome]
    if steps:
        office_day = days.business_day(events[-1].op_time) + timedelta(days=1)
        events.append(_event("306", days.at(office_day, 7, generator.randrange(20)), "office", places))
        for step in steps:
            start = days.at(office_day + timedelta(days=step.day), int(step.hour), round(step.hour % 1 * 60))
            moment = start + timedelta(seconds=generator.randrange(1500))
            events.append(_event(step.key, moment, "office", places))
    return _backwards(events) if _MIX.told[outcome] == "twice_backwards" else _disturbed(events, generator)


def magic_outcomes() -> list[tuple[str, str]]:
    """(mobile, name of the outcome that it orders)."""
    return sorted((MAGIC + number, _MIX.names[index]) for number, index in _MIX.numbers.items())


def _generator(waybill_no: str) -> random.Random:
    return random.Random(int.from_bytes(hashlib.blake2b(waybill_no.encode(), digest_size=8).digest(), "big"))


def _drawn(generator: random.Random) -> int:
    return min(bisect(_MIX.shares, generator.random()), len(_MIX.shares) - 1)


def _places(letter: ShippedLetter, generator: random.Random) -> dict[str, str]:
    county = letter.county or letter.city
    return {
        "origin": _ORIGIN,
        "origin_centre": _ORIGIN_CENTRE,
        "centre": f"{letter.city}邮件处理中心",
        "office": f"{county}投递部",
        "county": county,
        "city": letter.city,
        "prov": letter.prov,
        "man": generator.choice(_MEN),
        "phone": f"139{generator.randrange(10**8):08d}",
    }


def _event(key: str, moment: datetime, where: str, places: dict[str, str]) -> PlannedEvent:
    code, _, qualifier = key.partition("#")[0].partition(":")
    name, desc = _MIX.text[key]
    following = places["centre" if where == "origin_centre" else "office"]
    at_origin = where.startswith("origin")
    man = places["man"] if code in {"702", "704", "705"} else ""
    return PlannedEvent(
        op_time=moment,
        op_code=code,
        op_name=name,
        desc=desc.format_map(places | {"office": places[where], "next": following}),
        office_code=_office_code(places[where]),
        office_name=places[where],
        office_prov="" if at_origin else places["prov"],
        office_city="" if at_origin else places["city"],
        deliver_code=qualifier if code == "704" else "",
        attempt_code=qualifier if code == "705" else "",
        operator_name=man,
    )


def _office_code(name: str) -> str:
    return f"{int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest(), 'big') % 10**8:08d}"


def _backwards(events: list[PlannedEvent]) -> list[PlannedEvent]:
    """Everything begins to show when all is over, the last first and each twice."""
    over = max(event.op_time for event in events)
    first = [replace(event, visible_at=over + timedelta(minutes=n)) for n, event in enumerate(reversed(events))]
    return first + [replace(event, visible_at=over + timedelta(hours=1, minutes=n)) for n, event in enumerate(first)]


def _disturbed(events: list[PlannedEvent], generator: random.Random) -> list[PlannedEvent]:
    """Some events show late, some twice, as they do in the field."""
    shown = []
    for event in events:
        late = generator.random() < _MIX.late_share
        appears = event.op_time + timedelta(hours=generator.randint(2, 30)) if late else event.op_time
        shown.append(replace(event, visible_at=appears))
        if generator.random() < _MIX.duplicate_share:
            shown.append(replace(event, visible_at=appears + timedelta(minutes=generator.randint(1, 600))))
    return shown
