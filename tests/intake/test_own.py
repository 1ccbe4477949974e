"""Columns of a case file that feed the variables of a firm's own templates."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from songda.intake import AmbiguousColumn, Chunk, read_cases
from songda.sim.case_rows import DAY, case_row, write_rows

TYPES = {"机构": "text", "日": "date", "额": "amount", "数": "number", "是否": "flag"}


def read(tmp_path: Path, **cells: str) -> Chunk:
    row = case_row(1, 1) | {f"自定义:{name}": text for name, text in cells.items()}
    (chunk,) = read_cases(write_rows(tmp_path / "cases.csv", row), as_of=DAY, own=TYPES)
    return chunk


def test_values_are_read_by_their_types(tmp_path: Path) -> None:
    chunk = read(tmp_path, 机构="{{x}}#$", 日="2026/9/30", 额="1,200.50", 数="15", 是否="否")
    stated = orjson.loads(chunk.cases["own_values"][0])
    values = {"机构": "{{x}}#$", "日": "2026-09-30", "额": 120050, "数": 15, "是否": False}
    assert stated == {name: [TYPES[name], value] for name, value in values.items()}


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("日", "明天", "day_form"),
        ("额", "-1", "amount_negative"),
        ("数", "1.5", "whole_number"),
        ("是否", "也许", "flag_word"),
        ("机构", "字" * 201, "too_long"),
        ("机构", "a\u202eb", "bidi_character"),
    ],
)
def test_a_value_that_is_not_of_its_type_refuses_the_row(tmp_path: Path, name: str, text: str, code: str) -> None:
    ((row),) = read(tmp_path, **{name: text}).rejected
    assert [(each.column, each.code) for each in row.problems] == [(f"自定义:{name}", code)]


def test_an_undeclared_variable_is_not_read_and_said_so(tmp_path: Path) -> None:
    chunk = read(tmp_path, 别的="x")
    assert chunk.cases["own_values"][0] is None
    assert ("自定义:别的", "unknown_column") in {(each.column, each.code) for each in chunk.warnings}


def test_two_columns_for_one_variable_are_refused(tmp_path: Path) -> None:
    row = case_row(1, 1) | {"自定义:数": "1", "自定义：数": "2"}
    with pytest.raises(AmbiguousColumn):
        next(read_cases(write_rows(tmp_path / "cases.csv", row), as_of=DAY, own=TYPES))
