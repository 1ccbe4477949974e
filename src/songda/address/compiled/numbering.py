"""Chinese numerals in the kernels: 三百二十 → 320, 廿一 → 21, 一〇三 → 103, 叁 → 3."""

from __future__ import annotations

from songda.address.compiled.kernel import kernel
from songda.address.compiled.tokens import Text


@kernel
def digit(c: int) -> int:
    """Value of a numeral character: 0-9, 10, 20, 30 or 100; -1 for none."""
    if c < 0x3007:
        return -1
    if c == 0x3007 or c == 0x96F6:
        return 0
    if c == 0x4E00 or c == 0x58F9:
        return 1
    if c == 0x4E8C or c == 0x8D30 or c == 0x4E24:
        return 2
    if c == 0x4E09 or c == 0x53C1:
        return 3
    if c == 0x56DB or c == 0x8086:
        return 4
    if c == 0x4E94 or c == 0x4F0D:
        return 5
    if c == 0x516D or c == 0x9646:
        return 6
    if c == 0x4E03 or c == 0x67D2:
        return 7
    if c == 0x516B or c == 0x634C:
        return 8
    if c == 0x4E5D or c == 0x7396:
        return 9
    if c == 0x5341 or c == 0x62FE:
        return 10
    if c == 0x5EFF:
        return 20
    if c == 0x5345:
        return 30
    if c == 0x767E or c == 0x4F70:
        return 100
    return -1


@kernel
def numeral(text: Text, start: int, end: int) -> tuple[int, int]:
    """(value, end) of the run of Chinese numerals at `start`; its end is `start` when there is none or it is longer than six."""
    stop = start
    plain = True
    while stop < end and digit(text.char[stop]) >= 0:
        if digit(text.char[stop]) > 9:
            plain = False
        stop += 1
    if stop == start or stop - start > 6:
        return 0, start
    value, last = 0, -1
    for i in range(start, stop):
        d = digit(text.char[i])
        if plain:
            value = value * 10 + d
        elif d <= 9:
            last = d
        elif d == 20 or d == 30:
            value += d
        else:
            value += (1 if last < 0 else last) * d
            last = -1
    if not plain and last > 0:
        value += last
    return value, stop
