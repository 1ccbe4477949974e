"""The way of one letter as the carrier's tracking tells it: from hand-over through the sorting centres to the visits.

The whole way takes two to ten days, more for a letter that comes back.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from importlib.resources import files

from songda.base import days
from songda.sim.carrier import PlannedEvent, ShippedLetter
from songda.sim.world.config import Delivery
from songda.sim.world.delivery import Attempt, signed
from songda.sim.world.streams import number

_ORIGIN, _ORIGIN_CENTRE = "始发揽投部", "始发邮件处理中心"
#: Surnames that no invented debtor bears, so that no courier is taken for one.
_MEN = ("仇师傅", "冼师傅", "蔺师傅", "鲍师傅", "詹师傅", "柴师傅", "邢师傅", "纪师傅")
#: Days in the office before an undeliverable letter goes back, and on the way home.
_KEPT_DAYS, _HOME_DAYS, _LOCKER_DAYS = 2, 4, 7

#: Draw in [0, 1) that belongs to this letter and `label`.
Chance = Callable[[str], float]


@cache
def texts() -> dict[str, list[str]]:
    """journeys.toml as it stands."""
    return tomllib.loads(files(__package__).joinpath("journeys.toml").read_text(encoding="utf-8"))


@lru_cache(maxsize=4096)
def _office_number(office: str) -> int:
    return number(0, office)


def travel_days(*, prov: str, chance: Chance, config: Delivery) -> int:
    """Whole days from hand-over to the first visit: 2 to 4, two more to remote provinces."""
    return 2 + int(chance("travel") * 3) + 2 * (prov in config.remote_provinces)


@dataclass(frozen=True, slots=True)
class _Scribe:
    """Writes events for one letter."""

    letter: ShippedLetter
    chance: Chance
    late_share: float

    def event(self, key: str, at: datetime, *, office: str, following: str = "") -> PlannedEvent:
        code, _, rest = key.partition(":")
        qualifier = rest.partition(":")[0]
        name, text = texts()[key]
        letter, centre = self.letter, _office_number(office)
        man = _MEN[centre % len(_MEN)] if code in {"702", "704", "705"} else ""
        away = office not in (_ORIGIN, _ORIGIN_CENTRE)
        label = f"late {key} {at.isoformat()}"
        late = timedelta(hours=1 + 20 * self.chance(label + " by")) if self.chance(label) < self.late_share else None
        return PlannedEvent(
            op_time=at,
            op_code=code,
            op_name=name,
            desc=text.format(
                office=office, next=following, man=man, phone=f"160{centre % 10**8:08d}", county=letter.county
            ),
            office_code=f"{centre % 10**8:08d}",
            office_name=office,
            office_prov=letter.prov if away else "",
            office_city=letter.city if away else "",
            deliver_code=qualifier if code == "704" else "",
            attempt_code=qualifier if code == "705" else "",
            operator_name=man,
            visible_at=None if late is None else at + late,
        )


def events(letter: ShippedLetter, visits: Sequence[Attempt], *, chance: Chance, config: Delivery) -> list[PlannedEvent]:
    """Every event of the way of `letter`, in the order in which they happen."""
    if chance("silent") < config.silent:
        return []
    scribe = _Scribe(letter, chance, config.late_scan)
    way = _trunk(scribe, first=visits[0].day)
    office = _office(letter)
    if chance("lost") < config.lost:
        return [*way, scribe.event("705:13", days.at(visits[0].day + timedelta(days=2), 17), office=office)]
    for visit in visits:
        at = _instant(visit.day, visit.hour)
        way.append(scribe.event("702", _instant(visit.day, 8.2 + chance(f"out {visit.day}") / 2), office=office))
        way += _result(scribe, visit, at, office, config)
    last = visits[-1]
    if last.key.startswith("705"):
        way += _sent_back(scribe, last.day + timedelta(days=_KEPT_DAYS), office)
    elif last.key == "747:left":
        way += _sent_back(scribe, last.day + timedelta(days=_LOCKER_DAYS), office)
    return way


def _instant(day: date, hour: float) -> datetime:
    return days.at(day, 0) + timedelta(seconds=round(hour * 3600))


def _office(letter: ShippedLetter) -> str:
    return f"{letter.county or letter.city}投递部"


def _trunk(scribe: _Scribe, *, first: date) -> list[PlannedEvent]:
    """From hand-over to the delivery office, spread over the time there is before the first visit."""
    letter, start = scribe.letter, scribe.letter.handed_over_at
    centre, office = f"{letter.city}邮件处理中心", _office(letter)
    arrival = _instant(first, 6.8 + scribe.chance("arrival") / 2)
    span = (arrival - start).total_seconds()
    steps = (
        ("203", 0.01, _ORIGIN, ""),
        ("305", 0.05, _ORIGIN, _ORIGIN_CENTRE),
        ("954", 0.10, _ORIGIN_CENTRE, ""),
        ("389", 0.20, _ORIGIN_CENTRE, centre),
        ("954", 0.72, centre, ""),
        ("389", 0.85, centre, office),
        ("306", 1.00, office, ""),
    )
    return [
        scribe.event(key, start + timedelta(seconds=round(span * share)), office=where, following=following)
        for key, share, where, following in steps
    ]


def _result(scribe: _Scribe, visit: Attempt, at: datetime, office: str, config: Delivery) -> list[PlannedEvent]:
    if visit.key.startswith("747"):
        stored = scribe.event("747", at, office=office)
        if visit.key == "747:left":
            return [stored]
        fetched = _instant(visit.day + timedelta(days=1), 18 + 2 * scribe.chance("fetched"))
        return [stored, scribe.event("748", fetched, office=office)]
    told = scribe.event(visit.key, at, office=office)
    if signed(visit.key) and scribe.chance("wrong code") < config.wrong_code:
        other = "704:20" if visit.key == "704:10" else "704:10"
        return [
            scribe.event(other, at, office=office),
            scribe.event("743", at + timedelta(hours=2), office=office),
            scribe.event(visit.key, at + timedelta(hours=2, minutes=5), office=office),
        ]
    return [told]


def _sent_back(scribe: _Scribe, day: date, office: str) -> list[PlannedEvent]:
    home = day + timedelta(days=_HOME_DAYS)
    return [
        scribe.event("708", _instant(day, 9 + scribe.chance("back")), office=office),
        scribe.event("711", _instant(home, 10 + 5 * scribe.chance("home")), office=_ORIGIN),
    ]
