"""Pushes of aggregators about the tenant's first waybill, as bodies; and what becomes of those about nobody's."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from posted import TENANT, after, waybill

from songda.carriers import AggregatorAccount, ContractConfig
from songda.dispatch import UnknownWaybill, receive_push

CONTRACT = ContractConfig(
    endpoint="http://127.0.0.1/x", sender_no="1", authorization=base64.b64encode(bytes(16)).decode(), biz_product_no="1"
)


def push_of(kind: str, *, at: datetime, number: str | None = None) -> tuple[AggregatorAccount, bytes, ContractConfig]:
    account = AggregatorAccount(kind=kind, customer="C", key="K", company="ems", salt="S")  # type: ignore[arg-type]
    number, time = number or waybill(1), f"{at:%Y-%m-%d %H:%M:%S}"
    if kind == "kuaidi100":
        rows = [{"ftime": time, "context": "已签收", "statusCode": "301"}]
        text = json.dumps({"lastResult": {"nu": number, "data": rows}})
        sign = hashlib.md5((text + "S").encode()).hexdigest().upper()
        return account, urlencode({"param": text, "sign": sign}).encode(), CONTRACT
    entry = {"LogisticCode": number, "Traces": [{"AcceptTime": time, "AcceptStation": "已签收", "Action": "301"}]}
    text = json.dumps({"Data": [entry]})
    sign = base64.b64encode(hashlib.md5((text + "K").encode()).hexdigest().encode()).decode()
    form = {"RequestData": text, "RequestType": "102", "DataSign": sign}
    return account, urlencode(form).encode(), CONTRACT


@pytest.mark.parametrize("kind", ["kuaidi100", "kdniao"])
def test_a_push_about_nobodys_waybill_is_not_acknowledged(house: Any, kind: str) -> None:
    house.posted(1)
    account, body, contract = push_of(kind, at=after(2), number="9899999999999")
    with pytest.raises(UnknownWaybill):
        receive_push(
            house.database,
            tenant_id=TENANT,
            key=house.key,
            contract=contract,
            body=body,
            at=after(3),
            accounts=[account],
        )
    assert house.rows("fact", "id") == []
