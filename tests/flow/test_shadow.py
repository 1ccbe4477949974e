"""A change of the rules over what was decided: at every gate, by the functions of the gates themselves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from bank import AT, letters, opened, rows_of, signed, taken_in
from contact_house import NOON, open_desk
from sqlalchemy import select, update

from songda.base import days
from songda.base.settings import Settings
from songda.compliance import LooserThanRule
from songda.flow.assemble import assemble
from songda.flow.decide import write_decisions
from songda.flow.produce import produce
from songda.flow.rule_changes import document_of, propose
from songda.flow.run import House
from songda.flow.shadow import Shadow, shadow
from songda.flow.stopped import judge_hand_over
from songda.sim.case_rows import DAY, case_row, write_rows
from songda.store import open_database, tables

CAP: dict[str, Any] = {"C05": {"cap": 0.0001}}
OWN: dict[str, Any] = {
    "X01": {
        "title": "小额不发函",
        "effect": "block",
        "scope": ["lawyer_letter"],
        "gates": ["approve", "lock", "hand_over"],
        "when": "a.role == 'debtor'",
        "short": "不发函",
        "reason": "不发函",
        "remedy": "不发函",
    }
}


def run(house: House, document: dict[str, Any], number: int = 0, since: date = date.min) -> Shadow:
    with house.engine.connect() as connection:
        return shadow(connection, house.tenant, document, number=number, since=since)


def told(seen: Shadow) -> dict[str, tuple[int, int, int, int]]:
    return {each.gate: (each.judged, each.same_inputs, each.more, each.fewer) for each in seen.gates if each.judged}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Three letters, of which two are signed for and locked; the third asks for too little."""
    folder = tmp_path_factory.mktemp("house")
    with opened(folder) as house:
        batch = taken_in(house, write_rows(folder / "cases.csv", *(case_row(n, n) for n in range(3))))
        signed(house, batch)
        produce(house.engine, house.tenant, batch, home=house.home, workers=1, at=AT)
        assert assemble(house.engine, house.tenant, batch, on=DAY, at=AT) is not None
        yield house


def test_every_gate_says_how_many_more_it_would_refuse_and_by_which_rule(house: House) -> None:
    going = len(rows_of(house, tables.attempt.c.id))
    assert going
    unchanged = run(house, {"C05": {"cap": 0.2399}})
    assert all(each.more == each.fewer == 0 for each in unchanged.gates)
    assert unchanged.changed == ()
    seen = run(house, CAP)
    assert told(seen) == {
        "accept": (3, 3, going, 0),
        "approve": (going, going, going, 0),
        "lock": (going, going, 0, 0),
    }
    assert {gate.gate: gate.by_rule for gate in seen.gates if gate.more} == {
        "accept": {"C05": going},
        "approve": {"C05": going},
    }
    assert {(each.gate, each.before, each.after) for each in seen.changed} == {
        ("accept", "pass", "review"),
        ("approve", "pass", "block"),
    }


def test_a_rule_of_ones_own_is_tried_before_it_is_proposed(house: House) -> None:
    seen = run(house, OWN)
    going = len(rows_of(house, tables.attempt.c.id))
    assert told(seen)["approve"] == (going, going, going, 0)
    assert told(seen)["lock"] == (going, going, going, 0)
    assert told(seen)["accept"][2] == 0


def test_what_cannot_be_judged_again_is_told(house: House) -> None:
    left = {(each.gate, each.why): each.count for each in run(house, CAP).left}
    assert left[("follow_up", "never_judged")] is None
    assert told(run(house, CAP, since=DAY + timedelta(days=1))) == {}


def test_looser_rules_are_not_even_tried(house: House) -> None:
    with pytest.raises(LooserThanRule):
        run(house, {"C05": {"cap": 0.36}})


def test_a_change_that_is_kept_is_tried_as_it_was_proposed(house: House) -> None:
    first = DAY + timedelta(days=1)
    number = propose(
        house.engine, house.tenant, b"[C05]\ncap = 0.0001\n", reason="r", valid_from=first, by="ops-7", at=days.at(DAY)
    )
    with house.engine.connect() as connection:
        document = document_of(connection, house.tenant, number)
    assert document == CAP
    assert told(run(house, document, number)) == told(run(house, CAP))


def test_nothing_is_changed_by_looking(house: House) -> None:
    before = [rows_of(house, *table.c) for table in (tables.letter, tables.attempt, tables.decision, tables.audit)]
    run(house, OWN)
    after = [rows_of(house, *table.c) for table in (tables.letter, tables.attempt, tables.decision, tables.audit)]
    assert before == after


def test_pieces_at_the_hand_over_are_judged_by_the_rules_alone(house: House) -> None:
    pieces = _pieces(house)
    with house.engine.begin() as connection:
        judged = judge_hand_over(connection, house.tenant, [letter for _, letter in pieces], on=DAY)
        rows = [(piece, "passed", judged[letter].inputs_hash, []) for piece, letter in pieces]
        write_decisions(connection, house.tenant, rows, stage="hand_over", versions={"rules": "r"}, on=DAY)
    assert told(run(house, CAP))["hand_over"] == (len(pieces), len(pieces), 0, 0)
    seen = run(house, OWN)
    assert told(seen)["hand_over"] == (len(pieces), len(pieces), len(pieces), 0)


def _pieces(house: House) -> list[tuple[str, str]]:
    p, n = tables.piece.c, tables.attempt.c
    with house.engine.connect() as connection:
        rows = connection.execute(select(p.id, n.letter_id).join(tables.attempt, n.id == p.attempt_id))
        return [(piece, letter) for piece, letter in rows]


def test_permits_are_judged_by_the_counters_that_they_keep(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'songda.db'}"
    engine = open_database(
        Settings(home=tmp_path, database_url=url, master_key=None, master_key_file=tmp_path / "k", workers=1)
    )
    desk = open_desk(engine)
    case_no = desk.case()
    granted = [desk.ask(case_no, at=NOON + timedelta(hours=n)).permit.granted for n in range(4)]
    assert granted == [True, True, True, False]
    with engine.connect() as connection:
        seen = shadow(connection, desk.tenant, {"T05": {"max": 2}, "T02": {"max": 1}})
        assert told(seen) == {"contact": (4, 4, 2, 0)}
        assert {gate.gate: gate.by_rule for gate in seen.gates}["contact"] == {"T02": 2, "T05": 1}
        # Whether the debtor had consented then is not kept.
        hours = shadow(connection, desk.tenant, {"T01": {"open": "13:00"}})
        assert [(each.gate, each.why, each.what, each.count) for each in hours.left if each.gate == "contact"] == [
            ("contact", "no_facts", "T01", 4)
        ]
        assert told(hours) == {}
    engine.dispose()


def test_letters_that_were_posted_later_do_not_count_into_the_interval_of_that_day(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", case_row(0, 0)))
        signed(house, batch)
        produce(house.engine, house.tenant, batch, home=house.home, workers=1, at=AT)
        with house.engine.begin() as connection:
            connection.execute(update(tables.attempt).values(posted_on=DAY + timedelta(days=3)))
        seen = run(house, {"T07": {"min_days": 45}})
        assert told(seen)["accept"] == (1, 1, 0, 0)
        assert told(seen)["approve"] == (1, 1, 0, 0)
        assert [each.state for each in letters(house, batch)] == ["active"]
