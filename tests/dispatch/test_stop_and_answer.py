"""A stop order that comes while a call is under way or a gate is being carried out: both stand, nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from threading import Barrier, Thread
from typing import Any

import pytest
from posted import BOTH, POSTED, TENANT

from songda.dispatch import cancel_waybills, pull_pieces, stop, stopping


class StoppedMeanwhile:
    """A carrier during whose calls every letter is stopped."""

    def __init__(self, desk: Any) -> None:
        self._desk = desk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._desk.post, name)

    def order_many(self, orders: Any, *, threads: int) -> Any:
        answers = list(self._desk.post.order_many(orders, threads=threads))
        stop(self._desk.database, tenant_id=TENANT, scope="tenant", object_id=TENANT, reason="paid", at=POSTED)
        return iter(answers)


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_an_answer_that_finds_its_letter_stopped_is_kept_and_its_waybill_given_back(open_desk: Any, fill: Any) -> None:
    fill(2)
    desk = open_desk()
    desk.stand_in.fault("refuse", api_code="020003", count=1, code="B00777")
    report = replace(desk, post=StoppedMeanwhile(desk)).order(threads=1)
    assert (report.ordered, report.refused) == (1, 1)
    assert desk.column("intent", "state") == ["refused", "answered"]
    assert desk.column("piece", "state") == ["pulled", "pulled"]
    assert desk.column("letter", "state") == ["withdrawn", "withdrawn"]
    given_back = cancel_waybills(desk.database, tenant_id=TENANT, post=desk.post, at=POSTED)
    assert (given_back.cancelled, given_back.refused, given_back.left) == (1, 0, 0)


@pytest.mark.parametrize("database", BOTH[1:], indirect=True)
def test_a_gate_whose_piece_was_pulled_meanwhile_leaves_it(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stop comes between the look of the gate and its hand."""
    house.printed(3)
    look = stopping.attempts_of

    def then_stopped(*about: Any) -> set[str]:
        found = look(*about)
        stop(house.database, tenant_id=TENANT, scope="letter", object_id="ltr_001", reason="paid", at=POSTED)
        return found

    monkeypatch.setattr(stopping, "attempts_of", then_stopped)
    gate = {"pie_001": "gate_hand_over", "pie_002": "gate_hand_over"}
    pull_pieces(house.database, gate, at=POSTED, actor="rules")
    assert house.rows("piece", "state") == ["pulled", "pulled", "enveloped"]
    assert house.rows("letter", "state", "reasons")[:2] == [
        ("withdrawn", ["stop:paid"]),
        ("withdrawn", ["gate_hand_over"]),
    ]


@pytest.mark.parametrize("database", BOTH[1:], indirect=True)
def test_gates_of_several_reasons_and_a_hand_over_never_wait_in_a_circle(house: Any) -> None:
    """Attempts are held in the order of their ids, whatever the reasons for which their pieces are pulled."""
    house.printed(40)
    odd = {f"pie_{no:03d}": "stop:paid" if no % 2 else "gate_hand_over" for no in range(1, 41)}
    errors: list[Exception] = []
    barrier = Barrier(2)

    def pulls(reasons: dict[str, str]) -> None:
        barrier.wait()
        try:
            pull_pieces(house.database, reasons, at=POSTED, actor="rules")
        except Exception as error:
            errors.append(error)

    turned = {piece: "stop:paid" if reason == "gate_hand_over" else "gate_hand_over" for piece, reason in odd.items()}
    racers = [Thread(target=pulls, args=(reasons,)) for reasons in (odd, turned)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert errors == []
    assert set(house.rows("piece", "state")) == {"pulled"}
