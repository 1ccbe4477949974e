"""How people write a place down, and what they get wrong on the way: the error model of section [texts].

Errors are drawn independently of each other; what a text got wrong is part of the truth.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from songda.sim.world.config import Config
from songda.sim.world.places import Parts, words

#: Uniforms that one text uses: one for each kind of error, then style, town, position of the typo, remark, room.
_KINDS = (
    "no_province", "no_district", "old_district", "no_unit", "no_room", "typo", "glued_phone", "glued_remark",
    "full_width", "wrong_room", "repeated_prefix", "spaces",
)  # fmt: skip
_CHOICES = 5
DRAWS = len(_KINDS) + _CHOICES
_WIDE = str.maketrans("0123456789-", "０１２３４５６７８９－")
#: Building, unit and room in the spellings in use.
_DOORS = ("{b}号楼{u}单元{r}室", "{b}栋{u}单元{r}室", "{b}幢{u}单元{r}室", "{b}-{u}-{r}", "{b}号楼{u}单元{r}")
_DOORS_WITHOUT_UNIT = ("{b}号楼{r}室", "{b}栋{r}室", "{b}幢{r}室", "{b}-{r}", "{b}号楼{r}")


def written(
    places: Sequence[Parts], draws: NDArray[np.float64], *, phones: Sequence[str], config: Config
) -> tuple[list[str], list[list[str]]]:
    """Texts of the places, and the names of the errors in each. `draws`: uniforms, shape (places, DRAWS)."""
    limits = np.array([getattr(config.texts, kind) for kind in _KINDS])
    hits = (draws[:, : len(_KINDS)] < limits).tolist()
    choices = draws[:, len(_KINDS) :].tolist()
    texts, errors = [], []
    for place, hit, chosen, phone in zip(places, hits, choices, phones, strict=True):
        slips = {kind for kind, wrong in zip(_KINDS, hit, strict=True) if wrong}
        slips &= _possible(place)
        texts.append(_text(place, slips, chosen, phone, config))
        errors.append([kind for kind in _KINDS if kind in slips])
    return texts, errors


def _possible(place: Parts) -> set[str]:
    """The errors that this place leaves room for."""
    possible = set(_KINDS)
    if not place.old_district:
        possible.discard("old_district")
    if not place.district:
        possible.discard("no_district")
    if not place.unit:
        possible.discard("no_unit")
    if not place.room:
        possible -= {"no_room", "wrong_room"}
    return possible


def _text(place: Parts, slips: set[str], chosen: list[float], phone: str, config: Config) -> str:
    style, town, position, remark, room = chosen
    fine = _fine(place, slips, style, room)
    if "typo" in slips:
        mistyped = _mistyped(fine, position)
        if mistyped == fine:
            slips.discard("typo")
        fine = mistyped
    prefix = _prefix(place, slips)
    if place.kind in ("village", "factory") or not place.district or town < config.places.town_named:
        fine = place.town + fine
    if "repeated_prefix" in slips:
        prefix += prefix
    text = f"{prefix} {fine}" if "spaces" in slips else prefix + fine
    if "full_width" in slips:
        text = text.translate(_WIDE)
    if "glued_remark" in slips:
        remarks = words()["remarks"]
        text += remarks[int(remark * len(remarks))]
    return f"{text} {phone}" if "glued_phone" in slips else text


def _prefix(place: Parts, slips: set[str]) -> str:
    province = "" if place.province == place.city or "no_province" in slips else place.province
    city = "" if place.province == place.city and "no_province" in slips else place.city
    if "no_district" in slips:
        # Without the city as well, nothing would say where it is.
        return province + place.city
    return province + city + (place.old_district if "old_district" in slips else place.district)


def _fine(place: Parts, slips: set[str], style: float, other_room: float) -> str:
    room = place.room
    if "wrong_room" in slips:
        room += 1 if other_room < 0.5 or room % 100 == 1 else -1
    if place.kind == "village":
        number = "" if "no_room" in slips else f"{room}号"
        return f"{place.village}{place.building}组{number}"
    street = f"{place.road}{place.road_no}号"
    if place.kind == "flat":
        unit = 0 if "no_unit" in slips else place.unit
        return street + place.estate + _door(place.building, unit, 0 if "no_room" in slips else room, style)
    door = f"{room}室" if room and "no_room" not in slips else ""
    if place.kind == "dormitory":
        return f"{street}{place.company}宿舍{place.building}号楼{door}"
    if place.kind == "office":
        return f"{street}{place.estate}{place.floor}层{door}{place.company}"
    return street + place.company


def _door(building: int, unit: int, room: int, style: float) -> str:
    shapes = _DOORS if unit else _DOORS_WITHOUT_UNIT
    # The full form is by far the most common one.
    shape = shapes[0 if style < 0.5 else 1 + int((style - 0.5) * 8)]
    if room:
        return shape.format(b=building, u=unit, r=room)
    return f"{building}号楼{unit}单元" if unit else f"{building}号楼"


def _mistyped(text: str, position: float) -> str:
    slips: dict[str, str] = words()["typos"]
    places = [n for n, character in enumerate(text) if character in slips]
    if not places:
        return text
    n = places[int(position * len(places))]
    return text[:n] + slips[text[n]] + text[n + 1 :]
