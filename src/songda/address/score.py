"""Level, completeness and confidence of a reading, by the figures of `score.toml`.

    >>> parts = {"province": "上海市", "city": "上海市", "district": "宝山区", "road": "杨泰路", "road_no": "80号"}
    >>> level(parts), completeness(parts)
    ('road_no', 1.0)

Confidence is the probability that the canonical line is right in all its parts: the words were parted as their writer meant
them and led to the division meant. It is a logistic model of what the reading shows of itself (`FACTS`, 0 or 1, each with a
weight; `MEASURES`, each with a curve), fitted by scripts/fit_confidence.py to generated lines with slips of the pen;
bench/address_calibration.py measures how far it can be trusted. It knows the tagger's doubt on the scale of the shipped
weights: with weights of your own it orders readings, but is not calibrated.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Coarse to fine; the last stated one is the level.
LEVELS = (
    "province",
    "city",
    "district",
    "town",
    "village",
    "road",
    "road_no",
    "poi",
    "building",
    "unit",
    "floor",
    "room",
)
#: Parts as bits of `known`, issues of the divisions as bits.
PARTS = (
    *("province", "city", "district", "town", "village", "group", "road", "road_no"),
    *("poi", "building", "unit", "floor", "room", "landmark", "noise"),
)
ISSUES = (
    "ambiguous_district",
    "ambiguous_division",
    "ambiguous_successor",
    "ambiguous_town",
    "contradictory_divisions",
    "unknown_town",
    "division_from_town",
    "town_elsewhere",
    "unknown_division",
)
#: Parts of which several values count as a fact of their own.
SEVERAL = ("village", "road", "road_no", "poi", "building", "room")
#: Facts that set a limit instead of having a weight: the text is no address (placeholder, wrongly decoded, without Chinese,
#: empty), was cut, leaves open which division or town is meant, holds a second address, had a misspelt division.
LIMITS = ("no_address", "too_long", "ambiguous", "second_address", "typo_corrected")

FACTS = (
    *ISSUES,
    *PARTS,
    *(f"states_{name}" for name in ("province", "city", "district")),
    *(f"several_{name}" for name in SEVERAL),
    "official_town",
    "unknown_name",
    "old_name",
    "number_of_nothing",
    "building_of_nothing",
    "room_of_nothing",
    "estate_alone",
    "village_and_road",
    "village_and_estate",
    "road_and_estate",
)
#: Score of the reading a token, two measures of how near other readings came (`Findings.doubt`), tokens; characters of parts
#: and of the town as stated; share of the text that the canonical line has.
MEASURES = (
    *("score", "doubt_1", "doubt_2", "tokens"),
    *("village_length", "road_length", "poi_length", "town_length", "kept"),
)


@cache
def _figures() -> dict[str, Any]:
    return tomllib.loads(files("songda.address").joinpath("score.toml").read_text(encoding="utf-8"))


def level(parts: Mapping[str, str | None]) -> str:
    """The deepest part that is known; "none" when nothing is."""
    return next((name for name in reversed(LEVELS) if parts.get(name)), "none")


def completeness(parts: Mapping[str, str | None]) -> float:
    """Share, 0 to 1, of what a courier needs to stand before the door."""
    share = _figures()["completeness"]
    known = {name for name, value in parts.items() if value}
    # A house on a numbered road or in a village is a door of its own; an estate is not.
    own_door = bool(known & {"road_no", "group", "village"}) and "poi" not in known and "building" not in known
    total = share["province"] * ("province" in known)
    total += share["city"] * ("city" in known or "district" in known)
    total += share["district"] * ("district" in known or ("city" in known and "town" in known))
    total += share["ground"] * bool(known & {"town", "village", "road", "poi"})
    total += share["door"] * bool(known & {"road_no", "poi", "group", "building"})
    door = own_door and bool(known & {"road_no", "group"})
    total += share["building"] * (
        door or bool(known & {"building", "unit"}) or ("road_no" in known and "room" in known)
    )
    total += share["room"] * (door or bool(known & {"room", "floor"}))
    return float(round(min(total, 1.0), 2))


class Shown(NamedTuple):
    """What a chunk of readings shows of itself, one number a row unless told otherwise."""

    #: `PARTS` that are known, `ISSUES`, levels that the text states (bits 1-3), as bits.
    known: NDArray[np.int64]
    issues: NDArray[np.int64]
    stated: NDArray[np.int64]
    #: Town of the official list, name taken for a division that nobody knows, name that is not today's: 0 or 1.
    official_town: NDArray[np.bool_]
    unknown_name: NDArray[np.bool_]
    old_name: NDArray[np.bool_]
    #: Rows in which a part of `SEVERAL` has several values, by part.
    several: dict[str, NDArray[np.int64]]
    #: [rows, 4]: score a token, two measures of doubt, tokens.
    doubt: NDArray[np.float32]
    #: Characters of the text, bytes of a part, the stated town and the canonical line.
    chars: NDArray[np.int64]
    size: dict[str, NDArray[np.int64]]
    #: 0 or 1 for each of `LIMITS`.
    limits: dict[str, NDArray[np.bool_]]


def _bits(masks: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """The lowest bits of each row: [bits, rows]."""
    bits: NDArray[np.bool_] = (masks.astype(np.uint16) & (1 << np.arange(count, dtype=np.uint16))[:, None]) != 0
    return bits


def evidence(shown: Shown) -> NDArray[np.float32]:
    """`FACTS`, then `MEASURES`, then `LIMITS` of each row: [facts, rows]."""
    table = np.zeros((len(FACTS) + len(MEASURES) + len(LIMITS), len(shown.known)), np.float32)
    at = {name: table[i] for i, name in enumerate((*FACTS, *MEASURES, *LIMITS))}
    table[: len(ISSUES)] = _bits(shown.issues, len(ISSUES))
    parts = _bits(shown.known, len(PARTS))
    table[len(ISSUES) : len(ISSUES) + len(PARTS)] = parts
    has = dict(zip(PARTS, parts, strict=True))
    for name, each in zip(PARTS[:3], _bits(shown.stated >> 1, 3), strict=True):
        at[f"states_{name}"][:] = each
    for name, rows in shown.several.items():
        at[f"several_{name}"][rows] = 1
    at["official_town"][:], at["unknown_name"][:] = shown.official_town, shown.unknown_name
    at["old_name"][:] = shown.old_name
    at["number_of_nothing"][:] = has["road_no"] & ~has["road"] & ~has["village"]
    at["building_of_nothing"][:] = has["building"] & ~has["poi"]
    at["room_of_nothing"][:] = has["room"] & ~has["building"] & ~has["road_no"]
    at["estate_alone"][:] = has["poi"] & ~has["building"] & ~has["room"]
    at["village_and_road"][:] = has["village"] & has["road"]
    at["village_and_estate"][:] = has["village"] & has["poi"]
    at["road_and_estate"][:] = has["road"] & has["poi"]
    for i, name in enumerate(MEASURES[:4]):
        at[name][:] = shown.doubt[:, i]
    for name in ("village", "road", "poi", "town"):
        np.divide(shown.size[name], 3, out=at[f"{name}_length"], casting="unsafe")
    at["kept"][:] = shown.size["standard"] / np.maximum(3 * shown.chars, 1)
    for name, holds in shown.limits.items():
        at[name][:] = holds
    return table


class _Model(NamedTuple):
    start: float
    weight: NDArray[np.float32]
    curves: list[tuple[NDArray[np.float64], NDArray[np.float64]]]
    limits: list[float]


@cache
def _model() -> _Model:
    figures = _figures()
    fitted, flat = figures["confidence"], {"at": [0.0], "add": [0.0]}
    curves = [fitted["curve"].get(name, flat) for name in MEASURES]
    return _Model(
        fitted["start"],
        np.array([fitted["weight"].get(name, 0.0) for name in FACTS], np.float32),
        [(np.array(curve["at"], np.float64), np.array(curve["add"], np.float64)) for curve in curves],
        [figures["limit"][name] for name in LIMITS],
    )


def confidence(shown: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probability that the canonical line is right, of each row of `evidence`."""
    model = _model()
    facts, measures, limits = np.split(shown, (len(FACTS), len(FACTS) + len(MEASURES)))
    # Without BLAS, whose threads would stand in the way of the chunks that are read beside this one.
    odds: NDArray[np.float64] = (
        np.einsum("f,fr->r", model.weight, facts, optimize=False).astype(np.float64) + model.start
    )
    for (at, add), measure in zip(model.curves, measures, strict=True):
        odds += np.interp(measure, at, add)
    sure: NDArray[np.float64] = 1 / (1 + np.exp(-odds))
    for limit, there in zip(model.limits, limits, strict=True):
        np.minimum(sure, limit, out=sure, where=there > 0)
    return np.round(sure, 3)
