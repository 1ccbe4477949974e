"""The keys of a place, coarse to fine: what two texts of one door have in common, however they are spelt.

A key is `division;tag=value;…`: t town, v village, g group, r road, n number, p estate, b building, u unit, f floor, m room.
Values are spelt one way: Chinese numerals that count something become digits, letters upper case, class words that vary
(小区, 村委会, 号) are left off.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from songda.address.compiled.fields import GROUP, POI, ROAD, ROAD_NO, ROOM, VILLAGE
from songda.address.compiled.kernel import kernel
from songda.address.compiled.lexicon import Lexicon
from songda.address.compiled.numbering import numeral
from songda.address.compiled.parts import Parts
from songda.address.compiled.settled import Divisions
from songda.address.compiled.tokens import Text
from songda.address.compiled.write import COLUMNS, PLACE_KEY, Line, Output, put_char

_TAGS = np.array([118, 103, 114, 110, 112, 98, 117, 102, 109], np.uint8)  # v g r n p b u f m


@kernel
def _counts(c: int) -> bool:
    """路街巷弄期区组队社村号道段经纬里: a numeral before one of these counts."""
    return (
        c == 0x8DEF or c == 0x8857 or c == 0x5DF7 or c == 0x5F04 or c == 0x671F or c == 0x533A or c == 0x7EC4 or c == 0x961F
        or c == 0x793E or c == 0x6751 or c == 0x53F7 or c == 0x9053 or c == 0x6BB5 or c == 0x7ECF or c == 0x7EAC or c == 0x91CC
    )  # fmt: skip


@kernel
def _digits(value: int, data: NDArray[np.uint8], at: int) -> int:
    if value >= 10:
        at = _digits(value // 10, data, at)
    data[at] = 48 + value % 10
    return at + 1


@kernel
def _ends(text: Text, end: int, start: int, a: int, b: int, c: int) -> int:
    """`end` without the three last characters (0: any number fewer) when they are a b c and something is left."""
    length = 3 if c else 2 if b else 1
    if end - start < length + 2:
        return end
    if c:
        return end - 3 if text.char[end - 3] == a and text.char[end - 2] == b and text.char[end - 1] == c else end
    if b:
        return end - 2 if text.char[end - 2] == a and text.char[end - 1] == b else end
    return end - 1 if text.char[end - 1] == a else end


@kernel
def canonical(text: Text, field: int, start: int, end: int, data: NDArray[np.uint8], at: int) -> int:
    """Write a value in the one spelling that keys compare; returns the position behind it."""
    every = field != ROAD and field != POI and field != VILLAGE
    if field == POI:
        end = _ends(text, end, start, 0x4F4F, 0x5B85, 0x533A)  # 住宅区
        end = _ends(text, end, start, 0x5C0F, 0x533A, 0)  # 小区
        end = _ends(text, end, start, 0x793E, 0x533A, 0)  # 社区
        end = _ends(text, end, start, 0x4F4F, 0x5B85, 0)  # 住宅
    elif field == VILLAGE:
        if end - start > 4 and text.char[end - 3] == 0x59D4 and text.char[end - 2] == 0x5458:  # 村民委员会, 居民委员会
            end -= 5 if end - start > 6 else 3
        elif end - start > 3 and text.char[end - 2] == 0x59D4 and text.char[end - 1] == 0x4F1A:  # 村委会, 居委会
            end -= 3
        elif end - start > 3 and text.char[end - 1] == 0x59D4:
            end -= 1
        if end - start > 2 and text.char[end - 1] == 0x6751 and text.char[end - 2] != 0x65B0:  # 村, but for 新村
            end -= 1
            end = _ends(text, end, start, 0x884C, 0x653F, 0)  # 行政村
            end = _ends(text, end, start, 0x81EA, 0x7136, 0)  # 自然村
    elif field == ROAD_NO:
        if end - start > 2 and text.char[end - 1] == 0x9662 and text.char[end - 2] == 0x53F7:
            end -= 2
        elif end - start > 1 and text.char[end - 1] == 0x53F7:
            end -= 1
    i = start
    # Leading zeros of a door say nothing.
    if every and field != ROAD_NO:
        while i < end - 1 and text.char[i] == 48 and 48 <= text.char[i + 1] <= 57:
            i += 1
    while i < end:
        c = text.char[i]
        value, stop = numeral(text, i, end)
        if stop > i and (every or (stop < end and _counts(text.char[stop]))):
            at = _digits(value, data, at)
            i = stop
            continue
        i += 1
        if 97 <= c <= 122:
            c -= 32
        if (c == 0x5F04 or c == 0x5DF7) and (field == ROAD_NO or field == ROAD):  # 弄 and 巷
            c = 0x5F04 if field == ROAD_NO else 0x5DF7
        if (
            c == 59
            or c == 61
            or c == 124
            or c == 43
            or ((field == POI or field == VILLAGE) and (c == 0xB7 or c == 46 or c == 45 or c == 40 or c == 41))
        ):
            continue
        at = put_char(data, at, c)
    return at


@kernel
def _less(data: NDArray[np.uint8], a: int, b: int, c: int, d: int) -> bool:
    """True when the bytes [a, b) sort before [c, d)."""
    for i in range(min(b - a, d - c)):
        if data[a + i] != data[c + i]:
            return data[a + i] < data[c + i]
    return b - a < d - c


@kernel
def _roads(
    text: Text, parts: Parts, keep: NDArray[np.int8], data: NDArray[np.uint8], starts: NDArray[np.int64], at: int
) -> int:
    """Road names in the order of their bytes, joined by "+": a crossing has no first road."""
    starts[0] = at + 400
    n = 0
    for i in range(parts.size[0]):
        if keep[i] and parts.field[i] == ROAD and n < 8 and starts[n] < len(data) - 700:
            starts[n + 1] = canonical(
                text, ROAD, parts.start[i], min(parts.end[i], parts.start[i] + 60), data, starts[n]
            )
            n += 1
    used = 0
    for _ in range(n):
        best = -1
        for j in range(n):
            if not used >> j & 1 and (
                best < 0 or _less(data, starts[j], starts[j + 1], starts[best], starts[best + 1])
            ):
                best = j
        used |= 1 << best
        if used & (used - 1):
            data[at] = 43
            at += 1
        for k in range(starts[best], starts[best + 1]):
            data[at] = data[k]
            at += 1
    return at


@kernel
def make_key(lex: Lexicon, text: Text, parts: Parts, keep: NDArray[np.int8], known: int, line: Line) -> None:
    """Write the values of the key's fields (village … room) into `line.key`."""
    at = 0
    data = line.key
    for field in range(ROOM + 1):
        line.key_start[field] = at
        if not known >> field & 1:
            continue
        if field == ROAD:
            at = _roads(text, parts, keep, data, line.roads, at)
            continue
        first = True
        for i in range(parts.size[0]):
            if not keep[i] or parts.field[i] != field or at > len(data) - 1300:
                continue
            if not first and field != POI and not parts.glued[i]:
                data[at] = 43
                at += 1
            first = False
            at = canonical(text, field, parts.start[i], parts.end[i], data, at)
    line.key_start[ROOM + 1] = at


@kernel
def _copy(source: NDArray[np.uint8], start: int, end: int, data: NDArray[np.uint8], at: int) -> int:
    for i in range(start, end):
        data[at] = source[i]
        at += 1
    return at


@kernel
def _head(lex: Lexicon, text: Text, out: Divisions, with_town: bool, data: NDArray[np.uint8], at: int) -> int:
    """`330105` or `330105;t=330105002`; a town of no code by its stem as stated."""
    at = _digits(np.int64(lex.code[out.settled[0]]), data, at)
    if with_town and out.settled[5] >= 0:
        data[at], data[at + 1], data[at + 2] = 59, 116, 61
        at += 3
        if out.settled[1] >= 0:
            at = _digits(np.int64(lex.code[out.settled[1]]), data, at)
        else:
            end = out.settled[6]
            if end - out.settled[5] > 2:
                c = text.char[end - 1]
                if c == 0x9547 or c == 0x4E61:
                    end -= 1
                elif c == 0x9053 and end - out.settled[5] > 3:
                    end -= 2
            for i in range(out.settled[5], end):
                at = put_char(data, at, text.char[i])
    return at


@kernel
def _value(line: Line, field: int, data: NDArray[np.uint8], at: int) -> int:
    data[at], data[at + 1], data[at + 2] = 59, _TAGS[field], 61
    return _copy(line.key, line.key_start[field], line.key_start[field + 1], data, at + 3)


@kernel
def write_keys(lex: Lexicon, text: Text, out: Divisions, known: int, line: Line, into: Output, row: int) -> None:
    """The keys of a place, coarse to fine; the last is the whole key. Where road or estate names the ground, finer keys
    leave town and village out.
    """
    at, number = into.filled[COLUMNS + 2], into.filled[COLUMNS + 3]
    division = out.settled[0]
    if division >= 0:
        data = into.keys
        town = out.settled[5] >= 0
        anchored = known & (1 << ROAD | 1 << POI) != 0
        whole_fields = 0
        for field in range(ROOM + 1):
            whole_fields += known >> field & 1
        # The key of the division alone, and with the town.
        if town or whole_fields:
            at = _head(lex, text, out, False, data, at)
            number += 1
            into.keys_offsets[number] = at
        if town and whole_fields:
            at = _head(lex, text, out, True, data, at)
            number += 1
            into.keys_offsets[number] = at
        if anchored and known & (1 << VILLAGE):
            at = _head(lex, text, out, True, data, at)
            at = _value(line, VILLAGE, data, at)
            number += 1
            into.keys_offsets[number] = at
        first = ROAD if anchored else VILLAGE
        last = ROOM
        while last >= 0 and not known >> last & 1:
            last -= 1
        for field in range(first, last + 1):
            if not known >> field & 1:
                continue
            # The finest of these is the whole key itself when nothing was left out.
            if field == last and not (anchored and (town or known & (1 << VILLAGE | 1 << GROUP))):
                break
            at = _head(lex, text, out, not anchored, data, at)
            for each in range(first, field + 1):
                if known >> each & 1:
                    at = _value(line, each, data, at)
            number += 1
            into.keys_offsets[number] = at
        begin = at
        at = _head(lex, text, out, True, data, at)
        for field in range(ROOM + 1):
            if known >> field & 1:
                at = _value(line, field, data, at)
        number += 1
        into.keys_offsets[number] = at
        into.filled[PLACE_KEY] = _copy(data, begin, at, into.data[PLACE_KEY], into.filled[PLACE_KEY])
    into.filled[COLUMNS + 2], into.filled[COLUMNS + 3] = at, number
    into.keys_rows[row + 1] = number
