"""What stands in the way of orders is said, and no letter pays for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from posted import POSTED

from songda.base import days
from songda.carriers import ChinaPost, ClockSkew, LineCut, open_http

NOON = days.at(POSTED.date(), 12)


def test_a_wrong_clock_holds_no_letter_and_pulls_no_piece(
    open_desk: Callable[..., Any], fill: Callable[..., None]
) -> None:
    fill(3)
    desk = open_desk()
    with open_http(desk.contract) as http:
        wrong = ChinaPost(desk.contract, http, clock=lambda: days.now() + timedelta(hours=1))
        report = desk.order(post=wrong)
    assert (report.ordered, report.refused, report.waiting) == (0, 0, 3)
    assert isinstance(report.trouble, ClockSkew)
    assert desk.column("letter", "state") == ["active"] * 3
    assert desk.column("piece", "state") == ["queued"] * 3
    assert desk.order().ordered == 3
    assert desk.duplicates == 0


def test_a_dead_line_leaves_few_orders_in_doubt_and_the_rest_waiting(
    open_desk: Callable[..., Any], fill: Callable[..., None]
) -> None:
    fill(40)
    desk = open_desk(client={"cut_after_calls": 4, "cut_seconds": 0.3, "query_attempts": 1})
    desk.stand_in.fault("reset_before")
    report = desk.order()
    assert report.unresolved <= 6
    assert report.waiting + report.unresolved == 40
    assert isinstance(report.trouble, LineCut)


def test_an_order_of_which_nobody_hears_for_a_day_is_told_to_a_person_and_asked_for_all_the_same(
    open_desk: Callable[..., Any], fill: Callable[..., None]
) -> None:
    fill(2)
    desk = open_desk(number_range=("1100000000001", "1100000000099"), client={"query_attempts": 1})
    desk.stand_in.fault("reset_after", api_code="020003")
    desk.stand_in.fault("html_before", api_code="040001")
    assert desk.order().unresolved == 2
    assert desk.order(at=NOON + timedelta(hours=23)).unresolved == 2
    assert desk.column("task", "kind") == []
    for hours in (24, 30):
        assert desk.order(at=NOON + timedelta(hours=hours)).unresolved == 2
        assert desk.column("task", "kind", "state") == [("order_unresolved", "open")] * 2

    desk.stand_in.clear_faults()
    assert desk.order(at=NOON + timedelta(hours=31)).ordered == 2
    assert desk.column("task", "kind", "state") == [("order_unresolved", "dropped")] * 2
    assert desk.duplicates == 0
