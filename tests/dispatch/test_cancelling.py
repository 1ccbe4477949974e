"""Waybills of pieces that will never be posted are given back to the carrier, each once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from posted import BOTH, POSTED, TENANT

from songda.dispatch import CancelReport, cancel_waybills, pull_pieces

Fill = Callable[..., None]
OpenDesk = Callable[..., Any]

pytestmark = pytest.mark.parametrize("database", BOTH, indirect=True)


def cancel(desk: Any) -> CancelReport:
    return cancel_waybills(desk.database, tenant_id=TENANT, post=desk.post, at=POSTED)


def ordered(open_desk: OpenDesk, fill: Fill, count: int) -> Any:
    fill(count)
    desk = open_desk()
    desk.order()
    return desk


def pull(desk: Any, *numbers: int) -> None:
    pieces = desk.column("piece", "id")
    pull_pieces(desk.database, {pieces[number]: "stop:paid" for number in numbers}, at=POSTED, actor="operator")


def tasks(desk: Any) -> list[tuple[str, str]]:
    return sorted(desk.column("task", "state", "reason"))


def test_a_pulled_piece_gives_its_waybill_back_once(open_desk: OpenDesk, fill: Fill) -> None:
    desk = ordered(open_desk, fill, 3)
    pull(desk, 1)
    assert cancel(desk) == CancelReport(cancelled=1, refused=0, left=0)
    assert cancel(desk) == CancelReport(cancelled=0, refused=0, left=0)
    assert desk.stand_in.stats()["cancelled"] == 1
    assert tasks(desk) == [("done", "stop:paid")]


def test_a_spoiled_piece_gives_its_waybill_back_too(open_desk: OpenDesk, fill: Fill) -> None:
    desk = ordered(open_desk, fill, 2)
    desk.change("piece", desk.column("piece", "id")[0], state="spoiled")
    assert cancel(desk).cancelled == 1
    assert tasks(desk) == [("done", "unused")]


def test_a_piece_on_its_way_keeps_its_waybill(open_desk: OpenDesk, fill: Fill) -> None:
    desk = ordered(open_desk, fill, 2)
    assert cancel(desk) == CancelReport(cancelled=0, refused=0, left=0)


def test_what_the_carrier_will_not_cancel_waits_for_a_person_and_is_not_asked_again(
    open_desk: OpenDesk, fill: Fill
) -> None:
    desk = ordered(open_desk, fill, 1)
    pull(desk, 0)
    desk.stand_in.fault("refuse", api_code="020006", count=1)
    assert cancel(desk) == CancelReport(cancelled=0, refused=1, left=0)
    assert cancel(desk) == CancelReport(cancelled=0, refused=0, left=0)
    (standing,) = [reason for state, reason in tasks(desk) if state == "open"]
    assert standing.startswith("cancel_refused:")


def test_without_an_answer_it_is_asked_next_time(open_desk: OpenDesk, fill: Fill) -> None:
    desk = ordered(open_desk, fill, 2)
    pull(desk, 0, 1)
    desk.stand_in.fault("reset_before", api_code="020006", count=1)
    first = cancel(desk)
    assert (first.cancelled, first.left) == (1, 1)
    assert cancel(desk).cancelled == 1
