"""A customer who speaks the wire format by hand, so that the stand-in is tested without the product's client."""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import orjson
import pytest
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4

from songda.base import days
from songda.sim.carrier import StandIn

ORDER: dict[str, Any] = {
    "createdTime": "2026-11-24 16:00:00",
    "ecommerceUserId": "f3b1c7",
    "senderNo": "1100000000000",
    "logisticsOrderNo": "att-1-1",
    "contentsAttribute": "1",
    "bizProductNo": "1",
    "weight": "18",
    "sender": {
        "name": "青石律师事务所",
        "phone": "021-55550000",
        "prov": "上海市",
        "city": "上海市",
        "address": "测试路1号",
    },
    "receiver": {
        "name": "柳如烟",
        "mobile": "13900000000",
        "prov": "浙江省",
        "city": "杭州市",
        "county": "西湖区",
        "address": "文一路1号2幢401室",
    },
    "cargos": [{"cargoName": "函件 第1号 1份"}],
}


class Customer:
    def __init__(self, post: StandIn) -> None:
        self.post = post
        self.http = httpx.Client(timeout=5, trust_env=False)

    def sealed(self, text: bytes, *, key: str | None = None, suffix: str | None = None) -> str:
        key = key or self.post.contract.key
        padder, encryptor = padding.PKCS7(128).padder(), Cipher(SM4(base64.b64decode(key)), modes.ECB()).encryptor()
        plain = text + (key if suffix is None else suffix).encode()
        return "|$4|" + base64.b64encode(encryptor.update(padder.update(plain) + padder.finalize())).decode()

    def form(self, api_code: str, message: Any, **changes: Any) -> dict[str, str]:
        form = {
            "apiCode": api_code,
            "senderNo": self.post.contract.sender_no,
            "authorization": self.post.contract.authorization,
            "timeStamp": f"{days.now():%Y-%m-%d %H:%M:%S}",
            "msgType": "0",
            "version": "V1.0.0",
            "logitcsInterface": self.sealed(orjson.dumps(message)),
        }
        return {name: value for name, value in (form | changes).items() if value is not None}

    def call(self, api_code: str, message: Any, **changes: Any) -> dict[str, Any]:
        answer = self.http.post(self.post.url, data=self.form(api_code, message, **changes)).raise_for_status()
        result: dict[str, Any] = answer.json()
        return result

    def order(self, order_no: str, **changes: Any) -> dict[str, Any]:
        order = copy.deepcopy(ORDER) | {"logisticsOrderNo": order_no} | changes
        return self.call("020003", [order])

    def waybill(self, order_no: str, **changes: Any) -> str:
        number: str = orjson.loads(self.order(order_no, **changes)["retBody"])["waybillNo"]
        return number

    def trace(self, waybill_no: str) -> list[dict[str, str]]:
        answer = self.call("040001", {"waybillNo": waybill_no})
        events: list[dict[str, str]] = orjson.loads(answer["retBody"])["responseItems"]
        return events


@pytest.fixture
def order() -> dict[str, Any]:
    return copy.deepcopy(ORDER)


@pytest.fixture
def customer_of() -> Iterator[Callable[[StandIn], Customer]]:
    customers = []

    def make(post: StandIn) -> Customer:
        customers.append(Customer(post))
        return customers[-1]

    yield make
    for customer in customers:
        customer.http.close()
