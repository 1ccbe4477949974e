"""What the carrier has lost: another piece of the same attempt, and what becomes of it when the first one turns up."""

from __future__ import annotations

from typing import Any

import pytest
from posted import BOTH, POSTED, RUN, TENANT, after, event, waybill
from sqlalchemy import insert

from songda.dispatch import PiecesInThePile, Told, hand_over, reconcile, store_events, take_out_strays, taken_out
from songda.store import Conflict, tables

LOST = [(0, 18, "203"), (4, 17, "705:13")]


def replace_piece(house: Any, copy: int = 2, *, state: str = "enveloped") -> str:
    """Another piece of the first letter in a run of its own, as production makes it; returns its waybill."""
    number = waybill(900 + copy)
    with house.database.begin() as connection:
        run = {"id": f"run_{copy}", "tenant_id": TENANT, "batch_id": "bat_1", "number": copy, "day": POSTED.date()}
        connection.execute(insert(tables.run), run | {"state": "balanced", "version": 0, "pieces": 1})
        piece = {"id": f"pie_90{copy}", "attempt_id": "att_001", "run_id": f"run_{copy}", "copy": copy, "seq": 1}
        piece |= {"state": state, "version": 0, "order_no": f"att_001-{copy}", "waybill_no": number}
        connection.execute(insert(tables.piece), piece)
    return number


def tell_of(house: Any, number: str, *events: tuple[Any, ...]) -> None:
    told = [Told("att_001", event(0, *each[:3], {"waybill_no": number}), repr(each).encode()) for each in events]
    with house.database.begin() as connection:
        store_events(connection, key=house.key, told=told, received_at=after(30))


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_a_loss_is_no_outcome_but_a_piece_to_be_made(house: Any) -> None:
    house.posted(1)
    house.tell(1, *LOST)
    assert house.settle(5).locked == 1
    assert house.attempt() == ("locked", None, None)
    assert house.settle(6).locked == 0
    assert house.way("att_001") == ["posted", "carried", "locked"]


def test_a_letter_that_must_not_be_tried_again_settles_as_lost(house: Any) -> None:
    house.posted(1, flags=["stop_requested"])
    house.tell(1, *LOST)
    house.settle(5)
    assert house.attempt() == ("settled", "F", "F")


def test_after_two_replacements_the_loss_is_the_result(house: Any) -> None:
    house.posted(1)
    house.tell(1, *LOST)
    for copy in (2, 3):
        house.settle(10 * copy)
        assert house.attempt()[0] == "locked"
        number = replace_piece(house, copy)
        hand_over(house.database, run_id=f"run_{copy}", at=after(10 * copy))
        tell_of(house, number, (10 * copy, 18, "203"), (10 * copy + 4, 17, "705:13"))
    house.settle(40)
    assert house.attempt() == ("settled", "F", "F")


def test_55_the_first_letter_turns_up_before_the_second_has_left(house: Any) -> None:
    """55. Two waybills for one attempt: loss of the first, then delivery of the *first*. One result; the second is called back."""
    house.posted(1)
    house.tell(1, *LOST)
    house.settle(5)
    replace_piece(house)
    house.tell(1, (6, 10, "704:10"))
    house.settle(7)
    house.settle(10)
    assert house.attempt() == ("settled", "A1", "A1")
    assert house.rows("piece", "state") == ["handed_over", "pulled"]
    assert house.tasks("waybill_unused") == [("open", "found_after_all")]


def test_55_the_first_letter_turns_up_after_the_second_was_posted(house: Any) -> None:
    """55. … one settled result, the duplicate delivery flagged when both were signed for."""
    house.posted(1)
    house.tell(1, *LOST)
    house.settle(5)
    number = replace_piece(house)
    hand_over(house.database, run_id="run_2", at=after(6))
    house.tell(1, (7, 10, "704:10"))
    house.settle(8)
    house.settle(11)
    assert house.attempt() == ("settled", "A1", "A1")
    tell_of(house, number, (6, 18, "203"), (9, 11, "704:10"))
    house.settle(12)
    assert house.attempt() == ("settled", "A1", "A1")
    (said,) = [flags for stage, flags in house.rows("decision", "stage", "reasons") if stage == "outcome"][-1:]
    assert "duplicate_delivery" in said


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_a_run_is_reconciled_when_the_carrier_has_told_about_every_piece(house: Any) -> None:
    house.posted(2)
    house.tell(1, (0, 18, "203"))
    assert reconcile(house.database, tenant_id=TENANT, at=after(1)) == 0
    house.tell(2, (0, 18, "203"))
    assert reconcile(house.database, tenant_id=TENANT, at=after(1)) == 1
    assert house.rows("run", "state") == ["reconciled"]
    assert house.way(RUN)[-1] == "reconciled"


def test_a_piece_of_which_nothing_was_ever_heard_is_explained_when_its_attempt_settles(house: Any) -> None:
    house.posted(1)
    house.settle(8)
    assert house.attempt()[0] == "silent"
    assert reconcile(house.database, tenant_id=TENANT, at=after(8)) == 0
    house.settle(25)
    assert house.attempt() == ("settled", None, "F")
    assert reconcile(house.database, tenant_id=TENANT, at=after(25)) == 1


def test_a_replacement_is_reconciled_by_its_own_waybill(house: Any) -> None:
    house.posted(1)
    house.tell(1, *LOST)
    house.settle(5)
    reconcile(house.database, tenant_id=TENANT, at=after(5))
    number = replace_piece(house)
    hand_over(house.database, run_id="run_2", at=after(6))
    house.tell(1, (6, 19, "306"))
    assert reconcile(house.database, tenant_id=TENANT, at=after(7)) == 0
    tell_of(house, number, (6, 18, "203"))
    assert reconcile(house.database, tenant_id=TENANT, at=after(7)) == 1


def test_with_a_second_letter_the_deadlines_begin_anew(house: Any) -> None:
    """What was told of the lost one neither takes the second one over nor makes it silent."""
    house.posted(1)
    house.tell(1, *LOST)
    house.settle(5)
    number = replace_piece(house)
    hand_over(house.database, run_id="run_2", at=after(20))
    house.settle(21)
    assert house.attempt()[0] == "posted"
    assert house.tasks("carrier_silent") == []
    tell_of(house, number, (20, 18, "203"))
    house.settle(22)
    assert house.attempt()[0] == "carried"
    house.settle(30)
    assert house.attempt()[0] == "silent"


@pytest.mark.parametrize("code", ["kd100:101", "kd100:102", "kdniao:10"])
def test_a_letter_that_is_only_announced_is_not_in_the_carriers_hands(house: Any, code: str) -> None:
    house.posted(1)
    house.tell(1, (0, 18, code))
    house.settle(1)
    assert house.attempt()[0] == "posted"
    house.settle(9)
    assert house.attempt()[0] == "silent"
    house.tell(1, (10, 9, "203"))
    house.settle(10)
    assert house.attempt()[0] == "carried"


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_a_replacement_found_too_late_is_taken_out_and_holds_no_run_for_good(house: Any) -> None:
    """It was missing at the inserter while the lost letter turned up: nobody may post it, and nobody waits for it."""
    house.posted(1)
    house.tell(1, *LOST)
    house.settle(5)
    replace_piece(house, state="missing")
    house.tell(1, (6, 10, "704:10"))
    house.settle(7)
    house.change("piece", "pie_902", state="enveloped")
    with pytest.raises(Conflict):
        hand_over(house.database, run_id="run_2", at=after(7))
    assert take_out_strays(house.database, "run_2", at=after(7)) == 1
    with pytest.raises(PiecesInThePile):
        hand_over(house.database, run_id="run_2", at=after(7))
    with house.database.begin() as connection:
        taken_out(connection, ["pie_902"], at=after(7))
    assert hand_over(house.database, run_id="run_2", at=after(7)).posted == 0
    assert house.attempt()[:2] == ("reported", "A1")
    assert take_out_strays(house.database, "run_2", at=after(7)) == 0
