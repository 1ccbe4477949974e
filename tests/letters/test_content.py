import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sample_letters import SEAL, debt_line, letter

from songda.letters import Addressee, Content, RepayAccount, from_json, present_fields, problems, to_json
from songda.letters.content import texts

ALL_FIELDS = [
    "debtor_name",
    "balance",
    "reason",
    "law",
    "rights_duties",
    "how_to_query",
    "how_to_repay",
    "how_to_object",
    "issuer_contact",
    "seal",
]


def first_line(content: Content, **changes: Any) -> Content:
    line = replace(content.lines[0], **changes)
    total = sum(each.total_fen for each in (line, *content.lines[1:]))
    return replace(content, lines=(line, *content.lines[1:]), total_fen=total)


def institution(content: Content, **changes: Any) -> Content:
    return replace(content, institution=replace(content.institution, **changes))


def test_a_right_letter_has_no_problems() -> None:
    for lines in (1, 6):
        assert problems(letter(lines=lines)) == ()


WRONG: list[tuple[str, Callable[[Content], Content]]] = [
    ("lines[0].total", lambda c: first_line(c, total_fen=c.lines[0].total_fen + 1)),
    ("lines[0].total", lambda c: first_line(c, fees_fen=c.lines[0].fees_fen + 1)),
    ("lines[0].negative", lambda c: first_line(c, paid_fen=-1)),
    ("total", lambda c: replace(c, total_fen=c.total_fen + 1)),
    ("lines.empty", lambda c: replace(c, lines=(), total_fen=0)),
    (
        "total.nothing_owed",
        lambda c: first_line(c, principal_fen=0, interest_fen=0, penalty_fen=0, fees_fen=0, total_fen=0),
    ),
    ("lines[0].dates", lambda c: first_line(c, disbursed_on=c.lines[0].due_on + timedelta(1))),
    ("lines[0].dates", lambda c: first_line(c, overdue_since=c.lines[0].disbursed_on - timedelta(1))),
    ("lines[0].dates", lambda c: first_line(c, overdue_since=c.amounts_on + timedelta(1))),
    ("mandate.signed_on", lambda c: replace(c, mandate=replace(c.mandate, signed_on=c.date + timedelta(1)))),
    ("pay_within_days", lambda c: replace(c, pay_within_days=0)),
    ("date", lambda c: replace(c, amounts_on=c.date + timedelta(1))),
    ("institution.repay_accounts.name", lambda c: institution(c, repay_accounts=(RepayAccount("张三", "某行", "1"),))),
    ("institution.repay_accounts.missing", lambda c: institution(c, repay_accounts=(), official_app="")),
    ("institution.phone.empty", lambda c: institution(c, phone=" ")),
    ("addressee.address_lines.empty", lambda c: replace(c, addressee=Addressee("柳如烟", (), "310012"))),
    ("addressee.address_lines.too_many", lambda c: replace(c, addressee=Addressee("柳如烟", ("路",) * 5, "310012"))),
    (
        "addressee.address_lines[0].too_long",
        lambda c: replace(c, addressee=Addressee("柳如烟", ("路" * 30,), "310012")),
    ),
    ("addressee.name.too_long", lambda c: replace(c, addressee=Addressee("柳" * 30, ("路",), "310012"))),
]


@pytest.mark.parametrize(("code", "spoil"), WRONG, ids=[code for code, _ in WRONG])
def test_18_36_a_wrong_sum_date_or_party_is_named(code: str, spoil: Callable[[Content], Content]) -> None:
    assert code in problems(spoil(letter()))


@pytest.mark.parametrize("character", ["\n", "\0", "\t", "\u202e", "\u200b", "\ufeff", "\u2028", "\ud800"])
def test_an_unseen_character_is_refused_in_every_text(character: str) -> None:
    content = letter()
    assert problems(replace(content, addressee=replace(content.addressee, name=f"柳{character}烟"))) == (
        "addressee.name.control_character",
    )
    assert problems(replace(content, letter_no=f"1{character}")) == ("letter_no.control_character",)
    assert "lines[0].product_name.control_character" in problems(first_line(content, product_name=f"贷{character}"))


def test_texts_name_every_text_once() -> None:
    paths = [path for path, _ in texts(letter(lines=2))]
    assert len(paths) == len(set(paths))
    assert {"addressee.address_lines[1]", "institution.repay_accounts[0].number", "seal.approval_id"} <= set(paths)


@pytest.mark.parametrize("seal", [None, SEAL])
@pytest.mark.parametrize("lines", [1, 3])
def test_json_gives_the_content_back(seal: Any, lines: int) -> None:
    content = letter(lines=lines, seal=seal, name="㛃䶮𬎆𡋾")
    assert from_json(to_json(content)) == content
    assert to_json(from_json(to_json(content))) == to_json(content)


def test_json_is_canonical() -> None:
    text = to_json(letter())
    assert text == json.dumps(json.loads(text), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def test_the_hash_is_the_same_today_as_ever() -> None:
    """Approvals that lie in the vault name this hash: a change of the canonical form would void them."""
    assert letter().hash == "c1606197ef19e89f3b6118fa967e16749f51635bd176525030734802fd6342ec"


def test_the_hash_leaves_out_the_seal_alone() -> None:
    content = letter()
    assert replace(content, seal=None).hash == content.hash
    spoilt = [
        replace(content, drill=True),
        replace(content, pay_within_days=16),
        replace(content, total_fen=content.total_fen + 1),
        replace(content, addressee=replace(content.addressee, name="柳如姻")),
        replace(content, lines=(debt_line(99),)),
        replace(content, check_url=content.check_url + "x"),
    ]
    assert len({content.hash, *(each.hash for each in spoilt)}) == len(spoilt) + 1


def test_the_items_of_rule_c06_are_all_there_once_sealed() -> None:
    assert present_fields(letter()) == ALL_FIELDS
    assert present_fields(letter(seal=None)) == ALL_FIELDS[:-1]
    assert present_fields(letter(seal=None), before_approval=True) == ALL_FIELDS


@pytest.mark.parametrize(
    ("missing", "changes"),
    [
        ("how_to_query", {"query_channel": ""}),
        ("how_to_repay", {"repay_accounts": (), "official_app": ""}),
        ("how_to_object", {"dispute_channel": ""}),
        ("rights_duties", {"complaint_phone": ""}),
        ("issuer_contact", {"phone": ""}),
    ],
)
def test_an_item_without_its_data_is_not_present(missing: str, changes: dict[str, Any]) -> None:
    assert missing not in present_fields(institution(letter(), **changes))
