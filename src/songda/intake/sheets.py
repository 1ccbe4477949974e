"""Find the case sheet of a file, its header row and what each column is.

    sheet = sniff(Path("cases.xlsx"))
    sheet.header_row, sheet.mapping["身份证号"], sheet.unknown

The content decides what a file is, not its name: core systems like to write tab-separated text into files called .xls.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from songda.intake.cells import displayed
from songda.intake.delimited import DELIMITERS, DelimitedTable, find_encoding
from songda.intake.errors import (
    BrokenQuoting,
    CannotRead,
    EmptyFile,
    MissingColumns,
    NoCaseSheet,
    NoSuchFile,
    NotAWorkbook,
)
from songda.intake.headers import Layout, arrange, is_known, is_neutral_group, recognised
from songda.intake.output import why_refused
from songda.intake.workbook import OLE_MAGIC, ZIP_MAGIC, SheetTable, tables

Table = SheetTable | DelimitedTable

#: How far down a header may stand below titles and notes.
_SEARCH_ROWS = 30
#: Fewer known columns than this are chance.
_MIN_KNOWN = 4
_WORKBOOK_SUFFIXES = frozenset({".xlsx", ".xlsm", ".xlsb", ".ods"})
_MARKUP = (b"<html", b"<!doctype", b"<table", b"<?xml", b"<head", b"<meta", b"<style")


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the case sheet of a file looks like. Holds headers and counts, no personal data."""

    #: Headers as the person wrote them, one a column; both rows joined by "/" for a header of two rows.
    headers: tuple[str, ...]
    #: Spreadsheet number of the (lower) header row.
    header_row: int
    #: Header → our field, for the columns that will be read.
    mapping: dict[str, str]
    #: Headers that were not recognised and will not be read.
    unknown: tuple[str, ...]
    #: Labels of the required columns that are missing; reading the file would be refused.
    missing: tuple[str, ...]
    #: workbook | text
    kind: str
    #: Name of the sheet; empty for text.
    name: str
    #: Other sheets of the file that look like case sheets and will not be read.
    other_sheets: tuple[str, ...]
    #: Encoding and delimiter of a text file; empty for a workbook.
    encoding: str
    delimiter: str
    #: Rows below the header, blank ones included; None where counting would cost a pass over the file.
    total_rows: int | None
    #: SHA-256 of the file, hex.
    sha256: str


@dataclass(frozen=True, slots=True)
class Header:
    """Where the header stands and what it says."""

    #: Index of the (lower) header row, from 0.
    index: int
    texts: tuple[str, ...]
    #: How many columns are known.
    known: int


@dataclass(frozen=True, slots=True)
class Located:
    """A table with its header found and its columns arranged."""

    table: Table
    header: Header
    layout: Layout
    other_sheets: tuple[str, ...]


def sniff(path: Path, *, mapping: Mapping[str, str] | None = None) -> Sheet:
    """Look at a file without reading its rows. Raises the errors of `locate`, but none for missing columns."""
    located = locate(path, mapping=mapping)
    table, layout = located.table, located.layout
    last = table.sheet.end[0] if isinstance(table, SheetTable) and table.sheet.end else None
    rows = max(last - located.header.index, 0) if last is not None else None
    return Sheet(
        headers=located.header.texts,
        header_row=located.header.index + 1,
        mapping=layout.mapping,
        unknown=layout.unknown,
        missing=layout.missing,
        kind="workbook" if isinstance(table, SheetTable) else "text",
        name=table.name,
        other_sheets=located.other_sheets,
        encoding=table.encoding,
        delimiter=table.delimiter,
        total_rows=rows,
        sha256=file_sha256(path),
    )


def file_sha256(path: Path) -> str:
    """SHA-256 of the file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def locate(path: Path, *, mapping: Mapping[str, str] | None) -> Located:
    """The case sheet of the file.

    Raises NoSuchFile, CannotRead, EmptyFile, NotAWorkbook, PasswordProtected, TooLarge, UnknownEncoding, BrokenQuoting,
    NoCaseSheet, AmbiguousColumn, TooManyColumns, UnknownField.
    """
    known = frozenset(header for header, key in (mapping or {}).items() if key)
    best: tuple[Table, Header] | None = None
    names: list[str] = []
    fitting: list[str] = []
    blank = True
    for table in _open(path):
        names.append(table.name)
        top = [[displayed(cell) for cell in row] for row in islice(table.rows(), _SEARCH_ROWS + 1)]
        blank = blank and not any(cell.strip() for row in top for cell in row)
        header = find_header(top, merged=table.merged, mapped=known)
        if header is None:
            continue
        fitting.append(table.name)
        if best is None or header.known > best[1].known:
            best = table, header
    if best is None:
        if blank:
            raise EmptyFile(file=path.name)
        raise NoCaseSheet(file=path.name, sheets="、".join(name for name in names if name) or "文本文件没有工作表")
    table, header = best
    layout = arrange(header.texts, mapping=mapping)
    return Located(table, header, layout, tuple(name for name in fitting if name != table.name))


def require_columns(located: Located) -> None:
    """Raises MissingColumns when the sheet lacks a required column."""
    if located.layout.missing:
        raise MissingColumns(
            missing="、".join(located.layout.missing), unknown="、".join(located.layout.unknown) or "无"
        )


def _open(path: Path) -> Iterator[Table]:
    """The tables of the file. For text, one table: the delimiter under which the header is known best."""
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except FileNotFoundError as error:
        raise NoSuchFile(file=path.name) from error
    except OSError as error:
        raise CannotRead(
            file=path.name or str(path), reason="是一个目录" if path.is_dir() else why_refused(error)
        ) from error
    if start.startswith((ZIP_MAGIC, OLE_MAGIC)):
        yield from tables(path)
        return
    content = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not content and path.stat().st_size <= len(start):
        raise EmptyFile(file=path.name)
    if path.suffix.lower() in _WORKBOOK_SUFFIXES:
        raise NotAWorkbook(file=path.name, reason="内容不是工作簿")
    if content.startswith(_MARKUP):
        raise NotAWorkbook(file=path.name, reason="内容是网页或 XML 格式的表格")
    encoding = find_encoding(path)
    yield max((DelimitedTable(path, encoding, delimiter) for delimiter in DELIMITERS), key=_known_columns)


def _known_columns(table: DelimitedTable) -> tuple[int, int]:
    """How well the header is known under this delimiter; how many cells there are at all decides between equals."""
    top: list[list[str]] = []
    # A broken quote further down says nothing about the header; whoever reads the rows is told of it.
    with suppress(BrokenQuoting):
        for row in islice(table.rows(), _SEARCH_ROWS + 1):
            top.append([displayed(cell) for cell in row])
    return max((recognised(row) for row in top), default=0), max(map(len, top), default=0)


def find_header(
    top: Sequence[Sequence[str]], *, merged: Sequence[tuple[int, int, int, int]], mapped: Collection[str]
) -> Header | None:
    """The header among the first rows of a table, in one row or in two of which the upper groups the lower.

    `mapped`: headers that a saved mapping knows. None when no row has enough known columns.
    """
    best: Header | None = None
    for index, row in enumerate(top):
        if index and _is_grouping(top[index - 1], upper_index=index - 1, merged=merged):
            texts = _joined(top[index - 1], row, upper_index=index - 1, merged=merged)
        else:
            texts = tuple(text.strip() for text in row)
        known = recognised(texts) + sum(1 for text in texts if text in mapped and not is_known(text))
        if known >= _MIN_KNOWN and (best is None or known > best.known):
            best = Header(index, _unbroken(texts), known)
    return best


def _is_grouping(upper: Sequence[str], *, upper_index: int, merged: Sequence[tuple[int, int, int, int]]) -> bool:
    """Whether a row groups the columns of the row below, which then must not be read without it.

    Titles and notes above a header do not: their words are no groups of ours, and a merged title spans most columns.
    """
    if any(text and (is_known(text) or is_neutral_group(text)) for text in upper):
        return True
    return any(
        top == bottom == upper_index and right > left and right - left + 1 < len(upper) / 2
        for top, left, bottom, right in merged
    )


def _joined(
    upper: Sequence[str], lower: Sequence[str], *, upper_index: int, merged: Sequence[tuple[int, int, int, int]]
) -> tuple[str, ...]:
    """The headers that an upper and a lower row make together."""
    groups = _spread(upper, lower, upper_index=upper_index, merged=merged)
    headers = []
    padded = [*lower, *[""] * (len(groups) - len(lower))]
    for group, below in zip(map(str.strip, groups), map(str.strip, padded), strict=True):
        if not group or not below or is_neutral_group(group):
            headers.append(below or group)
        elif is_known(group + below):
            headers.append(group + below)
        else:
            headers.append(f"{group}/{below}")
    return tuple(headers)


def _spread(
    upper: Sequence[str], lower: Sequence[str], *, upper_index: int, merged: Sequence[tuple[int, int, int, int]]
) -> list[str]:
    """The upper row with each group's name over all of its columns."""
    groups = [*upper, *[""] * (len(lower) - len(upper))]
    ranges = [each for each in merged if each[0] <= upper_index <= each[2] and each[3] > each[1]]
    if ranges:
        for _, left, _, right in ranges:
            for column in range(left + 1, min(right + 1, len(groups))):
                groups[column] = groups[left]
        return groups
    # Text files keep no merges: a group's name stands over its first column, blanks over the others.
    for column in range(1, len(groups)):
        if not groups[column].strip() and column < len(lower) and lower[column].strip():
            groups[column] = groups[column - 1]
    return groups


def _unbroken(texts: Sequence[str]) -> tuple[str, ...]:
    """Headers in one line each, without the empty columns behind the last."""
    lines = [" ".join(text.split()) for text in texts]
    while lines and not lines[-1]:
        lines.pop()
    return tuple(lines)
