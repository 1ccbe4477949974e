"""Waybills are ordered once, whatever gets lost on the way."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from typing import Any

import pytest

from songda.base import days
from songda.dispatch import NumberRangeUsedUp, OrderReport

NOON = days.at(date(2026, 11, 24), 12)
RANGE = ("1100000000001", "1100000000099")
LOST = ["reset_after", "html_after", "drop_answer", "truncated", "cut", "other_number"]

Fill = Callable[..., None]
OpenDesk = Callable[..., Any]


def test_every_piece_gets_a_waybill_and_its_intent_an_answer(open_desk: OpenDesk, fill: Fill) -> None:
    fill(5)
    desk = open_desk()
    assert desk.order() == OrderReport(ordered=5, refused=0, unresolved=0, waiting=0)
    assert len(set(desk.column("piece", "waybill_no"))) == 5
    assert set(desk.column("intent", "state")) == {"answered"}
    assert desk.order() == OrderReport(ordered=0, refused=0, unresolved=0, waiting=0)
    assert desk.stand_in.stats()["waybills"] == 5


def test_an_answer_keeps_the_sorting_codes_for_the_label_and_no_person(open_desk: OpenDesk, fill: Fill) -> None:
    fill(1)
    desk = open_desk()
    desk.order()
    (answer,) = desk.column("intent", "answer")
    assert answer["route_code"]
    assert "柳" not in json.dumps(answer, ensure_ascii=False)


def test_numbers_of_a_range_follow_the_order_of_the_pieces(open_desk: OpenDesk, fill: Fill) -> None:
    fill(4)
    desk = open_desk(number_range=RANGE)
    desk.order(chunk=3)
    assert desk.column("piece", "waybill_no") == [f"110000000000{n}" for n in (1, 2, 3, 4)]


def test_a_range_that_ends_orders_what_it_can_and_says_what_is_missing(open_desk: OpenDesk, fill: Fill) -> None:
    fill(5)
    desk = open_desk(number_range=("1100000000001", "1100000000003"))
    with pytest.raises(NumberRangeUsedUp) as caught:
        desk.order(chunk=2)
    assert caught.value.data == {"missing": 2}
    assert desk.stand_in.stats()["waybills"] == 3
    with pytest.raises(NumberRangeUsedUp):
        desk.order()
    assert desk.stand_in.stats()["waybills"] == 3


@pytest.mark.parametrize("kind", LOST)
def test_a_lost_answer_is_found_by_our_own_number(open_desk: OpenDesk, fill: Fill, kind: str) -> None:
    fill(3)
    desk = open_desk(number_range=RANGE)
    desk.stand_in.fault(kind, api_code="020003", count=1)
    assert desk.order() == OrderReport(ordered=2, refused=0, unresolved=1, waiting=0)
    assert desk.order() == OrderReport(ordered=1, refused=0, unresolved=0, waiting=0)
    assert set(desk.column("intent", "state")) == {"answered"}
    assert desk.stand_in.stats()["calls"]["020003"] == 3
    assert desk.duplicates == 0


@pytest.mark.parametrize("kind", ["reset_before", "html_before"])
def test_an_order_that_never_arrived_is_repeated_under_the_same_number(
    open_desk: OpenDesk, fill: Fill, kind: str
) -> None:
    fill(2)
    desk = open_desk(number_range=RANGE)
    desk.stand_in.fault(kind, api_code="020003", count=1)
    assert desk.order().unresolved == 1
    numbers = desk.column("piece", "waybill_no")
    assert desk.order() == OrderReport(ordered=1, refused=0, unresolved=0, waiting=0)
    assert desk.column("piece", "waybill_no") == numbers
    assert desk.stand_in.stats()["waybills"] == 2


@pytest.mark.parametrize("kind", LOST)
def test_a_promise_of_idempotency_allows_a_repeat(open_desk: OpenDesk, fill: Fill, kind: str) -> None:
    fill(3)
    desk = open_desk(orders_idempotent=True)
    desk.stand_in.fault(kind, api_code="020003", count=1)
    assert desk.order().unresolved == 1
    assert desk.column("task", "kind") == []
    assert desk.order() == OrderReport(ordered=1, refused=0, unresolved=0, waiting=0)
    assert desk.stand_in.stats()["repeats"] == 1
    assert desk.duplicates == 0


@pytest.mark.parametrize("kind", LOST)
def test_without_number_or_promise_a_person_gets_one_task_and_nothing_is_repeated(
    open_desk: OpenDesk, fill: Fill, kind: str
) -> None:
    fill(3)
    desk = open_desk()
    desk.stand_in.fault(kind, api_code="020003", count=1)
    for _ in range(3):
        assert desk.order().unresolved == 1
    assert desk.column("task", "kind", "state") == [("order_unresolved", "open")]
    assert desk.stand_in.stats()["calls"]["020003"] == 3
    assert desk.duplicates == 0


def test_what_never_left_is_asked_again_without_a_task(open_desk: OpenDesk, fill: Fill) -> None:
    fill(3)
    desk = open_desk()
    desk.stand_in.kill()
    assert desk.order(chunk=2) == OrderReport(ordered=0, refused=0, unresolved=0, waiting=3)
    assert desk.column("task", "kind") == []
    desk.stand_in.start()
    assert desk.order() == OrderReport(ordered=3, refused=0, unresolved=0, waiting=0)


def test_a_refused_order_pulls_its_piece_holds_its_letter_and_asks_a_person(open_desk: OpenDesk, fill: Fill) -> None:
    fill(2)
    desk = open_desk()
    desk.stand_in.fault("refuse", api_code="020003", count=1, code="B00777")
    assert desk.order(threads=1) == OrderReport(ordered=1, refused=1, unresolved=0, waiting=0)
    assert desk.column("piece", "state") == ["pulled", "queued"]
    assert desk.column("attempt", "state") == ["recalled", "locked"]
    assert desk.column("letter", "state") == ["held", "active"]
    assert desk.column("task", "kind", "object_id", "reason") == [("order_refused", "pie_001", "B00777")]
    assert desk.order() == OrderReport(ordered=0, refused=0, unresolved=0, waiting=0)


def test_a_receiver_without_a_phone_is_refused_before_anything_is_sent(open_desk: OpenDesk, fill: Fill) -> None:
    fill(1)
    desk = open_desk()
    bare = {"name": "柳如烟", "phones": [], "addresses": {"adr_001": {"province": "浙江省", "standard": "文一路1号"}}}
    desk.change("person", sealed=desk.key.seal(json.dumps(bare).encode(), context="person:per_001"))
    assert desk.order().refused == 1
    assert desk.column("task", "reason") == ["songda:missing_city"]
    assert desk.stand_in.stats()["calls"] == {}


KILLED = """
import os, sys
from datetime import datetime
from pathlib import Path
import songda.dispatch.ordering as ordering
from songda.base.settings import Settings
from songda.carriers import ChinaPost, ContractConfig, Party, open_http
from songda.store import open_database
from songda.vault import LocalMasterKey, open_data_key
import json
job = json.loads(sys.stdin.read())
engine = open_database(Settings(home=Path(job["home"]), database_url=job["url"], master_key=None,
    master_key_file=Path(job["home"]), workers=1))
key = open_data_key(LocalMasterKey(bytes(range(32))), bytes.fromhex(job["key"]))
contract = ContractConfig(**job["contract"])
# Power fails when the answers are there and not yet written.
ordering.store_answers = lambda *a, **k: os._exit(9)
with open_http(contract) as http:
    ordering.order_waybills(engine, batch_id="bat_1", key=key, post=ChinaPost(contract, http), contract=contract,
        sender=Party(**job["sender"]), at=datetime.fromisoformat(job["at"]))
"""


def killed_after_the_calls(desk: Any, wrapped: bytes) -> None:
    job = {
        "home": str(desk.database.url.database).rsplit("/", 1)[0],
        "url": desk.database.url.render_as_string(hide_password=False),
        "key": wrapped.hex(),
        "contract": asdict(desk.contract),
        "sender": {
            "name": "青石",
            "prov": "上海市",
            "city": "上海市",
            "county": "",
            "address": "测试路1号",
            "phone": "021-55550000",
        },
        "at": "2026-11-24T12:00:00+08:00",
    }
    done = subprocess.run([sys.executable, "-c", KILLED], input=json.dumps(job).encode(), check=False)
    assert done.returncode == 9


@pytest.mark.parametrize(
    ("contract", "again"),
    [
        ({"number_range": RANGE}, OrderReport(ordered=3, refused=0, unresolved=0, waiting=0)),
        ({"orders_idempotent": True}, OrderReport(ordered=3, refused=0, unresolved=0, waiting=0)),
        ({}, OrderReport(ordered=0, refused=0, unresolved=3, waiting=0)),
    ],
)
def test_a_process_killed_between_call_and_answer_orders_nothing_twice(
    open_desk: OpenDesk, fill: Fill, wrapped_key: bytes, contract: dict[str, Any], again: OrderReport
) -> None:
    fill(3)
    desk = open_desk(**contract)
    killed_after_the_calls(desk, wrapped_key)
    assert desk.column("intent", "state") == ["written"] * 3
    assert desk.order() == again
    assert desk.stand_in.stats()["waybills"] == 3
    assert desk.duplicates == 0
    assert len(desk.column("task", "id")) == again.unresolved
