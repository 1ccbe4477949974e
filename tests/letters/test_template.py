import hashlib
from dataclasses import replace
from typing import get_args

import pytest
from sample_letters import letter

from songda.letters import BadTemplate, Kind, house_template, invented, parse, template_hash, template_text
from songda.letters.template import FONTS, _shared_parts, extra_problems

KINDS: tuple[Kind, ...] = get_args(Kind)


def test_the_faces_are_the_ones_that_were_built() -> None:
    sums = (FONTS / "SHA256SUMS").read_text("ascii").splitlines()
    stated = {name: digest for digest, name in (line.split() for line in sums)}
    assert stated == {
        str(path.relative_to(FONTS)): hashlib.sha256(path.read_bytes()).hexdigest() for path in FONTS.rglob("*.otf")
    }


def test_the_hash_covers_all_that_can_change_a_page() -> None:
    frame = "letters/templates/packages/local/frame/1.0.0"
    assert {
        f"{frame}/frame.typ",
        f"{frame}/seal.typ",
        "letters/view.py",
        "letters/content.py",
        "letters/typeset.py",
        "base/money.py",
        "version:typst",
        *(f"letters/fonts/{path.relative_to(FONTS)}" for path in FONTS.rglob("*.otf")),
    } <= set(_shared_parts())


def test_each_kind_has_a_hash_of_its_own_and_one_changed_character_another() -> None:
    assert len({template_hash(house_template(kind)) for kind in KINDS}) == len(KINDS)
    template = house_template("reminder")
    comma = parse(template.text.replace("感谢您的配合。", "感谢您的配合！"))
    assert template_hash(comma) != template_hash(template)
    assert template_hash(parse(template.text)) == template_hash(template)


def test_an_error_names_its_line() -> None:
    text = house_template("reminder").text.replace("{{委托书编号}}", "{{委托书号}}")
    with pytest.raises(BadTemplate) as refused:
        parse(text)
    assert "5:variable.unknown:委托书号" in refused.value.data["codes"]


def test_the_linter_sees_words_on_both_sides_of_a_tag() -> None:
    text = house_template("reminder").text.replace("感谢", "坐{{如果 官方应用}}{{结束}}牢{{官方应用}}感谢")
    assert "坐牢" in template_text(parse(text))


@pytest.mark.parametrize(
    ("extra", "codes"),
    [
        (
            (),
            {
                "extra.调解组织.missing",
                "extra.调解联系方式.missing",
                "extra.答复期限天数.missing",
                "extra.调解免费.missing",
            },
        ),
        ((("调解组织", 7), ("答复期限天数", "十五")), {"extra.调解组织.type", "extra.答复期限天数.type"}),
        ((("没有声明", "x"),), {"extra.没有声明.unknown"}),
    ],
)
def test_values_of_own_variables_are_held_to_their_types(
    extra: tuple[tuple[str, str | int | bool], ...], codes: set[str]
) -> None:
    template = house_template("mediation")
    assert extra_problems(template, invented(template)) == ()
    assert codes <= set(extra_problems(template, replace(letter(kind="mediation"), extra=extra)))
