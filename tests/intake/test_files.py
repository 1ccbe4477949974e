"""Files as they come: encodings, delimiters, headers below titles and in two rows, workbooks, broken ones."""

from __future__ import annotations

import io
import struct
import time
import zipfile

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from songda.base.errors import SongdaError
from songda.intake import (
    AmbiguousColumn,
    BrokenQuoting,
    CannotRead,
    EmptyFile,
    MissingColumns,
    NoCaseSheet,
    NoSuchFile,
    NotAWorkbook,
    PasswordProtected,
    TooLarge,
    UnknownEncoding,
    read_cases,
    sniff,
)
from songda.intake.delimited import DelimitedTable


def read(path, as_of):
    return list(read_cases(path, as_of=as_of))


@pytest.mark.parametrize(
    ("encoding", "seen"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("gb18030", "gb18030"), ("gbk", "gb18030"), ("utf-16", "utf-16")],
)
@pytest.mark.parametrize("sep", [",", ";", "\t", "|"])
def test_every_usual_encoding_and_delimiter_is_found(good_row, write_text_file, read_all, encoding, seen, sep):
    path = write_text_file([list(good_row), list(good_row.values())], encoding=encoding, sep=sep)
    sheet = sniff(path)
    assert (sheet.encoding, sheet.delimiter, sheet.kind) == (seen, sep, "text")
    assert read_all(path).cases[0]["name"] == "王安然"


@pytest.mark.parametrize("name", ["㛃一", "䶮二", "𬎆三", "𡋾四"])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_rare_characters_come_through_every_encoding(good_row, write_text_file, read_all, name, encoding):
    row = good_row | {"姓名": name}
    assert read_all(write_text_file([list(row), list(row.values())], encoding=encoding)).cases[0]["name"] == name


def test_characters_that_the_edition_of_2000_had_no_code_for_are_read_by_the_later_ones(good_row, tmp_path, read_all):
    text = ",".join(good_row) + "\n" + ",".join(good_row.values())
    path = tmp_path / "cases.csv"
    path.write_bytes(text.encode("gb18030").replace("安然".encode("gb18030"), b"\xfe\x51\xfe\x59"))
    assert read_all(path).cases[0]["name"] == "王\U00020087龴"


def test_bytes_of_no_chinese_encoding_are_refused(good_row, tmp_path, as_of):
    path = tmp_path / "cases.csv"
    path.write_bytes(",".join(good_row).encode() + b"\n\xff\xff\xfe\xfe")
    with pytest.raises(UnknownEncoding):
        read(path, as_of)


def test_a_half_character_after_a_byte_order_mark_is_refused(good_row, tmp_path, as_of):
    path = tmp_path / "cases.csv"
    path.write_bytes(b"\xef\xbb\xbf" + ",".join(good_row).encode() + b"\n\xe7\x8e")
    with pytest.raises(UnknownEncoding):
        read(path, as_of)


@pytest.mark.parametrize(
    ("quoted", "row_no"), [('"没有关上的引号', 4), ('"关上"后面还有字', 4), ('"' + "长" * 200_000 + '"', 4)]
)
def test_quotes_that_do_not_match_stop_the_reading_and_name_the_row(good_row, tmp_path, as_of, quoted, row_no):
    line = ",".join(good_row.values())
    path = tmp_path / "cases.csv"
    path.write_text("\n".join([",".join(good_row), line, "", line.replace("王安然", quoted), line]))
    with pytest.raises(BrokenQuoting) as caught:
        read(path, as_of)
    assert caught.value.data["row_no"] == row_no


def test_a_line_without_end_does_not_fill_the_memory(good_row, tmp_path, as_of):
    path = tmp_path / "cases.csv"
    path.write_text(",".join(good_row) + "\n" + "1," * 5_000_000)
    with pytest.raises(BrokenQuoting):
        read(path, as_of)


def test_a_cell_of_brackets_does_not_make_the_search_for_the_header_crawl(good_row, write_text_file, read_all):
    row = good_row | {"备注": "(" * 100_000}
    started = time.process_time()
    assert len(read_all(write_text_file([list(row), list(row.values())])).cases) == 1
    assert time.process_time() - started < 5


def test_text_in_a_file_called_xls_is_read_as_text(good_row, write_text_file, read_all):
    path = write_text_file([list(good_row), list(good_row.values())], name="cases.xls", sep="\t", encoding="gb18030")
    assert read_all(path).cases[0]["case_no"] == "A-1"


def test_a_workbook_called_csv_is_read_as_a_workbook(good_row, write_workbook, read_all):
    path = write_workbook([list(good_row), list(good_row.values())], name="cases.csv")
    assert read_all(path).cases[0]["case_no"] == "A-1"


def test_the_sheet_that_looks_most_like_cases_is_chosen_and_its_rivals_are_told(good_row, tmp_path, read_all):
    path = tmp_path / "cases.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet("封面").write(0, 0, "委外清单")
        fewer = book.add_worksheet("旧表")
        fewer.write_row(0, 0, ["案件编号", "姓名", "身份证号", "本金"])
        page = book.add_worksheet("十一月")
        page.write_row(0, 0, list(good_row))
        page.write_row(1, 0, list(good_row.values()))
    sheet = sniff(path)
    assert (sheet.name, sheet.other_sheets, sheet.total_rows) == ("十一月", ("旧表",), 1)
    everything = read_all(path)
    assert len(everything.cases) == 1
    assert [w.message for w in everything.warnings if w.code == "other_case_sheet"] == [
        "工作表“旧表”看起来也是案件表，本次没有读取"
    ]


def test_a_workbook_whose_table_starts_right_and_below_of_the_corner_is_read(good_row, tmp_path, read_all):
    path = tmp_path / "cases.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        page = book.add_worksheet()
        page.merge_range(1, 3, 1, 8, "委外清单")
        page.write_row(4, 3, list(good_row))
        page.write_row(6, 3, [*good_row.values()])
    assert [case["row_no"] for case in read_all(path).cases] == [7]
    assert sniff(path).header_row == 5


def test_a_header_of_two_rows_with_merged_groups_is_understood(good_row, tmp_path, read_all):
    path = tmp_path / "cases.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        page = book.add_worksheet()
        page.merge_range(0, 0, 0, 9, "委外清单")
        page.merge_range(1, 0, 2, 0, "案件编号")
        page.merge_range(1, 1, 1, 3, "债务人信息")
        page.write_row(2, 1, ["姓名", "身份证号", "手机号"])
        page.merge_range(1, 4, 1, 6, "欠款")
        page.write_row(2, 4, ["本金（元）", "截止日期", "逾期日期"])
        page.merge_range(1, 7, 1, 8, "地址1")
        page.write_row(2, 7, ["内容", "来源"])
        page.merge_range(1, 9, 1, 10, "联系人1")
        page.write_row(2, 9, ["姓名", "电话"])
        page.write_row(3, 0, [*good_row.values(), "王平", "19900000002"])
    everything = read_all(path)
    assert everything.rejected == []
    assert everything.cases[0]["row_no"] == 4
    assert everything.cases[0]["name"] == "王安然"
    assert everything.addresses[0]["origin"] == "contract"
    assert everything.contacts[0]["name"] == "王平"
    assert sniff(path).header_row == 3


def test_a_header_of_two_rows_in_a_text_file_is_understood(good_row, write_text_file, read_all):
    upper = ["案件", "债务人", "", "", "金额", "日期", "", "地址1", ""]
    lower = ["案件编号", "姓名", "身份证号", "手机号", "本金", "截止日期", "逾期日期", "内容", "来源"]
    everything = read_all(write_text_file([upper, lower, list(good_row.values())]))
    assert everything.cases[0]["name"] == "王安然"
    assert everything.addresses[0]["origin"] == "contract"


def test_the_guarantors_column_under_a_merged_group_is_never_taken_for_the_debtors(good_row, write_text_file, as_of):
    upper = ["案件", "担保人", "", "", "金额", "日期", "", "地址1", ""]
    lower = ["案件编号", "姓名", "身份证号", "手机号", "本金", "截止日期", "逾期日期", "内容", "来源"]
    with pytest.raises(MissingColumns) as caught:
        read(write_text_file([upper, lower, list(good_row.values())]), as_of)
    assert caught.value.data["missing"] == "姓名、身份证号"
    assert "担保人/姓名" in caught.value.data["unknown"]


def test_notes_above_the_header_are_no_groups(good_row, write_text_file, read_all):
    notes = ["委托方：某某银行", "", "批次：2026-11", "", "共 1 户"]
    everything = read_all(write_text_file([notes, list(good_row), list(good_row.values())]))
    assert everything.cases[0]["row_no"] == 3


def test_a_lone_merged_group_over_some_columns_is_never_overlooked(good_row, tmp_path, as_of):
    path = tmp_path / "cases.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        page = book.add_worksheet()
        page.merge_range(0, 1, 0, 3, "保证人")
        page.write_row(1, 0, list(good_row))
        page.write_row(2, 0, list(good_row.values()))
    with pytest.raises(MissingColumns) as caught:
        read(path, as_of)
    assert caught.value.data["unknown"] == "保证人/姓名、保证人/身份证号、保证人/手机号"


def test_columns_without_a_name_under_a_merged_group_are_refused_with_both_names(good_row, write_text_file, as_of):
    upper = ["案件", "债务人", "", "", "金额", "日期", "", "地址", "", "客户", ""]
    lower = [
        "案件编号",
        "姓名",
        "身份证号",
        "手机号",
        "本金",
        "截止日期",
        "逾期日期",
        "地址1",
        "地址1来源",
        "姓名",
        "关系",
    ]
    with pytest.raises(AmbiguousColumn, match="姓名"):
        read(write_text_file([upper, lower, [*good_row.values(), "王平", "父母"]]), as_of)


def test_a_formula_in_a_workbook_is_read_by_its_value_and_text_that_looks_like_one_stays_text(
    good_row, tmp_path, read_all
):
    path = tmp_path / "cases.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        page = book.add_worksheet()
        page.write_row(0, 0, [*good_row, "产品名称"])
        for column, value in enumerate(good_row.values()):
            page.write_string(1, column, value)
        page.write_formula(1, 4, "=1000+234.5", None, 1234.5)
        page.write_string(1, 9, "=cmd|' /C calc'!A0")
    everything = read_all(path)
    assert everything.cases[0]["principal_fen"] == 123450
    assert everything.cases[0]["product_name"] == "=cmd|' /C calc'!A0"


def compound_file(stream_name: str, stream: bytes) -> bytes:
    """The smallest compound file (MS-CFB) with one stream: header, one FAT sector, one directory sector, the stream."""
    stream += b"\0" * (max(4096, -(-len(stream) // 512) * 512) - len(stream))
    sectors = len(stream) // 512
    fat = [0xFFFFFFFD, 0xFFFFFFFE, *range(3, 2 + sectors), 0xFFFFFFFE]
    fat += [0xFFFFFFFF] * (128 - len(fat))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + b"\0" * 6
    header += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    header += struct.pack("<I", 0) + b"\xff" * (108 * 4)

    def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
        coded = name.encode("utf-16-le") + b"\0\0"
        tail = struct.pack("<HBBIII", len(coded), kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child) + b"\0" * 36
        return coded.ljust(64, b"\0") + tail + struct.pack("<IQ", start, size)

    directory = entry("Root Entry", 5, 1, 0xFFFFFFFE, 0) + entry(stream_name, 2, 0xFFFFFFFF, 2, len(stream))
    return header + struct.pack("<128I", *fat) + directory.ljust(512, b"\0") + stream


def biff8(rows: list[list[str]]) -> bytes:
    """A workbook stream of Excel 97-2003 (MS-XLS) with one sheet of label records."""

    def record(kind: int, body: bytes) -> bytes:
        return struct.pack("<HH", kind, len(body)) + body

    cells = b"".join(
        record(0x0204, struct.pack("<HHHHB", r, c, 0, len(text), 1) + text.encode("utf-16-le"))
        for r, row in enumerate(rows)
        for c, text in enumerate(row)
    )
    sheet = record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 0, 0, 0)) + cells + record(0x000A, b"")
    head = record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 0)) + record(0x0042, struct.pack("<H", 1200))
    name = struct.pack("<BB", 6, 0) + b"Sheet1"
    size = len(head) + len(record(0x0085, b"\0" * 6 + name)) + 4
    return head + record(0x0085, struct.pack("<IBB", size, 0, 0) + name) + record(0x000A, b"") + sheet


def test_a_workbook_of_excel_97_is_read(good_row, tmp_path, read_all):
    path = tmp_path / "cases.xls"
    path.write_bytes(compound_file("Workbook", biff8([list(good_row), list(good_row.values())])))
    everything = read_all(path)
    assert everything.rejected == []
    assert everything.cases[0]["name"] == "王安然"


def test_a_workbook_with_an_opening_password_is_refused_with_what_to_do(tmp_path, as_of):
    path = tmp_path / "cases.xlsx"
    path.write_bytes(compound_file("EncryptedPackage", b"x" * 5000))
    with pytest.raises(PasswordProtected) as caught:
        read(path, as_of)
    assert "密码" in caught.value.message_zh
    assert caught.value.exit_code == 65


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("a.csv", b"", EmptyFile),
        ("a.xlsx", b"", EmptyFile),
        ("a.csv", b"\xef\xbb\xbf \r\n\r\n", EmptyFile),
        ("a.csv", "案件编号,姓名,身份证号,本金,截止日期,逾期日期,地址1\n\n,,\n".encode(), EmptyFile),
        ("a.xlsx", b"hello", NotAWorkbook),
        ("a.xlsx", b"PK\x03\x04 broken", NotAWorkbook),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, NotAWorkbook),
        ("a.xls", b"<html><table><tr><td>x</td></tr></table>", NotAWorkbook),
        ("a.xls", b'<?xml version="1.0"?><Workbook/>', NotAWorkbook),
        ("a.csv", b"\x89PNG\r\n\x1a\n\0\0\0\0", NotAWorkbook),
        ("a.csv", "甲,乙,丙\n1,2,3\n".encode(), NoCaseSheet),
        ("a.csv", "案件编号,姓名,身份证号,本金(万元),金额截止日\nA,王安然,1,2,3\n".encode(), MissingColumns),
        ("a.csv", "案件编号,姓名,客户姓名,身份证号,本金\n".encode(), AmbiguousColumn),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_chinese_with_a_remedy_and_an_exit_code(
    tmp_path, as_of, name, content, error
):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(error) as caught:
        read(path, as_of)
    assert caught.value.exit_code in (65, 66)
    assert caught.value.remedy
    assert "{" not in caught.value.message_zh


def test_an_empty_workbook_is_empty(tmp_path, as_of):
    path = tmp_path / "cases.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet()
    with pytest.raises(EmptyFile):
        read(path, as_of)


def test_a_workbook_without_a_case_sheet_lists_its_sheets(tmp_path, as_of):
    path = tmp_path / "cases.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet("封面").write(0, 0, "x")
        book.add_worksheet("汇总").write(0, 0, "y")
    with pytest.raises(NoCaseSheet) as caught:
        read(path, as_of)
    assert caught.value.data["sheets"] == "封面、汇总"


def test_missing_columns_name_what_was_not_recognised(good_row, write_text_file, as_of):
    row = {("剩余本金(万元)" if key == "剩余本金" else key): value for key, value in good_row.items()}
    with pytest.raises(MissingColumns) as caught:
        read(write_text_file([list(row), list(row.values())]), as_of)
    assert caught.value.data == {"missing": "剩余本金", "unknown": "剩余本金(万元)"}
    assert "以元为单位" in caught.value.message_zh


def test_a_path_that_is_not_there_or_is_a_folder_is_refused(tmp_path, as_of):
    with pytest.raises(NoSuchFile):
        read(tmp_path / "none.csv", as_of)
    with pytest.raises(CannotRead):
        read(tmp_path, as_of)


def test_one_stray_value_in_the_last_cell_does_not_reserve_the_whole_grid(good_row, tmp_path, as_of):
    path = tmp_path / "cases.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        page = book.add_worksheet()
        page.write_row(0, 0, list(good_row))
        page.write_row(1, 0, list(good_row.values()))
        page.write_string(1_048_575, 16_383, "x")
    with pytest.raises(TooLarge) as caught:
        read(path, as_of)
    assert "1048576 行 16384 列" in caught.value.message_zh


def test_formatting_in_the_last_cell_does_no_harm(good_row, tmp_path, read_all):
    path = tmp_path / "cases.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        page = book.add_worksheet()
        page.write_row(0, 0, list(good_row))
        page.write_row(1, 0, list(good_row.values()))
        page.write_blank(1_048_575, 16_383, None, book.add_format({"bold": True}))
    assert len(read_all(path).cases) == 1


def test_a_workbook_that_unpacks_to_more_than_any_case_file_is_refused(tmp_path, as_of, monkeypatch):
    from songda.intake import workbook

    monkeypatch.setattr(workbook, "_MAX_UNPACKED", 1 << 20)
    path = tmp_path / "cases.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (2 << 20))
    with pytest.raises(TooLarge):
        read(path, as_of)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400), st.sampled_from(["cases.csv", "cases.xlsx", "cases.xls", "cases.txt"]))
def test_any_bytes_are_read_or_refused_with_an_expected_error(tmp_path, as_of, content, name):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SongdaError):
        read(path, as_of)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=8), min_size=2, max_size=4),
        min_size=1,
        max_size=6,
    )
)
def test_a_table_written_as_csv_is_read_back_cell_by_cell(tmp_path, rows):
    import csv

    path = tmp_path / "table.csv"
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows(rows)
    path.write_bytes(buffer.getvalue().encode())
    assert list(DelimitedTable(path, "utf-8", ",").rows()) == rows
