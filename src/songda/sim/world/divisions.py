"""The real divisions in which the invented people live: data/divisions.csv and the old names of data/renames.csv."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Divisions:
    """One entry a county, district or county-level city; parallel lists."""

    #: Six digits of GB/T 2260.
    codes: list[str]
    provinces: list[str]
    cities: list[str]
    #: Empty for the cities that have no districts.
    districts: list[str]
    towns: list[list[str]]
    #: Name of a former district, or empty.
    old_names: list[str]
    #: Inhabitants, in any unit.
    weights: NDArray[np.float64]
    #: Numbers of the entries, by province.
    by_province: dict[str, NDArray[np.int64]]


@cache
def divisions() -> Divisions:
    """All of them, in the order of their codes."""
    rows = _table("divisions.csv")
    old = {row["code"]: row["old_name"] for row in _table("renames.csv")}
    provinces = [row["province"] for row in rows]
    return Divisions(
        codes=[row["code"] for row in rows],
        provinces=provinces,
        cities=[row["city"] for row in rows],
        districts=[row["district"] for row in rows],
        towns=[row["towns"].split("|") for row in rows],
        old_names=[old.get(row["code"], "") for row in rows],
        weights=np.array([float(row["weight"]) for row in rows]),
        by_province={
            province: np.array([n for n, each in enumerate(provinces) if each == province])
            for province in dict.fromkeys(provinces)
        },
    )


def _table(name: str) -> list[dict[str, str]]:
    text = files(__package__).joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
