"""Invented people's names, ID numbers and phone numbers.

>>> check_character("11010519491231002")
'X'
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from songda.sim.world.streams import choice

#: GB 11643-1999: weights of the first 17 digits, and the check character for each remainder of 11.
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"


@cache
def _lists() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("names.toml").read_text(encoding="utf-8"))


def surnames(uniforms: NDArray[np.float64]) -> list[str]:
    by_weight: dict[str, list[str]] = _lists()["surnames"]
    weights = {name: float(weight) for weight, names in by_weight.items() for name in names}
    names = [*weights]
    return [names[n] for n in choice(uniforms, weights).tolist()]


@dataclass(frozen=True, slots=True)
class NameShares:
    rare: float
    ethnic: float


def full_names(
    family: Sequence[str], female: NDArray[np.bool_], draws: NDArray[np.float64], shares: NameShares
) -> list[str]:
    """One name for each surname of `family`. `draws`: uniforms, shape (people, 4)."""
    given = _lists()["given"]
    ethnic = _lists()["ethnic"]
    names = []
    for surname, woman, (kind, length, first, second) in zip(family, female.tolist(), draws.tolist(), strict=True):
        sex = "women" if woman else "men"
        if kind < shares.ethnic:
            name = f"{_pick(ethnic[f'first_{sex}'], first)}·{_pick(ethnic['last'], second)}"
        elif kind < shares.ethnic + shares.rare:
            name = surname + _pick(given["rare"], first) + _pick(given[f"second_{sex}"], second)
        elif length < given["single_share"]:
            name = surname + _pick(given[f"single_{sex}"], first)
        else:
            name = surname + _pick(given[f"first_{sex}"], first) + _pick(given[f"second_{sex}"], second)
        names.append(name)
    return names


def _pick(words: Sequence[str], uniform: float) -> str:
    return words[int(uniform * len(words))]


def check_character(first: str) -> str:
    """The 18th character of the ID number that begins with these 17 digits (GB 11643-1999)."""
    return _CHECKS[sum(int(digit) * weight for digit, weight in zip(first, _WEIGHTS, strict=True)) % 11]


def id_numbers(
    regions: Sequence[str], born: NDArray[np.datetime64], female: NDArray[np.bool_], draws: NDArray[np.float64]
) -> list[str]:
    """ID numbers, all different. `regions`: six digits each; `draws`: uniforms, one a person.

    The 17th digit is odd for men. No number ends in 000, which looks like a number cut by a spreadsheet.
    """
    days = np.datetime_as_string(born, unit="D").tolist()
    taken: set[str] = set()
    numbers = []
    for region, day, woman, uniform in zip(regions, days, female.tolist(), draws.tolist(), strict=True):
        sequence = int(uniform * 499) * 2 + (2 if woman else 1)
        while True:
            first = f"{region}{day.replace('-', '')}{sequence:03d}"
            whole = first + check_character(first)
            if whole not in taken and not whole.endswith("000"):
                break
            sequence = (sequence + 2) % 1000 or 2
        taken.add(whole)
        numbers.append(whole)
    return numbers


def mobiles(draws: NDArray[np.float64], prefixes: Sequence[str]) -> list[str]:
    """Numbers of eleven digits within the segments `prefixes`, one a uniform of `draws`."""
    span = 10**8
    values = (draws * span * len(prefixes)).astype(np.int64)
    return [f"{prefixes[value // span]}{value % span:08d}" for value in values.tolist()]
