"""A text as the kernels see it: folded characters without blanks, and tokens (one character, or a run of digits or of letters).

Every character keeps the number of the raw code point it came from, so that a span of the raw text can be given back.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from songda.address.compiled.kernel import kernel

#: Longest text that is read, in characters without blanks; the longest real ones have some 120.
LONGEST = 400

HAN, DIGITS, LATIN, NUMERAL, OPEN_TYPED, CLOSE_TYPED, OPEN, CLOSE, HYPHEN, HASH, MARK = range(11)
#: Where a token stands: outside brackets, in 【…】, in (…).
OUTSIDE, TYPED, HINT = range(3)
#: Findings of `scan`, added up: the text was cut; it was decoded with a wrong table; it has no Chinese character; it is empty.
TOO_LONG, MOJIBAKE, NO_CHINESE, EMPTY = 1, 2, 4, 8


class Text(NamedTuple):
    """Room for one text, used again for the next."""

    #: Folded characters.
    char: NDArray[np.int32]
    #: Number of the raw code point of each character; one more at the end.
    origin: NDArray[np.int32]
    #: Symbol of each character in the tries, 0 for none.
    symbol: NDArray[np.int32]
    #: 1 where blanks stood before the character.
    blank: NDArray[np.int8]
    #: First character of each token; one more at the end.
    start: NDArray[np.int32]
    kind: NDArray[np.int8]
    #: What the features see of a token: the character, or length and shape of a run.
    shape: NDArray[np.int32]
    place: NDArray[np.int8]
    #: Division names that begin at each character, shortest first: their number, ends and entries of the lexicon.
    names: NDArray[np.int32]
    name_end: NDArray[np.int32]
    name_entry: NDArray[np.int32]
    #: Scratch of the walk through the trie: characters still on a way, and where each stands.
    walking: NDArray[np.int32]
    node: NDArray[np.int32]


#: Names that begin at one character at most.
NAMES = 8


def new_text() -> Text:
    size = LONGEST + 8
    return Text(
        np.zeros(size, np.int32),
        np.zeros(size, np.int32),
        np.zeros(size, np.int32),
        np.zeros(size, np.int8),
        np.zeros(size, np.int32),
        np.zeros(size, np.int8),
        np.zeros(size, np.int32),
        np.zeros(size, np.int8),
        np.zeros(size, np.int32),
        np.zeros((size, NAMES), np.int32),
        np.zeros((size, NAMES), np.int32),
        np.zeros(size, np.int32),
        np.zeros(size, np.int32),
    )


@kernel
def scan(
    data: NDArray[np.uint8], start: int, end: int, fold: NDArray[np.uint16], symbol: NDArray[np.uint16], text: Text
) -> tuple[int, int]:
    """Decode and fold the UTF-8 bytes `start` … `end`: (characters, findings)."""
    count, found, raw, at, blank, latin = 0, NO_CHINESE | EMPTY, 0, start, 0, 0
    while at < end:
        byte = data[at]
        if byte < 0x80:
            point, at = np.int32(byte), at + 1
        elif byte < 0xE0:
            point, at = np.int32((byte & 0x1F) << 6 | (data[at + 1] & 0x3F)), at + 2
        elif byte < 0xF0:
            point = np.int32((byte & 0x0F) << 12 | (data[at + 1] & 0x3F) << 6 | (data[at + 2] & 0x3F))
            at += 3
        else:
            point = np.int32(
                (byte & 0x07) << 18 | (data[at + 1] & 0x3F) << 12 | (data[at + 2] & 0x3F) << 6 | (data[at + 3] & 0x3F)
            )
            at += 4
        if 0xA1 <= point <= 0xFF and point != 0xB7:
            latin += 1
            if latin == 3:
                found |= MOJIBAKE
        else:
            latin = 0
        if point == 0xFFFD:
            found |= MOJIBAKE
        if point < 0x10000:
            folded = np.int32(fold[point])
        else:
            folded = point if 0x20000 <= point < 0x40000 else np.int32(0)
        if folded == 32:
            blank = 1
        elif folded > 0:
            if count == LONGEST:
                found |= TOO_LONG
                break
            if folded >= 0x3400:
                found &= ~(NO_CHINESE | EMPTY)
            elif 48 <= folded <= 57 or (folded < 128 and 65 <= (folded & 0xDF) <= 90) or 0xC0 <= folded < 0x2000:
                found &= ~EMPTY
            text.char[count] = folded
            text.symbol[count] = symbol[folded] if folded < 0x10000 else 0
            text.origin[count] = raw
            text.blank[count] = blank
            count += 1
            blank = 0
        raw += 1
    text.origin[count] = raw
    text.char[count] = 0
    text.symbol[count] = 0
    return count, found


@kernel
def tokenize(text: Text, count: int) -> int:
    """Number of tokens of the first `count` characters; a run of digits or letters is one token, blanks part runs."""
    char, tokens, at, place, depth, outer = text.char, 0, 0, OUTSIDE, 0, OUTSIDE
    while at < count:
        c = char[at]
        first = at
        at += 1
        if 48 <= c <= 57:
            while at < count and 48 <= char[at] <= 57 and text.blank[at] == 0:
                at += 1
            kind = DIGITS
            shape = 0x110000 + min(at - first, 7) * 2 + (1 if c == 48 else 0)
        elif 65 <= c <= 90 or 97 <= c <= 122:
            while at < count and (65 <= char[at] <= 90 or 97 <= char[at] <= 122) and text.blank[at] == 0:
                at += 1
            kind = LATIN
            shape = 0x110100 + (c & 0xDF) if at - first == 1 else 0x110200 + min(at - first, 5)
        else:
            kind, shape = kind_of(c), c
            if kind == OPEN_TYPED:
                place, depth = TYPED, 0
            elif kind == OPEN:
                if depth == 0:
                    outer = place
                    place = HINT
                depth += 1
        text.start[tokens] = first
        text.kind[tokens] = kind
        text.shape[tokens] = shape
        text.place[tokens] = place
        if kind == CLOSE_TYPED:
            place, depth = OUTSIDE, 0
        elif kind == CLOSE and depth > 0:
            depth -= 1
            if depth == 0:
                place = outer
        tokens += 1
    text.start[tokens] = count
    return tokens


@kernel
def kind_of(c: int) -> int:
    """Kind of a single character that is neither digit nor letter."""
    # 〇零一二三四五六七八九十百两廿卅壹贰叁肆伍陆柒捌玖拾佰
    if c >= 0x3007:
        if (
            c == 0x4E00 or c == 0x4E8C or c == 0x4E09 or c == 0x56DB or c == 0x4E94 or c == 0x516D or c == 0x4E03
            or c == 0x516B or c == 0x4E5D or c == 0x5341 or c == 0x767E or c == 0x4E24 or c == 0x5EFF or c == 0x5345
            or c == 0x58F9 or c == 0x8D30 or c == 0x53C1 or c == 0x8086 or c == 0x4F0D or c == 0x9646 or c == 0x67D2
            or c == 0x634C or c == 0x7396 or c == 0x62FE or c == 0x4F70 or c == 0x3007 or c == 0x96F6
        ):  # fmt: skip
            return NUMERAL
        if c == 0x3010:
            return OPEN_TYPED
        if c == 0x3011:
            return CLOSE_TYPED
        return HAN
    if c == 40:
        return OPEN
    if c == 41:
        return CLOSE
    if c == 45:
        return HYPHEN
    if c == 35:
        return HASH
    return MARK if c < 0x2E80 else HAN
