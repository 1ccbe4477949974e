"""The couriers of a world: a letter in, the carrier's events out.

    carry = load(Path("truth")).courier()
    events = carry(letter)

A person is found by name and number, or by the name alone when the number is unknown; a letter to nobody of this world
comes back. Equal letters get equal events, and the outcome belongs to (person, place, day), not to the waybill.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from songda.base import days
from songda.sim.carrier import PlannedEvent, ShippedLetter
from songda.sim.world import journey
from songda.sim.world.chances import TIES, Letters
from songda.sim.world.delivery import Attempt, Door, Person, Station, visits
from songda.sim.world.matching import QUALITIES, Match, best, folded
from songda.sim.world.places import Parts
from songda.sim.world.streams import fixed
from songda.sim.world.truth import Truth, load, numbers_of, person_key

_PARTS = [
    "province", "city", "district", "old_district", "town", "kind", "road", "road_no", "estate", "village", "company",
    "building", "unit", "floor", "room",
]  # fmt: skip
_FABRICATED = {"no_such_number": "nowhere", "office_block": "never", "strangers_estate": "never"}
_CLOSEST = ("lives", "family", "works")


class WorldCourier:
    """Callable with one letter. The index is made when first used.

    It pickles as the folder that its truth came from, or else with the tables that it needs.
    """

    def __init__(self, truth: Truth, journal: Path | None = None) -> None:
        """`journal`: where who truly took each letter is noted, a JSON object a line."""
        unused = {name: getattr(truth, name).clear() for name in ("records", "contacts", "cases", "keys")}
        self._truth = replace(truth, **unused)
        self._index: _Index | None = None
        self._journal = journal

    def __reduce__(self) -> tuple[Any, ...]:
        folder, journal = self._truth.folder, self._journal
        return (WorldCourier, (self._truth, journal)) if folder is None else (_from_folder, (folder, journal))

    def __call__(self, letter: ShippedLetter) -> list[PlannedEvent]:
        debtor, made, chance = self._made(letter)
        if self._journal is not None and debtor >= 0:
            told = {
                "waybill": letter.waybill_no,
                "debtor": debtor,
                "day": made[-1].day.isoformat(),
                "key": made[-1].key,
            }
            with self._journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps(told) + "\n")
        return journey.events(letter, made, chance=chance, config=self._truth.config.delivery)

    def ends(self, letter: ShippedLetter) -> tuple[int, Attempt]:
        """Debtor of the letter (-1: nobody's) and its last visit: who truly took it, whatever the carrier reports."""
        debtor, made, _ = self._made(letter)
        return debtor, made[-1]

    def standings(self, letters: Iterable[ShippedLetter]) -> Letters:
        """What the true chances of letters depend on, as `chances` takes it; a letter that is nobody's leads nowhere."""
        if self._index is None:
            self._index = _Index(self._truth)
        rows = [self._standing(self._index, letter) for letter in letters]
        columns = (np.array(column) for column in zip(*rows, strict=True))
        return Letters(*columns)

    def _standing(self, index: _Index, letter: ShippedLetter) -> tuple[float | int | bool, ...]:
        config = self._truth.config
        text = folded(letter.prov + letter.city + letter.county + letter.address)
        debtor, place, match = index.meant(letter, text, self._truth.seed)
        # The middle of the days that the way takes.
        way = 3 + 2 * (letter.prov in config.delivery.remote_provinces)
        first = days.business_day(letter.handed_over_at) + timedelta(days=way)
        door = index.door(debtor, place, first)
        person = index.persons[debtor] if debtor >= 0 else _NOBODY
        station = index.stations[index.codes[place]] if place >= 0 else _AVERAGE
        reach = 0.0 if match is None else config.delivery.reach[match.quality]
        return (
            reach * (1 if match is None or match.right_district else config.delivery.wrong_district),
            TIES.index(door.tie),
            door.kind == "flat",
            door.desk,
            door.locker,
            [*config.persons.patterns].index(person.presence),
            person.household,
            person.answers_phone,
            station.skill,
            station.evening_tour,
            station.phone_first,
            first.weekday(),
        )

    def _made(self, letter: ShippedLetter) -> tuple[int, list[Attempt], journey.Chance]:
        if self._index is None:
            self._index = _Index(self._truth)
        index, config, seed = self._index, self._truth.config.delivery, self._truth.seed
        text = folded(letter.prov + letter.city + letter.county + letter.address)
        handed_over = days.business_day(letter.handed_over_at)
        debtor, place, match = index.meant(letter, text, seed)
        whom: tuple[str | int, str | int] = (debtor, place) if debtor >= 0 else (letter.name, text)
        key = ("letter", *whom, handed_over.isoformat())
        chance: journey.Chance = partial(fixed, seed, *key)
        first = handed_over + timedelta(days=journey.travel_days(prov=letter.prov, chance=chance, config=config))
        if debtor < 0:
            made = [Attempt(first, 10 + 2 * chance("hour"), "705:3")]
        else:
            made = visits(
                match=match,
                door=index.door(debtor, place, first),
                person=index.persons[debtor],
                station=index.stations[index.codes[place]] if place >= 0 else _AVERAGE,
                first=first,
                draw=_draw(seed, debtor, place),
                config=config,
            )
        return debtor, made, chance


def _from_folder(folder: Path, journal: Path | None = None) -> WorldCourier:
    return WorldCourier(load(folder), journal)


_NOBODY = Person("office", 1, answers_phone=False)
_AVERAGE = Station(skill=0.0, evening_tour=False, phone_first=0.35)


def _draw(seed: int, debtor: int, place: int) -> Callable[[str, date], float]:
    def draw(step: str, day: date) -> float:
        return fixed(seed, "door", debtor, place, step, day.isoformat())

    return draw


class _Index:
    """The truth as the courier looks things up in it. Places are keyed by their number, ties sorted by debtor."""

    def __init__(self, truth: Truth) -> None:
        self._seed = truth.seed
        self._debtors: dict[int, list[int]] = {}
        for key, debtor in zip(truth.finder["key"].to_list(), numbers_of(truth.finder["debtor_id"]), strict=True):
            self._debtors.setdefault(key, []).append(debtor)
        self.persons = [
            Person(*row) for row in truth.debtors.select("presence", "household", "answers_phone").iter_rows()
        ]
        self._ties = list(
            zip(
                numbers_of(truth.ties["debtor_id"]),
                numbers_of(truth.ties["place_id"]),
                *(truth.ties[name].to_list() for name in ("tie", "since", "until")),
                strict=True,
            )
        )
        self._tie_debtors = [tie[0] for tie in self._ties]
        numbers = numbers_of(truth.places["place_id"])
        self._places = dict(zip(numbers, truth.places.select(*_PARTS).iter_rows(), strict=True))
        self.codes = dict(zip(numbers, truth.places["code"].to_list(), strict=True))
        self._boxes = dict(zip(numbers, truth.places.select("kind", "desk", "locker").iter_rows(), strict=True))
        self.stations = {code: Station(*rest) for code, *rest in _station_rows(truth.stations)}

    def _ties_of(self, debtor: int) -> list[tuple[int, int, str, date, date]]:
        return self._ties[bisect_left(self._tie_debtors, debtor) : bisect_right(self._tie_debtors, debtor)]

    def meant(self, letter: ShippedLetter, text: str, seed: int) -> tuple[int, int, Match | None]:
        """Debtor, place and match of a letter; -1 for a person, and for a place, that there is not."""
        found = self._debtors.get(person_key(seed, letter.name, letter.mobile)) if letter.mobile else None
        candidates = found or self._debtors.get(person_key(seed, letter.name), [])
        chosen: tuple[int, int, Match | None] = (candidates[0] if candidates else -1, -1, None)
        rank = len(QUALITIES)
        for debtor in candidates:
            places = list(dict.fromkeys(tie[1] for tie in self._ties_of(debtor)))
            doors = [Parts(*self._places[place]) for place in places]
            hit = best(text, county=letter.county, places=doors)
            if hit is not None and QUALITIES.index(hit[1].quality) < rank:
                rank = QUALITIES.index(hit[1].quality)
                chosen = (debtor, places[hit[0]], hit[1])
        return chosen

    def door(self, debtor: int, place: int, day: date) -> Door:
        """How the debtor stands to the place on `day`."""
        if place < 0:
            return Door("nowhere", "", desk=False, locker=False)
        ties = [tie for tie in self._ties_of(debtor) if tie[1] == place]
        invented = next((_FABRICATED[kind] for _, _, kind, _, _ in ties if kind in _FABRICATED), "")
        now = [kind for _, _, kind, since, until in ties if since <= day < until and kind in _CLOSEST]
        tie = invented or min(now, key=_CLOSEST.index, default="gone")
        return Door(tie, *self._boxes[place])


def _station_rows(stations: pl.DataFrame) -> Any:
    return stations.select("code", "skill", "evening_tour", "phone_first").iter_rows()
