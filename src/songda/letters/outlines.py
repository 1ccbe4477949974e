"""The outlines of our faces, put into a letter after the engine has set it.

    with_outlines(pdf)                        # each hollow program in the file replaced by the outlines of the same glyphs
    cut(face("SongdaSans-Regular"), glyphs)   # a CFF program with these glyphs, in this order

The engine sets letters in hollow faces (fonts/hollow): measures and characters are those of our own, but a glyph draws nothing and
says its number. To cut and pack the real outlines anew for each letter was nearly half of its work; here those that all letters share
are cut once. What is cut is, byte for byte, what the engine itself cuts from the real face. Programs are not packed within the record:
its bytes then depend on no version of a packer, and records pack better against each other (songda.letters.packing).

Formats: ISO 32000-1 (7.5.4 cross-reference table, 9.7.4 CIDFonts); Adobe Technical Notes 5176 (CFF) and 5177 (charstrings).
"""

from __future__ import annotations

import re
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Final

FONTS: Final = Path(__file__).parent / "fonts"
HOLLOW: Final = FONTS / "hollow"
RARE: Final = FONTS / "rare"

_STREAM = re.compile(rb"<</Length (\d+)/Filter/FlateDecode/Subtype/CIDFontType0C>>\nstream\n")
_TABLE = re.compile(rb"xref\n0 (\d+)\n")
#: Bytes of an entry of the cross-reference table.
_ENTRY: Final = 20
#: Programs of which the outlines are remembered: those that letters share, and room for the rest to pass through.
_REMEMBERED: Final = 64

# Operators of a CFF dictionary.
_NOTICE, _BBOX, _CHARSET, _CHARSTRINGS, _PRIVATE = b"\1", b"\5", b"\x0f", b"\x11", b"\x12"
_MATRIX, _ROS, _CID_COUNT, _FD_ARRAY, _FD_SELECT, _FONT_NAME = (b"\x0c" + bytes([n]) for n in (7, 30, 34, 36, 37, 38))
#: Numbers of strings below are standard ones (Note 5176, appendix A).
_FIRST_STRING: Final = 391
#: 0.002 0 0 0.002 0 0 for faces of 500 units per em (scripts/build_fonts.py), and 1 0 0 1 0 0.
_EM_500, _IDENTITY = bytes.fromhex("1e0a002f1e0f1e0f1e0a002f1e0f1e0f"), bytes.fromhex("8c8b8b8c8b8b")


@dataclass(frozen=True, slots=True)
class Face:
    """A CID-keyed face whose charstrings need no subroutines: each draws its glyph alone."""

    name: bytes
    notice: bytes
    #: Operands of the bounding box.
    bbox: bytes
    charstrings: Sequence[bytes] = field(repr=False)
    #: Of each glyph, the number of its font dictionary.
    dictionary_of: bytes = field(repr=False)
    #: Name and private dictionary of each font dictionary.
    dictionaries: tuple[tuple[bytes, bytes], ...] = field(repr=False)


def with_outlines(pdf: bytes) -> bytes:
    """A letter that was set in hollow faces, with their outlines. Raises ValueError when the engine wrote it in another form."""
    pieces, ends, shifts = list[bytes](), list[int](), [0]
    done = 0
    for stream in _STREAM.finditer(pdf):
        end = stream.end() + int(stream[1])
        program = _outlines(pdf[stream.end() : end])
        if program is None:
            continue
        head = b"<</Length %d/Subtype/CIDFontType0C>>\nstream\n" % len(program)
        pieces += [pdf[done : stream.start()], head, program]
        ends.append(end)
        shifts.append(shifts[-1] + len(head) + len(program) - (end - stream.start()))
        done = end
    table = int(pdf[pdf.rindex(b"startxref\n") + 10 :].split(None, 1)[0])
    return b"".join([*pieces, pdf[done:table], *_moved(pdf, table, ends, shifts)])


def _moved(pdf: bytes, table: int, ends: Sequence[int], shifts: Sequence[int]) -> Iterator[bytes]:
    """The cross-reference table and what follows, after what stands behind `ends[n]` has moved by `shifts[n + 1]`."""
    head = _TABLE.match(pdf, table)
    if head is None:
        raise ValueError("no cross-reference table where there should be one")
    first = head.end()
    last = first + int(head[1]) * _ENTRY
    yield head[0]
    for at in range(first, last, _ENTRY):
        entry = pdf[at : at + _ENTRY]
        shift = shifts[bisect_left(ends, int(entry[:10]))]
        yield b"%010d%b" % (int(entry[:10]) + shift, entry[10:]) if shift else entry
    yield pdf[last:].replace(b"startxref\n%d\n" % table, b"startxref\n%d\n" % (table + shifts[-1]))


@lru_cache(_REMEMBERED)
def _outlines(packed: bytes) -> bytes | None:
    """Outlines of the glyphs that a packed hollow program names; None when it is of a rare face and has its own."""
    program = zlib.decompress(packed)
    (name,), top_at = _index(program, program[2])
    if name.decode() not in _hollow_faces():
        return None
    (top,), _ = _index(program, top_at)
    glyphs, _ = _index(program, _numbers(_dictionary(top)[_CHARSTRINGS])[0])
    # A hollow glyph is its number, written as in a dictionary, and the operator that ends it.
    return cut(face(name.decode()), [_number(glyph) for glyph in glyphs])


def cut(whole: Face, glyphs: Sequence[int]) -> bytes:
    """A program with the glyphs of these numbers, in this order; the first must be 0, `.notdef`. Its CIDs count from 0."""
    used = sorted({whole.dictionary_of[glyph] for glyph in glyphs})
    named = [whole.dictionaries[number] for number in used]
    privates = [private for _, private in named]
    renumbered = bytes(used.index(number) if number in used else 0 for number in range(len(whole.dictionaries)))

    head = b"\1\0\4\4" + _written([whole.name])
    strings = _written([b"Adobe", b"Identity", whole.notice, *(name for name, _ in named)]) + b"\0\0"
    charset = b"\2\0\1" + (len(glyphs) - 2).to_bytes(2, "big")
    select = b"\0" + bytes(whole.dictionary_of[glyph] for glyph in glyphs).translate(renumbered.ljust(256, b"\0"))

    charset_at = len(head) + len(_written([_top(whole, 0, 0, 0, 0)])) + len(strings)
    first_private = charset_at + len(charset)
    select_at = first_private + sum(map(len, privates))
    array_at = select_at + len(select)
    places = accumulate(map(len, privates), initial=first_private)
    array = _written(
        _IDENTITY + _MATRIX + _long(len(private)) + _long(place) + _PRIVATE + _short(_FIRST_STRING + 3 + n) + _FONT_NAME
        for n, (private, place) in enumerate(zip(privates, places, strict=False))
    )
    top = _top(whole, charset_at, array_at + len(array), array_at, select_at)
    outlines = _written(whole.charstrings[glyph] for glyph in glyphs)
    return b"".join([head, _written([top]), strings, charset, *privates, select, array, outlines])


def _top(whole: Face, charset: int, charstrings: int, array: int, select: int) -> bytes:
    """The top dictionary; places are written at full length, so that it is always as long."""
    return b"".join(
        (
            *(_short(_FIRST_STRING), _short(_FIRST_STRING + 1), _short(0), _ROS),
            *(_short(_FIRST_STRING + 2), _NOTICE, _EM_500, _MATRIX, whole.bbox, _BBOX),
            *(_long(charset), _CHARSET, _long(charstrings), _CHARSTRINGS, _long(0xFFFF), _CID_COUNT),
            *(_long(array), _FD_ARRAY, _long(select), _FD_SELECT),
        )
    )


@cache
def face(name: str) -> Face:
    """The face of that name, with its outlines. Raises ValueError when its charstrings cannot stand alone."""
    cff = _cff((FONTS / f"{name}.otf").read_bytes())
    names, at = _index(cff, cff[2])
    (top,), at = _index(cff, at)
    strings, at = _index(cff, at)
    subroutines, _ = _index(cff, at)
    entries = _dictionary(top)
    charstrings, _ = _index(cff, _numbers(entries[_CHARSTRINGS])[0])
    dictionaries = []
    for each in _index(cff, _numbers(entries[_FD_ARRAY])[0])[0]:
        inner = _dictionary(each)
        size, place = _numbers(inner[_PRIVATE])
        private = cff[place : place + size]
        if subroutines or b"\x13" in _dictionary(private):
            raise ValueError(f"{name} has subroutines")
        dictionaries.append((strings[_numbers(inner[_FONT_NAME])[0] - _FIRST_STRING], private))
    return Face(
        name=names[0],
        notice=strings[_numbers(entries[_NOTICE])[0] - _FIRST_STRING],
        bbox=entries[_BBOX],
        charstrings=charstrings,
        dictionary_of=_selected(cff, _numbers(entries[_FD_SELECT])[0], len(charstrings)),
        dictionaries=tuple(dictionaries),
    )


@cache
def _hollow_faces() -> frozenset[str]:
    return frozenset(path.stem for path in HOLLOW.glob("*.otf"))


def _cff(font: bytes) -> bytes:
    """The CFF table of an OpenType font."""
    for record in range(12, 12 + 16 * int.from_bytes(font[4:6], "big"), 16):
        if font[record : record + 4] == b"CFF ":
            start, length = (int.from_bytes(font[record + at : record + at + 4], "big") for at in (8, 12))
            return font[start : start + length]
    raise ValueError("no CFF table")


def _selected(cff: bytes, at: int, glyphs: int) -> bytes:
    """Number of the font dictionary of each glyph: FDSelect of format 3, ranges of glyphs."""
    if cff[at] != 3:
        raise ValueError("FDSelect of another format")
    count = int.from_bytes(cff[at + 1 : at + 3], "big")
    ranges = [cff[at + 3 + 3 * n : at + 6 + 3 * n] for n in range(count)]
    starts = [*(int.from_bytes(each[:2], "big") for each in ranges), glyphs]
    return b"".join(each[2:] * (end - start) for each, (start, end) in zip(ranges, pairwise(starts), strict=True))


def _index(cff: bytes, at: int) -> tuple[list[bytes], int]:
    """Members of the INDEX at `at`, and where it ends."""
    count, size = int.from_bytes(cff[at : at + 2], "big"), cff[at + 2]
    if not count:
        return [], at + 2
    first = at + 3
    offsets = [int.from_bytes(cff[first + size * n : first + size * (n + 1)], "big") for n in range(count + 1)]
    base = first + size * (count + 1) - 1
    return [cff[base + start : base + end] for start, end in pairwise(offsets)], base + offsets[-1]


def _written(members: Iterable[bytes]) -> bytes:
    """An INDEX of these members, with offsets as short as can be."""
    members = list(members)
    offsets = list(accumulate(map(len, members), initial=1))
    size = (offsets[-1].bit_length() + 7) // 8
    table = b"".join(offset.to_bytes(size, "big") for offset in offsets)
    return len(members).to_bytes(2, "big") + bytes([size]) + table + b"".join(members)


def _dictionary(data: bytes) -> dict[bytes, bytes]:
    """Operator → its operands, as they are written."""
    found, start, at = dict[bytes, bytes](), 0, 0
    while at < len(data):
        if data[at] <= 21:
            end = at + (2 if data[at] == 12 else 1)
            found[data[at:end]] = data[start:at]
            start = at = end
        else:
            at = _after(data, at)
    return found


def _after(data: bytes, at: int) -> int:
    """Where the operand at `at` ends."""
    match data[at]:
        case 28:
            return at + 3
        case 29:
            return at + 5
        case 30:
            at += 1
            while data[at] & 15 != 15 and data[at] >> 4 != 15:
                at += 1
            return at + 1
        case first:
            return at + (1 if first <= 246 else 2)


def _numbers(operands: bytes) -> list[int]:
    """Whole numbers among the operands of an operator; all that we ask for are."""
    found, at = list[int](), 0
    while at < len(operands):
        found.append(_number(operands[at:]))
        at = _after(operands, at)
    return found


def _number(operand: bytes) -> int:
    """The whole number with which `operand` begins."""
    first = operand[0]
    if first in {28, 29}:
        return int.from_bytes(operand[1 : 3 if first == 28 else 5], "big", signed=True)
    if first <= 246:
        return first - 139
    return (first - 247) * 256 + operand[1] + 108 if first <= 250 else (251 - first) * 256 - operand[1] - 108


def _short(number: int) -> bytes:
    """A number from 0 to 1131 as short as can be."""
    return bytes([number + 139]) if number <= 107 else (number - 108 + 0xF700).to_bytes(2, "big")


def _long(number: int) -> bytes:
    return b"\x1d" + number.to_bytes(4, "big")
