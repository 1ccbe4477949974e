"""Who owes: age, home, habits and numbers of the debtors, and how many live with them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from songda.sim.world.config import Config
from songda.sim.world.divisions import divisions
from songda.sim.world.names import NameShares, full_names, id_numbers, mobiles, surnames
from songda.sim.world.streams import Streams, choice

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
#: Provinces to which people move, and how much more often than their size alone says.
_PULL = {"广东省": 5, "浙江省": 4, "江苏省": 3, "上海市": 5, "北京市": 5, "福建省": 2, "天津市": 2, "重庆市": 1.5}


@dataclass(frozen=True, slots=True)
class Debtors:
    """Parallel columns, one entry a debtor."""

    surnames: list[str]
    names: list[str]
    id_numbers: list[str]
    #: One to three numbers each; the first is the one given first.
    phones: list[list[str]]
    born: NDArray[np.datetime64]
    female: Flags
    #: Division in which the person is registered (hukou), and the one in which the person lives.
    registered: Ints
    lives: Ints
    floating: Flags
    tenant: Flags
    #: The first home is the registered one.
    settled_at_home: Flags
    #: Parents live at the registered home of a person who lives elsewhere.
    parents_at_home: Flags
    household: Ints
    #: Number in `persons.patterns` of the configuration.
    pattern: Ints
    #: Standard normal: how willing, how able to pay.
    willing: Floats
    able: Floats

    def __len__(self) -> int:
        return len(self.names)


def make_debtors(count: int, *, as_of: date, config: Config, streams: Streams) -> Debtors:
    shares, table = config.persons, divisions()
    rng = streams("persons")
    low, high = shares.age
    age_days = rng.uniform(low * 365.25 + 30, high * 365.25, count)
    born = np.datetime64(as_of, "D") - age_days.astype(np.int64)
    female = rng.random(count) < 0.42
    household = choice(rng.random(count), shares.household) + 1
    pattern = choice(rng.random(count), shares.patterns)
    willing, able = rng.standard_normal(count), rng.standard_normal(count)

    rng = streams("homes")
    registered = choice(rng.random(count), table.weights.tolist())
    floating = rng.random(count) < shares.floating
    tenant = rng.random(count) < np.where(floating, shares.tenant_floating, shares.tenant_settled)
    settled = ~floating & ~tenant & (rng.random(count) < shares.at_registered_home)
    parents = rng.random(count) < shares.parents_at_registered_home
    lives = _where_they_live(registered, floating, settled, rng.random((count, 2)))

    family = surnames(streams("surnames").random(count))
    names = full_names(
        family, female, streams("names").random((count, 4)), NameShares(shares.rare_name, shares.ethnic_name)
    )
    regions = [table.codes[n] for n in registered.tolist()]
    numbers = id_numbers(regions, born, female, streams("id numbers").random(count))
    return Debtors(
        surnames=family,
        names=names,
        id_numbers=numbers,
        phones=_phones(count, config=config, streams=streams),
        born=born,
        female=female,
        registered=registered,
        lives=lives,
        floating=floating,
        tenant=tenant,
        settled_at_home=settled,
        parents_at_home=parents,
        household=household,
        pattern=pattern,
        willing=willing,
        able=able,
    )


def _where_they_live(registered: Ints, floating: Flags, settled: Flags, draws: Floats) -> Ints:
    """Floating people go where many go; the others stay in their district or move within their province."""
    table = divisions()
    pull = table.weights * [_PULL.get(province, 0.35) for province in table.provinces]
    far = choice(draws[:, 0], pull.tolist())
    near = registered.copy()
    for entries in table.by_province.values():
        here = np.isin(registered, entries)
        near[here] = entries[(draws[here, 0] * len(entries)).astype(np.int64)]
    moved_near = ~settled & (draws[:, 1] < 0.5)
    return np.where(floating, far, np.where(moved_near, near, registered))


def _phones(count: int, *, config: Config, streams: Streams) -> list[list[str]]:
    rng = streams("phones")
    most = len(config.persons.phones)
    numbers = mobiles(rng.random(count * most), config.persons.mobile_prefixes)
    kept = (choice(rng.random(count), config.persons.phones) + 1).tolist()
    return [list(dict.fromkeys(numbers[n * most : n * most + k])) for n, k in enumerate(kept)]
