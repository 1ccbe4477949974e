"""An aggregator tells what the carrier does not, until the carrier speaks again."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import signing_courier
from posted import EVERY_TIME, POSTED, TENANT, after, ship

from songda.carriers import AggregatorAccount, open_aggregator
from songda.dispatch import follow, receive_push, settle, subscribe


@pytest.fixture
def desk(open_desk: Callable[..., Any], fill: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Any:
    fill(3)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]))
    desk = open_desk(courier=signing_courier.courier, client={"query_attempts": 1})
    ship(desk)
    return desk


def grades(desk: Any) -> list[Any]:
    return desk.column("attempt", "state", "provisional_grade")


def test_what_the_carrier_does_not_answer_the_fallback_tells_and_the_carrier_corrects(desk: Any) -> None:
    desk.stand_in.advance(after(4))
    desk.stand_in.fault("html_before", api_code="040001")
    with open_aggregator(AggregatorAccount(**desk.stand_in.account("kuaidi100"))) as tracker:
        report = follow(
            desk.database,
            tenant_id=TENANT,
            key=desk.key,
            post=desk.post,
            fallback=tracker,
            at=after(4),
            deadlines=EVERY_TIME,
        )
    assert (report.asked, report.second_hand, report.unanswered) == (3, 3, 0)
    settle(desk.database, tenant_id=TENANT, at=after(4))
    assert grades(desk) == [("reported", "C")] * 3

    desk.stand_in.clear_faults()
    report = follow(desk.database, tenant_id=TENANT, key=desk.key, post=desk.post, at=after(5), deadlines=EVERY_TIME)
    assert (report.asked, report.second_hand) == (3, 0)
    settle(desk.database, tenant_id=TENANT, at=after(5))
    assert grades(desk) == [("settled", "A1")] * 3


def test_a_carrier_that_answers_is_not_told_twice(desk: Any) -> None:
    desk.stand_in.advance(after(4))

    class Untouched:
        def trace_many(self, *_: Any, **__: Any) -> Any:
            raise AssertionError("asked without need")

    report = follow(
        desk.database,
        tenant_id=TENANT,
        key=desk.key,
        post=desk.post,
        fallback=Untouched(),
        at=after(4),
        deadlines=EVERY_TIME,
    )
    assert (report.asked, report.second_hand) == (3, 0)


@pytest.mark.parametrize("kind", ["kuaidi100", "kdniao"])
def test_letters_under_way_are_subscribed_once_each(desk: Any, kind: str) -> None:
    def ask(**changes: Any) -> Any:
        account = AggregatorAccount(**desk.stand_in.account(kind) | {"salt": "grain"} | changes)
        with open_aggregator(account) as tracker:
            return subscribe(
                desk.database, tenant_id=TENANT, tracker=tracker, callback_url="http://127.0.0.1:9/push", at=after(1)
            )

    wrong = ask(key="wrong")
    assert (wrong.taken, wrong.refused, wrong.left) == (0, 3, 0)
    first, again = ask(), ask()
    assert (first.taken, first.left) == (3, 0)
    assert (again.taken, again.refused, again.left) == (0, 0, 0)


@pytest.mark.parametrize("kind", ["kuaidi100", "kdniao"])
def test_pushes_of_an_aggregator_become_facts_once(house: Any, kind: str) -> None:
    from test_aggregator_pushes import push_of

    house.posted(1)
    account, body, contract = push_of(kind, at=POSTED + timedelta(hours=30))
    for _ in range(2):
        ack = receive_push(
            house.database,
            tenant_id=TENANT,
            key=house.key,
            contract=contract,
            body=body,
            at=after(3),
            accounts=[account],
        )
        assert ack.get("returnCode", "200") == "200"
    assert len(house.rows("fact", "id")) == 1
    house.settle(3)
    assert house.attempt()[:2] == ("reported", "C")
