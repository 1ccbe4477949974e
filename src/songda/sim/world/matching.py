"""Step 1 of a delivery: how well what is written on a letter leads to one of a person's doors.

>>> place = Parts("浙江省", "杭州市", "西湖区", "", "北山街道", "flat", road="人民路", road_no=8, estate="阳光花园",
...     building=3, unit=2, floor=5, room=501)
>>> compare("浙江省杭州市西湖区人民路8号阳光花园3栋501", county="西湖区", place=place)
Match(quality='no_unit', right_district=True)
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from songda.sim.world.places import Parts

#: Best first.
QUALITIES = ("door", "no_unit", "no_room", "other_room", "no_building", "street", "area")
_PHONE = re.compile(r"(?<!\d)1\d{10}(?!\d)")
_NUMBER = re.compile(r"\d+")
_BLANK = re.compile(r"\s+")
_NUMERALS = str.maketrans("零一二三四五六七八九", "0123456789")


@dataclass(frozen=True, slots=True)
class Match:
    #: One of QUALITIES.
    quality: str
    #: The district on the letter is the place's, a former one of it, or none.
    right_district: bool


def folded(text: str) -> str:
    """Text as it is compared: half-width, lower case, without blanks and telephone numbers."""
    return _BLANK.sub("", _PHONE.sub("", unicodedata.normalize("NFKC", text))).lower()


def best(text: str, *, county: str, places: Sequence[Parts]) -> tuple[int, Match] | None:
    """Which of the places the letter leads to, and how well; None when to none of them."""
    found = [(n, match) for n, place in enumerate(places) if (match := compare(text, county=county, place=place))]
    if not found:
        return None
    return min(found, key=lambda each: (QUALITIES.index(each[1].quality), not each[1].right_district, each[0]))


def compare(text: str, *, county: str, place: Parts) -> Match | None:
    """How well `text` (folded, with province, city and county) leads to `place`; None when it leads elsewhere."""
    names = [name for name in (place.district, place.old_district) if name] or [place.town]
    named = any(name in text for name in names) or any(len(name) > 2 and name[:-1] in text for name in names)
    right = named or not county or not place.district
    if not named and place.city not in text and place.town not in text:
        return None
    quality = _quality(text, place)
    if quality is None and (named or place.town in text):
        quality = "area"
    return Match(quality, right) if quality else None


def _quality(text: str, place: Parts) -> str | None:
    if place.kind == "village":
        end = _end_of(place.village, text)
        return None if end is None else _door(text[end:], [place.building, place.room])
    street = _end_of(f"{place.road}{place.road_no}号", text)
    name = place.estate or place.company
    # With nothing else to go by, a name that is one character off is another name.
    named = _end_of(name, text) if street is not None or name in text else None
    ends = [end for end in (street, named) if end is not None]
    if not ends:
        return "street" if place.road in text else None
    # A company's name over its gate is as good as a room number.
    if place.kind in ("factory", "shop") or (place.kind == "office" and _end_of(place.company, text) is not None):
        return "door"
    numbers = (place.room,) if place.kind == "office" else (place.building, place.unit, place.room)
    expected = [number for number in numbers if number]
    return _door(text[max(ends) :], expected)


def _door(tail: str, expected: list[int]) -> str:
    """What the numbers behind street or estate say about building, unit and room."""
    written = [int(digits) for digits in _NUMBER.findall(tail.translate(_NUMERALS))]
    building, room = expected[0], expected[-1]
    if _in_order(expected, written):
        return "door"
    if len(expected) == 3 and _in_order([building, room], written):
        return "no_unit"
    if room in written:
        return "no_building"
    if building not in written:
        return "street"
    after = written[written.index(building) + 1 :]
    # A unit alone is no room; rooms of buildings with units have three digits or more.
    return "other_room" if any(len(expected) == 2 or number >= 100 for number in after) else "no_room"


def _in_order(expected: list[int], written: list[int]) -> bool:
    rest = iter(written)
    return all(number in rest for number in expected)


def _end_of(name: str, text: str) -> int | None:
    """Where `name` ends in `text`, with at most one other character in a name of three or more."""
    if not name:
        return None
    start = text.rfind(name)
    if start >= 0:
        return start + len(name)
    if len(name) < 3:
        return None
    # With one character off, one half of the name still stands there as it is.
    half, size = len(name) // 2, len(name)
    starts = {*_starts(name[:half], text), *(at - half for at in _starts(name[half:], text))}
    return max((at + size for at in starts if at >= 0 and _alike(name, text[at : at + size])), default=None)


def _starts(part: str, text: str) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + 1)


def _alike(name: str, other: str) -> bool:
    """Same length and at most one other character, which is no digit: 8号 is not 9号."""
    if len(name) != len(other):
        return False
    wrong = [(one, two) for one, two in zip(name, other, strict=True) if one != two]
    return len(wrong) <= 1 and not any(one.isdigit() or two.isdigit() for one, two in wrong)
