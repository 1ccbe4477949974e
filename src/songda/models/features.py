"""Which facts a model may use: declared in features.toml with unit, source and lawful basis; everything else is refused.

>>> declared()["reach"].unit
'0-1'
>>> check(["reach", "gender"], model="sending")
Traceback (most recent call last):
    ...
songda.models.errors.ForbiddenFeature: ForbiddenFeature(model='sending', feature='gender', why="forbidden word 'gender'")
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from songda.models.errors import ForbiddenFeature

#: Models that may know no finer region than a province.
_PROVINCE_ONLY = frozenset({"sending", "score"})


@dataclass(frozen=True, slots=True)
class Feature:
    name: str
    #: places | visits | sending | contacts
    group: str
    zh: str
    unit: str
    source: str
    basis: str
    #: "" | province | district
    region: str = ""


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(files(__package__).joinpath("features.toml").read_text("utf-8"))


@cache
def declared() -> Mapping[str, Feature]:
    """Name → feature, in the order of features.toml."""
    return {
        name: Feature(name=name, group=group, **entry)
        for group, entries in _table().items()
        if group != "forbidden"
        for name, entry in entries.items()
    }


def check(names: Iterable[str], *, model: str) -> None:
    """Raises ForbiddenFeature for a name that is not declared, that a forbidden word stands in, or that is too fine for the model."""
    for name in names:
        word = next((word for word in _table()["forbidden"]["words"] if _holds(name, word)), None)
        if word is not None:
            raise ForbiddenFeature(model=model, feature=name, why=f"forbidden word {word!r}")
        feature = declared().get(name)
        if feature is None:
            raise ForbiddenFeature(model=model, feature=name, why="not declared in features.toml")
        if model in _PROVINCE_ONLY and feature.region == "district":
            raise ForbiddenFeature(model=model, feature=name, why="finer than a province")


def _holds(name: str, word: str) -> bool:
    """As a part of its own, or at the beginning of one: `lat` is in `door_lat`, and in neither `latest` nor `related`."""
    if "_" in word:
        return word in name
    return any(part == word or (len(word) > 4 and part.startswith(word)) for part in name.split("_"))
