"""From a balanced run to posted letters, and out of the pile at the last moment."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from posted import BOTH, POSTED, RUN, after, waybill

from songda.dispatch import (
    HandOver,
    PiecesInThePile,
    PiecesWithoutWaybill,
    RunNotBalanced,
    RunNotReady,
    hand_over,
    pull_pieces,
    taken_out,
    unanswered,
)
from songda.store import Conflict

pytestmark = pytest.mark.parametrize("database", BOTH, indirect=True)


def test_a_balanced_run_is_posted_once(house: Any) -> None:
    house.printed(3)
    house.change("piece", "pie_002", state="spoiled")
    first = house.hand_over()
    assert first == HandOver(RUN, 2, 1, 0, POSTED.date(), (waybill(1), waybill(3)))
    assert house.rows("piece", "state") == ["handed_over", "spoiled", "handed_over"]
    assert house.rows("attempt", "state", "posted_on") == [
        ("posted", POSTED.date()),
        ("locked", None),
        ("posted", POSTED.date()),
    ]
    assert house.rows("run", "state") == ["handed_over"]
    assert house.hand_over(after(3)) == first
    assert house.way("att_001") == ["posted"]


@pytest.mark.parametrize("state", ["open", "locked", "printing"])
def test_a_run_that_is_not_balanced_stays(house: Any, state: str) -> None:
    house.printed(1)
    house.change("run", state=state)
    with pytest.raises(RunNotReady) as caught:
        house.hand_over()
    assert caught.value.data == {"state": state}


def test_pieces_whose_whereabouts_are_unknown_stop_the_hand_over(house: Any) -> None:
    house.printed(4)
    house.change("piece", "pie_001", state="missing")
    house.change("piece", "pie_003", state="diverted")
    with pytest.raises(RunNotBalanced) as caught:
        house.hand_over()
    assert caught.value.data == {"count": 2}
    assert set(house.rows("attempt", "state")) == {"locked"}


def test_a_letter_that_nobody_could_follow_is_not_posted(house: Any) -> None:
    house.printed(2)
    house.change("piece", "pie_001", waybill_no=None)
    with pytest.raises(PiecesWithoutWaybill) as caught:
        house.hand_over()
    assert caught.value.data == {"count": 1}


def test_a_recalled_attempt_in_the_pile_stops_everything(house: Any) -> None:
    house.printed(2)
    house.change("attempt", "att_001", state="recalled")
    with pytest.raises(Conflict):
        house.hand_over()
    assert set(house.rows("piece", "state")) == {"enveloped"}
    assert house.rows("run", "state") == ["balanced"]


def test_a_stop_order_at_the_gate_withdraws_the_letter_and_cancels_its_waybill(house: Any) -> None:
    house.printed(3)
    for _ in range(2):
        pulled = pull_pieces(house.database, {"pie_002": "stop:paid"}, at=POSTED, actor="operator")
    assert (pulled.pulled, pulled.withdrawn, pulled.too_late, pulled.missing) == (0, 0, (), ())
    assert house.rows("piece", "state") == ["enveloped", "pulled", "enveloped"]
    assert house.rows("attempt", "state") == ["locked", "recalled", "locked"]
    assert house.rows("letter", "state") == ["active", "withdrawn", "active"]
    assert house.tasks("waybill_unused") == [("open", "stop:paid")]
    # What is pulled is still paper: the run waits until whoever holds the pile has taken it out.
    assert house.tasks("divert") == [("open", "stop:paid")]
    with pytest.raises(PiecesInThePile):
        house.hand_over()
    with house.database.begin() as connection:
        assert [(each.piece_id, each.reason) for each in unanswered(connection, RUN)] == [("pie_002", "stop:paid")]
        taken_out(connection, ["pie_002"], at=POSTED)
    assert (house.hand_over().posted, house.hand_over().pulled) == (2, 1)


def test_a_stop_order_counts_what_it_pulled_and_takes_every_copy(house: Any) -> None:
    house.printed(2)
    from sqlalchemy import insert

    from songda.store import tables

    with house.database.begin() as connection:
        connection.execute(
            insert(tables.piece),
            {"id": "pie_901", "attempt_id": "att_001", "run_id": RUN, "copy": 2, "state": "enveloped", "version": 0}
            | {"order_no": "att_001-2", "waybill_no": waybill(901)},
        )
    house.change("piece", "pie_001", state="diverted")
    pulled = pull_pieces(house.database, {"pie_001": "stop:disputed"}, at=POSTED, actor="operator")
    assert (pulled.pulled, pulled.withdrawn) == (2, 1)
    assert house.rows("piece", "state") == ["pulled", "enveloped", "pulled"]


def test_a_stop_order_that_comes_too_late_ends_the_letter_with_its_real_result(house: Any) -> None:
    house.posted(2)
    for _ in range(2):
        pulled = pull_pieces(house.database, {"pie_001": "stop:paid"}, at=POSTED, actor="operator")
        assert pulled.too_late == ("pie_001",)
    assert house.rows("letter", "state", "flags") == [("active", ["stop_requested"]), ("active", [])]
    assert house.way("ltr_001") == ["active"]


def test_a_missing_piece_is_told_back(house: Any) -> None:
    house.printed(1)
    house.change("piece", state="missing")
    assert pull_pieces(house.database, {"pie_001": "stop:paid"}, at=POSTED, actor="operator").missing == ("pie_001",)
    assert house.rows("attempt", "state") == ["locked"]


def test_a_letter_of_which_something_was_posted_before_is_not_withdrawn(house: Any) -> None:
    house.printed(1)
    from sqlalchemy import insert

    from songda.store import tables

    with house.database.begin() as connection:
        connection.execute(
            insert(tables.attempt),
            {"id": "att_900", "letter_id": "ltr_001", "n": 0, "state": "settled", "version": 0, "grade": "E"}
            | {"address_record_id": "adr_001", "place": "q", "posted_on": POSTED.date()},
        )
    pull_pieces(house.database, {"pie_001": "stop:paid"}, at=POSTED, actor="operator")
    assert house.rows("letter", "state", "flags") == [("active", ["stop_requested"])]


def test_two_at_once_post_a_run_once(house: Any) -> None:
    house.printed(20)
    results: list[Any] = []

    def work() -> None:
        results.append(hand_over(house.database, run_id=RUN, at=POSTED).posted)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [20] * 4
    assert house.way("att_001") == ["posted"]


def test_a_hand_over_that_breaks_off_leaves_nothing_half_posted(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    house.printed(3)
    import songda.dispatch.handover as module

    real = module.move

    def broken(connection: Any, object: str, *rest: Any, **more: Any) -> Any:
        if object == "run":
            raise KeyboardInterrupt
        return real(connection, object, *rest, **more)

    monkeypatch.setattr(module, "move", broken)
    with pytest.raises(KeyboardInterrupt):
        house.hand_over()
    assert set(house.rows("piece", "state")) == {"enveloped"}
    monkeypatch.undo()
    assert house.hand_over().posted == 3
