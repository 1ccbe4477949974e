"""Level, completeness and confidence of a reading, by the figures of `score.toml`.

    >>> parts = {"province": "上海市", "city": "上海市", "district": "宝山区", "road": "杨泰路", "road_no": "80号"}
    >>> level(parts), completeness(parts)
    ('road_no', 1.0)

Confidence of version 1 is a product: a start value times one factor for each fact that makes readings fail (an ambiguous district, an old
name, an unknown town, characters left over). It is not calibrated yet; it orders readings, and 0.5 parts the doubtful from the rest.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

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
_NOT_LEFT_OVER = ("中国", "城区", "全境", "全区", "主城区", "县城", "县城内", "市区", "[姓名]", "[电话]")


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


def confidence(
    parts: Mapping[str, str | None], *, issues: Sequence[str], corrections: Sequence[str], noise: Sequence[str]
) -> float:
    """Probability, 0 to 1, that the standard form is right (uncalibrated, see the module's first lines)."""
    figures = _figures()["confidence"]
    value: float = figures["start"]
    for issue in issues:
        value *= figures["issue"].get(issue, 1.0)
    if not parts.get("province"):
        value *= figures["nothing_read"]
    elif not parts.get("district") and not (parts.get("city") and parts.get("town")):
        value *= figures["no_district"]
    if level(parts) in ("province", "city", "district", "town"):
        value *= figures["no_fine_part"]
    if corrections:
        value *= figures["division_corrected"]
    if "unknown_town" in issues:
        value *= figures["town_as_stated"]
    if any(word not in _NOT_LEFT_OVER for word in noise):
        value *= figures["noise_left"]
    if "|" in (parts.get("room") or ""):
        value *= figures["two_rooms"]
    return round(value, 3)
