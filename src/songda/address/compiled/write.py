"""Write what was read: field values, the canonical line, the lines of a label, and the keys, as UTF-8 into Arrow buffers.

The key of a place is `division;tag=value;…`, coarse to fine: t town, v village, g group, r road, n number, p estate, b
building, u unit, f floor, m room. Values are
spelt one way: Chinese numerals that count something become digits, letters upper case, class words that vary (小区, 村委会,
号) are left off.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from songda.address.compiled.kernel import kernel
from songda.address.compiled.lexicon import Lexicon
from songda.address.compiled.numbering import digit, numeral
from songda.address.compiled.parts import (
    BUILDING,
    FIELDS,
    FLOOR,
    GROUP,
    LANDMARK,
    POI,
    ROAD,
    ROAD_NO,
    ROOM,
    UNIT,
    VILLAGE,
    Parts,
)
from songda.address.compiled.resolve import Divisions
from songda.address.compiled.tokens import Text

#: Widest line of a label, in half characters: 22 full-width ones.
LINE_WIDTH = 44
_LINE = 2400
_TAGS = np.array([118, 103, 114, 110, 112, 98, 117, 102, 109], np.uint8)  # v g r n p b u f m


class Output(NamedTuple):
    """Arrow buffers of a chunk. Columns 0-10 the fields, 11 the town as stated, 12 canonical line, 13 place key; lists:
    label lines, keys.
    """

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    label: NDArray[np.uint8]
    label_offsets: NDArray[np.int64]
    label_rows: NDArray[np.int64]
    keys: NDArray[np.uint8]
    keys_offsets: NDArray[np.int64]
    keys_rows: NDArray[np.int64]
    #: Fill of the buffers: columns, then label bytes, label lines, key bytes, keys.
    filled: NDArray[np.int64]


COLUMNS = FIELDS + 3
STATED_TOWN, STANDARD, PLACE_KEY = FIELDS, FIELDS + 1, FIELDS + 2


class Line(NamedTuple):
    """Scratch: the canonical line in code points, where its pieces begin, and the values of the key with their ranges."""

    char: NDArray[np.int32]
    piece: NDArray[np.int32]
    key: NDArray[np.uint8]
    key_start: NDArray[np.int32]
    size: NDArray[np.int64]
    #: Scratch: where the roads of a crossing begin.
    roads: NDArray[np.int64]


def new_line() -> Line:
    return Line(
        np.zeros(_LINE, np.int32), np.zeros(64, np.int32), np.zeros(_LINE * 3, np.uint8), np.zeros(16, np.int32),
        np.zeros(2, np.int64),
        np.zeros(9, np.int64),
    )  # fmt: skip


def new_output(rows: int, size: int) -> Output:
    """Buffers for `rows` texts of `size` bytes together; pages that are not written take no memory."""
    return Output(
        np.empty((COLUMNS, 3 * size + 512 * rows + 4096), np.uint8),
        np.zeros((COLUMNS, rows + 1), np.int64),
        np.empty(2 * size + 512 * rows + 4096, np.uint8),
        np.zeros(rows * 8 + size // 20 + 64, np.int64),
        np.zeros(rows + 1, np.int64),
        np.empty(16 * size + 2048 * rows + 8192, np.uint8),
        np.zeros(rows * 14 + 1, np.int64),
        np.zeros(rows + 1, np.int64),
        np.zeros(COLUMNS + 4, np.int64),
    )


@kernel
def put_char(data: NDArray[np.uint8], at: int, c: int) -> int:
    """Write a code point as UTF-8; returns the position behind it."""
    if c < 0x80:
        data[at] = c
        return at + 1
    if c < 0x800:
        data[at] = 0xC0 | (c >> 6)
        data[at + 1] = 0x80 | (c & 0x3F)
        return at + 2
    if c < 0x10000:
        data[at] = 0xE0 | (c >> 12)
        data[at + 1] = 0x80 | ((c >> 6) & 0x3F)
        data[at + 2] = 0x80 | (c & 0x3F)
        return at + 3
    data[at] = 0xF0 | (c >> 18)
    data[at + 1] = 0x80 | ((c >> 12) & 0x3F)
    data[at + 2] = 0x80 | ((c >> 6) & 0x3F)
    data[at + 3] = 0x80 | (c & 0x3F)
    return at + 4


@kernel
def write_fields(text: Text, parts: Parts, keep: NDArray[np.int8], out: Output) -> int:
    """Write the kept values of each field, joined by "|": the fields that have one, as bits."""
    known = 0
    for field in range(FIELDS):
        at = out.filled[field]
        data = out.data[field]
        first = True
        for i in range(parts.size[0]):
            if parts.field[i] != field or not keep[i]:
                continue
            if not first and not parts.glued[i]:
                data[at] = 124
                at += 1
            first = False
            for j in range(parts.start[i], parts.end[i]):
                at = put_char(data, at, text.char[j])
        if not first:
            known |= 1 << field
        out.filled[field] = at
    return known


@kernel
def _name(lex: Lexicon, division: int, line: Line, n: int) -> int:
    at, end = lex.name_start[division], lex.name_start[division + 1]
    while at < end:
        b = lex.name_bytes[at]
        if b < 0x80:
            line.char[n] = b
            at += 1
        elif b < 0xE0:
            line.char[n] = np.int32(b & 0x1F) << 6 | np.int32(lex.name_bytes[at + 1] & 0x3F)
            at += 2
        else:
            line.char[n] = (
                np.int32(b & 0x0F) << 12
                | np.int32(lex.name_bytes[at + 1] & 0x3F) << 6
                | np.int32(lex.name_bytes[at + 2] & 0x3F)
            )
            at += 3
        n += 1
    return n


@kernel
def _number(value: int, line: Line, n: int) -> int:
    if value >= 10:
        n = _number(value // 10, line, n)
    line.char[n] = 48 + value % 10
    return n + 1


@kernel
def _arabic(text: Text, start: int, end: int, line: Line, n: int) -> int:
    """Characters with every run of Chinese numerals in digits."""
    i = start
    while i < end:
        value, stop = numeral(text, i, end)
        if stop > i:
            n = _number(value, line, n)
            i = stop
        else:
            line.char[n] = text.char[i]
            n += 1
            i += 1
    return n


@kernel
def _ends_in_word(c: int) -> bool:
    """Digit or letter: the class word is missing."""
    return c < 128 and (48 <= c <= 57 or 65 <= (c & 0xDF) <= 90)


@kernel
def compose(
    lex: Lexicon, text: Text, parts: Parts, keep: NDArray[np.int8], out: Divisions, known: int, line: Line
) -> None:
    """The canonical line in pieces that a label should not cut: divisions, town, village, road with number, estate, door, vicinity."""
    n, pieces = 0, 0
    division, town = out.settled[0], out.settled[1]
    line.piece[0] = 0
    if division >= 0:
        if lex.province[division] >= 0:
            n = _name(lex, lex.province[division], line, n)
        if lex.city[division] >= 0:
            n = _name(lex, lex.city[division], line, n)
        pieces += 1
        line.piece[pieces] = n
        if lex.county[division] >= 0:
            n = _name(lex, lex.county[division], line, n)
            pieces += 1
            line.piece[pieces] = n
    if town >= 0 and out.settled[7] == 0:
        n = _name(lex, town, line, n)
        pieces += 1
        line.piece[pieces] = n
    elif out.settled[5] >= 0:
        for i in range(out.settled[5], out.settled[6]):
            line.char[n] = text.char[i]
            n += 1
        pieces += 1
        line.piece[pieces] = n
    count = parts.size[0]
    for i in range(count):
        if keep[i] and (parts.field[i] == VILLAGE or parts.field[i] == GROUP):
            if parts.field[i] == GROUP:
                n = _arabic(text, parts.start[i], parts.end[i], line, n)
            else:
                for j in range(parts.start[i], parts.end[i]):
                    line.char[n] = text.char[j]
                    n += 1
    if n > line.piece[pieces]:
        pieces += 1
        line.piece[pieces] = n
    roads = 0
    for i in range(count):
        if keep[i] and parts.field[i] == ROAD:
            if roads:
                line.char[n] = 0x4E0E  # 与
                n += 1
            roads += 1
            for j in range(parts.start[i], parts.end[i]):
                line.char[n] = text.char[j]
                n += 1
    if roads > 1:
        line.char[n], line.char[n + 1], line.char[n + 2] = 0x4EA4, 0x53C9, 0x53E3  # 交叉口
        n += 3
    before = n
    for i in range(count):
        if keep[i] and parts.field[i] == ROAD_NO:
            n = _arabic(text, parts.start[i], parts.end[i], line, n)
    if n > before and _ends_in_word(line.char[n - 1]):
        line.char[n] = 0x53F7
        n += 1
    if n > line.piece[pieces]:
        pieces += 1
        line.piece[pieces] = n
    for i in range(count):
        if keep[i] and parts.field[i] == POI:
            for j in range(parts.start[i], parts.end[i]):
                line.char[n] = text.char[j]
                n += 1
    if n > line.piece[pieces]:
        pieces += 1
        line.piece[pieces] = n
    for field in range(BUILDING, ROOM + 1):
        for i in range(count):
            if not keep[i] or parts.field[i] != field:
                continue
            n = _arabic(text, parts.start[i], parts.end[i], line, n)
            last = line.char[n - 1]
            if field == BUILDING:
                if 48 <= last <= 57:
                    line.char[n], line.char[n + 1] = 0x53F7, 0x697C
                    n += 2
                elif (last < 128 and 65 <= (last & 0xDF) <= 90) or end_is_plain(text, parts.end[i]):
                    line.char[n] = 0x5EA7
                    n += 1
            elif field == UNIT:
                line.char[n], line.char[n + 1] = 0x5355, 0x5143
                n += 2
            elif field == FLOOR:
                if _ends_in_word(last) or digit(text.char[parts.end[i] - 1]) >= 0:
                    line.char[n] = 0x5C42
                    n += 1
            elif last == 0x4E1C or last == 0x897F or last == 0x5357 or last == 0x5317 or last == 0x4E2D:
                line.char[n] = 0x6237
                n += 1
            else:
                line.char[n] = 0x5BA4
                n += 1
    if n > line.piece[pieces]:
        pieces += 1
        line.piece[pieces] = n
    # A landmark belongs on the letter only when nothing names the door better.
    if known & (1 << LANDMARK) and not known & (1 << ROAD_NO | 1 << POI | 1 << BUILDING | 1 << ROOM | 1 << GROUP):
        for i in range(count):
            if keep[i] and parts.field[i] == LANDMARK and n + parts.end[i] - parts.start[i] + 8 < _LINE and pieces < 40:
                line.char[n] = 40
                n += 1
                for j in range(parts.start[i], parts.end[i]):
                    line.char[n] = text.char[j]
                    n += 1
                line.char[n], line.char[n + 1], line.char[n + 2] = 0x9644, 0x8FD1, 41  # 附近)
                n += 3
                pieces += 1
                line.piece[pieces] = n
    line.size[0], line.size[1] = n, pieces


@kernel
def end_is_plain(text: Text, end: int) -> bool:
    """True when what followed the value was 座, 栋 or 幢 (甲座)."""
    c = text.char[end]
    return c == 0x5EA7 or c == 0x680B or c == 0x5E62


@kernel
def write_standard(line: Line, out: Output) -> None:
    at = out.filled[STANDARD]
    data = out.data[STANDARD]
    for i in range(line.size[0]):
        at = put_char(data, at, line.char[i])
    out.filled[STANDARD] = at


@kernel
def _unit_end(line: Line, at: int, end: int) -> int:
    """End of what a line may not cut at `at`: digits and letters with the word that counts them, else one character."""
    i = at
    while i < end and (_ends_in_word(line.char[i]) or line.char[i] == 45):
        i += 1
    if i == at:
        return at + 1
    c = line.char[i] if i < end else 0
    d = line.char[i + 1] if i + 1 < end else 0
    if (c == 0x53F7 and d == 0x697C) or (c == 0x5355 and d == 0x5143):  # 号楼 单元
        return i + 2
    if c == 0x680B or c == 0x5E62 or c == 0x5EA7 or c == 0x5C42 or c == 0x5BA4 or c == 0x53F7 or c == 0x5F04:
        return i + 1
    return i


@kernel
def _width(line: Line, start: int, end: int) -> int:
    wide = 0
    for i in range(start, end):
        wide += 1 if line.char[i] < 128 else 2
    return wide


@kernel
def write_label(line: Line, out: Output, row: int) -> None:
    """Lines of at most LINE_WIDTH: a piece moves to the next line whole; one that is wider is broken between characters,
    never inside a number.
    """
    at, lines = out.filled[COLUMNS], out.filled[COLUMNS + 1]
    filled, begun = 0, False
    for piece in range(line.size[1]):
        start, end = line.piece[piece], line.piece[piece + 1]
        wide = _width(line, start, end)
        if wide > LINE_WIDTH:
            # Too wide for any line: fill the present one up, unit by unit.
            i = start
            if begun:
                lines += 1
                out.label_offsets[lines] = at
            begun, filled = True, 0
            while i < end:
                stop = _unit_end(line, i, end)
                if _width(line, i, stop) > LINE_WIDTH:
                    stop = i + 1
                w = _width(line, i, stop)
                if filled + w > LINE_WIDTH:
                    lines += 1
                    out.label_offsets[lines] = at
                    filled = 0
                for j in range(i, stop):
                    at = put_char(out.label, at, line.char[j])
                filled += w
                i = stop
            continue
        if begun and filled + wide > LINE_WIDTH:
            lines += 1
            out.label_offsets[lines] = at
            filled = 0
        begun = True
        for i in range(start, end):
            at = put_char(out.label, at, line.char[i])
        filled += wide
    if begun:
        lines += 1
        out.label_offsets[lines] = at
    out.filled[COLUMNS], out.filled[COLUMNS + 1] = at, lines
    out.label_rows[row + 1] = lines


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
