"""Do two texts mean the same door? Their place keys are compared part by part, and the part that decides is named.

    >>> from songda.address import same_place
    >>> same_place("苏州姑苏区锦绣花园3＃1单元５０２", "江苏省苏州市姑苏区锦绣花园小区三号楼一单元502室").verdict
    'same_door'
    >>> same_place("苏州姑苏区锦绣花园3幢1单元502", "苏州姑苏区锦绣花园3幢1单元501").reason
    'room: 502 ≠ 501'

Verdicts, from firm to open:
`same_door`: both state the same parts down to the door, and all agree.
`same_building`: nothing contradicts, and they agree down to a building or house number, but one lacks what the other states below.
`same_estate`: nothing contradicts, and they agree on estate, road or village, but one lacks the building.
`conflict`: a part that both state differs; `common` says down to where they agree all the same.
`unknown`: they share no part by which to tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from songda.address.compiled.compare import CONFLICT, TAGS, UNKNOWN, compare_all

VERDICTS = ("same_door", "same_building", "same_estate", "conflict", "unknown")
#: Parts of a key in its order, by tag.
PARTS = ("division", "town", "village", "group", "road", "road_no", "poi", "building", "unit", "floor", "room")


class Match(NamedTuple):
    verdict: str
    #: Deepest part that both state and agree on; None for none.
    common: str | None
    #: What decided, for people: "room: 502 ≠ 501", "room only on one side".
    reason: str


def same_place(a: str | Mapping[str, Any], b: str | Mapping[str, Any]) -> Match:
    """How the places of two texts (or of two rows of `standardize`) stand to each other."""
    from songda.address.standardizing import standardize

    keys = [standardize([each])["place_key"].item() if isinstance(each, str) else each["place_key"] for each in (a, b)]
    row = same_places(pl.Series([keys[0]], dtype=pl.String), pl.Series([keys[1]], dtype=pl.String)).row(0)
    return Match(*row)


def same_places(a: pl.Series, b: pl.Series) -> pl.DataFrame:
    """`same_place` for many pairs of `place_key` columns: columns verdict, common, reason. A missing key tells nothing."""
    left, left_at = _bytes(a)
    right, right_at = _bytes(b)
    found = compare_all(left, left_at, right, right_at)
    verdict = pl.Series(VERDICTS, dtype=pl.String).gather(pl.Series(found[:, 0]))
    common = pl.Series([None, *PARTS], dtype=pl.String).gather(pl.Series(found[:, 1] + 1))
    reasons = _reasons(a, b, found)
    return pl.DataFrame({"verdict": verdict, "common": common, "reason": reasons})


def verdicts(a: pl.Series, b: pl.Series) -> pl.Series:
    """The verdicts of `same_places` alone, for millions of pairs."""
    found = compare_all(*_bytes(a), *_bytes(b))
    return pl.Series(VERDICTS, dtype=pl.String).gather(pl.Series(found[:, 0]))


def _reasons(a: pl.Series, b: pl.Series, found: NDArray[np.int64]) -> pl.Series:
    """Reasons in words; the values of a part that contradicts are cut from the keys."""
    told = [
        _reason(verdict, part, one, other)
        for verdict, part, one, other in zip(found[:, 0].tolist(), found[:, 2].tolist(), a, b, strict=True)
    ]
    return pl.Series(told, dtype=pl.String)


def _reason(verdict: int, part: int, a: str | None, b: str | None) -> str:
    if verdict == UNKNOWN:
        return "no part in common"
    if part < 0:
        return "all parts agree"
    if verdict == CONFLICT:
        return f"{PARTS[part]}: {_value(a, part)} ≠ {_value(b, part)}"
    return f"{PARTS[part]} only on one side"


def _value(key: str | None, part: int) -> str:
    items = (key or "").split(";")
    tag = f"{chr(TAGS[part])}="
    return items[0] if part == 0 else next((item[2:] for item in items if item.startswith(tag)), "")


def _bytes(keys: pl.Series) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    filled = keys.fill_null("")
    joined: bytes = filled.alias("k").to_frame().select(pl.col("k").str.join("").cast(pl.Binary)).item() or b""
    at = np.zeros(len(keys) + 1, np.int64)
    np.cumsum(filled.str.len_bytes().to_numpy(), out=at[1:])
    return np.frombuffer(joined + b"\0", np.uint8), at
