"""Stricter rules over the letters that were decided."""

from __future__ import annotations

from pathlib import Path

import pytest
from bank import letters, opened, taken_in

from songda.compliance import LooserThanRule
from songda.flow.shadow import shadow
from songda.sim.case_rows import case_row, write_rows


def test_letters_that_a_stricter_rule_would_stop_are_listed_and_looser_ones_refused(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", case_row(0, 0), case_row(1, 1)))
        decided = {each.id: each.state for each in letters(house, batch)}
        with house.engine.connect() as connection:
            assert list(shadow(connection, house.tenant, {})) == []
            changed = list(shadow(connection, house.tenant, {"C05": {"cap": 0.0001}}))
            assert {each.letter_id for each in changed} == {key for key, state in decided.items() if state == "ready"}
            assert changed
            for each in changed:
                assert (each.before, each.after, each.rules, each.same_inputs) == ("pass", "review", ("C05",), True)
            with pytest.raises(LooserThanRule):
                list(shadow(connection, house.tenant, {"C05": {"cap": 0.36}}))
        assert {each.id: each.state for each in letters(house, batch)} == decided
