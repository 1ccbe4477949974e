"""Letters that are held and what people say about them; stop orders at the gates before printing; what waits too long."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bank import letters, opened, proposed, rows_of, signed, taken_in
from sqlalchemy import select

from songda.base import days
from songda.cli.stops import RefuseReason, ReleaseReason, StopReason
from songda.dispatch import UnknownStop, in_force, sweep
from songda.dispatch.stops import REASONS
from songda.flow.proposal import DailyCapacityReached, NothingToApprove
from songda.flow.reviewing import (
    REFUSE_REASONS,
    RELEASE_REASONS,
    NotHeld,
    SecondPersonNeeded,
    StopStands,
    refuse,
    release,
)
from songda.flow.run import House
from songda.flow.stop import UnknownCase, lift_stop, stop_case, stop_everything, stop_letter
from songda.sim.case_rows import AT, DAY, case_row, id_number, write_rows
from songda.store import history, tables

#: Someone who must be looked at by people (rule S07).
ILL = {"特殊情形": "重病"}


def one(house: House, batch: str) -> Any:
    (letter,) = letters(house, batch)
    return letter


def way(house: House, object_id: str) -> list[tuple[str, str, str]]:
    """(target, actor, reason) of every change."""
    with house.engine.connect() as connection:
        return [(step.target, step.actor, step.reason) for step in history(connection, object_id)]


def decided(house: House, object_id: str, stage: str) -> list[tuple[str, list[str]]]:
    d = tables.decision.c
    return [tuple(row) for row in rows_of(house, d.outcome, d.reasons, object_id=object_id, stage=stage)]


def test_the_commands_offer_the_reasons_that_the_rooms_know() -> None:
    assert tuple(StopReason) == REASONS
    assert tuple(ReleaseReason) == RELEASE_REASONS
    assert tuple(RefuseReason) == REFUSE_REASONS


# Held letters


def test_a_rule_that_asks_for_a_person_is_released_by_two_and_passes_every_gate_after(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", case_row(0, 0, **ILL)))
        letter = one(house, batch)
        assert (letter.state, letter.reasons) == ("held", ["S07"])
        said: dict[str, Any] = {"reason": "circumstances_checked", "by": "ops-7", "at": AT}
        with pytest.raises(SecondPersonNeeded):
            release(house.engine, house.tenant, [letter.letter_no], **said)
        with pytest.raises(SecondPersonNeeded):
            release(house.engine, house.tenant, [letter.letter_no], **said, second="ops-7")
        assert one(house, batch).state == "held"
        (done,) = release(house.engine, house.tenant, [letter.letter_no], **said, second="ops-2")
        assert done.rules == ("S07",)
        assert (one(house, batch).state, one(house, batch).reasons) == ("ready", [])
        with pytest.raises(NotHeld):
            release(house.engine, house.tenant, [letter.letter_no], **said, second="ops-2")
        signed(house, batch)
        assert one(house, batch).state == "approved"
        assert way(house, letter.id)[1] == ("ready", "reviewer", "released")
        assert decided(house, letter.id, "review") == [("released", ["S07"])]
        a = tables.audit.c
        (entry,) = rows_of(house, a.actor, a.details, action="letter.released")
        assert entry.actor == "ops-7"
        assert entry.details == {"why": "circumstances_checked", "second": "ops-2", "rules": "S07"}


def test_what_blocks_still_blocks_after_a_release(tmp_path: Path) -> None:
    late = DAY + timedelta(days=5)
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", case_row(0, 0), case_row(1, 1, **ILL)))
        # The amount is five days old by now.
        signed(house, batch, late)
        with pytest.raises(NothingToApprove):
            proposed(house, batch, late)
        held = next(each for each in letters(house, batch) if "C04" in each.reasons)
        release(house.engine, house.tenant, [held.letter_no], reason="client_confirmed", by="ops-7", at=AT)
        signed(house, batch, late + timedelta(days=1))
        assert next(each for each in letters(house, batch) if each.id == held.id).state == "held"


def test_a_name_under_one_id_number_is_confirmed_by_two(tmp_path: Path) -> None:
    rows = [case_row(0, 0), case_row(2, 2, 身份证号=id_number(0))]
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", *rows))
        letter = one(house, batch)
        assert letter.reasons == ["name_conflict"]
        release(house.engine, house.tenant, [letter.letter_no], reason="client_confirmed", by="a", second="b", at=AT)
        assert way(house, letter.person_id) == [
            ("name_conflict", "intake", "two_names"),
            ("active", "reviewer", "name_confirmed"),
        ]
        signed(house, batch)
        assert one(house, batch).state == "approved"


def test_a_held_letter_is_refused_and_keeps_the_reasons_for_which_it_was_held(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", case_row(0, 0, **ILL)))
        letter = one(house, batch)
        refuse(house.engine, house.tenant, [letter.letter_no], reason="circumstances", by="ops-7", at=AT)
        assert (one(house, batch).state, one(house, batch).reasons) == ("not_sent", ["S07"])
        assert decided(house, letter.id, "review") == [("refused_by_person", [])]


# Stop orders before anything is printed


def test_a_stop_withdraws_what_stands_and_meets_what_comes(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "1.csv", case_row(0, 0), case_row(1, 1, 剩余本金="21000")))
        mine, other = sorted(letters(house, batch), key=lambda each: each.amount_fen)
        stopped = stop_letter(house.engine, house.tenant, mine.letter_no, reason="paid", by="ops-7", at=AT, debtor=True)
        assert {each: answer.outcome for each, answer in stopped.answers.items()} == {mine.id: "withdrawn"}
        found = {each.id: (each.state, each.reasons) for each in letters(house, batch)}
        assert found == {mine.id: ("withdrawn", ["stop:paid"]), other.id: ("ready", other.reasons)}
        assert decided(house, mine.id, "stop") == [("withdrawn", ["stop:paid"])]
        # A new case of the same debtor.
        later = taken_in(house, write_rows(tmp_path / "2.csv", case_row(0, 5)))
        assert (one(house, later).state, one(house, later).reasons) == ("not_sent", ["stop:paid"])
        # Lifted, the next case goes again; what was stopped stays stopped.
        lift_stop(house.engine, house.tenant, stopped.stop_id, by="ops-7", at=AT)
        with pytest.raises(UnknownStop):
            lift_stop(house.engine, house.tenant, stopped.stop_id, by="ops-7", at=AT)
        again = taken_in(house, write_rows(tmp_path / "3.csv", case_row(0, 6)))
        assert one(house, again).state == "ready"
        assert next(each for each in letters(house, batch) if each.id == mine.id).state == "withdrawn"


def test_58_a_deceased_debtor_gets_no_letter_whatever_the_case(tmp_path: Path) -> None:
    """58. Deceased reported: nothing more to this person, by any of our letters, those to come too."""
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "1.csv", case_row(0, 0)))
        number = one(house, batch).letter_no
        stop_letter(house.engine, house.tenant, number, reason="deceased", by="ops-7", at=AT, debtor=True)
        later = taken_in(house, write_rows(tmp_path / "2.csv", case_row(0, 5), case_row(0, 6)))
        assert (one(house, later).state, one(house, later).reasons) == ("not_sent", ["stop:deceased"])


def test_a_stop_that_comes_between_decision_and_approval_holds_at_the_gate(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "1.csv", case_row(0, 0), case_row(1, 1)))
        mine = letters(house, batch)[0]
        with house.engine.begin() as connection:
            # The order stands, and the process that should carry it out has died.
            connection.execute(
                tables.stop_order.insert().values(
                    id="stp_1",
                    tenant_id=house.tenant.id,
                    scope="person",
                    object_id=mine.person_id,
                    reason="disputed",
                    state="standing",
                    version=0,
                    given_at=AT,
                )
            )
        signed(house, batch)
        found = {each.id: (each.state, each.reasons) for each in letters(house, batch)}
        assert found[mine.id] == ("held", ["stop:disputed"])
        with pytest.raises(StopStands):
            release(house.engine, house.tenant, [mine.letter_no], reason="cause_removed", by="a", second="b", at=AT)


def test_27_a_stop_of_many_letters_answers_for_each(tmp_path: Path) -> None:
    """27. Batch cancel with mixed states: an answer for each letter."""
    rows = [case_row(0, 0), case_row(1, 1, **ILL), case_row(2, 2), case_row(3, 3, 有无争议="是")]
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", *rows))
        assert Counter(each.state for each in letters(house, batch)) == {"ready": 2, "held": 1, "not_sent": 1}
        signed(house, batch)
        stopped = stop_everything(house.engine, house.tenant, reason="regulator", by="ops-7", at=AT)
        assert Counter(answer.outcome for answer in stopped.answers.values()) == {"withdrawn": 3}
        again = stop_everything(house.engine, house.tenant, reason="regulator", by="ops-7", at=AT)
        assert (again.stop_id, again.answers) == (stopped.stop_id, {})
        with house.engine.connect() as connection:
            assert in_force(connection, house.tenant.id).tenant == "regulator"


def test_a_case_is_stopped_by_its_number_and_an_unknown_one_is_told(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", case_row(0, 0), case_row(1, 1, 剩余本金="25000")))
        row = case_row(0, 0)
        stopped = stop_case(house.engine, house.tenant, row["案件编号"], reason="disputed", by="ops-7", at=AT)
        smaller = min(letters(house, batch), key=lambda letter: letter.amount_fen)
        assert list(stopped.answers) == [smaller.id]
        with pytest.raises(UnknownCase):
            stop_case(house.engine, house.tenant, "AJ2026-9999999", reason="disputed", by="ops-7", at=AT)


def test_29_a_stopped_letter_gives_its_place_in_the_day_back(tmp_path: Path) -> None:
    """29. Cancel returns the quota of the right day: the one whose date the letter bears."""
    with opened(tmp_path, ("max_letters_per_day = 100000", "max_letters_per_day = 1")) as house:
        first = taken_in(house, write_rows(tmp_path / "1.csv", case_row(0, 0)))
        signed(house, first)
        second = taken_in(house, write_rows(tmp_path / "2.csv", case_row(1, 1)), DAY + timedelta(days=1))
        with pytest.raises(DailyCapacityReached):
            proposed(house, second)
        stop_letter(house.engine, house.tenant, one(house, first).letter_no, reason="client", by="ops-7", at=AT)
        assert len(proposed(house, second).letters) == 1


# What waits too long


def test_letters_that_wait_for_people_are_told_of_and_end(tmp_path: Path) -> None:
    k = tables.task.c
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", case_row(0, 0), case_row(1, 1, **ILL)))

        def swept(day: int) -> Counter[str]:
            sweep(house.engine, tenant_id=house.tenant.id, at=days.at(DAY + timedelta(days=day)))
            with house.engine.connect() as connection:
                late = connection.scalars(select(k.reason).where(k.kind == "overdue", k.state == "open")).all()
            return Counter(late)

        # DAY is a Tuesday: working days 2, 5 and 10 after it are Thursday, Tuesday and Tuesday week.
        assert swept(1) == {}
        assert swept(2) == {"letter:ready": 1}
        assert swept(7) == {"letter:ready": 1, "letter:held": 1}
        assert swept(7) == {"letter:ready": 1, "letter:held": 1}
        assert swept(14) == {}
        ended = next(each for each in letters(house, batch) if each.state == "not_sent")
        assert (ended.reasons, way(house, ended.id)[-1]) == (["S07"], ("not_sent", "timer", "hold_deadline"))
        held = next(each for each in letters(house, batch) if each.state == "held")
        assert held.reasons == ["lawyer_deadline"]
        # The lawyer's absence is cured by a release, one person's word.
        release(house.engine, house.tenant, [held.letter_no], reason="lawyer_consulted", by="ops-7", at=AT)
        assert next(each for each in letters(house, batch) if each.id == held.id).state == "ready"
