"""Invented people, an order about them, a stand-in that knows our contract, and no way out of this machine."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import stamina
from hypothesis import settings

from songda.base import days
from songda.carriers import Event, Order, Party

# A machine that is busy is no failure.
settings.register_profile("no_deadline", deadline=None)
settings.load_profile("no_deadline")


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in {"127.0.0.1", "::1", "localhost"}:
            raise AssertionError("a test may only talk to this machine")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def _no_waiting_between_tries() -> Iterator[None]:
    with stamina.set_testing(True, attempts=2):
        yield


@pytest.fixture
def posted_at() -> datetime:
    return days.at(date(2026, 11, 24), 17)


@pytest.fixture
def make_order() -> Callable[..., Order]:
    def make(order_no: str = "att-1-1", **changes: Any) -> Order:
        sender = Party(
            name="青石律师事务所",
            prov="上海市",
            city="上海市",
            county="黄浦区",
            address="测试路1号",
            phone="021-55550000",
            postcode="200001",
        )
        receiver = Party(
            name="柳如烟𬎆",
            prov="浙江省",
            city="杭州市",
            county="西湖区",
            address="文一路1号2幢3单元401室",
            mobile="13900000000",
            postcode="310012",
        )
        settings: dict[str, Any] = {
            "sender": sender,
            "receiver": receiver,
            "item_line": "函件 第LH2026-000123号 1份",
            "weight_g": 18,
            "created_at": days.at(date(2026, 11, 24), 16),
        }
        return Order(order_no=order_no, **settings | changes)

    return make


@pytest.fixture
def at(posted_at: datetime) -> Callable[..., Event]:
    """`at(hours, "704:10", …)`: an event that many hours after the hand-over."""

    def make(hours: float, code: str, **fields: Any) -> Event:
        # A prefix in letters is part of the code.
        op_code, _, qualifier = (
            (code, "", "") if code.startswith(("kd", "app", "courier", "post")) else code.partition(":")
        )
        codes = {"attempt_code" if op_code == "705" else "deliver_code": qualifier}
        fields.setdefault("office", "31001201")
        op_time = posted_at + timedelta(hours=hours)
        return Event(waybill_no="9800000000006", op_time=op_time, op_code=op_code, **codes | fields)

    return make
