"""From the spans of a text to the fields of an address: village, group, road, number, estate, building, unit, floor, room, landmark, noise.

The typed part (【…】) wins over the map's for each field; what is named as nearby is a landmark, never the door. Field
values are ranges of characters:
where the class word of a number is dropped (3栋 → 3), the range ends before it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from songda.address.compiled.fields import (
    BUILDING,
    FIELDS,
    FLOOR,
    GROUP,
    LANDMARK,
    NOISE,
    POI,
    ROAD,
    ROAD_NO,
    ROOM,
    UNIT,
    VILLAGE,
)
from songda.address.compiled.forms import (
    at_crossing,
    bare_number,
    bare_vicinity,
    contains,
    elsewhere,
    ends_bare,
    group_like,
    is_filler,
    is_one_of,
    is_vicinity,
    joins,
    letter_and_room,
    map_road,
    numbered_lane,
    only_class,
    same_chars,
    shop_floor,
    trimmed,
)
from songda.address.compiled.kernel import kernel
from songda.address.compiled.numbering import digit
from songda.address.compiled.settled import Divisions, Spans
from songda.address.compiled.tokens import Text

#: Values of one text at most.
PARTS = 96

_COUNTRY, _DEVZONE, _TOWN, _COMMUNITY, _ROAD, _ROADNO, _SUBROAD, _SUBROADNO, _POI, _SUBPOI = (
    0,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
)
_HOUSE, _CELL, _FLOOR, _ROOM, _PERSON, _ASSIST, _REDUNDANT, _OTHER = 13, 14, 15, 16, 17, 18, 19, 20


class Parts(NamedTuple):
    """Values in the order of the text: field, where it stood (0 outside, 1 typed, 2 hint), characters [start, end), 1 when
    it goes on the value before.
    """

    field: NDArray[np.int8]
    place: NDArray[np.int8]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    glued: NDArray[np.int8]
    #: Number of values.
    size: NDArray[np.int32]
    #: Scratch: 1 where a field has a value at a place.
    has: NDArray[np.int8]


def new_parts() -> Parts:
    return Parts(
        np.zeros(PARTS, np.int8),
        np.zeros(PARTS, np.int8),
        np.zeros(PARTS, np.int32),
        np.zeros(PARTS, np.int32),
        np.zeros(PARTS, np.int8),
        np.zeros(1, np.int32),
        np.zeros((FIELDS, 3), np.int8),
    )


@kernel
def put(parts: Parts, field: int, place: int, start: int, end: int, glued: int) -> None:
    n = parts.size[0]
    if n < PARTS and end > start:
        parts.field[n], parts.place[n], parts.start[n], parts.end[n], parts.glued[n] = field, place, start, end, glued
        parts.size[0] = n + 1


_NOWHERE, _AT_ROAD, _AT_VILLAGE, _NUMBERED = 0, 1, 2, 3


@kernel
def repair(text: Text, spans: Spans, number: int) -> int:
    """Join what the tagger parted: a bare number and the class word behind it (84 | 单元), a name and 大道, which is no road alone.

    Returns the number of spans that are left.
    """
    kept = 0
    for s in range(number):
        label = spans.label[s]
        if kept and _HOUSE <= label <= _ROOM and spans.end[kept - 1] == spans.start[s]:
            before = spans.label[kept - 1]
            wordless = True
            for i in range(spans.start[s], spans.end[s]):
                c = text.char[i]
                wordless = (
                    wordless
                    and c >= 0x3400
                    and digit(c) < 0
                    and not is_one_of(c, 0x4E1C, 0x897F, 0x5357, 0x5317, 0x4E2D, 0x5DE6, 0x53F3)
                )
            if _HOUSE <= before <= _ROOM and wordless and ends_bare(text, spans.end[kept - 1]):
                spans.end[kept - 1] = spans.end[s]
                spans.label[kept - 1] = label
                continue
        if (
            kept
            and (label == _ROAD or label == _SUBROAD)
            and spans.end[kept - 1] == spans.start[s]
            and only_class(text, spans.start[s], spans.end[s])
            and (_names_ground(spans.label[kept - 1]) or spans.end[kept - 1] - spans.start[kept - 1] == 2)
        ):
            spans.end[kept - 1], spans.label[kept - 1] = spans.end[s], label
            continue
        spans.start[kept], spans.end[kept], spans.label[kept], spans.place[kept] = (
            spans.start[s], spans.end[s], label, spans.place[s]
        )  # fmt: skip
        kept += 1
    return kept


@kernel
def _names_ground(label: int) -> bool:
    return label == _DEVZONE or label == _COMMUNITY or label == _POI or label == _SUBPOI


@kernel
def _followed_by(spans: Spans, number: int, s: int, label: int) -> bool:
    """True when the next span of substance bears `label`."""
    for i in range(s + 1, number):
        if spans.label[i] != _REDUNDANT and spans.label[i] != _OTHER:
            return spans.label[i] == label
    return False


@kernel
def _put_group(text: Text, parts: Parts, place: int, start: int, end: int) -> None:
    """恒北三组: what stands before the number is the village; 木鱼包社 and 吕屋队 are names."""
    split = start
    for i in range(start, end - 1):
        c = text.char[i]
        if 48 <= c <= 57 or digit(c) >= 0 or c == 0x7B2C:
            split = i
            break
    if split - start < 2:
        split = start
    put(parts, VILLAGE, place, start, split, 0)
    put(parts, GROUP, place, split, end, 0)


@kernel
def _put_first(text: Text, parts: Parts, field: int, place: int, start: int, end: int) -> int:
    """Put the numbers but the last of a span that holds several (6单元4单元): where the last one begins."""
    for i in range(start + 1, end - 1):
        c, d = text.char[i], text.char[i + 1]
        if (c == 0x5143 or c == 0x697C) and (48 <= d <= 57 or digit(d) >= 0):  # 元 楼
            put(parts, field, place, start, trimmed(text, field, start, i + 1), 0)
            start = i + 1
    return start


@kernel
def _chain_of_three(text: Text, spans: Spans, number: int, s: int) -> int:
    """Length of c when span `s` begins a chain a-b-c of bare numbers that was taken for floor, unit and room; else 0."""
    if (
        s + 4 >= number
        or spans.label[s + 2] != _CELL
        or spans.label[s + 4] != _ROOM
        or text.char[spans.start[s + 1]] != 45
        or text.char[spans.start[s + 3]] != 45
    ):
        return 0
    for i in range(s, s + 5, 2):
        if not bare_number(text, spans.start[i], trimmed(text, ROOM, spans.start[i], spans.end[i])):
            return 0
    return trimmed(text, ROOM, spans.start[s + 4], spans.end[s + 4]) - spans.start[s + 4]


@kernel
def _has_building(parts: Parts, place: int) -> bool:
    for i in range(parts.size[0]):
        if parts.field[i] == BUILDING and parts.place[i] == place:
            return True
    return False


@kernel
def collect(text: Text, spans: Spans, number: int, out: Divisions, parts: Parts) -> None:
    """Fill `parts` from the spans of a text whose divisions are settled."""
    parts.size[0] = 0
    s = 0
    # What the next number belongs to.
    ground = _NOWHERE
    lane_end = -1
    while s < number:
        label, start, end, place = spans.label[s], spans.start[s], spans.end[s], spans.place[s]
        if s > 0:
            before = spans.label[s - 1]
            if before == _ROAD or before == _SUBROAD:
                ground = _AT_ROAD
            elif before == _COMMUNITY:
                ground = _AT_VILLAGE
            elif before == _ROADNO or before == _SUBROADNO:
                ground = _NUMBERED
            elif ground == _AT_ROAD and (before == _POI or before == _HOUSE):
                ground = _NUMBERED
        # A hint in brackets that ends in 附近 is one landmark, whatever it names.
        if place == 2 and (s == 0 or spans.place[s - 1] != 2) and text.char[start] == 40:
            last = s
            while last + 1 < number and spans.place[last + 1] == 2:
                last += 1
            near = -1
            for i in range(s, last + 1):
                if spans.label[i] == _ASSIST and is_vicinity(text, spans.start[i], spans.end[i]):
                    near = i
            if near >= 0:
                first = start + 1
                stop = spans.start[near] if bare_vicinity(text, spans.start[near], spans.end[near]) else spans.end[near]
                put(parts, LANDMARK, place, first, stop, 0)
                s = last + 1
                continue
        follows = s + 1 < number and spans.label[s + 1] == _ASSIST
        near = follows and is_vicinity(text, spans.start[s + 1], spans.end[s + 1])
        if label == _COMMUNITY:
            if near:
                _landmark(text, spans, s, parts)
            elif group_like(text, start, end) and end - start < 4 and text.char[end - 1] != 0x961F:
                put(parts, GROUP, place, start, end, 0)
            else:
                put(parts, VILLAGE, place, start, end, 0)
        elif label == _ROAD or label == _SUBROAD:
            if group_like(text, start, end):
                _put_group(text, parts, place, start, end)
            elif (ground == _AT_ROAD or ground == _AT_VILLAGE) and numbered_lane(text, start, end):
                put(parts, ROAD_NO, place, start, end, 0)
                lane_end = end
            elif place == 2 and near:
                _landmark(text, spans, s, parts)
            else:
                if label == _SUBROAD and end - start > 3 and joins(text, start):
                    start += 1
                    place = 0  # it crosses the map's road, which therefore counts
                if follows and spans.start[s + 1] == end and at_crossing(text, end):
                    end += 1
                put(parts, ROAD, place, start, map_road(text, start, end), 0)
        elif label == _ROADNO or label == _SUBROADNO:
            split = start
            for i in range(start, end - 1):
                if group_like(text, start, i + 1):
                    split = i + 1
            _put_group(text, parts, place, start, split)
            if follows and spans.end[s] == spans.start[s + 1] and elsewhere(text, spans.start[s + 1], spans.end[s + 1]):
                put(parts, LANDMARK, place, split, spans.end[s + 1], 0)  # 12号斜对面 is not number 12
            elif ground == _NOWHERE and not _followed_by(spans, number, s, _POI):
                # A number behind an estate, or behind no name at all, is a building's.
                put(parts, BUILDING, place, split, trimmed(text, BUILDING, split, end), 0)
            else:
                put(parts, ROAD_NO, place, split, end, 1 if split == lane_end else 0)
        elif label == _DEVZONE:
            # A zone of the city before a road says nothing that the road does not.
            if out.settled[5] != start:
                road = _followed_by(spans, number, s, _ROAD) and end - start < 6
                put(parts, NOISE if road else POI, place, start, end, 0)
        elif label == _POI or label == _SUBPOI or label == _PERSON:
            if near:
                _landmark(text, spans, s, parts)
            elif label == _SUBPOI and shop_floor(text, start, end):
                put(parts, FLOOR, place, start, end, 0)
            else:
                glued = 0
                if label == _SUBPOI and s > 0 and spans.end[s - 1] == start and (
                    spans.label[s - 1] == _POI or spans.label[s - 1] == _SUBPOI
                ):  # fmt: skip
                    glued = 1
                put(parts, POI, place, start, end, glued)
        elif label == _HOUSE:
            lane = (
                s > 0
                and (spans.label[s - 1] == _ROADNO or spans.label[s - 1] == _SUBROADNO)
                and spans.end[s - 1] == start
            )
            lane = lane and (text.char[start - 1] == 0x5F04 or text.char[start - 1] == 0x5DF7)  # 弄 巷
            if lane and text.char[end - 1] == 0x53F7:  # 号
                put(parts, ROAD_NO, place, start, end, 1)
            elif ground == _AT_ROAD and bare_number(text, start, end):
                put(parts, ROAD_NO, place, start, end, 0)
                ground = _NUMBERED
            elif (
                ground == _AT_VILLAGE
                and text.char[end - 1] == 0x6392
                and s + 1 < number
                and spans.end[s] == spans.start[s + 1]
            ):  # 排
                # 5排14号 of a village is its house number.
                put(parts, ROAD_NO, place, start, spans.end[s + 1], 0)
                s += 1
            else:
                first = start + 1 if text.char[start] == 0x7B2C and end - start > 1 else start  # 第
                last = parts.field[parts.size[0] - 1] if parts.size[0] else -1
                if last == POI and letter_and_room(text, start, end):
                    put(parts, ROOM, place, start + 1, trimmed(text, ROOM, start + 1, end), 0)
                    end = start + 1
                first = _put_first(text, parts, BUILDING, place, first, end)
                put(parts, BUILDING, place, first, trimmed(text, BUILDING, first, end), 0)
        elif label == _CELL:
            start = _put_first(text, parts, UNIT, place, start, end)
            put(parts, UNIT, place, start, trimmed(text, UNIT, start, end), 0)
        elif label == _FLOOR:
            # 4-2-1楼: of two floors in a chain the first is the unit.
            chain = s + 2 < number and spans.label[s + 2] == _FLOOR and text.char[spans.start[s + 1]] == 45
            digits = _chain_of_three(text, spans, number, s)
            if digits and ground == _AT_ROAD:
                put(parts, ROAD_NO, place, start, end, 0)
                ground = _NUMBERED
            elif digits > 2 and not _has_building(parts, place):
                put(parts, BUILDING, place, start, end, 0)  # 17-1-202: the room says its floor
            elif 0 < digits <= 2:
                put(parts, UNIT, place, start, end, 0)  # 2-5-1: from coarse to fine
                put(parts, FLOOR, place, spans.start[s + 2], spans.end[s + 2], 0)
                s += 2
            else:
                put(parts, UNIT if chain else FLOOR, place, start, trimmed(text, FLOOR, start, end), 0)
        elif label == _ROOM:
            last = parts.field[parts.size[0] - 1] if parts.size[0] else -1
            if last == POI and letter_and_room(text, start, end):
                # B2602 behind an estate: building B, room 2602.
                put(parts, BUILDING, place, start, start + 1, 0)
                start += 1
            put(parts, ROOM, place, start, trimmed(text, ROOM, start, end), 0)
        elif label == _COUNTRY or label == _OTHER:
            put(parts, NOISE, place, start, end, 0)
        elif label == _REDUNDANT:
            for i in range(start, end - 1):
                if text.char[i] == 0x4E2D and text.char[i + 1] == 0x56FD:  # 中国
                    put(parts, NOISE, place, i, i + 2, 0)
            if end - start == 2 and is_filler(text.char[start], text.char[start + 1]):
                put(parts, NOISE, place, start, end, 0)
        s += 1


@kernel
def _landmark(text: Text, spans: Spans, s: int, parts: Parts) -> None:
    """Span `s` and the words of direction behind it."""
    start, end = spans.start[s], spans.end[s]
    if not bare_vicinity(text, spans.start[s + 1], spans.end[s + 1]):
        end = spans.end[s + 1]
    # 学校东门附近: the part belongs to its whole.
    if spans.label[s] == _SUBPOI and s > 0 and spans.label[s - 1] == _POI and spans.end[s - 1] == start:
        n = parts.size[0]
        if n and parts.field[n - 1] == POI and parts.end[n - 1] == start:
            start = parts.start[n - 1]
            parts.size[0] = n - 1
    put(parts, LANDMARK, spans.place[s], start, end, 0)


@kernel
def merge(text: Text, parts: Parts, keep: NDArray[np.int8]) -> None:
    """Mark in `keep` the values that count: of each field the typed ones, else those outside brackets, else the hint's; each value once."""
    n = parts.size[0]
    has = parts.has
    for field in range(FIELDS):
        has[field, 0] = has[field, 1] = has[field, 2] = 0
    for i in range(n):
        has[parts.field[i], parts.place[i]] = 1
    # The map's number belongs to the map's road.
    foreign = False
    if has[ROAD, 1] and has[ROAD, 0] and not has[ROAD_NO, 1]:
        foreign = True
        for i in range(n):
            for j in range(n):
                if (
                    parts.field[i] == ROAD and parts.field[j] == ROAD and parts.place[i] == 1 and parts.place[j] == 0
                    and same_chars(text, parts.start[i], parts.end[i], parts.start[j], parts.end[j])
                ):  # fmt: skip
                    foreign = False
    for i in range(n):
        field, place = parts.field[i], parts.place[i]
        if field == LANDMARK or field == NOISE:
            keep[i] = 1
        elif has[field, 1]:
            keep[i] = 1 if place == 1 else 0
        elif has[field, 0]:
            keep[i] = 1 if place == 0 else 0
        else:
            keep[i] = 1
        if field == ROAD_NO and foreign and place == 0:
            keep[i] = 0
        if field == POI and place == 0 and has[POI, 1]:
            inside = False
            for j in range(n):
                if parts.field[j] == POI and parts.place[j] == 1:
                    inside = inside or contains(text, parts.start[j], parts.end[j], parts.start[i], parts.end[i])
            if not inside and not parts.glued[i]:
                parts.field[i] = LANDMARK
                keep[i] = 1
    for i in range(n):
        if not keep[i] or parts.glued[i]:
            continue
        for j in range(i):
            if (
                keep[j] and parts.field[j] == parts.field[i]
                and same_chars(text, parts.start[j], parts.end[j], parts.start[i], parts.end[i])
                and not (i + 1 < n and parts.glued[i + 1]) and not parts.glued[j + 1]
            ):  # fmt: skip
                keep[i] = 0
