"""What happens at the door: the four steps from text to signature, drawn with common random numbers.

1. Does the text lead to the door?  2. Is the debtor tied to it?  3. Is anyone there?  4. Who takes it, if they do?
Every draw belongs for ever to (person, place, day, step): two policies that send the same letter on the same day meet
the same fate, and a better text or a better courier never makes it worse. Parameters: section [delivery].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from songda.sim.world.config import Delivery
from songda.sim.world.matching import Match
from songda.sim.world.streams import choice

#: Courier's round → hours of the day between which it is at the door.
WINDOWS = {"morning": (9.0, 12.0), "afternoon": (14.0, 18.0), "evening": (18.5, 20.5)}


@dataclass(frozen=True, slots=True)
class Person:
    """What the courier's luck depends on."""

    presence: str
    household: int
    answers_phone: bool


@dataclass(frozen=True, slots=True)
class Station:
    #: Added to the log-odds of finding a door.
    skill: float
    evening_tour: bool
    #: Chance that the courier telephones first.
    phone_first: float


@dataclass(frozen=True, slots=True)
class Door:
    """How the person stands to the place on the day."""

    #: lives | family | works | gone | never | nowhere (there is no such door).
    tie: str
    kind: str
    desk: bool
    locker: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the courier reports after one visit."""

    day: date
    #: Hour of the day, 0-24.
    hour: float
    #: Key of journeys.toml: "704:10", "705:4", "747" …
    key: str


#: Draw in [0, 1) of a step on a day.
Draw = Callable[[str, date], float]
_SIGNED = ("704:10", "704:20", "704:20:other", "704:60", "704:70")


def visits(
    *, match: Match | None, door: Door, person: Person, station: Station, first: date, draw: Draw, config: Delivery
) -> list[Attempt]:
    """The visits from `first` on, the last one with the outcome. A match of None leads to no door of the person."""
    phoned = draw("phone first", first) < station.phone_first
    if match is None or not _found(match, person, station, phoned, first, draw, config):
        return [_attempt("705:2", first, draw, station)]
    if door.tie == "nowhere":
        return [_attempt("705:2", first, draw, station)]
    if door.tie in ("gone", "never"):
        return _stranger(door, station, first, draw, config)
    made: list[Attempt] = []
    for n in range(config.tries):
        day = first + timedelta(days=n)
        window = _window(day, draw, station)
        arranged = n > 0 and person.answers_phone and draw("arranged", day) < config.arranged
        key = _at_home(door, person, day, window, arranged or phoned, draw, config)
        if key == "705:4" and n == 0 and door.tie != "works":
            key = _left_behind(door, day, draw, config)
        made.append(_attempt(key, day, draw, station))
        if key != "705:4":
            break
    return made


def _found(
    match: Match, person: Person, station: Station, phoned: bool, day: date, draw: Draw, config: Delivery
) -> bool:
    chance = config.reach[match.quality] * (1 if match.right_district else config.wrong_district)
    odds = math.log(chance / (1 - chance)) + station.skill
    if draw("reach", day) < 1 / (1 + math.exp(-odds)):
        return True
    asked = phoned or draw("asks", day) < 0.5
    return asked and person.answers_phone and draw("call", day) < config.phone_finds_door


def _window(day: date, draw: Draw, station: Station) -> str:
    uniform = draw("window", day)
    if station.evening_tour and uniform > 0.75:
        return "evening"
    return "morning" if uniform * (4 / 3 if station.evening_tour else 1) < 0.5 else "afternoon"


def _attempt(key: str, day: date, draw: Draw, station: Station) -> Attempt:
    low, high = WINDOWS[_window(day, draw, station)]
    return Attempt(day, low + (high - low) * draw("minute", day), key)


def _at_home(door: Door, person: Person, day: date, window: str, called: bool, draw: Draw, config: Delivery) -> str:
    """Who takes the letter at a door to which the person is tied; "705:4" when nobody is there."""
    column = 3 if day.weekday() >= 5 else [*WINDOWS].index(window)
    if door.desk and door.kind == "flat" and draw("desk instead", day) < config.desk_instead:
        return "704:70"
    if door.tie == "works":
        return _at_work(door, column, day, called, draw, config)
    if door.tie == "family":
        return _at_family(day, draw, config)
    return _at_own_home(person, column, day, called, draw, config)


def _at_own_home(person: Person, column: int, day: date, called: bool, draw: Draw, config: Delivery) -> str:
    there: Mapping[str, list[float]] = {
        "early": config.present_early,
        "late": config.present_late,
        "office": config.present_office,
        "home": config.present_home,
    }
    own = there[person.presence][column] + (config.phone_helps if called and person.answers_phone else 0)
    others = 1 - (1 - config.present_other[column]) ** (person.household - 1)
    self_there, other_there = draw("self", day) < own, draw("others", day) < others
    if not self_there and not other_there:
        return "705:4"
    # Refusing belongs to the debtor and not to the day: whoever refuses today refuses tomorrow.
    if draw("refuses", date.min) < config.refused:
        return "705:7"
    return "704:10" if self_there else "704:20"


def _at_family(day: date, draw: Draw, config: Delivery) -> str:
    if draw("family", day) >= config.present_parents:
        return "705:4"
    return "704:20" if draw("passes on", day) < config.family_passes_on else "705:5"


def _at_work(door: Door, column: int, day: date, called: bool, draw: Draw, config: Delivery) -> str:
    own = config.present_work[column] + (config.phone_helps if called else 0)
    if door.desk and draw("reception", day) < config.reception:
        return "704:60"
    if draw("self", day) < own:
        return "705:7" if draw("refuses", date.min) < config.refused else "704:10"
    return "704:20:other" if draw("colleague", day) < config.colleague else "705:4"


def _left_behind(door: Door, day: date, draw: Draw, config: Delivery) -> str:
    if door.desk and draw("desk after", day) < config.desk_after:
        return "704:70"
    if door.locker and draw("locker after", day) < config.locker_after:
        return "747:fetched" if draw("fetched", day) < config.locker_fetched else "747:left"
    return "705:4"


def _stranger(door: Door, station: Station, first: date, draw: Draw, config: Delivery) -> list[Attempt]:
    """A door where the person no longer is, or never was."""
    shares = config.gone if door.tie == "gone" else config.never
    [kind] = choice(np.array([draw("stranger", first)]), shares)
    outcome = [*shares][kind]
    keys = {"moved": "705:5", "unknown": "705:3", "wrong": "705:2", "desk": "704:70", "other": "704:20:other"}
    if outcome == "absent":
        return [_attempt("705:4", first + timedelta(days=n), draw, station) for n in range(config.tries)]
    if outcome == "desk" and not door.desk:
        outcome = "unknown"
    return [_attempt(keys[outcome], first, draw, station)]


def signed(key: str) -> bool:
    """Whether a visit ended with a signature."""
    return key in _SIGNED
