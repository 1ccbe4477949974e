"""Pushed events: stored before they are acknowledged, and only ours."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from posted import BOTH, EVERY_TIME, POSTED, TENANT, after, pushed, ship, waybill
from sqlalchemy import Engine

from songda.carriers import BadEnvelope, BadPush, ContractConfig
from songda.dispatch import UnknownWaybill, load_deadlines, receive_push, receive_pushes, settle
from songda.dispatch.followed import under_way
from songda.vault import DataKey

Fill = Callable[..., None]

CONTRACT = ContractConfig(
    endpoint="https://carrier.invalid/open",
    sender_no="1100000000000",
    authorization="c3RhbmQtaW4gYWNjb3VudA==",
    biz_product_no="1",
)
ITEM = {"waybillNo": waybill(1), "opTime": "2026-11-26 11:00:00", "opCode": "704", "opOrgCode": "31000100"}


def push(house: Any, desc: str, *, serial: str = "s1", contract: ContractConfig = CONTRACT, **more: Any) -> Any:
    body = pushed(CONTRACT, serial, ITEM | {"opDesc": desc, "operatorName": "快递某"}, **more)
    return receive_push(house.database, tenant_id=TENANT, key=house.key, contract=contract, body=body, at=after(2))


@pytest.mark.parametrize("form", [False, True])
@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_a_push_is_stored_once_and_acknowledged_each_time(house: Any, form: bool) -> None:
    house.posted(1)
    for _ in range(2):
        assert push(house, "您的快件已签收【本人，，】", form=form)["serialNo"] == "s1"
    assert len(house.rows("fact", "id")) == 1
    house.settle(2)
    assert house.attempt() == ("reported", "A1", None)


@pytest.mark.parametrize(
    ("desc", "match", "grade", "review"),
    [
        ("签收人：柳如烟一", True, "A1", []),
        ("签收人：柳如姻", False, "C", [("open", "signed:C signer_name_differs")]),
        ("签收人：柳**", None, "A1", []),
    ],
)
def test_57_the_name_of_the_signer_is_compared_in_memory_and_kept_nowhere(
    house: Any, desc: str, match: bool | None, grade: str, review: list[Any]
) -> None:
    house.posted(1)
    person = {"name": "柳如烟一", "phones": [], "addresses": {}}
    house.change("person", sealed=house.key.seal(json.dumps(person).encode(), context="person:per_001"))
    item = ITEM | {"opDesc": f"{desc}，快递员【某甲，13912345678】", "deliverCode": "10"}
    body = pushed(CONTRACT, "s1", item)
    receive_push(house.database, tenant_id=TENANT, key=house.key, contract=CONTRACT, body=body, at=after(2))
    (fact,) = house.rows("fact", "event")
    assert fact.get("name_match") is match
    stored = json.dumps(fact, ensure_ascii=False)
    assert not [part for part in ("柳", "如烟", "139", "某甲") if part in stored]
    house.settle(2)
    assert house.attempt() == ("reported", grade, None)
    assert house.tasks("outcome_review") == review


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_63_a_push_that_is_not_ours_is_refused_and_leaves_nothing(house: Any) -> None:
    house.posted(1)
    other = replace(CONTRACT, sign_key="AAAAAAAAAAAAAAAAAAAAAA==")
    with pytest.raises(BadEnvelope):
        push(house, "", contract=other)
    with pytest.raises(BadPush):
        push(house, "", contract=replace(CONTRACT, sender_no="2"))
    strange = pushed(CONTRACT, "s1", ITEM | {"waybillNo": "9999999999999"})
    with pytest.raises(UnknownWaybill):
        receive_push(house.database, tenant_id=TENANT, key=house.key, contract=CONTRACT, body=strange, at=after(2))
    with pytest.raises(UnknownWaybill):
        receive_push(
            house.database,
            tenant_id="ten_other",
            key=house.key,
            contract=CONTRACT,
            body=pushed(CONTRACT, "s1", ITEM),
            at=after(2),
        )
    assert house.rows("fact", "id") == []


def test_nothing_is_acknowledged_before_it_is_committed(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    house.posted(1)
    import songda.dispatch.pushes as module

    order: list[str] = []
    engine = house.database

    class Watched:
        """An engine that says when its transaction is over."""

        def begin(self) -> Any:
            inner = engine.begin()

            class Block:
                def __enter__(self) -> Any:
                    return inner.__enter__()

                def __exit__(self, *error: Any) -> Any:
                    result = inner.__exit__(*error)
                    order.append("committed")
                    return result

            return Block()

    real = module.read_push

    def read(*a: Any) -> Any:
        pushed = real(*a)
        return replace(pushed, ack=lambda at: order.append("acknowledged") or pushed.ack(at))

    monkeypatch.setattr(module, "read_push", read)
    body = pushed(CONTRACT, "s1", ITEM)
    receive_push(Watched(), tenant_id=TENANT, key=house.key, contract=CONTRACT, body=body, at=after(2))  # type: ignore[arg-type]
    assert order == ["committed", "acknowledged"]


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_many_pushes_at_once_get_numbers_of_their_own(house: Any) -> None:
    house.posted(1)
    errors: list[BaseException] = []

    def work(number: int) -> None:
        item = ITEM | {"opTime": f"2026-11-26 11:00:{number:02d}", "opDesc": ""}
        try:
            body = pushed(CONTRACT, str(number), item)
            receive_push(house.database, tenant_id=TENANT, key=house.key, contract=CONTRACT, body=body, at=after(2))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(house.rows("fact", "arrival")) == list(range(1, 13))


def test_pushes_over_http_twice_shuffled_and_after_a_failure_lose_nothing(
    open_desk: Callable[..., Any], fill: Fill, database: Engine, key: DataKey
) -> None:
    desks: list[Any] = []
    failing = [True]

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if failing[0]:
                self.send_error(500)
                return
            contract = desks[0].contract
            ack = receive_push(database, tenant_id=TENANT, key=key, contract=contract, body=body, at=after(20))
            content = json.dumps(ack).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    fill(8)
    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        desk = open_desk(push_url=f"http://127.0.0.1:{server.server_port}/", push_as="form")
        desks.append(desk)
        ship(desk)
        desk.stand_in.fault("push_twice", probability=0.5)
        desk.stand_in.fault("push_shuffled", probability=0.5)
        desk.stand_in.advance(to=POSTED + timedelta(days=1))
        failing[0] = False
        desk.stand_in.advance(to=POSTED + timedelta(days=20))
        server.shutdown()
    facts = len(desk.column("fact", "id"))
    # What pushes leave out, the query tells: every event is stored once more with its codes, and no event is missing.
    from songda.dispatch import follow

    report = follow(database, tenant_id=TENANT, key=key, post=desk.post, at=after(20), deadlines=EVERY_TIME)
    with_codes = [each for each in desk.column("fact", "event") if "deliver_code" in each or "attempt_code" in each]
    assert facts > 8 * 6
    assert report.news == len(with_codes)
    settle(database, tenant_id=TENANT, at=after(20))
    assert "posted" not in desk.column("attempt", "state")


def test_many_bodies_are_one_commit_and_each_has_its_own_answer(house: Any) -> None:
    house.posted(2)
    mine = [pushed(CONTRACT, f"s{n}", ITEM | {"waybillNo": waybill(n)}) for n in (1, 2)]
    strange = pushed(CONTRACT, "s3", ITEM | {"waybillNo": "9899999999999"})
    answers = receive_pushes(
        house.database,
        tenant_id=TENANT,
        key=house.key,
        contract=CONTRACT,
        bodies=[mine[0], b"{}", strange, mine[1], mine[0]],
        at=after(2),
    )
    assert [type(answer).__name__ for answer in answers] == ["dict", "BadPush", "UnknownWaybill", "dict", "dict"]
    assert [answer["serialNo"] for answer in answers if isinstance(answer, dict)] == ["s1", "s2", "s1"]
    assert len(house.rows("fact", "id")) == 2


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_who_was_just_told_is_not_asked_unless_the_push_leaves_something_open(house: Any) -> None:
    house.posted(3)
    arrived = {**ITEM, "waybillNo": waybill(1), "opCode": "306"}
    signed = {**ITEM, "waybillNo": waybill(2)}
    bodies = [pushed(CONTRACT, "s1", arrived), pushed(CONTRACT, "s2", signed)]
    receive_pushes(house.database, tenant_id=TENANT, key=house.key, contract=CONTRACT, bodies=bodies, at=after(2))
    house.settle(2)
    waits = load_deadlines().ask_every_hours
    with house.database.connect() as connection:
        asked = [each.waybill_no for each in under_way(connection, TENANT, at=after(2, 14), every=waits)]
    assert asked == [waybill(2), waybill(3)]
