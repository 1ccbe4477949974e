"""Workbooks (.xlsx, .xlsm, .xls, .xlsb, .ods) as rows of cells, through calamine.

calamine holds one sheet in memory in its own compact form; Python objects are made row by row. Before a sheet is
loaded its extent is looked at, because one stray value in the last cell of a sheet would make calamine reserve the
whole grid.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from songda.intake.cells import Cell
from songda.intake.errors import NotAWorkbook, PasswordProtected, TooLarge

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

ZIP_MAGIC, OLE_MAGIC = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
#: The stream in which Office keeps a workbook that has an opening password (MS-OFFCRYPTO 2.3), as the directory
#: names it.
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
#: A million rows of 60 columns unpack to about 3 GiB of XML.
_MAX_UNPACKED = 4 << 30
#: Cells of the rectangle that calamine reserves, about 32 bytes each.
_MAX_GRID = 80_000_000
_VALUE_CELL = re.compile(rb'<(?:\w{1,20}:)?c [^<>]*?\br="([A-Z]{1,3})(\d{1,7})"[^<>]*?(?<!/)>')
_OVERLAP = 4096


@dataclass(frozen=True, slots=True)
class SheetTable:
    """One sheet of a workbook as a table. It may be read again and again."""

    sheet: CalamineSheet
    name: str
    #: Merged cells as (first row, first column, last row, last column), from 0, columns counted as in `rows`.
    merged: tuple[tuple[int, int, int, int], ...]
    encoding: str = ""
    delimiter: str = ""

    def rows(self) -> Iterator[Sequence[Cell]]:
        """Every row from row 1 of the sheet; blank cells are empty texts."""
        yield from self.sheet.iter_rows()


def tables(path: Path) -> Iterator[SheetTable]:
    """The sheets of the workbook, visible ones first, each loaded when it is asked for.

    Raises PasswordProtected, NotAWorkbook, TooLarge.
    """
    import python_calamine as calamine

    _check(path)
    try:
        book = calamine.load_workbook(str(path))
    except calamine.PasswordError as error:
        raise PasswordProtected(file=path.name) from error
    except (calamine.CalamineError, OSError) as error:
        raise NotAWorkbook(file=path.name, reason="文件已损坏或格式不明") from error
    worksheets = [s for s in book.sheets_metadata if s.typ == calamine.SheetTypeEnum.WorkSheet]
    for meta in sorted(worksheets, key=lambda s: s.visible != calamine.SheetVisibleEnum.Visible):
        try:
            sheet = book.get_sheet_by_name(meta.name)
        except calamine.CalamineError as error:
            raise NotAWorkbook(file=path.name, reason="工作表已损坏") from error
        yield SheetTable(sheet, meta.name, _merged(sheet))


def _merged(sheet: CalamineSheet) -> tuple[tuple[int, int, int, int], ...]:
    left = sheet.start[1] if sheet.start else 0
    return tuple(
        (top, first - left, bottom, last - left) for (top, first), (bottom, last) in sheet.merged_cell_ranges or ()
    )


def _check(path: Path) -> None:
    with path.open("rb") as file:
        magic = file.read(8)
        if magic == OLE_MAGIC:
            # The directory of the compound file may lie anywhere in it.
            file.seek(0)
            if _contains(file, _ENCRYPTED):
                raise PasswordProtected(file=path.name)
            return
    if not magic.startswith(ZIP_MAGIC):
        raise NotAWorkbook(file=path.name, reason="内容不是工作簿")
    try:
        with zipfile.ZipFile(path) as archive:
            if any(info.flag_bits & 1 for info in archive.infolist()):
                raise PasswordProtected(file=path.name)
            if sum(info.file_size for info in archive.infolist()) > _MAX_UNPACKED:
                raise TooLarge(file=path.name, reason=f"解压后超过 {_MAX_UNPACKED >> 30} GiB")
            for info in archive.infolist():
                if info.filename.startswith("xl/worksheets/") and info.filename.endswith(".xml"):
                    _check_extent(archive, info, path)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, zlib.error) as error:
        raise NotAWorkbook(file=path.name, reason="压缩包已损坏") from error


def _contains(file: BinaryIO, needle: bytes) -> bool:
    tail = b""
    while block := file.read(1 << 20):
        if needle in tail + block:
            return True
        tail = block[-len(needle) :]
    return False


def _check_extent(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> None:
    """Refuse a sheet whose rectangle of values is too large to reserve."""
    columns: set[bytes] = set()
    last_row, tail = 0, b""
    with archive.open(info) as stream:
        while block := stream.read(1 << 22):
            text = tail + block
            cells = _VALUE_CELL.findall(text)
            if cells:
                columns.update(column for column, _ in cells)
                last_row = max(last_row, int(max(cells, key=lambda c: (len(c[1]), c[1]))[1]))
            tail = text[-_OVERLAP:]
    width = max((_column_number(column) for column in columns), default=0)
    if width * last_row > _MAX_GRID:
        raise TooLarge(file=path.name, reason=f"有内容的区域达 {last_row} 行 {width} 列")


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
