"""Orders that only a person can settle: what is listed, and what each answer leads to, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from posted import BOTH

from conftest import NOON, TENANT
from songda.dispatch import (
    DoubtfulOrder,
    OrderReport,
    OtherWaybill,
    UnknownOrder,
    WaybillTaken,
    cancel_waybills,
    doubtful_orders,
    settle_order,
)

RANGE = ("1100000000001", "1100000000099")
#: A number that the stand-in allots.
ALLOTTED = "9800000000006"

Fill = Callable[..., None]
OpenDesk = Callable[..., Any]


def listed(desk: Any, tenant: str = TENANT) -> list[DoubtfulOrder]:
    with desk.database.connect() as connection:
        return doubtful_orders(connection, tenant_id=tenant)


def say(desk: Any, waybill: str | None, *, order: str = "att_001-1", tenant: str = TENANT, at: datetime = NOON) -> None:
    with desk.database.begin() as connection:
        settle_order(connection, tenant_id=tenant, order_no=order, waybill_no=waybill, at=at)


def in_doubt(desk: Any, fault: str = "reset_after") -> None:
    """The first order's answer is lost."""
    desk.stand_in.fault(fault, api_code="020003", count=1)
    assert desk.order(threads=1).unresolved == 1


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_a_person_names_the_waybill_and_the_piece_has_it(open_desk: OpenDesk, fill: Fill) -> None:
    fill(2)
    desk = open_desk()
    in_doubt(desk)
    (order,) = listed(desk)
    assert (order.order_no, order.letter_no, order.since, order.waybill_no) == ("att_001-1", "QS2026-001", NOON, None)
    assert order.known == "ReadError"
    say(desk, ALLOTTED)
    assert desk.column("intent", "state") == ["answered", "answered"]
    assert desk.column("piece", "waybill_no")[0] == ALLOTTED
    assert desk.column("task", "state") == ["done"]
    assert listed(desk) == []
    with pytest.raises(UnknownOrder):
        say(desk, None)
    assert desk.order() == OrderReport(ordered=0, refused=0, unresolved=0, waiting=0)
    assert desk.duplicates == 0


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_what_the_carrier_never_got_leaves_again_once(open_desk: OpenDesk, fill: Fill) -> None:
    fill(1)
    desk = open_desk()
    in_doubt(desk, "reset_before")
    say(desk, None)
    assert desk.order() == OrderReport(ordered=1, refused=0, unresolved=0, waiting=0)
    assert desk.order() == OrderReport(ordered=0, refused=0, unresolved=0, waiting=0)
    assert desk.stand_in.stats()["waybills"] == 1


def test_a_repeat_whose_answer_is_lost_again_is_in_doubt_again(open_desk: OpenDesk, fill: Fill) -> None:
    fill(1)
    desk = open_desk()
    in_doubt(desk, "reset_before")
    say(desk, None)
    in_doubt(desk)
    assert len(listed(desk)) == 1
    assert [state for state in desk.column("task", "state") if state == "open"] == ["open"]
    assert desk.order().unresolved == 1
    assert desk.stand_in.stats()["waybills"] == 1


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_a_number_that_another_piece_holds_settles_nothing(open_desk: OpenDesk, fill: Fill) -> None:
    fill(2)
    desk = open_desk()
    in_doubt(desk)
    (taken,) = [number for number in desk.column("piece", "waybill_no") if number]
    with pytest.raises(WaybillTaken):
        say(desk, taken)
    assert len(listed(desk)) == 1
    assert desk.column("intent", "state") == ["unresolved", "answered"]


def test_another_tenant_sees_and_settles_nothing(open_desk: OpenDesk, fill: Fill) -> None:
    fill(1)
    desk = open_desk()
    in_doubt(desk)
    assert listed(desk, "ten_2") == []
    with pytest.raises(UnknownOrder):
        say(desk, ALLOTTED, tenant="ten_2")
    assert len(listed(desk)) == 1


def test_an_order_under_our_own_number_is_settled_by_that_number_alone(open_desk: OpenDesk, fill: Fill) -> None:
    fill(1)
    desk = open_desk(number_range=RANGE, client={"query_attempts": 1})
    desk.stand_in.fault("reset_after", api_code="020003")
    desk.stand_in.fault("html_before", api_code="040001")
    assert desk.order().unresolved == 1
    # The house asks by itself; a person is told after a day.
    assert desk.order(at=NOON + timedelta(hours=23)).unresolved == 1
    assert listed(desk) == []
    assert desk.order(at=NOON + timedelta(hours=24)).unresolved == 1
    (order,) = listed(desk)
    assert order.waybill_no == RANGE[0]
    with pytest.raises(OtherWaybill):
        say(desk, RANGE[1])
    say(desk, RANGE[0])
    assert desk.column("piece", "waybill_no") == [RANGE[0]]


def test_a_number_found_after_the_piece_was_taken_out_is_given_back(open_desk: OpenDesk, fill: Fill) -> None:
    fill(1)
    desk = open_desk()
    in_doubt(desk)
    desk.change("piece", state="pulled")
    # The number that the stand-in allotted: a lost answer and nothing else.
    say(desk, ALLOTTED)
    assert ("waybill_unused", "open") in desk.column("task", "kind", "state")
    assert cancel_waybills(desk.database, tenant_id=TENANT, post=desk.post, at=NOON).cancelled == 1
    assert ("waybill_unused", "done") in desk.column("task", "kind", "state")
