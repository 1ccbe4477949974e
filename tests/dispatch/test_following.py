"""Asking for the letters: every answer counts, no question costs another letter its answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from posted import BOTH, EVERY_TIME, POSTED, TENANT, after, ship

from songda.dispatch import FollowReport, follow, load_deadlines, settle

Fill = Callable[..., None]
OpenDesk = Callable[..., Any]
RANGE = ("1100000000001", "1100000000099")


def ask(desk: Any, at: datetime, **settings: Any) -> FollowReport:
    desk.stand_in.advance(to=at)
    more = {"threads": 2, "deadlines": EVERY_TIME} | settings
    return follow(desk.database, tenant_id=TENANT, key=desk.key, post=desk.post, at=at, **more)


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_every_letter_is_asked_for_and_told_once(open_desk: OpenDesk, fill: Fill) -> None:
    fill(6)
    desk = open_desk()
    ship(desk)
    early = ask(desk, POSTED + timedelta(hours=1), chunk=4)
    assert (early.asked, early.unknown, early.left) == (6, 0, 0)
    first = ask(desk, after(3), chunk=4)
    assert first.news >= 6 * 4
    again = ask(desk, after(3), chunk=4)
    assert again == FollowReport(asked=6, news=0, unknown=0, refused=0, unanswered=0, left=0, malformed=0)
    assert len(desk.column("fact", "id")) == early.news + first.news
    stored = json.dumps([desk.column("fact", "event"), desk.column("decision", "reasons")], ensure_ascii=False)
    assert not [each for each in ("柳", "139", "快递员") if each in stored]


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_a_drills_letters_are_asked_about_in_a_drill_only(open_desk: OpenDesk, fill: Fill) -> None:
    fill(2)
    desk = open_desk()
    ship(desk)
    assert ask(desk, after(2), drill=True).asked == 0
    desk.change("batch", drill=True)
    assert ask(desk, after(2)).asked == 0
    assert ask(desk, after(2), drill=True).asked == 2


def test_one_without_an_answer_costs_the_others_nothing(open_desk: OpenDesk, fill: Fill) -> None:
    fill(5)
    desk = open_desk(number_range=RANGE)
    ship(desk)
    desk.stand_in.advance(to=after(2))
    desk.stand_in.fault("html_before", api_code="040001", count=2)
    report = ask(desk, after(2), threads=1)
    assert (report.asked, report.unanswered, report.left) == (4, 1, 0)
    assert len(set(desk.column("fact", "attempt_id"))) == 4
    desk.stand_in.fault("refuse", api_code="040001", count=1)
    report = ask(desk, after(2), threads=1)
    assert (report.asked, report.refused) == (4, 1)
    report = ask(desk, after(2))
    assert report.asked == 5
    assert len(set(desk.column("fact", "attempt_id"))) == 5


@pytest.mark.parametrize("kind", ["truncated", "other_number", "gbk", "reset_after", "cut"])
def test_a_damaged_answer_is_no_answer(open_desk: OpenDesk, fill: Fill, kind: str) -> None:
    fill(3)
    desk = open_desk(number_range=RANGE)
    ship(desk)
    desk.stand_in.advance(to=after(2))
    desk.stand_in.fault(kind, api_code="040001", count=2)
    ask(desk, after(2), threads=1)
    assert ask(desk, after(2)).asked == 3
    chains = {}
    for attempt, fact in desk.column("fact", "attempt_id", "event"):
        chains.setdefault(attempt, []).append(fact["op_code"])
    assert all(chain.count("203") == 1 for chain in chains.values())
    assert len(chains) == 3


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_54_a_number_that_the_carrier_does_not_know_is_a_task_and_not_silence(open_desk: OpenDesk, fill: Fill) -> None:
    fill(2)
    desk = open_desk()
    ship(desk)
    number = desk.column("piece", "waybill_no")[0]
    desk.change("piece", "pie_001", waybill_no="9899999999999")
    for _ in range(2):
        assert ask(desk, after(2)).unknown == 1
        assert desk.column("task", "kind", "object_id", "state") == [("waybill_unknown", "pie_001", "open")]
    desk.change("piece", "pie_001", waybill_no=number)
    assert ask(desk, after(2)).unknown == 0
    assert desk.column("task", "state") == ["dropped"]


def test_a_carrier_that_answers_nobody_is_not_asked_for_everybody(open_desk: OpenDesk, fill: Fill) -> None:
    fill(40)
    desk = open_desk()
    ship(desk)
    desk.stand_in.kill()
    report = follow(
        desk.database, tenant_id=TENANT, key=desk.key, post=desk.post, at=after(2), threads=4, deadlines=EVERY_TIME
    )
    assert report.unanswered + report.left == 40
    assert report.left > 0
    desk.stand_in.start()


def test_a_carrier_that_refuses_everybody_is_not_asked_on(open_desk: OpenDesk, fill: Fill) -> None:
    fill(9)
    desk = open_desk()
    ship(desk)
    desk.stand_in.fault("refuse", api_code="040001")
    report = ask(desk, after(2), chunk=3)
    assert (report.refused, report.left) == (3, 6)


def test_a_limit_asks_other_letters_each_time(open_desk: OpenDesk, fill: Fill) -> None:
    fill(12)
    desk = open_desk()
    ship(desk)
    for hour in range(12):
        assert ask(desk, after(2, hour), limit=4).left == 8
    assert len(set(desk.column("fact", "attempt_id"))) == 12


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_settled_letters_are_asked_for_every_few_days_as_long_as_they_may_be_revised(
    open_desk: OpenDesk, fill: Fill
) -> None:
    fill(3)
    desk = open_desk()
    ship(desk)
    ask(desk, after(15))
    desk.change("attempt", state="reported", provisional_grade="A1")
    settle(desk.database, tenant_id=TENANT, at=after(15))
    for _ in range(3):
        settle(desk.database, tenant_id=TENANT, at=after(30))
    settled = desk.column("attempt", "state").count("settled")
    assert settled
    calls = [ask(desk, after(day, hour)).asked for day, hour in ((31, 8), (31, 18), (44, 8), (45, 8))]
    assert calls == [3, 3 - settled, 3 - settled, 3]
    assert ask(desk, after(120)).asked == 3 - settled


def test_a_chunk_that_fails_loses_neither_the_chunks_before_nor_its_own_letters(
    open_desk: OpenDesk, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(9)
    desk = open_desk()
    ship(desk)
    import songda.dispatch.following as module

    real, turns = module.store_events, iter(range(9))

    def broken(*args: Any, **more: Any) -> int:
        stored = real(*args, **more)
        if next(turns) == 1:
            raise KeyboardInterrupt
        return stored

    monkeypatch.setattr(module, "store_events", broken)
    with pytest.raises(KeyboardInterrupt):
        ask(desk, after(2), chunk=3)
    assert len(set(desk.column("fact", "attempt_id"))) == 3
    monkeypatch.undo()
    ask(desk, after(2), chunk=3)
    assert len(set(desk.column("fact", "attempt_id"))) == 9
    before = len(desk.column("fact", "id"))
    assert ask(desk, after(2)).news == 0
    assert len(desk.column("fact", "id")) == before


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_a_letter_is_not_asked_for_before_anything_can_have_changed(open_desk: OpenDesk, fill: Fill) -> None:
    fill(2)
    desk = open_desk()
    ship(desk)

    def asked(at: datetime) -> int:
        return ask(desk, at, deadlines=load_deadlines()).asked

    assert asked(POSTED + timedelta(hours=1)) == 0
    assert asked(POSTED + timedelta(hours=24)) == 2
    assert asked(POSTED + timedelta(hours=30)) == 0
    assert asked(POSTED + timedelta(hours=48)) == 2
    desk.change("attempt", state="reported", provisional_grade="A1")
    assert asked(POSTED + timedelta(hours=72)) == 0
    assert asked(POSTED + timedelta(hours=120)) == 2
