"""What is printed is read again: figures against the record, accounts against the white list, words against the lists."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sample_letters import letter

from songda.letters import Content, Kind, house_template, invented, parse, passages, proofread
from songda.letters import proofreading as module
from songda.letters.printed import Passage

ACCOUNT = "31010000000000001234"
TEMPLATE = house_template("lawyer_letter")
DECLARED = """+++
kind = "lawyer_letter"
name = "自有变量"

[[variables]]
name = "说明"
type = "text"
meaning = "说明"
example = "无"
required = false

[[variables]]
name = "协商截止日"
type = "date"
meaning = "协商截止日"
example = "2026-12-31"
required = false

[[variables]]
name = "减免金额"
type = "amount"
meaning = "减免金额"
example = "100"
required = false
+++
"""


def own(line: str) -> Any:
    body = TEMPLATE.text.partition("+++\n")[2].partition("+++\n")[2]
    return parse(DECLARED + body.replace("特此函告。", f"特此函告。{line}"))


def problems(content: Content, template: Any = TEMPLATE) -> tuple[str, ...]:
    return proofread(template, content, accounts=[ACCOUNT]).problems


@pytest.mark.parametrize("kind", ["lawyer_letter", "reminder", "mediation", "assignment_notice", "court_forward"])
def test_letters_of_ours_are_without_fault(kind: Kind) -> None:
    template = house_template(kind)
    content = invented(template)
    proof = proofread(template, content, accounts=[ACCOUNT])
    assert (proof.hits, proof.problems, proof.total_fen) == ((), (), content.total_fen)


@pytest.mark.parametrize("lines", [1, 2, 5, 30])
def test_the_sum_is_read_off_the_table(lines: int) -> None:
    content = letter(lines=lines)
    assert proofread(TEMPLATE, content, accounts=[ACCOUNT]).total_fen == content.total_fen


def test_an_account_that_is_not_on_the_white_list_holds_the_letter() -> None:
    assert proofread(TEMPLATE, letter(), accounts=["31010000000000009999"]).problems == ("printed.account",)


@pytest.mark.parametrize(
    "number",
    [
        "6222021234567890123",
        "6222 0212 3456 7890 123",
        "６２２２０２１２３４５６７８９０",
        "六二二二〇二一二三四五六七八九",
    ],
)
def test_an_account_that_hides_in_a_value_is_found_however_it_is_written(number: str) -> None:
    template = own("{{说明}}")
    assert problems(replace(letter(), extra=(("说明", f"请汇至{number}"),)), template) == ("printed.account",)
    line = replace(letter().lines[0], product_name=f"云享贷 {number}")
    assert problems(replace(letter(), lines=(line,))) == ("printed.account",)


def test_a_hash_of_a_document_is_no_account() -> None:
    template = own("{{说明}}")
    assert problems(replace(letter(), extra=(("说明", "1234567890123456" * 4),)), template) == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("另付88.80元", "printed.amount"),
        ("另付3万元", "printed.amount"),
        ("另付 1,000.00", "printed.amount"),
        ("请于2026年12月1日前付款", "printed.day"),
        ("请于2026-12-01前付款", "printed.day"),
        ("请于2026年13月1日前付款", "printed.day"),
        ("合计壹佰元整", "printed.capital"),
    ],
)
def test_figures_that_the_record_does_not_hold_are_found_in_a_value(text: str, problem: str) -> None:
    template = own("{{说明}}")
    assert problems(replace(letter(), extra=(("说明", text),)), template) == (problem,)


def test_amounts_and_days_of_a_firms_own_variables_may_be_printed() -> None:
    template = own("减免{{减免金额}}元，至{{协商截止日}}。")
    content = replace(letter(), extra=(("减免金额", 12_345), ("协商截止日", "2026-12-31")))
    assert problems(content, template) == ()


def test_what_the_template_writes_itself_was_read_by_whoever_approved_it() -> None:
    assert problems(letter(), own("依2020年8月20日的规定，标的在3000元以下的，请来电。")) == ()


@pytest.mark.parametrize("name", ["陆元方", "伍佰元", "万元整"])
def test_a_name_is_neither_an_amount_nor_an_account(name: str) -> None:
    assert problems(letter(name=name, address=("浙江省杭州市西湖区18元宝街2026年5月1日", "文一路18号"))) == ()


def test_days_beyond_reason_hold_the_letter() -> None:
    line = replace(letter().lines[0], disbursed_on=date(1924, 3, 1))
    assert problems(replace(letter(), lines=(line,))) == ("printed.implausible_day",)
    line = replace(letter().lines[0], due_on=date(2125, 3, 1))
    assert problems(replace(letter(), lines=(line,))) == ("printed.implausible_day",)


@pytest.mark.parametrize(
    ("place", "old", "new", "problem"),
    [
        ("amounts", "10,000.00", "10,000.01", "printed.ledger"),
        ("amounts", "30,000.00", "30,000.10", "printed.sums"),
        ("annex", "2024-03-01", "2024-03-02", "printed.ledger"),
        ("annex", "18,000.00", "19,000.00", "printed.ledger"),
        ("text", "30,000.00", "31,000.00", "printed.total"),
        ("text", "叁万元整", "叁万壹仟元整", "printed.capital"),
    ],
)
def test_a_slip_between_value_and_paper_is_found(
    monkeypatch: pytest.MonkeyPatch, place: str, old: str, new: str, problem: str
) -> None:
    lines = tuple(
        replace(
            letter().lines[0],
            loan_amount_fen=1_800_000,
            principal_fen=fen,
            interest_fen=0,
            penalty_fen=0,
            fees_fen=0,
            total_fen=fen,
        )
        for fen in (1_000_000, 2_000_000)
    )
    content = replace(letter(), lines=lines, total_fen=3_000_000)
    assert problems(content) == ()
    found = passages(TEMPLATE, content)
    assert any(each.place == place and old in each.text for each in found)
    slipped = tuple(
        Passage(each.place, each.text.replace(old, new), each.shared) if each.place == place else each for each in found
    )
    monkeypatch.setattr(module, "passages", lambda template, content: slipped)
    assert problem in problems(content)


def test_a_wording_is_found_with_its_passage_and_span_where_a_value_completes_it() -> None:
    template = parse(TEMPLATE.text.replace("特此函告。", "否则坐{{收件人}}。"))
    content = letter(name="牢")
    proof = proofread(template, content, accounts=[ACCOUNT])
    ((number, hit),) = proof.hits
    assert (hit.list, hit.severity, hit.text) == ("threat", "block", "坐牢")
    assert passages(template, content)[number].text[hit.start : hit.end] == "坐牢"
    assert proofread(template, letter(), accounts=[ACCOUNT]).hits == ()


def test_a_wording_in_a_value_of_the_case_is_found_with_its_severity() -> None:
    line = replace(letter().lines[0], product_name="涉嫌诈骗贷")
    proof = proofread(TEMPLATE, replace(letter(), lines=(line,)), accounts=[ACCOUNT])
    assert {(hit.list, hit.severity) for _, hit in proof.hits} == {("crime", "review")}
    shared = replace(letter().institution, hardship_channel="不还就曝光")
    proof = proofread(TEMPLATE, replace(letter(), institution=shared), accounts=[ACCOUNT])
    assert {(hit.list, hit.severity) for _, hit in proof.hits} == {("exposure", "block")}
