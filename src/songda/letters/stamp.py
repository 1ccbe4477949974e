"""What is printed over a page of record when the run is built: the sheet's Data Matrix and bars and, on page 1, the waybill.

A stamp is one content stream of black rectangles. The record's graphics state is closed before it begins (`q` before the
record, `Q` at its own start), so the record's own streams stay as they are, byte for byte.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from functools import lru_cache

from songda.letters.codes import Matrix, code128, data_matrix, png
from songda.letters.zones import A4_MM, PT_PER_MM, SHEET_CODE, WAYBILL, Zone

#: Stands before the streams of the record.
PROLOGUE = b"q\n"
#: Marks our stamps in a page.
TAG = b"/SongdaStamp"

#: Bar of one module, millimetres, at most; a longer number gets narrower bars.
_BAR_MM = 0.33
_BARS_HIGH_MM = 13.0
_QUIET = 10
_RUN = re.compile(rb"\x01+")
#: One drawn matrix, and the runs of modules in it.
_BLOCK = re.compile(rb" cm\n((?:\d+ \d+ \d+ 1 re\n)+)f\nQ\n")
_RUN_DRAWN = re.compile(rb"(\d+) (\d+) (\d+) 1 re")
#: Modules of the smallest Data Matrix.
_SMALLEST = 10

# Figures and capitals in 5 x 7 dots, one number of five bits a row: the print file needs no further font for them.
_DOTS = {
    "0": "E 11 13 15 19 11 E",
    "1": "4 C 4 4 4 4 E",
    "2": "E 11 1 2 4 8 1F",
    "3": "1F 2 4 2 1 11 E",
    "4": "2 6 A 12 1F 2 2",
    "5": "1F 10 1E 1 1 11 E",
    "6": "6 8 10 1E 11 11 E",
    "7": "1F 1 2 4 8 8 8",
    "8": "E 11 11 E 11 11 E",
    "9": "E 11 11 F 1 2 C",
    "A": "E 11 11 1F 11 11 11",
    "B": "1E 11 11 1E 11 11 1E",
    "C": "E 11 10 10 10 11 E",
    "D": "1C 12 11 11 11 12 1C",
    "E": "1F 10 10 1E 10 10 1F",
    "F": "1F 10 10 1E 10 10 10",
    "G": "E 11 10 17 11 11 F",
    "H": "11 11 11 1F 11 11 11",
    "I": "E 4 4 4 4 4 E",
    "J": "7 2 2 2 2 12 C",
    "K": "11 12 14 18 14 12 11",
    "L": "10 10 10 10 10 10 1F",
    "M": "11 1B 15 15 11 11 11",
    "N": "11 11 19 15 13 11 11",
    "O": "E 11 11 11 11 11 E",
    "P": "1E 11 11 1E 10 10 10",
    "Q": "E 11 11 11 15 12 D",
    "R": "1E 11 11 1E 14 12 11",
    "S": "F 10 10 E 1 1 1E",
    "T": "1F 4 4 4 4 4 4",
    "U": "11 11 11 11 11 11 E",
    "V": "11 11 11 11 11 A 4",
    "W": "11 11 11 15 15 15 A",
    "X": "11 11 A 4 A 11 11",
    "Y": "11 11 11 A 4 4 4",
    "Z": "1F 1 2 4 8 10 1F",
}


def stamp(*, sheet_code: str | None, waybill_no: str | None, bars: Iterable[Zone] = ()) -> bytes:
    """The content stream for one page; `sheet_code` and `bars` (songda.letters.omr) on the front of each sheet, `waybill_no`
    on page 1.

    Raises ValueError when a waybill number has anything but figures and capitals.
    """
    parts = [b"Q\n", TAG, b" BMC\nq 0 g\n"]
    if sheet_code is not None:
        side = min(SHEET_CODE.width, SHEET_CODE.height)
        matrix = data_matrix(sheet_code)
        module = side / (matrix.width + 2)
        inner = Zone(SHEET_CODE.x + module, SHEET_CODE.y + module, side - 2 * module, side - 2 * module)
        parts.append(_draw(matrix, inner))
    if waybill_no is not None:
        parts.append(_waybill(waybill_no))
    parts += [_bar(bar) for bar in bars]
    return b"".join([*parts, b"Q\nEMC\n"])


def sheet_codes(stream: bytes) -> list[str]:
    """What a barcode reader reads off the Data Matrices that are drawn in a content stream, as `stamp` draws them."""
    import zxingcpp
    from PIL import Image

    found: list[str] = []
    for block in _BLOCK.findall(stream):
        runs = [tuple(map(int, run)) for run in _RUN_DRAWN.findall(block)]
        side = max(y for _, y, _ in runs) + 1
        if side < _SMALLEST:  # bars or figures of the waybill
            continue
        rows = [bytearray(side) for _ in range(side)]
        for x, y, width in runs:
            rows[y][x : x + width] = b"\1" * width
        image = Image.open(io.BytesIO(png(Matrix(tuple(bytes(row) for row in rows)), scale=4, quiet=2))).convert("L")
        found += [barcode.text for barcode in zxingcpp.read_barcodes(image)]
    return found


def _bar(zone: Zone) -> bytes:
    left, bottom = zone.x * PT_PER_MM, (A4_MM[1] - zone.y - zone.height) * PT_PER_MM
    return b"%.3f %.3f %.3f %.3f re\nf\n" % (left, bottom, zone.width * PT_PER_MM, zone.height * PT_PER_MM)


def _waybill(number: str) -> bytes:
    dots, bars = _text(number), code128(number)
    module = min(_BAR_MM, WAYBILL.width / (bars.width + 2 * _QUIET))
    width = bars.width * module
    left = WAYBILL.x + (WAYBILL.width - width) / 2
    dot = min(0.36, width / dots.width)
    text_left = WAYBILL.x + (WAYBILL.width - dots.width * dot) / 2
    text_top = WAYBILL.y + _BARS_HIGH_MM + 3.2
    return _draw(bars, Zone(left, WAYBILL.y + 1.5, width, _BARS_HIGH_MM)) + _draw(
        dots, Zone(text_left, text_top, dots.width * dot, dots.height * dot)
    )


@lru_cache(maxsize=64)
def _glyph(character: str) -> tuple[bytes, ...]:
    if character not in _DOTS:
        raise ValueError("a waybill number holds figures and capitals only")
    return tuple(bytes(int(bit) for bit in f"{int(row, 16):05b}") + b"\0" for row in _DOTS[character].split())


def _text(text: str) -> Matrix:
    glyphs = [_glyph(character) for character in text]
    return Matrix(tuple(b"".join(glyph[y] for glyph in glyphs) for y in range(7)))


def _draw(matrix: Matrix, zone: Zone) -> bytes:
    """The black modules of `matrix`, stretched over `zone`, as rectangles: one for each run of neighbours in a row.

    The zone's own coordinates count modules from its upper left corner, so that all numbers are small and whole.
    """
    wide, high = zone.width / matrix.width * PT_PER_MM, zone.height / matrix.height * PT_PER_MM
    left, top = zone.x * PT_PER_MM, (A4_MM[1] - zone.y) * PT_PER_MM
    modules = [
        b"%d %d %d 1 re\n" % (run.start(), y, run.end() - run.start())
        for y, row in enumerate(matrix.rows)
        for run in _RUN.finditer(row)
    ]
    return b"q %.5f 0 0 %.5f %.3f %.3f cm\n%bf\nQ\n" % (wide, -high, left, top, b"".join(modules))
