"""Addresses in: the wanted columns of a file of any form, or the lines of a pipe, some thousand rows at a time.

source = read(Path("客户.xlsx"), [address_column(None)])
for rows in source.frames: ...      # columns row_no, text
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TypeAlias

from songda.base.texts import decoded
from songda.cli.address.columns import Column, match, must_match, no_column, safe_headers
from songda.cli.address.errors import NoRows, NothingToRead, WrongLine

if TYPE_CHECKING:
    import polars as pl

    from songda.intake import DelimitedTable, SheetTable

    #: Columns of a table without header, told from its first row.
    Bare: TypeAlias = Callable[[Sequence[str]], Mapping[str, int] | None]
    #: Rows on their way: number, and the wanted cells.
    Rows: TypeAlias = Iterator[tuple[int, list[str | None]]]

#: Rows that are read, standardised and written at one time: one compiled call of the engine.
CHUNK = 16_384
#: How far down a header may stand below titles and notes.
_SEARCH_ROWS = 30
_DELIMITERS = (",", "\t", ";", "|")


class Source(NamedTuple):
    """Rows of a file, in its order: row_no (as a spreadsheet counts) and the wanted columns as texts."""

    frames: Iterator[pl.DataFrame]
    #: How many rows there are, more or less; None for a pipe.
    total: int | None


def read(file: Path | None, columns: Sequence[Column], *, bare: Bare | None = None) -> Source:
    """The wanted columns of a file, or of stdin as lines. `bare`: columns of a table without header, told from its first row.

    Raises NothingToRead, NoSuchFile, CannotRead, NoColumn, WhichColumn, WrongLine and what intake raises of broken files.
    """
    names = [each.name for each in columns]
    if file is None or str(file) == "-":
        if sys.stdin.isatty():
            raise NothingToRead
        return Source(_frames(_lines(sys.stdin.buffer), names), None)
    head = head_of(file)
    suffix = file.suffix.lower()
    if head.startswith(b"PAR1"):
        return _read_parquet(file, columns)
    if suffix in (".jsonl", ".ndjson"):
        return Source(_frames(_objects(file, columns), names), _count_lines(file))
    if suffix == ".txt" and len(columns) == 1:
        return Source(_frames(_text_lines(file), names), _count_lines(file))
    return _read_table(file, columns, bare=bare, binary=head[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"))


def head_of(file: Path) -> bytes:
    """The first bytes. Raises NoSuchFile, CannotRead, NoRows."""
    from songda.intake import CannotRead, NoSuchFile, why_refused

    try:
        with file.open("rb") as content:
            head = content.read(8)
    except FileNotFoundError as error:
        raise NoSuchFile(file=file.name) from error
    except OSError as error:
        reason = "是一个目录" if file.is_dir() else why_refused(error)
        raise CannotRead(file=file.name or str(file), reason=reason) from error
    if not head:
        raise NoRows(file=file.name)
    return head


def name_of(file: Path | None) -> str:
    """What a message calls the input."""
    return file.name if file is not None and str(file) != "-" else "标准输入"


def _count_lines(file: Path) -> int:
    with file.open("rb") as content:
        return sum(block.count(b"\n") for block in iter(lambda: content.read(1 << 20), b""))


def _frames(rows: Rows, names: Sequence[str]) -> Iterator[pl.DataFrame]:
    import polars as pl

    schema = {"row_no": pl.Int64} | dict.fromkeys(names, pl.String)
    while some := list(islice(rows, CHUNK)):
        numbers, values = zip(*some, strict=True)
        columns = dict(zip(names, zip(*values, strict=True), strict=True))
        yield pl.DataFrame({"row_no": numbers, **columns}, schema=schema)


# Lines


def _lines(content: BinaryIO) -> Rows:
    """Lines of a pipe: UTF-8, or GB18030 where a line is no UTF-8."""
    for row_no, line in enumerate(content, start=1):
        text = decoded(line.rstrip(b"\r\n"))
        yield row_no, [line.decode("utf-8", "replace") if text is None else text]


def _text_lines(file: Path) -> Rows:
    from songda.intake import find_encoding

    with file.open(encoding=find_encoding(file)) as content:
        for row_no, line in enumerate(content, start=1):
            yield row_no, [line.rstrip("\n")]


def _objects(file: Path, columns: Sequence[Column]) -> Rows:
    import orjson

    places: dict[str, int] = {}
    found: list[str] = []
    with file.open("rb") as content:
        for row_no, line in enumerate(content, start=1):
            if not line.strip():
                continue
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError:
                row = None
            if not isinstance(row, dict):
                raise WrongLine(
                    file=file.name, row_no=row_no, what="不是 JSON 对象", remedy="每行须是一个 {…}"
                ) from None
            if not places:
                found = list(row)
                places = must_match(columns, found, file)
            values = [row.get(found[places[each.name]]) if each.name in places else None for each in columns]
            yield row_no, [value if value is None or isinstance(value, str) else str(value) for value in values]


# Tables


def _read_parquet(file: Path, columns: Sequence[Column]) -> Source:
    import polars as pl

    from songda.intake import NotAWorkbook

    try:
        lazy = pl.scan_parquet(file)
        names = lazy.collect_schema().names()
        total = lazy.select(pl.len()).collect().item()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise NotAWorkbook(file=file.name, reason="parquet 已损坏") from error
    places = must_match(columns, names, file)
    wanted = lazy.select(
        (pl.col(names[places[each.name]]) if each.name in places else pl.lit(None)).cast(pl.String).alias(each.name)
        for each in columns
    )

    def frames() -> Iterator[pl.DataFrame]:
        for start in range(0, total, CHUNK):
            part = wanted.slice(start, CHUNK).collect()
            yield part.insert_column(0, pl.Series("row_no", range(start + 1, start + part.height + 1), dtype=pl.Int64))

    return Source(frames(), total)


def _read_table(file: Path, columns: Sequence[Column], *, bare: Bare | None, binary: bool) -> Source:
    """The first sheet, or the delimiter, under which the wanted columns have headers."""
    from songda.intake import DelimitedTable, find_encoding, tables

    found: Iterable[DelimitedTable | SheetTable]
    if binary:
        found = tables(file)
    else:
        encoding = find_encoding(file)
        found = (DelimitedTable(file, encoding, delimiter) for delimiter in _DELIMITERS)
    names = [each.name for each in columns]
    seen: list[str] = []
    for table in found:
        top = _top(table)
        for index, cells in enumerate(top):
            seen = max(seen, safe_headers(cells), key=len)
            places: Mapping[str, int] | None = match(columns, cells, file)
            header = index + 1
            if places is None and index == 0 and bare is not None:
                places, header = bare(cells), 0
            if places is not None:
                total = _height(table) if binary else _count_lines(file)
                return Source(_frames(_cells(table, places, names, header), names), total)
    raise no_column(columns, seen, file)


def _top(table: DelimitedTable | SheetTable) -> list[list[str]]:
    """The first rows, as far as they can be read: quotes may be broken under all delimiters but the right one."""
    from songda.intake import BrokenQuoting, displayed

    top: list[list[str]] = []
    with suppress(BrokenQuoting):
        for row in islice(table.rows(), _SEARCH_ROWS):
            top.append([displayed(cell).strip() for cell in row])
    return top


def _height(table: DelimitedTable | SheetTable) -> int | None:
    sheet = getattr(table, "sheet", None)
    return sheet.end[0] if sheet is not None and sheet.end else None


def _cells(table: DelimitedTable | SheetTable, places: Mapping[str, int], names: Sequence[str], header: int) -> Rows:
    from songda.intake import displayed

    for row_no, row in enumerate(table.rows(), start=1):
        if row_no > header and any(cell not in (None, "") for cell in row):
            yield (
                row_no,
                [
                    displayed(row[places[name]]) if name in places and places[name] < len(row) else None
                    for name in names
                ],
            )
