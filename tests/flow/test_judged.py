"""Where each fact comes from that the rules ask about a letter: told for every fact, and nothing of a person with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from bank import letters, opened, signed, taken_in

from songda.compliance import load_rules
from songda.flow.judged import SOURCES_ZH, UnknownLetterOrCase, origins_of_case, origins_of_letter, sources
from songda.sim.case_rows import DAY, case_row, write_rows
from songda.store import tables

GATES = ("accept", "approve", "lock", "hand_over")


@pytest.mark.parametrize("scope", ["lawyer_letter", "court_forward"])
@pytest.mark.parametrize("gate", GATES)
def test_every_fact_of_every_gate_has_a_source(scope: str, gate: str) -> None:
    assert set(load_rules(DAY).facts_needed(scope, gate)) <= sources().keys()


def test_what_a_source_names_is_a_column_or_a_section_of_the_profile(tmp_path: Path) -> None:
    columns = {f"{name}.{column.name}" for name, table in tables.metadata.tables.items() for column in table.c}
    with opened(tmp_path) as house:
        profile = house.tenant.profile
    for fact, entry in sources().items():
        assert entry["from"] in SOURCES_ZH, fact
        for what in entry["what"].split():
            found = profile
            if entry["from"] == "profile":
                for name in what.split("."):
                    found = getattr(found, name)
            else:
                assert what in columns, fact


def test_a_letter_and_its_case_tell_their_rows_and_no_person(tmp_path: Path) -> None:
    row = case_row(0, 0)
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", row))
        signed(house, batch)
        (letter,) = letters(house, batch)
        with house.engine.connect() as connection:
            found = origins_of_letter(connection, house.tenant, letter.letter_no, gates=GATES, on=DAY)
            numbers, of_case = origins_of_case(connection, house.tenant, row["案件编号"], on=DAY)
            with pytest.raises(UnknownLetterOrCase):
                origins_of_case(connection, house.tenant, "nobody's", on=DAY)
    assert numbers == [letter.letter_no]
    by_fact = {each.fact: each for each in found}
    assert by_fact["case.annual_cost"].rows[0].startswith(f"{batch}/2/")
    assert by_fact["addr.origin"].rows[0].startswith("adr_")
    assert by_fact["text_hits.threat"].gates == ("approve", "lock")
    assert {each.fact for each in of_case} <= by_fact.keys()
    said = repr((found, of_case))
    for column, value in row.items():
        # Short codes such as 是 stand in any sentence.
        assert len(value) < 6 or value not in said, column
