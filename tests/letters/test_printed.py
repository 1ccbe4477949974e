"""The passages of a letter are what stands on its paper: no word more, no word less, in the same order."""

from __future__ import annotations

import io
from dataclasses import replace

import pikepdf
import pytest
from sample_letters import letter

from songda.letters import Kind, Renderer, house_template, invented, parse
from songda.letters.paper import words_on
from songda.letters.printed import passages

KINDS: tuple[Kind, ...] = ("lawyer_letter", "reminder", "mediation", "assignment_notice", "court_forward")


def on_paper(pdf: bytes, *, artifacts: bool = False) -> str:
    with pikepdf.open(io.BytesIO(pdf)) as document:
        return words_on(document, artifacts=artifacts)


@pytest.mark.parametrize("kind", KINDS)
def test_passages_are_the_text_of_the_pdf_and_nothing_else(kind: Kind) -> None:
    template = house_template(kind)
    content = invented(template)
    said = "".join("".join(each.text.split()) for each in passages(template, content))
    assert said == on_paper(Renderer(template).render(content).pdf)
    assert len(said) > 500


@pytest.mark.parametrize("lines", [1, 2, 3, 12, 40])
def test_rows_of_the_tables_are_read_for_every_number_of_contracts(lines: int, lawyer_letters: Renderer) -> None:
    content = letter(lines=lines, seal=None)
    found = passages(lawyer_letters.template, content)
    assert "".join("".join(each.text.split()) for each in found) == on_paper(lawyer_letters.render(content).pdf)
    assert len([each for each in found if each.place == "amounts"]) == 1 + lines + (lines > 1)


def test_heads_feet_and_backgrounds_are_artifacts_of_the_page(lawyer_letters: Renderer) -> None:
    pdf = lawyer_letters.render(letter(lines=12, drill=True)).pdf
    furniture = ("演练件　非真实函件", "— 第 2 页 / 共")
    everything, text = on_paper(pdf, artifacts=True), on_paper(pdf)
    assert all("".join(each.split()) in everything for each in furniture)
    assert not any("".join(each.split()) in text for each in furniture)


@pytest.mark.parametrize("drill", [False, True])
def test_what_stands_in_the_seal_of_an_approved_letter_is_read_too(lawyer_letters: Renderer, drill: bool) -> None:
    content = letter(drill=drill)
    found = passages(lawyer_letters.template, content)
    assert "".join("".join(each.text.split()) for each in found) == on_paper(lawyer_letters.render(content).pdf)
    assert any(each.place == "seal" and "AB12CD34EFAB" in each.text for each in found)


def test_both_sides_of_a_choice_are_followed() -> None:
    template = house_template("lawyer_letter")
    content = invented(template)
    without = replace(content, institution=replace(content.institution, official_app=""))
    app = "委托人官方应用“云杉金融”"
    assert any(app in each.text for each in passages(template, content))
    assert not any("官方应用" in each.text for each in passages(template, without))


def test_what_is_shared_is_the_same_for_another_person_and_sum() -> None:
    for kind in KINDS[:4]:
        template = house_template(kind)
        extra = invented(template).extra
        one = replace(letter(1, kind=kind), extra=extra)
        other = replace(letter(2, kind=kind, name="周若水", address=("西藏自治区拉萨市",)), extra=extra)
        other = replace(other, date=other.date.replace(day=26), amounts_on=other.date)
        mine, theirs = ([each.text for each in passages(template, who) if each.shared] for who in (one, other))
        assert mine == theirs
        assert len(mine) > 20


def test_words_on_both_sides_of_a_tag_stand_together() -> None:
    text = house_template("lawyer_letter").text.replace("特此函告。", "否则坐{{收件人}}。")
    content = letter(name="牢")
    assert any("否则坐牢" in each.text for each in passages(parse(text), content))
