"""Codes on paper: QR to check a letter, Code 128 of the waybill, Data Matrix of each sheet.

>>> sheet_code(job=1, piece=42, sheet=1, sheets=2)
'S1|000001|0000042|01/02|0|83A2'

Codes are matrices of modules; they are drawn as vector rectangles or as a picture of six pixels a module, because one
pixel a module did not read back reliably.
"""

from __future__ import annotations

import binascii
import re
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from songda.base.errors import SongdaError

if TYPE_CHECKING:
    import zxingcpp

_SHEET = re.compile(r"S1\|(\d{6})\|(\d{7})\|(\d{2})/(\d{2})\|([0-9A-F])\|([0-9A-F]{4})")
_BLACK_IS_1 = bytes([1]) + bytes(255)
_BLACK_IS_0 = b"\xff\0" + bytes(254)


class BadSheetCode(SongdaError):
    zh = "纸张标识码无法识别"
    remedy = "请将该页转人工核对"
    exit_code = 65


@dataclass(frozen=True, slots=True)
class Matrix:
    """Black and white modules without quiet zone; `rows[y][x]` is 1 where the paper is black."""

    rows: tuple[bytes, ...]

    @property
    def width(self) -> int:
        return len(self.rows[0])

    @property
    def height(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class SheetCode:
    job: int
    piece: int
    #: 1-based, of `sheets`.
    sheet: int
    sheets: int
    #: Bit mask of the four insert feeders.
    inserts: int


@lru_cache(maxsize=64)
def qr(text: str) -> Matrix:
    """QR code of error correction level M."""
    import zxingcpp

    return _matrix(zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M"))


def code128(text: str) -> Matrix:
    """One row of Code 128; stretch it to the height that the scanner wants."""
    import zxingcpp

    matrix = _matrix(zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.Code128))
    return Matrix(matrix.rows[:1])


def data_matrix(text: str) -> Matrix:
    """Square Data Matrix (ECC 200)."""
    import zxingcpp

    return _matrix(zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.DataMatrix, force_square=True))


def sheet_code(*, job: int, piece: int, sheet: int, sheets: int, inserts: int = 0) -> str:
    """What the Data Matrix of a sheet says; nothing in it is about a person. Raises ValueError when a number has no room."""
    if not (0 < job < 10**6 and 0 < piece < 10**7 and 0 < sheet <= sheets < 100 and 0 <= inserts < 16):
        raise ValueError("number out of range")
    body = f"S1|{job:06}|{piece:07}|{sheet:02}/{sheets:02}|{inserts:X}|"
    return f"{body}{_crc(body):04X}"


def parse_sheet_code(text: str) -> SheetCode:
    """The numbers of a sheet code. Raises BadSheetCode when form or check digits are wrong."""
    found = _SHEET.fullmatch(text)
    if not found or _crc(text[:-4]) != int(found[6], 16):
        raise BadSheetCode(length=len(text))
    return SheetCode(int(found[1]), int(found[2]), int(found[3]), int(found[4]), int(found[5], 16))


def png(matrix: Matrix, *, scale: int = 6, quiet: int = 0) -> bytes:
    """A one-bit PNG of `scale` pixels a module with `quiet` white modules around; equal matrices give equal bytes."""
    width = (matrix.width + 2 * quiet) * scale
    white = b"\0" + b"\xff" * ((width + 7) // 8)
    lines = [white] * (quiet * scale)
    pixels = {0: "1" * scale, 1: "0" * scale}
    for row in matrix.rows:
        modules = bytes(quiet) + row + bytes(quiet)
        bits = modules.decode("ascii").translate(pixels).ljust((width + 7) // 8 * 8, "1")
        lines += [b"\0" + int(bits, 2).to_bytes(len(bits) // 8, "big")] * scale
    lines += [white] * (quiet * scale)
    header = struct.pack(">IIBBBBB", width, len(lines), 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(lines), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def pixels(matrix: Matrix, *, scale: int, quiet: int) -> bytes:
    """The same picture as a reader unpacks it: a byte a pixel, black 0, white 255."""
    white = b"\xff" * ((matrix.width + 2 * quiet) * scale)
    lines = [white] * (quiet * scale)
    for row in matrix.rows:
        modules = (bytes(quiet) + row + bytes(quiet)).translate(_BLACK_IS_0)
        line = bytearray(len(white))
        for place in range(scale):
            line[place::scale] = modules
        lines += [bytes(line)] * scale
    return b"".join((*lines, *[white] * (quiet * scale)))


def _matrix(barcode: zxingcpp.Barcode) -> Matrix:
    # An image of zxing-cpp is a buffer of one byte a pixel, which its type does not say.
    image = memoryview(cast(Any, barcode.to_image(scale=1, add_quiet_zones=False)))
    pixels, (height, width) = image.tobytes().translate(_BLACK_IS_1), cast("tuple[int, int]", image.shape)
    return Matrix(tuple(pixels[y * width : (y + 1) * width] for y in range(height)))


def _crc(body: str) -> int:
    """CRC-16/XMODEM (polynomial 0x1021, start 0)."""
    return binascii.crc_hqx(body.encode("ascii"), 0)
