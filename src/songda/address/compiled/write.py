"""Write what was read: field values, the canonical line and the lines of a label, as UTF-8 into Arrow buffers."""

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
    POI,
    ROAD,
    ROAD_NO,
    ROOM,
    UNIT,
    VILLAGE,
)
from songda.address.compiled.kernel import kernel
from songda.address.compiled.lexicon import Lexicon
from songda.address.compiled.numbering import digit, numeral
from songda.address.compiled.parts import Parts
from songda.address.compiled.settled import Divisions
from songda.address.compiled.tokens import Text

#: Widest line of a label, in half characters: 22 full-width ones.
LINE_WIDTH = 44
_LINE = 2400


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
def _says_of_number(line: Line, start: int, end: int) -> bool:
    """True for 12号之1, which needs no second 号."""
    i = end - 1
    while i > start and 48 <= line.char[i] <= 57:
        i -= 1
    return i > start and line.char[i] == 0x4E4B and line.char[i - 1] == 0x53F7


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
    if n > before and _ends_in_word(line.char[n - 1]) and not _says_of_number(line, before, n):
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
