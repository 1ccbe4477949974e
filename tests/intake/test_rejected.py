"""Rows handed back: the person's own columns with reasons, private, whole or not there, ready to be read again."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest
import python_calamine
import xlsxwriter

from songda.intake import CannotWrite, read_cases, sniff, write_rejected, write_template
from songda.intake import rejected as rejected_module


def rows_of(path: Path) -> list[list[str]]:
    return python_calamine.load_workbook(str(path)).get_sheet_by_index(0).to_python()


@pytest.fixture
def spoiled(good_row, write_text_file):
    """A file whose rows 3 and 4 cannot be read."""
    rows = [good_row | {"案件编号": f"R-{i}", "备注": "=1+1"} for i in range(3)]
    rows[1] |= {"姓名": "=王安", "剩余本金": "1.234"}
    rows[2] |= {"身份证号": "370102199001010000"}
    return write_text_file([list(rows[0]), *[list(row.values()) for row in rows]])


def refused_rows(path, as_of):
    return [row for chunk in read_cases(path, as_of=as_of) for row in chunk.rejected]


def test_refused_rows_come_back_with_their_own_columns_reasons_and_remedies(spoiled, tmp_path, as_of):
    out = tmp_path / "rejected.xlsx"
    assert write_rejected(out, sniff(spoiled), refused_rows(spoiled, as_of)) == 2
    head, first, second = rows_of(out)
    assert head == ["行号", "原因", "处理办法", *sniff(spoiled).headers]
    assert (first[0], second[0]) == ("3", "4")
    assert "【姓名】姓名以 = + - @ 开头" in first[1]
    assert "【剩余本金】金额超过两位小数" in first[1]
    assert "身份证" in second[2]
    assert first[3:6] == ["R-1", "=王安", "11010519491231002X"]
    assert second[5] == "370102199001010000"


def test_14_what_looks_like_a_formula_is_written_as_text(spoiled, tmp_path, as_of):
    out = tmp_path / "rejected.xlsx"
    write_rejected(out, sniff(spoiled), refused_rows(spoiled, as_of))
    import zipfile

    with zipfile.ZipFile(out) as archive:
        page = archive.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in page
    assert "=王安".encode() in page


def test_the_corrected_file_can_be_read_again_as_it_is(spoiled, tmp_path, as_of, read_all):
    out = tmp_path / "rejected.xlsx"
    write_rejected(out, sniff(spoiled), refused_rows(spoiled, as_of))
    head, *rows = rows_of(out)
    for row in rows:
        row[head.index("姓名")], row[head.index("剩余本金")] = "王安", "1.23"
        row[head.index("身份证号")] = "11010519491231002X"
    corrected = tmp_path / "corrected.xlsx"
    with xlsxwriter.Workbook(str(corrected)) as book:
        page = book.add_worksheet()
        for row_no, row in enumerate([head, *rows]):
            for column, value in enumerate(row):
                page.write_string(row_no, column, value)
    everything = read_all(corrected)
    assert everything.rejected == []
    assert [case["case_no"] for case in everything.cases] == ["R-1", "R-2"]


def test_a_file_refused_twice_carries_our_columns_once(spoiled, tmp_path, as_of):
    once, twice = tmp_path / "once.xlsx", tmp_path / "twice.xlsx"
    write_rejected(once, sniff(spoiled), refused_rows(spoiled, as_of))
    write_rejected(twice, sniff(once), refused_rows(once, as_of))
    head, first, _ = rows_of(twice)
    assert head == ["行号", "原因", "处理办法", *sniff(spoiled).headers]
    assert first[0] == "2"
    assert first[3] == "R-1"


def test_only_the_owner_can_read_the_file_and_nothing_else_is_left(spoiled, tmp_path, as_of):
    out = tmp_path / "rejected.xlsx"
    out.write_bytes(b"old")
    out.chmod(0o644)
    write_rejected(out, sniff(spoiled), refused_rows(spoiled, as_of))
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cases.csv", "rejected.xlsx"]


def test_while_it_is_written_nobody_else_can_look_at_the_draft(spoiled, tmp_path, as_of):
    seen = []

    def rows():
        for row in refused_rows(spoiled, as_of):
            (folder,) = [path for path in tmp_path.iterdir() if path.is_dir()]
            seen.append(stat.S_IMODE(folder.stat().st_mode))
            yield row

    write_rejected(tmp_path / "rejected.xlsx", sniff(spoiled), rows())
    assert seen == [0o700, 0o700]


def test_a_writing_that_fails_leaves_the_old_file_and_no_draft(spoiled, tmp_path, as_of):
    out = tmp_path / "rejected.xlsx"
    out.write_bytes(b"old")

    def rows():
        yield from refused_rows(spoiled, as_of)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(CannotWrite) as caught:
        write_rejected(out, sniff(spoiled), rows())
    assert "磁盘已满" in caught.value.message_zh
    assert caught.value.exit_code == 73
    assert out.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cases.csv", "rejected.xlsx"]


@pytest.mark.parametrize("write", [write_template, lambda path: write_rejected(path, SHEET, [])])
def test_a_full_disk_is_told_in_chinese_and_leaves_nothing(tmp_path, monkeypatch, write):
    def full(self, *args, **kwargs):
        raise xlsxwriter.exceptions.FileCreateError(OSError(errno.ENOSPC, "No space left on device"))

    monkeypatch.setattr(xlsxwriter.Workbook, "_store_workbook", full)
    with pytest.raises(CannotWrite, match="磁盘已满"):
        write(tmp_path / "out.xlsx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("write", [write_template, lambda path: write_rejected(path, SHEET, [])])
def test_a_folder_that_is_not_there_is_told_in_chinese(tmp_path, write):
    with pytest.raises(CannotWrite, match="目录不存在"):
        write(tmp_path / "none" / "out.xlsx")


def test_a_target_that_is_a_folder_is_told_in_chinese(tmp_path):
    (tmp_path / "out.xlsx").mkdir()
    with pytest.raises(CannotWrite, match="同名的是一个目录"):
        write_template(tmp_path / "out.xlsx")


def test_a_text_beyond_what_a_cell_takes_says_that_it_was_shortened(good_row, write_text_file, tmp_path, as_of):
    row = good_row | {"地址1": "路" * 100_000}
    path = write_text_file([list(row), list(row.values())])
    out = tmp_path / "rejected.xlsx"
    write_rejected(out, sniff(path), refused_rows(path, as_of))
    cell = rows_of(out)[1][3 + list(row).index("地址1")]
    assert cell.startswith("路" * rejected_module._CELL_LIMIT)
    assert cell.endswith("（原文共 100000 个字，见原文件）")


def test_cells_beyond_the_headers_are_handed_back_too(good_row, write_text_file, tmp_path, as_of):
    path = write_text_file([list(good_row), [*good_row.values(), "落单"]])
    out = tmp_path / "rejected.xlsx"
    write_rejected(out, sniff(path), refused_rows(path, as_of))
    assert rows_of(out)[1][-1] == "落单"


SHEET = None


@pytest.fixture(autouse=True)
def any_sheet(good_row, tmp_path_factory):
    global SHEET  # noqa: PLW0603 -- parametrised writers need a sheet
    path = tmp_path_factory.mktemp("any") / "cases.csv"
    path.write_text(",".join(good_row) + "\n" + ",".join(good_row.values()))
    SHEET = sniff(path)
