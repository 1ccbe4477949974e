"""A case file of invented people, and ways to spoil it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from songda.intake import Chunk, Problem, read_cases

AS_OF = date(2026, 11, 24)

#: One good row, by header.
GOOD = {
    "案件编号": "A-1",
    "姓名": "王安然",
    "身份证号": "11010519491231002X",
    "手机号": "19900000001",
    "剩余本金": "1234.50",
    "金额截止日": "2026-11-20",
    "逾期起始日": "2025-04-15",
    "地址1": "山东省济南市历下区泉城路180号3号楼2单元501室",
    "地址1来源": "合同",
}


@pytest.fixture
def good_row() -> dict[str, str]:
    return dict(GOOD)


@pytest.fixture
def as_of() -> date:
    return AS_OF


@pytest.fixture
def write_text_file(tmp_path: Path) -> Callable[..., Path]:
    def write(
        rows: Sequence[Sequence[str]], *, name: str = "cases.csv", encoding: str = "utf-8", sep: str = ","
    ) -> Path:
        buffer = io.StringIO(newline="")
        csv.writer(buffer, delimiter=sep).writerows(rows)
        path = tmp_path / name
        path.write_bytes(buffer.getvalue().encode(encoding))
        return path

    return write


@pytest.fixture
def write_workbook(tmp_path: Path) -> Callable[..., Path]:
    def write(
        rows: Sequence[Sequence[Any]], *, name: str = "cases.xlsx", sheet: str = "案件", others: Sequence[str] = ()
    ) -> Path:
        path = tmp_path / name
        with xlsxwriter.Workbook(str(path), {"default_date_format": "yyyy-mm-dd"}) as book:
            for other in others:
                book.add_worksheet(other).write_string(0, 0, "说明文字")
            page = book.add_worksheet(sheet)
            for row_no, row in enumerate(rows):
                for column, value in enumerate(row):
                    if isinstance(value, str):
                        page.write_string(row_no, column, value)
                    elif value is not None:
                        page.write(row_no, column, value)
        return path

    return write


class Everything:
    """All chunks of a file in one."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.chunks = list(chunks)
        self.cases = [row for chunk in chunks for row in chunk.cases.iter_rows(named=True)]
        self.addresses = [row for chunk in chunks for row in chunk.addresses.iter_rows(named=True)]
        self.contacts = [row for chunk in chunks for row in chunk.contacts.iter_rows(named=True)]
        self.rejected = [row for chunk in chunks for row in chunk.rejected]
        self.warnings = [problem for chunk in chunks for problem in chunk.warnings]

    @property
    def problems(self) -> list[Problem]:
        return [problem for row in self.rejected for problem in row.problems]

    @property
    def codes(self) -> list[str]:
        return [problem.code for problem in self.problems]


@pytest.fixture
def read_all() -> Callable[..., Everything]:
    def read(path: Path, **options: Any) -> Everything:
        return Everything(list(read_cases(path, as_of=AS_OF, **options)))

    return read


@pytest.fixture
def read_row(write_text_file: Callable[..., Path], read_all: Callable[..., Everything]) -> Callable[..., Everything]:
    """Read one good row with some cells replaced or added, by header."""

    def read(**cells: str) -> Everything:
        row = GOOD | cells
        return read_all(write_text_file([list(row), list(row.values())]))

    return read


@pytest.fixture
def read_cell(write_workbook: Callable[..., Path], read_all: Callable[..., Everything]) -> Callable[..., Everything]:
    """The same from a workbook, where a cell may be a number or a day."""

    def read(**cells: Any) -> Everything:
        row: dict[str, Any] = GOOD | cells
        return read_all(write_workbook([list(row), list(row.values())]))

    return read
