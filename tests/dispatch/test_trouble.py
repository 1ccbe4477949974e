"""What stands in the way of orders is said, and no letter pays for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from songda.base import days
from songda.carriers import ChinaPost, ClockSkew, LineCut, open_http


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
