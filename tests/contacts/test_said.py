"""What a text says: its one sum, or that it cannot be read for certain."""

from __future__ import annotations

import pytest

from songda.compliance import load_rules
from songda.contacts import OUTCOMES, constraints, facts_of_text, plain_number
from songda.contacts.scripts import load_constraints


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("请与我司联系，客服热线 95555", 0),
        ("您尚欠20000元", 2_000_000),
        ("您尚欠 1,234.50 元，共1234.5元", 123_450),
        ("您尚欠１２３４元", 123_400),
        ("本金100元，利息20元", None),
        ("您尚欠约1万元", None),
        ("您尚欠两千元", None),
        ("您尚欠￥300", None),
        ("元旦快乐", 0),
    ],
)
def test_the_sum_that_a_text_states(text: str, fen: int | None) -> None:
    assert facts_of_text(text)["stated_fen"] == fen


def test_a_text_that_tells_of_a_debt_is_noticed() -> None:
    assert facts_of_text("请转告其逾期欠款")["a.discloses_debt"] is True
    assert facts_of_text("请转告其回电")["a.discloses_debt"] is False


@pytest.mark.parametrize("text", ["16400000001", "+86 164 0000 0001", "0086-16400000001", "１６４００００００01"])
def test_one_number_is_one_number_however_it_is_written(text: str) -> None:
    assert plain_number(text) == "16400000001"


def test_every_constraint_belongs_to_a_rule_and_channel() -> None:
    rules = {rule.id for rule in load_rules().rules}
    for each in load_constraints():
        assert each.rule in rules
        assert each.channels <= OUTCOMES.keys()
    assert [each.text for each in constraints("call", "contact") if "欠款" in each.text] != []
