"""Reading whole files: rows, numbers, chunks, duplicates, and every problem of a row at once."""

from __future__ import annotations

import os
from datetime import date

import pytest

from songda.base.schemas import ADDRESSES, CASES, CONTACTS
from songda.intake import FileChanged, TooManyRows, cases, read_cases, sniff

FULL = {
    "合同编号": "HT-1",
    "产品类型": "信用卡",
    "产品": "安心卡",
    "收件人身份": "债务人",
    "利息": "10.00",
    "放款日期": "2024-03-15",
    "到期日期": "2026-03-15",
    "综合年化成本": "18%",
    "案件状态": "未结清",
    "有无争议": "否",
    "债务人状态": "正常",
    "特殊情形": "无",
    "债权是否转让": "否",
    "征信是否已事先告知": "是",
    "地址1依据": "履行合同",
    "地址1日期": "2024-03-15",
    "地址1有效期": "2031-03-15",
    "地址1归属": "债务人",
    "身份证地址": "北京市朝阳区建国路93号院10号楼1508室",
    "联系人1姓名": "王平",
    "联系人1电话": "19900000002",
    "联系人1关系": "父母",
    "联系人1来源": "通讯录",
    "联系人1日期": "2024-03-15",
    "联系人1号码状态": "空号",
    "联系人1号码归属地": "山东省",
    "联系人1核实结果": "不认识债务人",
    "承诺还款次数": "3",
    "承诺兑现次数": "1",
    "最近接通日": "2025-08-20",
}


def test_a_full_row_becomes_a_case_with_addresses_and_contacts(read_row):
    everything = read_row(**FULL)
    (case,), (first, second), (contact,) = everything.cases, everything.addresses, everything.contacts
    assert everything.rejected == []
    assert case["row_no"] == 2
    assert case["id_number"] == "11010519491231002X"
    assert case["phones"] == ["19900000001"]
    assert (case["principal_fen"], case["interest_fen"], case["penalty_fen"]) == (123450, 1000, None)
    assert (case["product"], case["product_name"], case["role"]) == ("credit_card", "安心卡", "debtor")
    assert (case["dispute_open"], case["debtor_flags"], case["assigned"]) == (False, [], False)
    assert case["annual_cost"] == 0.18
    assert (first["ordinal"], first["origin"], first["basis"], first["owner_role"]) == (
        1,
        "contract",
        "contract_performance",
        "debtor",
    )
    assert first["expires_on"] == date(2031, 3, 15)
    assert (second["ordinal"], second["origin"], second["basis"]) == (2, "id_card", None)
    assert contact == {
        "row_no": 2,
        "ordinal": 1,
        "name": "王平",
        "phone": "19900000002",
        "relation": "parent",
        "named_by": "phone_book_upload",
        "named_on": date(2024, 3, 15),
        "number_state": "vacant",
        "region": "山东省",
        "answer": "denied",
    }
    assert (case["promises_made"], case["promises_kept"], case["last_answered_on"]) == (3, 1, date(2025, 8, 20))


def test_more_promises_cannot_be_kept_than_made(read_row):
    assert read_row(承诺还款次数="1", 承诺兑现次数="2").codes == ["promises_kept"]
    assert read_row(承诺还款次数="2", 承诺兑现次数="2").codes == []
    assert read_row(承诺兑现次数="2").codes == []


def test_frames_have_exactly_the_declared_schemas(read_row):
    (chunk,) = read_row(**FULL).chunks
    assert chunk.cases.schema == CASES
    assert chunk.addresses.schema == ADDRESSES
    assert chunk.contacts.schema == CONTACTS


FACTS = [
    "product",
    "role",
    "annual_cost",
    "state",
    "dispute_open",
    "debtor_state",
    "debtor_flags",
    "assigned",
    "assignment_notice_arrived",
    "credit_notice_given",
    "limitation_event_on",
    "contract_no",
    "loan_amount_fen",
    "interest_fen",
    "penalty_fen",
    "fees_fen",
    "paid_fen",
    "disbursed_on",
    "due_on",
]


@pytest.mark.parametrize("fact", FACTS)
def test_what_the_file_does_not_say_stays_null(read_row, fact):
    assert read_row().cases[0][fact] is None


def test_the_phone_list_is_null_when_no_phone_is_given(read_row):
    assert read_row(手机号="").cases[0]["phones"] is None


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("产品类型", "product"),
        ("收件人身份", "role"),
        ("综合年化成本", "annual_cost"),
        ("案件状态", "state"),
        ("有无争议", "dispute_open"),
        ("债务人状态", "debtor_state"),
        ("特殊情形", "debtor_flags"),
        ("债权是否转让", "assigned"),
        ("征信是否已事先告知", "credit_notice_given"),
    ],
)
def test_a_blank_fact_stays_null_with_a_warning_and_the_row_is_read(read_row, header, field):
    everything = read_row(**FULL | {header: ""})
    assert everything.rejected == []
    assert everything.cases[0][field] is None
    assert [(w.row_no, w.column, w.code) for w in everything.warnings if w.column == header] == [
        (2, header, "fact_missing")
    ]


@pytest.mark.parametrize("part", ["来源", "依据", "日期", "有效期", "归属"])
def test_a_blank_fact_of_an_address_stays_null_with_a_warning(read_row, part):
    column = {"来源": "origin", "依据": "basis", "日期": "recorded_on", "有效期": "expires_on", "归属": "owner_role"}[
        part
    ]
    everything = read_row(**FULL | {f"地址1{part}": ""})
    assert everything.addresses[0][column] is None
    assert (2, f"地址1{part}", "fact_missing") in [(w.row_no, w.column, w.code) for w in everything.warnings]


def test_a_column_of_facts_that_is_absent_is_told_once_at_the_header(read_row):
    warnings = [w for w in read_row().warnings if w.code == "fact_column_missing"]
    assert {w.row_no for w in warnings} == {1}
    assert "有无争议" in {w.column for w in warnings}
    assert len({w.column for w in warnings}) == len(warnings)


@pytest.mark.parametrize("header", ["案件编号", "姓名", "身份证号", "剩余本金", "金额截止日", "逾期起始日", "地址1"])
def test_a_row_without_a_required_cell_is_refused_with_the_row_number(read_row, header):
    everything = read_row(**{header: "  "})
    assert everything.cases == []
    (problem,) = everything.problems
    assert (problem.row_no, problem.column) == (2, header)
    assert problem.code == ("no_address" if header == "地址1" else "missing")
    assert problem.remedy


def test_all_problems_of_a_row_are_told_at_once(read_row):
    everything = read_row(
        姓名="{{7*7}}", 身份证号="110105491231002", 剩余本金="1e300", 逾期起始日="1900-01-01", 手机号="123"
    )
    assert sorted(everything.codes) == ["amount_too_large", "day_1900", "id_15", "name_character", "phone_form"]
    assert everything.cases == everything.addresses == everything.contacts == []


def test_a_refused_row_is_handed_back_as_it_was_typed(read_row):
    everything = read_row(剩余本金=" 1.234 ", 备注="=1+1")
    (row,) = everything.rejected
    assert row.values[4] == " 1.234 "
    assert row.values[-1] == "=1+1"


def test_problems_and_refused_rows_show_no_personal_data_in_a_log(read_row):
    everything = read_row(姓名="王{安然", 身份证号="370102199001010000")
    text = repr(everything.rejected) + repr(everything.chunks)
    assert "王" not in text
    assert "370102" not in text


def test_numbers_and_days_of_a_workbook_are_read(read_cell):
    everything = read_cell(
        剩余本金=1234.5, 金额截止日=date(2026, 11, 20), 逾期起始日=45762, 手机号=19900000001, 案件编号=20260001
    )
    (case,) = everything.cases
    assert (case["principal_fen"], case["amount_on"], case["overdue_since"]) == (
        123450,
        date(2026, 11, 20),
        date(2025, 4, 15),
    )
    assert (case["phones"], case["case_no"]) == (["19900000001"], "20260001")


def test_10_an_id_number_that_the_workbook_holds_as_a_number_is_refused_and_never_cut(read_cell):
    everything = read_cell(身份证号=110105194912310021)
    assert everything.codes == ["id_as_number"]
    assert everything.rejected[0].values[2] == "1.1010519491231E+17"


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"放款日期": "2025-05-01", "逾期起始日": "2025-04-15"}, "day_order"),
        ({"放款日期": "2025-05-01", "到期日期": "2025-04-15", "逾期起始日": "2025-06-01"}, "day_order"),
        ({"金额截止日": "2025-01-01"}, "day_order"),
        ({"放款日期": "2025-01-01", "最近时效中断日": "2024-01-01"}, "day_order"),
        ({"逾期起始日": "2026-12-01"}, "day_future"),
        ({"金额截止日": "2026-11-25"}, "day_future"),
        ({"地址1日期": "2027-01-01"}, "day_future"),
    ],
)
def test_days_that_contradict_each_other_or_lie_ahead_are_refused(read_row, cells, code):
    assert set(read_row(**cells).codes) == {code}


def test_days_may_fall_together(read_row):
    same = dict.fromkeys(["放款日期", "到期日期", "逾期起始日", "金额截止日", "最近时效中断日"], "2026-11-20")
    assert read_row(**same).rejected == []


def test_a_due_day_and_an_expiry_may_lie_ahead(read_row):
    assert read_row(到期日期="2027-01-01", 地址1有效期="2030-01-01").rejected == []


@pytest.mark.parametrize("text", ["无", "不详", "同上", "测试", "户籍地"])
def test_19_a_placeholder_is_no_address(read_row, text):
    assert read_row(地址1=text).codes == ["no_address"]
    both = read_row(地址2=text)
    assert [row["ordinal"] for row in both.addresses] == [1]
    assert "no_address_text" in {w.code for w in both.warnings}


def test_details_of_an_empty_address_are_told(read_row):
    everything = read_row(地址2="", 地址2来源="合同")
    assert "orphan_detail" in {w.code for w in everything.warnings}


def test_a_filled_origin_wins_over_the_header(read_row):
    everything = read_row(合同地址="北京市朝阳区建国路93号", 合同地址来源="本人更新")
    assert everything.addresses[1]["origin"] == "debtor_update"


@pytest.mark.parametrize(
    ("word", "origin"), [("购买", "bought_list"), ("通讯录", "phone_book_upload"), ("快递", "courier_data")]
)
def test_an_address_of_forbidden_origin_is_kept_for_the_rules_to_block(read_row, word, origin):
    assert read_row(地址1来源=word).addresses[0]["origin"] == origin


def test_an_unknown_word_is_a_problem_that_names_the_allowed_words(read_row):
    (problem,) = read_row(地址1来源="朋友说的").problems
    assert problem.code == "word"
    assert "合同、身份证" in problem.remedy


def test_an_id_number_that_passes_but_may_have_been_cut_is_told(read_row):
    everything = read_row(身份证号="110105194901012000")
    assert everything.rejected == []
    assert "id_maybe_cut" in {w.code for w in everything.warnings}


def numbered(good_row, count, **changes):
    return [list(good_row)] + [list((good_row | {"案件编号": f"N-{i}"} | changes).values()) for i in range(count)]


def test_9_row_numbers_are_those_of_the_spreadsheet_with_blank_rows_between(
    good_row, write_workbook, write_text_file, read_all
):
    head, *rows = numbered(good_row, 3)
    blank = [""] * len(head)
    rows[1][4] = rows[2][4] = "错"
    content = [["某某银行委外清单"], [], head, rows[0], blank, [], rows[1], blank, rows[2]]
    for path in (write_workbook(content), write_text_file(content)):
        everything = read_all(path)
        assert [case["row_no"] for case in everything.cases] == [4]
        assert [row.row_no for row in everything.rejected] == [7, 9]
        assert sniff(path).header_row == 3


def test_a_cell_of_several_lines_does_not_shift_the_row_numbers(good_row, write_text_file, read_all):
    content = numbered(good_row, 3)
    content[1][7] = "山东省济南市\n历下区\r\n泉城路180号"
    content[3][4] = "错"
    everything = read_all(write_text_file(content))
    assert [row.row_no for row in everything.rejected] == [4]
    assert everything.addresses[0]["text"] == "山东省济南市 历下区 泉城路180号"


def test_chunks_hold_the_wanted_number_of_rows_and_know_their_range(good_row, write_text_file, as_of):
    path = write_text_file(numbered(good_row, 7))
    ranges = [(c.first_row, c.last_row, c.cases.height) for c in read_cases(path, as_of=as_of, chunk_rows=3)]
    assert ranges == [(2, 4, 3), (5, 7, 3), (8, 8, 1)]


def test_reading_continues_where_it_stopped_with_the_same_chunks(good_row, write_text_file, as_of):
    path = write_text_file(numbered(good_row, 7))
    whole = list(read_cases(path, as_of=as_of, chunk_rows=3))
    rest = list(read_cases(path, as_of=as_of, chunk_rows=3, start_row=whole[0].last_row + 1))
    assert [c.cases.rows() for c in rest] == [c.cases.rows() for c in whole[1:]]
    assert rest[0].warnings == []


def test_both_rows_of_a_duplicate_case_are_refused_and_named_even_across_chunks(good_row, write_text_file, read_all):
    content = numbered(good_row, 6)
    content[2][0] = "DUP-1"
    content[6][0] = " ＤＵＰ－1 "
    path = write_text_file(content)
    everything = read_all(path, chunk_rows=2)
    assert [row.row_no for row in everything.rejected] == [3, 7]
    assert {p.code for p in everything.problems} == {"duplicate_case"}
    assert all("第 3、7 行" in p.message for p in everything.problems)
    assert len(everything.cases) == 4
    resumed = read_all(path, chunk_rows=2, start_row=6)
    assert [row.row_no for row in resumed.rejected] == [7]


def test_two_rows_without_a_case_number_are_no_duplicates(good_row, write_text_file, read_all):
    assert read_all(write_text_file(numbered(good_row, 2, 案件编号=""))).codes == ["missing", "missing"]


def test_11_more_rows_than_the_limit_are_refused_before_the_first_chunk(good_row, write_text_file, as_of, monkeypatch):
    path = write_text_file(numbered(good_row, 6))
    monkeypatch.setattr(cases, "MAX_ROWS", 6)
    assert len(list(read_cases(path, as_of=as_of))) == 1
    monkeypatch.setattr(cases, "MAX_ROWS", 5)
    with pytest.raises(TooManyRows):
        next(read_cases(path, as_of=as_of))


def test_a_file_that_changes_while_it_is_read_stops_the_reading(good_row, write_text_file, as_of):
    path = write_text_file(numbered(good_row, 6))
    chunks = read_cases(path, as_of=as_of, chunk_rows=2)
    next(chunks)
    os.utime(path, ns=(1, 1))
    with pytest.raises(FileChanged):
        next(chunks)


def test_another_file_under_the_same_name_is_refused_when_work_continues(good_row, write_text_file, as_of):
    path = write_text_file(numbered(good_row, 2))
    digest = sniff(path).sha256
    assert list(read_cases(path, as_of=as_of, sha256=digest, start_row=3))
    write_text_file(numbered(good_row, 3))
    with pytest.raises(FileChanged):
        next(read_cases(path, as_of=as_of, sha256=digest, start_row=3))


def test_a_saved_mapping_reads_a_file_of_foreign_headers(good_row, write_text_file, read_all):
    row = {("委托序列" if key == "案件编号" else key): value for key, value in good_row.items()}
    path = write_text_file([list(row), list(row.values())])
    assert read_all(path, mapping={"委托序列": "case_no"}).cases[0]["case_no"] == "A-1"


def test_unknown_columns_are_told_and_not_read(read_row):
    everything = read_row(备注="x" * 10_000)
    assert everything.rejected == []
    assert ("备注", "unknown_column") in [(w.column, w.code) for w in everything.warnings]


def test_a_row_with_ten_thousand_characters_in_a_cell_is_refused_whole(read_row):
    everything = read_row(地址1="路" * 10_000)
    assert everything.codes == ["too_long"]
    assert len(everything.rejected[0].values[7]) == 10_000


def test_a_text_row_with_more_cells_than_headers_is_refused(good_row, write_text_file, read_all):
    content = numbered(good_row, 1)
    content[1].append("落单的内容")
    assert read_all(write_text_file(content)).codes == ["extra_cells"]
    content[1][-1] = " "
    assert read_all(write_text_file(content)).rejected == []


def test_a_short_row_is_read_as_far_as_it_goes(good_row, write_text_file, read_all):
    content = numbered(good_row, 1)
    content[1] = content[1][:8]
    everything = read_all(write_text_file(content))
    assert everything.addresses[0]["origin"] is None


def test_a_contact_without_a_name_is_kept_and_told(read_row):
    everything = read_row(联系人1电话="19900000002", 联系人1姓名="")
    assert everything.contacts[0]["name"] is None
    assert "contact_without_name" in {w.code for w in everything.warnings}


def test_the_same_phone_twice_is_one_phone(read_row):
    assert read_row(联系电话="+86 19900000001、0531-88888888").cases[0]["phones"] == ["19900000001", "053188888888"]


def test_a_principal_above_the_loan_is_told(read_row):
    assert "principal_above_loan" in {w.code for w in read_row(放款金额="100").warnings}
