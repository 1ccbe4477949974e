"""Every address of an invented world's file as a letter: read by the address engine as in the product, with the true chance of each end.

Shared by the benchmarks of rules and models; the truth in it is for judging alone. Simulated.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from songda.address import standardize
from songda.base import days
from songda.places import group_places, identity_key, place_type
from songda.sim.carrier import ShippedLetter
from songda.sim.world import Truth, World, generate
from songda.sim.world.chances import DELIVERED, SIGNED, Letters, chances
from songda.sim.world.persons import Floats
from songda.sim.world.records import KINDS

AS_OF = date(2026, 11, 24)
_ORIGINS = {
    "身份证": "id_card",
    "合同": "contract",
    "债务人更新": "debtor_update",
    "前次函件": "earlier_letter",
    "预留": "reserved",
    "法院确认": "court",
}


@dataclass(frozen=True, slots=True)
class Population:
    """One world with all its possible letters of one day; rows of `records` and columns of `standing` go together."""

    world: World
    truth: Truth
    #: One row an address that the engine reads down to a place; what the product may know, and `row` of the file.
    records: pl.DataFrame
    standing: Letters
    #: True chance that somebody who may sign does (A1, A2), and that it is delivered at all (and C).
    signed: Floats
    delivered: Floats
    #: Shape (letters, ENDS).
    ends: Floats


def population(*, cases: int, seed: int, config: str = "cn-default", as_of: date = AS_OF) -> Population:
    world = generate(cases=cases, seed=seed, as_of=as_of, config=config)
    truth = world.truth()
    base = world.records
    read = standardize(base.text)
    letters, rows = [], []
    columns = read.select("province", "city", "district", "standard").iter_rows()
    for row, (province, city, district, line) in enumerate(columns):
        if not (province and line):
            continue
        rest = line.removeprefix(province).removeprefix(city or "").removeprefix(district or "")
        debtor = int(base.debtor[row])
        rows.append(row)
        letters.append(
            ShippedLetter(
                waybill_no="1100000000001",
                order_no="1",
                name=world.debtors.names[debtor],
                mobile=world.debtors.phones[debtor][0],
                prov=province,
                city=city or province,
                county=district or "",
                address=rest,
                handed_over_at=days.at(as_of, 17),
            )
        )
    standing = truth.courier().standings(letters)
    ends = chances(standing, config=world.config)
    return Population(
        world=world,
        truth=truth,
        records=_records(world, read, np.array(rows), as_of),
        standing=standing,
        signed=ends[:, SIGNED].sum(axis=1),
        delivered=ends[:, DELIVERED].sum(axis=1),
        ends=ends,
    )


def _records(world: World, read: pl.DataFrame, rows: np.ndarray, as_of: date) -> pl.DataFrame:
    base, kinds = world.records, [*KINDS.values()]
    read = read[rows]
    keyed = pl.DataFrame(
        {
            "record": rows.astype(str),
            "person_id": base.debtor[rows],
            "place": [identity_key(keys or []) for keys in read["place_keys"].to_list()],
            "place_keys": read["place_keys"],
            "level": read["level"],
            "recorded_on": pl.Series(base.recorded[rows].astype(np.int32)).cast(pl.Date),
        }
    )
    grouped = group_places(keyed)
    return grouped.with_columns(
        row=pl.Series(rows),
        origin=pl.Series([_ORIGINS[kinds[kind][0]] for kind in base.kind[rows].tolist()]),
        completeness=read["completeness"],
        confidence=read["confidence"],
        issues=read["issues"],
        adcode=read["adcode"],
        place_type=pl.Series(
            [
                place_type(village=village, group=group, poi=poi, room=room, text=line)
                for village, group, poi, room, line in read.select(
                    "village", "group", "poi", "room", "standard"
                ).iter_rows()
            ]
        ),
        as_of=pl.lit(as_of),
        overdue_days=_overdue(world, as_of)[base.debtor[rows]],
    )


def _overdue(world: World, as_of: date) -> np.ndarray:
    """Days since the first overdue day of each debtor."""
    first = np.full(len(world.debtors), np.iinfo(np.int64).max)
    np.minimum.at(first, world.cases.debtor, world.cases.overdue)
    return int(np.datetime64(as_of, "D").astype(np.int64)) - first
