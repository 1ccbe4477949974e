"""When do two texts mean the same door? Keys that do not depend on spelling, and their comparison.

    >>> a = keys({"road": "杨泰路", "road_no": "1533弄80号", "room": "二〇一"}, division="310113", town="")
    >>> b = keys({"road": "杨泰路", "road_no": "1533巷80号", "room": "201"}, division="310113", town="")
    >>> a[-1] == b[-1], same_place(a, b), same_place(a, a[:-1])
    (True, 'same', 'less_precise')

A key is `division;tag=value;…`, coarse to fine: t town, v village, g group, r road, n number, p estate, b building, u unit, f floor,
m room.
`place_keys` holds one key a level; where a road or an estate names the ground, the levels below leave the town out, so that a text with
the town meets one without it. The last key is the whole `place_key`; `same_place` reads that one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from songda.address.numerals import CHINESE, arabic

Match = Literal["same", "less_precise", "different"]

_TAGS = {
    "village": "v",
    "group": "g",
    "road": "r",
    "road_no": "n",
    "poi": "p",
    "building": "b",
    "unit": "u",
    "floor": "f",
    "room": "m",
}
_COUNTED = re.compile(rf"({CHINESE})(?=[路街巷弄期区组队社村号道段经纬里])")
_JUNK = re.compile(r"[\s;=|()·,.\-]+")
_ESTATE_TAIL = re.compile(r"(?:住宅)?(?:小区|社区|住宅区)$")


def keys(parts: Mapping[str, str | None], *, division: str, town: str) -> list[str]:
    """Keys of the stated parts, coarse to fine; the last one is the place key. Empty when not even the province is known."""
    if not division:
        return []
    values = {tag: _canonical(name, parts[name] or "") for name, tag in _TAGS.items() if parts.get(name)}
    found = [division]
    if town:
        found.append(f"{division};t={town}")
    anchored = "r" in values or "p" in values
    prefix = division if anchored or not town else found[-1]
    stated = []
    for tag, value in values.items():
        if tag in "vg" and anchored:
            found.append(f"{found[-1] if town else division};{tag}={value}" if tag == "v" else found[-1])
            continue
        stated.append(f"{tag}={value}")
        found.append(";".join((prefix, *stated)))
    whole = ";".join((division, *([f"t={town}"] if town else []), *(f"{tag}={value}" for tag, value in values.items())))
    return [*dict.fromkeys(key for key in found if key != whole), whole]


def _canonical(name: str, value: str) -> str:
    value = value.upper()
    if name in ("building", "unit", "floor", "room", "road_no", "group"):
        value = arabic(value)
    else:
        value = _COUNTED.sub(lambda run: arabic(run[0]), value)
    if name == "road_no":
        value = re.sub(r"[弄巷]", "弄", value).removesuffix("号院").removesuffix("号")
        return re.sub(r"[\s|;=]+", "", value)
    if name == "road":
        value = "|".join(sorted(re.sub(r"[弄巷]$", "巷", road) for road in value.split("|")))
        return re.sub(r"[\s;=]+", "", value).replace("|", "+")
    if name in ("poi", "village"):
        # Where one estate ends and the next begins is a matter of spelling; a village inside a village is one of two.
        between = "" if name == "poi" else "+"
        value = between.join(_JUNK.sub("", _ESTATE_TAIL.sub("", item) or item) for item in value.split("|"))
        return (
            re.sub(r"(?:村民委员会|居民委员会|村委会|居委会|村委)(?=\+|$)", "", value) if name == "village" else value
        )
    value = value.replace("|", "+")
    return re.sub(r"[\s;=]+", "", re.sub(r"^0+(?=\d)", "", value))


def same_place(a_keys: Sequence[str], b_keys: Sequence[str]) -> Match:
    """How the places of two `place_keys` lists stand to each other.

    `same`: all that both state agrees and both state the same parts, town and village apart. `less_precise`:
    they agree, but one lacks parts
    that the other states (a room, a building). `different`: some part contradicts, or they share no part by which to tell.
    """
    if len(a_keys) == 0 or len(b_keys) == 0:  # a cell of a frame is a Series, which has no truth value
        return "different"
    a, b = _parse(a_keys[-1]), _parse(b_keys[-1])
    divisions = a.pop("d"), b.pop("d")
    if not _nested(*divisions):
        return "different"
    if any(not _agree(tag, a[tag], b[tag]) for tag in a.keys() & b.keys()):
        return "different"
    fine_a, fine_b = a.keys() - {"t", "v"}, b.keys() - {"t", "v"}
    ground_a, ground_b = a.keys() & set("tvgrp"), b.keys() & set("tvgrp")
    if fine_a and fine_b and not (a.keys() & b.keys() & set("vgrp")) and (ground_a or ground_b):
        return "different"
    if fine_a == fine_b and divisions[0] == divisions[1] and (fine_a or a == b):
        return "same"
    # Each knows a door part that the other lacks (one a building, the other a house number): nothing contradicts, the coarser view holds.
    return "less_precise"


def _parse(key: str) -> dict[str, str]:
    division, *rest = key.split(";")
    return {"d": division, **dict(item.split("=", 1) for item in rest)}


def _nested(a: str, b: str) -> bool:
    """True when one division lies in the other: 330000 holds 330100, which holds 330106."""
    short_a, short_b = (re.sub(r"(?:00){1,2}$", "", code) for code in (a, b))
    return short_a.startswith(short_b) or short_b.startswith(short_a)


def _agree(tag: str, a: str, b: str) -> bool:
    if a == b:
        return True
    if tag in "pvr":
        return bool(set(a.split("+")) & set(b.split("+"))) or (tag == "p" and (a in b or b in a))
    return False
