import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songda.letters import Kind, house_template
from songda.letters.reading import LONGEST, read_wording
from songda.letters.wording import (
    Choice,
    Paragraph,
    Strong,
    Text,
    Value,
    Variable,
    blocks,
    house_variables,
    kinds,
    place_of,
    value_problem,
    words,
)

HEAD = '+++\nkind = "reminder"\nname = "试"\n+++\n'
REST = house_template("reminder").text.split("+++\n", 2)[2]


def codes(text: str) -> list[str]:
    return [f"{place_of(text, each.start)[0]}:{each.code}" for each in read_wording(text)[1]]


def paragraph(text: str) -> tuple[object, ...]:
    wording, found = read_wording(f"{HEAD}{text}\n\n{REST}")
    assert wording is not None, found
    first = wording.parts[0]
    assert isinstance(first, Paragraph)
    return first.parts


def test_every_kind_says_what_it_needs_and_the_house_has_it() -> None:
    assert set(kinds()) == set(get_args(Kind))
    for kind, needs in kinds().items():
        assert set(needs.blocks) <= set(blocks())
        # What only this kind prints, its templates declare themselves.
        assert set(needs.variables) <= {*house_variables(), *house_template(kind).types}
    for variable in house_variables().values():
        assert variable.meaning
        assert variable.example
        assert re.fullmatch(r"[a-z_]+(\.[a-z_]+)?", variable.path)


def test_a_paragraph_is_read_into_words_values_and_choices() -> None:
    before, strong, choice = paragraph("致{{机构名称}}：\n一**合计{{应付合计}}**{{如果 官方应用}}有{{否则}}无{{结束}}")[
        -3:
    ]
    assert isinstance(before, Text)
    assert before.text == "：一"
    assert isinstance(strong, Strong)
    assert isinstance(strong.parts[1], Value)
    assert isinstance(choice, Choice)
    assert [part.text for part in (*choice.then, *choice.otherwise) if isinstance(part, Text)] == ["有", "无"]


WRONG = [
    ("没有头", "1:head.missing"),
    ("+++\nkind = \n+++\n", "2:head.toml"),
    ('+++\nkind = "传票"\nname = "x"\n+++\n', "2:head.kind"),
    ('+++\nkind = "reminder"\n+++\n', "2:head.name"),
    (f"{HEAD}甲{{{{没有这个}}}}乙", "5:variable.unknown"),
    (f"{HEAD}甲{{{{如果 官方应用}}}}乙", "5:condition.open"),
    (f"{HEAD}甲{{{{结束}}}}乙", "5:condition.stray"),
    (f"{HEAD}{{{{结束}}}}", "5:condition.stray"),
    (f"{HEAD}{{{{如果 官方应用}}}}\n\n甲", "5:condition.open"),
    (f"{HEAD}甲**乙", "5:bold.open"),
    (f"{HEAD}甲{{{{乙", "5:tag.open"),
    (f"{HEAD}甲{{{{表 金额}}}}", "5:block.in_line"),
    (f"{HEAD}甲{{{{算法决定}}}}", "5:variable.condition_only"),
    (f"{HEAD}甲\u202e乙", "5:character.unseen"),
    (f"{HEAD}甲\u200b乙", "5:character.unseen"),
    (f"{HEAD}甲\ue123乙", "5:character.missing"),
    (f"{HEAD}甲", "5:block.missing"),
    (f"{HEAD}甲", "5:variable.missing"),
    (f"{HEAD}甲", "5:word.missing"),
    (f"{HEAD}{{{{表 金额}}}}\n\n{REST}", "37:block.twice"),
    ('+++\nkind = "reminder"\nname = "x"\n[[variables]]\nname = "a"\n+++\n', "2:variable.declared"),
    (f"{HEAD}{{{{如果 官方应用}}}}\n\n{{{{块 权利}}}}\n\n{{{{结束}}}}", "7:block.conditional"),
    (HEAD + "长" * LONGEST, "5:too_long"),
]


@pytest.mark.parametrize(("text", "expected"), WRONG, ids=[code for _, code in WRONG])
def test_what_is_wrong_is_named_with_its_line(text: str, expected: str) -> None:
    assert read_wording(text)[0] is None
    assert expected.split(":")[1] in {code.split(":")[1] for code in codes(text)}
    if "twice" not in expected:
        assert expected in codes(text)


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_any_text_is_read_or_refused_and_never_fails(text: str) -> None:
    for whole in (text, HEAD + text):
        wording, found = read_wording(whole)
        assert (wording is None) == any(each.severity == "error" for each in found)
        assert all(0 <= each.start <= each.end <= max(len(whole), LONGEST + 1) for each in found)


@given(
    st.lists(
        st.sampled_from(["{{如果 官方应用}}", "{{否则}}", "{{结束}}", "**", "甲", "\n\n", "{{应付合计}}", "{{", "}}"])
    )
)
def test_any_nesting_is_read_or_refused(pieces: list[str]) -> None:
    wording, found = read_wording(HEAD + "".join(pieces) + "\n\n" + REST)
    assert (wording is None) == any(each.severity == "error" for each in found)


@pytest.mark.parametrize(
    ("type_", "value", "problem"),
    [
        ("date", "2026-02-30", "type"),
        ("date", "2026-02-28", None),
        ("amount", -1, "type"),
        ("amount", True, "type"),
        ("number", 15, None),
        ("flag", "是", "type"),
        ("flag", False, None),
        ("text", "", "missing"),
        ("text", "长" * 201, "type"),
        ("text", None, "missing"),
    ],
)
def test_a_value_is_held_to_its_type(type_: str, value: object, problem: str | None) -> None:
    assert value_problem(Variable("甲", type_, "义", "例", required=True), value) == problem


def test_words_hold_both_sides_of_a_choice() -> None:
    wording, _ = read_wording(house_template("reminder").text)
    assert wording is not None
    said = words(wording.parts, stated=True)
    assert "还款：。" in said
    assert "云杉金融" in said
    assert "云杉金融" not in words(wording.parts, stated=False)
