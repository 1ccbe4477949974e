"""The true chances behind the couriers' draws: how likely each end of a letter is, without drawing anything.

    ends = chances(doors, config=config)             # float array (letters, ENDS); rows add up to 1
    ends[:, SIGNED].sum(axis=1)                      # true chance that it is signed for

`delivery.visits` draws from exactly this distribution (a test compares them), so that an oracle, a ceiling and the calibration of a model
can be told without noise. A window or a call beforehand may be forced, to know what advice to the courier would be worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from songda.sim.world.config import Config, Delivery
from songda.sim.world.persons import Flags, Floats, Ints

#: How a letter ends: keys of journeys.toml, in the order of the columns.
ENDS: Final = (
    "704:10", "704:20", "704:20:other", "704:60", "704:70", "747:fetched", "747:left",
    "705:2", "705:3", "705:4", "705:5", "705:7",
)  # fmt: skip
_AT: Final = {key: column for column, key in enumerate(ENDS)}
#: Signed for by somebody who may: the debtor, or family at home (grades A1, A2).
SIGNED: Final = [_AT[key] for key in ("704:10", "704:20")]
#: … or left with a desk or in a locker (grade C).
DELIVERED: Final = [*SIGNED, *(_AT[key] for key in ("704:60", "704:70", "747:fetched", "747:left"))]
TIES: Final = ("lives", "family", "works", "gone", "never", "nowhere")
_MORNING, _AFTERNOON, _EVENING, _WEEKEND = range(4)


@dataclass(frozen=True, slots=True)
class Letters:
    """Parallel columns, one entry a letter to one address on one day."""

    #: Chance that the text leads an average courier to the door (section [delivery] reach, times wrong_district); 0: to none.
    reach: Floats
    #: Numbers in TIES.
    tie: Ints
    #: The door is a flat's; somebody at a desk takes letters; lockers stand there.
    flat: Flags
    desk: Flags
    locker: Flags
    #: Number in `persons.patterns`, household, and whether calls are answered.
    pattern: Ints
    household: Ints
    answers: Flags
    #: Of the station: added log-odds, evening tour, chance of a call beforehand.
    skill: Floats
    evening_tour: Flags
    phone_first: Floats
    #: Weekday of the first visit, Monday = 0.
    weekday: Ints


def chances(letters: Letters, *, config: Config, window: str | None = None, phone_first: bool | None = None) -> Floats:
    """Chance of each end, shape (letters, len(ENDS)).

    `window` (morning | afternoon | evening) and `phone_first` force those of the first visit.
    """
    called = letters.phone_first if phone_first is None else np.full(len(letters.reach), float(phone_first))
    column = None if window is None else ["morning", "afternoon", "evening"].index(window)
    found: Floats = called[:, None] * _ends(letters, True, column, config)
    found += (1 - called)[:, None] * _ends(letters, False, column, config)
    return found


def _ends(letters: Letters, phoned: bool, window: int | None, config: Config) -> Floats:
    shares, count = config.delivery, len(letters.reach)
    ends = np.zeros((count, len(ENDS)))
    reached = _found(letters, phoned, shares)
    ends[:, _AT["705:2"]] = 1 - reached
    nowhere = letters.tie == TIES.index("nowhere")
    ends[:, _AT["705:2"]] += reached * nowhere
    for tie, table in (("gone", shares.gone), ("never", shares.never)):
        here = reached * (letters.tie == TIES.index(tie))
        keys = {"moved": "705:5", "unknown": "705:3", "wrong": "705:2", "other": "704:20:other", "absent": "705:4"}
        for outcome, share in table.items():
            if outcome == "desk":
                ends[:, _AT["704:70"]] += here * share * letters.desk
                ends[:, _AT["705:3"]] += here * share * ~letters.desk
            else:
                ends[:, _AT[keys[outcome]]] += here * share
    tied = letters.tie <= TIES.index("works")
    _visited(ends, letters, reached * tied, phoned=phoned, window=window, config=config)
    return ends


def _found(letters: Letters, phoned: bool, shares: Delivery) -> Floats:
    with np.errstate(divide="ignore"):
        odds = np.log(letters.reach / (1 - letters.reach)) + letters.skill
    plain = np.where(letters.reach > 0, 1 / (1 + np.exp(-odds)), 0.0)
    asked = (1.0 if phoned else 0.5) * letters.answers * shares.phone_finds_door
    return np.where(letters.reach > 0, plain + (1 - plain) * asked, 0.0)


def _visited(ends: Floats, letters: Letters, left: Floats, *, phoned: bool, window: int | None, config: Config) -> None:
    """Adds what becomes of the share `left` of each letter in up to `tries` visits."""
    shares = config.delivery
    for n in range(shares.tries):
        # A later visit that was arranged on the phone is as one that was announced; `phoned` holds for all of them.
        arranged = np.full(len(left), float(phoned))
        if n:
            arranged = np.maximum(arranged, letters.answers * shares.arranged)
        took, absent = _visit(letters, (letters.weekday + n) % 7, arranged, window if n == 0 else None, config)
        ends += left[:, None] * took
        left = left * absent
        if n == 0:
            behind = left * (letters.tie != TIES.index("works"))
            desk = behind * letters.desk * shares.desk_after
            locker = (behind - desk) * letters.locker * shares.locker_after
            ends[:, _AT["704:70"]] += desk
            ends[:, _AT["747:fetched"]] += locker * shares.locker_fetched
            ends[:, _AT["747:left"]] += locker * (1 - shares.locker_fetched)
            left = left - desk - locker
    ends[:, _AT["705:4"]] += left


def _visit(
    letters: Letters, weekday: Ints, arranged: Floats, window: int | None, config: Config
) -> tuple[Floats, Floats]:
    """Ends of one visit, and the chance that nobody was there."""
    evening = letters.evening_tour & (window is None)
    tours = {
        _MORNING: np.where(evening, 0.375, 0.5),
        _AFTERNOON: np.where(evening, 0.375, 0.5),
        _EVENING: np.where(evening, 0.25, 0.0),
    }
    if window is not None:
        tours = {column: np.full(len(weekday), float(column == window)) for column in tours}
    at_weekend = weekday >= 5
    took, absent = np.zeros((len(weekday), len(ENDS))), np.zeros(len(weekday))
    for called in (False, True):
        for column, share in tours.items():
            weight = share * (arranged if called else 1 - arranged)
            for weekend in (False, True):
                here, nobody = _at_door(letters, _WEEKEND if weekend else column, called, config)
                part = weight * (at_weekend == weekend)
                took += part[:, None] * here
                absent += part * nobody
    return took, absent


def _at_door(letters: Letters, column: int, called: bool, config: Config) -> tuple[Floats, Floats]:
    shares, count = config.delivery, len(letters.reach)
    took = np.zeros((count, len(ENDS)))
    lives, family, works = (letters.tie == TIES.index(tie) for tie in ("lives", "family", "works"))
    first = np.where(letters.desk & letters.flat, shares.desk_instead, 0.0)
    took[:, _AT["704:70"]] = first
    rest = 1 - first
    own = _own(letters, column, called, config)
    others = 1 - (1 - shares.present_other[column]) ** (letters.household - 1)
    home = rest * lives
    there = 1 - (1 - own) * (1 - others)
    took[:, _AT["705:7"]] += home * there * shares.refused
    took[:, _AT["704:10"]] += home * own * (1 - shares.refused)
    took[:, _AT["704:20"]] += home * (there - own) * (1 - shares.refused)
    at_family = rest * family * shares.present_parents
    took[:, _AT["704:20"]] += at_family * shares.family_passes_on
    took[:, _AT["705:5"]] += at_family * (1 - shares.family_passes_on)
    at_work = rest * works
    reception = letters.desk * shares.reception
    present = min(shares.present_work[column] + shares.phone_helps * called, 1.0)
    took[:, _AT["704:60"]] += at_work * reception
    took[:, _AT["705:7"]] += at_work * (1 - reception) * present * shares.refused
    took[:, _AT["704:10"]] += at_work * (1 - reception) * present * (1 - shares.refused)
    took[:, _AT["704:20:other"]] += at_work * (1 - reception) * (1 - present) * shares.colleague
    return took, 1 - took.sum(axis=1)


def _own(letters: Letters, column: int, called: bool, config: Config) -> Floats:
    """Chance that the debtor is at home."""
    shares = config.delivery
    there = {
        "early": shares.present_early,
        "late": shares.present_late,
        "office": shares.present_office,
        "home": shares.present_home,
    }
    base = np.array([there[pattern][column] for pattern in config.persons.patterns])[letters.pattern]
    own: Floats = np.minimum(base + shares.phone_helps * (called & letters.answers), 1.0)
    return own
