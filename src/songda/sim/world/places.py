"""Doors: nine a debtor, most of them never written anywhere. Division and town are real, everything finer is invented.

Slots of a debtor: 0 the registered home, 1-5 homes one after another, 6-7 work places, 8 where a fabricated address
points. A place is its number: debtor * 9 + slot.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from songda.sim.world.config import Config
from songda.sim.world.divisions import divisions
from songda.sim.world.persons import Debtors, Flags, Ints
from songda.sim.world.streams import Streams, choice

SLOTS = 9
HOME, FIRST_HOME, HOMES, WORK, FABRICATED = 0, 1, 5, 6, 8
KINDS = ("flat", "village", "dormitory", "office", "factory", "shop")
FLAT, VILLAGE, DORMITORY, OFFICE, FACTORY, SHOP = range(6)


@cache
def words() -> dict[str, Any]:
    """words.toml as it stands."""
    return tomllib.loads(files(__package__).joinpath("words.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Places:
    """Parallel columns, one entry a place. Numbers that a kind of place has no use for are drawn all the same."""

    division: Ints
    town: Ints
    kind: Ints
    #: Numbers into the word lists.
    road: Ints
    estate: Ints
    village: Ints
    company: Ints
    road_no: Ints
    building: Ints
    #: 0 = a building without units.
    unit: Ints
    floor: Ints
    room: Ints
    #: Somebody at a desk (property, reception) takes letters; parcel lockers stand there.
    desk: Flags
    locker: Flags


@dataclass(frozen=True, slots=True)
class Parts:
    """One place in words; empty text and 0 for what it has not."""

    province: str
    city: str
    district: str
    old_district: str
    town: str
    kind: str
    road: str = ""
    road_no: int = 0
    estate: str = ""
    village: str = ""
    company: str = ""
    building: int = 0
    unit: int = 0
    floor: int = 0
    room: int = 0


def make_places(debtors: Debtors, *, config: Config, streams: Streams) -> Places:
    people = len(debtors)
    table, rng = divisions(), streams("places")
    division = np.repeat(debtors.lives[:, None], SLOTS, axis=1)
    division[:, HOME] = debtors.registered
    # A third of the later homes, and of the work places, lie in another district of the province.
    elsewhere = rng.random((people, SLOTS)) < 0.33
    elsewhere[:, [HOME, FIRST_HOME]] = False
    spread = rng.random((people, SLOTS))
    for entries in table.by_province.values():
        here = elsewhere & np.isin(division, entries)
        division[here] = entries[(spread[here] * len(entries)).astype(np.int64)]
    kind = _kinds(division, debtors, config=config, draws=rng.random((2, people, SLOTS)))

    def upto(top: int) -> Ints:
        return rng.integers(0, top, (people, SLOTS))

    towns = np.array([len(each) for each in table.towns])
    lists = words()
    flat = kind == FLAT
    at_work = kind >= OFFICE
    desk, locker = rng.random((people, SLOTS)), rng.random((people, SLOTS))
    floor = 1 + upto(18)
    floor = np.where(flat, floor, 1 + floor % 6)
    columns = {
        "division": division,
        "town": (rng.random((people, SLOTS)) * towns[division]).astype(np.int64),
        "kind": kind,
        "road": upto(len(lists["roads"]) * len(lists["road_ends"])),
        "estate": upto(len(lists["estates_first"]) * len(lists["estates_last"])),
        "village": upto(len(lists["villages_first"]) * len(lists["villages_last"])),
        "company": upto(len(lists["companies_first"]) * 5),
        "road_no": 1 + upto(399),
        "building": 1 + upto(30),
        "unit": np.where(upto(100) < 75, 1 + upto(4), 0),
        "floor": floor,
        "room": floor * 100 + 1 + upto(8),
        "desk": desk < np.where(at_work, config.places.desk_work, flat * config.places.desk_flat),
        "locker": flat & (locker < config.places.locker_flat),
    }
    return Places(**{name: values.reshape(-1) for name, values in columns.items()})


def _kinds(division: Ints, debtors: Debtors, *, config: Config, draws: NDArray[np.float64]) -> Ints:
    shares = config.places
    table = divisions()
    village_share = np.array([shares.village.get((name or "区")[-1], 0.1) for name in table.districts])
    kind = np.where(draws[0] < village_share[division], VILLAGE, FLAT)
    dormitory = debtors.tenant[:, None] & (draws[1] < shares.dormitory)
    dormitory[:, HOME] = False
    kind[dormitory] = DORMITORY
    work_kinds = np.array([KINDS.index(name) for name in shares.work])
    kind[:, WORK:FABRICATED] = work_kinds[choice(draws[1][:, WORK:FABRICATED], shares.work)]
    return kind


def parts(places: Places, numbers: Ints) -> list[Parts]:
    """The places `numbers` in words."""
    table, lists = divisions(), words()
    columns = (
        getattr(places, name)[numbers].tolist()
        for name in (
            "division", "town", "kind", "road", "estate", "village", "company",
            "road_no", "building", "unit", "floor", "room",
        )
    )  # fmt: skip
    made = []
    for division, town, kind, road, estate, village, company, road_no, building, unit, floor, room in zip(
        *columns, strict=True
    ):
        name = KINDS[kind]
        fields: dict[str, Any] = {}
        if kind == VILLAGE:
            fields = {"village": _combined(lists["villages_first"], lists["villages_last"], village)}
            # The number of the villagers' group, and the house.
            fields |= {"building": 1 + building % 12, "room": 1 + road_no % 150}
        else:
            fields = {"road": _combined(lists["roads"], lists["road_ends"], road), "road_no": road_no}
            if kind == FLAT:
                fields |= {"estate": _combined(lists["estates_first"], lists["estates_last"], estate)}
                fields |= {"building": building, "unit": unit, "floor": floor, "room": room}
            elif kind == DORMITORY:
                fields |= {"company": _combined(lists["companies_first"], lists["companies_factory"], company)}
                fields |= {"building": 1 + building % 8, "floor": floor, "room": room}
            else:
                fields |= {"company": _combined(lists["companies_first"], lists[f"companies_{name}"], company)}
                if kind == OFFICE:
                    tower = lists["estates_first"][estate % 30] + lists["towers"][estate % 5]
                    fields |= {"estate": tower, "floor": floor, "room": room}
        made.append(
            Parts(
                province=table.provinces[division],
                city=table.cities[division],
                district=table.districts[division],
                old_district=table.old_names[division],
                town=table.towns[division][town],
                kind=name,
                **fields,
            )
        )
    return made


def _combined(first: list[str], last: list[str], number: int) -> str:
    return first[number % len(first)] + last[number // len(first) % len(last)]
