"""CSV and its relatives as rows of texts, in constant memory.

    rows = DelimitedTable(path, encoding="gb18030", delimiter=",").rows()

UTF-8 with or without a byte order mark, UTF-16 with one (what spreadsheets call "Unicode text") and GB18030 are
understood. Row numbers of the table are those that a spreadsheet shows for the file: a record is a row, however
many lines its cells have, and a blank line is a row too.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from songda.intake.cells import Cell
from songda.intake.errors import BrokenQuoting, NotAWorkbook, UnknownEncoding

DELIMITERS = (",", "\t", ";", "|")
_BLOCK = 1 << 20
#: Characters of one line of the file; a cell ends at 131,072 (csv.field_size_limit).
_MAX_LINE = 1 << 23
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))

#: Python decodes GB18030 by its edition of 2000, which put these characters into the private area; the editions of
#: 2005 and 2022 give them their code points (GB 18030-2022, annex of changed mappings).
_SINCE_2000 = str.maketrans(
    {
        "\ue816": "\U00020087",
        "\ue817": "\U00020089",
        "\ue818": "\U000200cc",
        "\ue81e": "龴",
        "\ue826": "龵",
        "\ue82b": "龶",
        "\ue82c": "龷",
        "\ue831": "\U000215d7",
        "\ue832": "龸",
        "\ue83b": "\U0002298f",
        "\ue843": "龹",
        "\ue854": "龺",
        "\ue855": "\U000241fe",
        "\ue864": "龻",
    }
)
_PRIVATE = re.compile("[\ue816-\ue864]")


@dataclass(frozen=True, slots=True)
class DelimitedTable:
    """A text file as a table. It may be read again and again."""

    path: Path
    encoding: str
    delimiter: str
    #: A text file has no sheets.
    name: str = ""
    #: Merged cells, as (first row, first column, last row, last column) from 0; text has none.
    merged: tuple[tuple[int, int, int, int], ...] = ()

    def rows(self) -> Iterator[Sequence[Cell]]:
        """Every record from the first; blank lines are empty lists. Raises BrokenQuoting."""
        with self.path.open(encoding=self.encoding, newline="") as file:
            # `strict` turns a quote that is never closed, which would swallow the rest of the file, into an error.
            lines = map(_repaired, _lines(file)) if self.encoding == "gb18030" else _lines(file)
            reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
            row_no = 0
            while True:
                row_no += 1
                try:
                    row = next(reader)
                except StopIteration:
                    return
                except (csv.Error, _EndlessLine) as error:
                    raise BrokenQuoting(file=self.path.name, row_no=row_no) from error
                yield row


class _EndlessLine(Exception):
    """A line that is longer than any row can be."""


def _lines(file: TextIO) -> Iterator[str]:
    while line := file.readline(_MAX_LINE):
        if len(line) == _MAX_LINE:
            raise _EndlessLine
        yield line


def _repaired(line: str) -> str:
    return line.translate(_SINCE_2000) if _PRIVATE.search(line) else line


def find_encoding(path: Path) -> str:
    """The encoding in which the whole file can be read. Raises UnknownEncoding, NotAWorkbook (binary data)."""
    with path.open("rb") as file:
        start = file.read(4)
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            if not _decodes(path, encoding):
                raise UnknownEncoding(file=path.name)
            return encoding
    with path.open("rb") as file:
        head = file.read(_BLOCK)
    if b"\0\0" in head:
        raise NotAWorkbook(file=path.name, reason="不是文本")
    for encoding in ("utf-8", "gb18030"):
        if _decodes(path, encoding):
            return encoding
    raise UnknownEncoding(file=path.name)


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True
