"""A firm's own template, from the shelf to the paper."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from bank import letters, opened, proposed, signed, taken_in
from sqlalchemy import select

from songda.base import days
from songda.flow.own_values import DIFFER, of_cases
from songda.flow.produce import produce
from songda.flow.proposal import propose
from songda.flow.run import House
from songda.flow.samples import sample_pdfs
from songda.flow.tenants import with_templates
from songda.letters import house_template, parse, take, template_hash
from songda.sim.case_rows import AT, DAY, case_row, write_rows
from songda.store import tables

OWN = parse(house_template("lawyer_letter").text.replace("特此函告。", "特此函告，请予重视。"))


def with_own(house: House) -> House:
    return replace(house, tenant=with_templates(house.tenant, house.home))


def test_the_lawyer_signs_the_firms_own_template_and_it_is_printed(tmp_path: Path) -> None:
    with opened(tmp_path) as plain:
        take(tmp_path, plain.tenant.id, OWN)
        house = with_own(plain)
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", case_row(1, 1)))
        assert proposed(house, batch).template_hash == template_hash(OWN)
        ((_, pdf),) = sample_pdfs(house.engine, house.tenant, proposed(house, batch), count=1)
        assert b"/Type" in pdf
        signed(house, batch)
        done = produce(house.engine, house.tenant, batch, home=tmp_path, workers=1, at=days.at(DAY, 17))
        assert (done.rendered, done.failed, done.void) == (1, 0, 0)


def test_a_template_taken_after_the_approval_voids_it(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", case_row(1, 1)))
        signed(house, batch)
        take(tmp_path, house.tenant.id, OWN)
        done = produce(house.engine, with_own(house).tenant, batch, home=tmp_path, workers=1, at=days.at(DAY, 17))
        assert (done.rendered, done.void) == (0, 1)
        (letter,) = letters(house, batch)
        assert (letter.state, letter.reasons) == ("ready", ["approval_void:template"])


def test_a_forbidden_word_in_a_template_holds_every_letter(tmp_path: Path) -> None:
    threat = parse(OWN.text.replace("请予重视", "否则让你坐**牢**"))
    with opened(tmp_path) as plain:
        take(tmp_path, plain.tenant.id, threat)
        house = with_own(plain)
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", case_row(1, 1)))
        proposal = proposed(house, batch)
        assert proposal.letters == ()
        assert [each.reasons[0] for each in proposal.exceptions] == ["C02"]


VALUES = '[policy]\nkinds = ["mediation"]'
STATED = """
[letter_values]
"调解组织" = "青石市人民调解委员会"
"调解联系方式" = "021-55550099"
"答复期限天数" = 15
"调解免费" = true

"""


@pytest.mark.parametrize(("values", "rendered"), [(STATED, 1), ("", 0)])
def test_a_letter_of_mediation_needs_the_values_that_its_template_declares(
    tmp_path: Path, values: str, rendered: int
) -> None:
    with opened(tmp_path, ('[policy]\nkinds = ["lawyer_letter"]', values + VALUES)) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", case_row(1, 1)))
        proposal = propose(house.engine, house.tenant, batch, lawyer_name=None, on=DAY)
        assert len(proposal.letters) == rendered
        if not rendered:
            assert "extra.调解组织.missing" in proposal.exceptions[0].reasons
            return
        signed(house, batch)
        assert produce(house.engine, house.tenant, batch, home=tmp_path, workers=1, at=AT).rendered == 1


IN_FILE = {
    "自定义:调解组织": "{{律所名称}}#调解室",
    "自定义：调解联系方式": "021-55550099",
    "自定义:答复期限天数": "15",
    "自定义:调解免费": "是",
}
MEDIATION = ('[policy]\nkinds = ["lawyer_letter"]', VALUES)


def test_the_case_file_states_the_values_and_they_are_sealed(tmp_path: Path) -> None:
    with opened(tmp_path, MEDIATION) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", case_row(1, 1) | IN_FILE))
        with house.engine.connect() as connection:
            sealed = connection.execute(select(tables.case.c.sealed)).scalar_one()
        assert "调解室".encode() not in sealed
        proposal = proposed(house, batch)
        assert len(proposal.letters) == 1, proposal.exceptions


def test_a_variable_that_the_file_leaves_empty_holds_the_letter_by_its_name(tmp_path: Path) -> None:
    with opened(tmp_path, MEDIATION) as house:
        rows = case_row(1, 1) | IN_FILE | {"自定义:调解组织": ""}
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", rows))
        (held,) = propose(house.engine, house.tenant, batch, lawyer_name=None, on=DAY).exceptions
        assert "extra.调解组织.missing" in held.reasons


def test_cases_of_one_letter_that_state_two_values_hold_it() -> None:
    def said(value: int, type_: str = "number") -> dict[str, object]:
        return {"own": {"甲": [type_, value], "乙": ["text", "不再声明"]}}

    types = {"甲": "number"}
    assert of_cases([said(1), {}, said(1)], types) == {"甲": 1}
    assert of_cases([said(1), said(2), said(1)], types)["甲"] is DIFFER
    # Read as yuan, declared as a number since.
    assert of_cases([said(100, "amount")], types)["甲"] is DIFFER
