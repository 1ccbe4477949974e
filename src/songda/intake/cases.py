"""Read the cases of a file, chunk by chunk.

    for chunk in read_cases(Path("cases.xlsx"), as_of=date(2026, 11, 24)):
        chunk.cases.height, len(chunk.rejected), len(chunk.warnings)

The file is gone through twice: first for its case numbers only, so that *all* rows of a case number that occurs
twice are refused (which of them is right, only the institution knows) and so that a file with too many rows is
refused before its first row is used; then row by row. Memory holds one chunk, eight bytes a case number, and for a
workbook calamine's compact sheet.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from songda.base.schemas import ADDRESSES, CASES, CONTACTS
from songda.intake.cells import Cell, Reading, clean, displayed, read_code
from songda.intake.errors import EmptyFile, FileChanged, TooManyRows
from songda.intake.fields import group_fields, single_fields
from songda.intake.headers import Layout, field_number
from songda.intake.own import with_own
from songda.intake.problems import BadCell, Chunk, Problem, RejectedRow, problem
from songda.intake.rows import Read, RowReader
from songda.intake.sheets import Located, file_sha256, locate, require_columns

MAX_ROWS = 1_000_000


def read_cases(
    path: Path,
    *,
    as_of: date,
    mapping: Mapping[str, str] | None = None,
    chunk_rows: int = 2000,
    start_row: int | None = None,
    sha256: str | None = None,
    own: Mapping[str, str] | None = None,
) -> Iterator[Chunk]:
    """The cases of the file in its order, `chunk_rows` rows that are not blank at a time.

    `mapping`: header → our field (`""`: leave unread), as saved for the institution; wins over recognition.
    `start_row`: spreadsheet row to continue at after a crash, the `last_row` + 1 of the last chunk that was kept.
    `own`: variable that a firm's own template declares → its type, fed by the columns `自定义:变量`.
    `sha256`: of the file as it was when the work began. Raises FileChanged when it is another file now or changes
    while it is read, and all that `sheets.locate` raises; MissingColumns, TooManyRows and EmptyFile before the
    first chunk.
    """
    located = locate(path, mapping=mapping)
    require_columns(located)
    located = replace(located, layout=with_own(located.layout, located.header.texts, own or {}))
    signature = _signature(path)
    if sha256 is not None and file_sha256(path) != sha256:
        raise FileChanged(file=path.name)
    duplicates = _duplicates(path, located)
    reader = RowReader(located.layout, as_of=as_of)
    width = len(located.header.texts)
    warnings = _sheet_warnings(located) if start_row is None else []
    chunk = _Collector(first_warnings=warnings)
    for row_no, cells in _data_rows(located, start_row=start_row):
        read = reader.read(row_no, cells)
        _check_width(row_no, cells, width, read)
        _check_duplicate(row_no, cells, located.layout, duplicates, read)
        chunk.add(row_no, cells, width, read)
        if chunk.rows == chunk_rows:
            _unchanged(path, signature)
            yield chunk.finish()
            chunk = _Collector(first_warnings=[])
    _unchanged(path, signature)
    if chunk.rows:
        yield chunk.finish()


def _data_rows(located: Located, *, start_row: int | None = None) -> Iterator[tuple[int, Sequence[Cell]]]:
    """Spreadsheet number and cells of every row below the header that is not blank."""
    first = max(located.header.index + 2, start_row or 0)
    for row_no, cells in enumerate(located.table.rows(), start=1):
        if row_no >= first and any(cell != "" and (not isinstance(cell, str) or cell.strip()) for cell in cells):
            yield row_no, cells


def _duplicates(path: Path, located: Located) -> dict[int, list[int]]:
    """Hash of each case number that occurs more than once → its rows. Raises TooManyRows, EmptyFile."""
    index = _case_no_index(located.layout)
    hashes, rows = array("q"), array("q")
    for row_no, cells in _data_rows(located):
        if len(rows) == MAX_ROWS:
            raise TooManyRows(file=path.name, limit=f"{MAX_ROWS:,}")
        # Rows without a readable case number count, but cannot collide: no hash is as small as a negative row number.
        hashes.append(_case_no_hash(cells, index) or -row_no)
        rows.append(row_no)
    if not rows:
        raise EmptyFile(file=path.name)
    frame = pl.DataFrame({"hash": pl.Series(hashes, dtype=pl.Int64), "row": pl.Series(rows, dtype=pl.Int64)})
    twice = frame.filter(pl.col("hash").is_duplicated())
    return dict(twice.group_by("hash").agg(pl.col("row").sort()).iter_rows())


def _case_no_index(layout: Layout) -> int:
    return next(column.index for column in layout.columns if column.field.key == "case_no")


def _case_no_hash(cells: Sequence[Cell], index: int) -> int | None:
    """64 bits of the case number; equal numbers have equal hashes within this process. None when it cannot be read."""
    try:
        cell = clean(cells[index], kind="code") if index < len(cells) else None
        return hash(read_code(cell, _ANY)) if cell is not None else None
    except BadCell:
        return None


_ANY = Reading(as_of=date.max)


def _check_duplicate(
    row_no: int, cells: Sequence[Cell], layout: Layout, duplicates: Mapping[int, list[int]], read: Read
) -> None:
    if not duplicates:
        return
    index = _case_no_index(layout)
    same = duplicates.get(_case_no_hash(cells, index) or 0)
    if same:
        header = next(column.header for column in layout.columns if column.index == index)
        read.problems.append(problem("duplicate_case", row_no=row_no, column=header, rows=_row_list(same)))


def _row_list(rows: Sequence[int]) -> str:
    shown = "、".join(str(row) for row in rows[:10])
    return f"{shown} 等 {len(rows)}" if len(rows) > 10 else shown


def _check_width(row_no: int, cells: Sequence[Cell], width: int, read: Read) -> None:
    """A text row with more cells than headers has an unquoted delimiter somewhere: no cell of it can be trusted."""
    if len(cells) > width and any(isinstance(cell, str) and cell.strip() for cell in cells[width:]):
        read.problems.append(problem("extra_cells", row_no=row_no, cells=len(cells), columns=width))


def _sheet_warnings(located: Located) -> list[Problem]:
    """What is worth knowing about the whole sheet, told once, at the header's row."""
    row_no = located.header.index + 1
    present = {column.field.key for column in located.layout.columns}
    wanted = [each for each in single_fields() if each.need == "fact"]
    for number in sorted(field_number(k) for k in present if k.startswith("address") and k.endswith(".text")):
        wanted += [
            each
            for each in group_fields("address", number)
            if each.need == "fact" and not (each.key.endswith(".origin") and number in located.layout.stated_origins)
        ]
    warnings = [
        problem("fact_column_missing", row_no=row_no, column=each.label, label=each.label)
        for each in wanted
        if each.key not in present
    ]
    warnings += [problem("unknown_column", row_no=row_no, column=header) for header in located.layout.unknown]
    warnings += [problem("other_case_sheet", row_no=row_no, name=name) for name in located.other_sheets]
    return warnings


class _Collector:
    """Gathers rows until they make a chunk."""

    def __init__(self, *, first_warnings: list[Problem]) -> None:
        self.rows = 0
        self._first = self._last = 0
        self._cases: list[dict[str, Any]] = []
        self._addresses: list[dict[str, Any]] = []
        self._contacts: list[dict[str, Any]] = []
        self._rejected: list[RejectedRow] = []
        self._warnings = first_warnings

    def add(self, row_no: int, cells: Sequence[Cell], width: int, read: Read) -> None:
        self.rows += 1
        self._first = self._first or row_no
        self._last = row_no
        if read.problems:
            values = [displayed(cell) for cell in cells]
            values += [""] * (width - len(values))
            self._rejected.append(RejectedRow(row_no, tuple(values), tuple(read.problems)))
            return
        self._cases.append(read.case)
        self._addresses += read.addresses
        self._contacts += read.contacts
        self._warnings += read.warnings

    def finish(self) -> Chunk:
        return Chunk(
            self._first,
            self._last,
            _frame(self._cases, CASES),
            _frame(self._addresses, ADDRESSES),
            _frame(self._contacts, CONTACTS),
            self._rejected,
            self._warnings,
        )


def _frame(rows: Sequence[Mapping[str, Any]], schema: pl.Schema) -> pl.DataFrame:
    return pl.DataFrame({name: [row.get(name) for row in rows] for name in schema}, schema=schema)


def _signature(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino


def _unchanged(path: Path, signature: tuple[int, int, int]) -> None:
    try:
        now = _signature(path)
    except FileNotFoundError as error:
        raise FileChanged(file=path.name) from error
    if now != signature:
        raise FileChanged(file=path.name)
