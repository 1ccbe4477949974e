"""快递100 and 快递鸟 beside the carrier: they tell its items at second hand, in their own formats and with their tempers.

Written from the published interfaces and not from the client's code. Their traps: everything is answered with HTTP 200;
a number asked for twice within half an hour is locked (504); a number that nobody knows is "nothing yet"; the carrier's
corrections are never told; the free query of 快递鸟 names no Action.
"""

from __future__ import annotations

import base64
import hashlib
import tomllib
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any
from urllib.parse import quote_plus

import httpx
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from songda.base import days
from songda.sim.carrier.book import Book, Item
from songda.sim.carrier.contract import SimContract
from songda.sim.carrier.door import parse_form
from songda.sim.carrier.events import PlannedEvent
from songda.sim.carrier.faults import Kind, Menu

_TABLE = tomllib.loads(files("songda.sim.carrier").joinpath("aggregators.toml").read_text(encoding="utf-8"))
_QUERY, _SUBSCRIBE = "/poll/query.do", "/poll"
_BIRD_QUERY, _BIRD_SUBSCRIBE = "/Ebusiness/EbusinessOrderHandle.aspx", "/api/dist"
_ERROR_PAGE = b"<html><body>502 Bad Gateway</body></html>"


class Aggregators:
    def __init__(self, contract: SimContract, book: Book, menu: Menu) -> None:
        self._contract = contract
        self._book = book
        self._menu = menu
        self._asked: dict[str, datetime] = {}
        #: Number → (callback, salt), and how many events were pushed about it; salt None: 快递鸟.
        self._subscribed: dict[str, tuple[str, str | None]] = {}
        self._pushed: dict[str, int] = {}

    def routes(self) -> list[Route]:
        return [
            Route(_QUERY, self._answering("kd100", self._query), methods=["POST"]),
            Route(_SUBSCRIBE, self._answering("kd100", self._subscribe), methods=["POST"]),
            Route(_BIRD_QUERY, self._answering("kdniao", self._bird), methods=["POST"]),
            Route(_BIRD_SUBSCRIBE, self._answering("kdniao", self._bird), methods=["POST"]),
        ]

    def _answering(self, name: str, work: Callable[[dict[str, str]], dict[str, Any]]) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            kinds = {fault.kind for fault in self._menu.strike(api_code=name)}
            if Kind.HTML_BEFORE in kinds:
                return Response(_ERROR_PAGE, status_code=502, media_type="text/html")
            if Kind.REFUSE in kinds:
                return _json({"result": False, "returnCode": "501", "message": "服务器繁忙"})
            text = orjson.dumps(work(parse_form(await request.body())))
            return Response(text[: len(text) // 2] if Kind.TRUNCATED in kinds else text, media_type="application/json")

        return answer

    def _query(self, form: dict[str, str]) -> dict[str, Any]:
        contract, param = self._contract, form.get("param", "")
        if form.get("sign") != _md5(param + contract.aggregator_key + form.get("customer", "")):
            return _failed("503", "验证签名失败")
        if form.get("customer") != contract.aggregator_customer:
            return _failed("601", "KEY已过期或单量用尽")
        asked = orjson.loads(param)
        number = str(asked.get("num", ""))
        if asked.get("com") not in {"ems", "youzhengguonei"} or not number:
            return _failed("400", "提交的数据不完整或参数不合法")
        if contract.aggregator_phone_tail and asked.get("phone") != contract.aggregator_phone_tail:
            return _failed("408", "验证码错误：请填寄件人或收件人电话后四位")
        before = self._asked.get(number)
        self._asked[number] = self._book.now
        if before is not None and self._book.now - before < timedelta(seconds=contract.aggregator_lock_s):
            return _failed("504", "同一单号查询过于频繁，已锁单")
        result = self._result(number, com=str(asked["com"]))
        return result or _failed("500", "查询无结果，请隔段时间再查")

    def _result(self, number: str, *, com: str) -> dict[str, Any] | None:
        rows = [
            {
                "time": _wall(event.op_time),
                "ftime": _wall(event.op_time),
                "context": event.desc,
                "status": event.op_name,
                "statusCode": code,
                "areaCode": "",
                "areaName": event.office_city,
                "location": event.office_name,
            }
            for code, event in self._told(number, "kuaidi100")
        ]
        if not rows:
            return None
        state = rows[-1]["statusCode"][0]
        checked = "1" if state == "3" else "0"
        return {"message": "ok", "state": state, "status": "200", "ischeck": checked, "com": com, "nu": number} | {
            "data": rows[::-1]
        }

    def _subscribe(self, form: dict[str, str]) -> dict[str, Any]:
        param = orjson.loads(form.get("param", "{}"))
        if param.get("key") != self._contract.aggregator_key:
            return _failed("601", "key错误")
        number, parameters = str(param.get("number", "")), param.get("parameters", {})
        if number in self._subscribed:
            return _failed("501", "重复订阅")
        self._subscribed[number] = str(parameters.get("callbackurl", "")), str(parameters.get("salt", ""))
        return {"result": True, "returnCode": "200", "message": "提交成功"}

    def _bird(self, form: dict[str, str]) -> dict[str, Any]:
        contract, data = self._contract, form.get("RequestData", "")
        head = {"EBusinessID": form.get("EBusinessID", "")}
        if form.get("DataSign") != _bird_sign(data, contract.aggregator_key):
            return head | {"Success": False, "Reason": "非法参数[DataSign]"}
        if head["EBusinessID"] != contract.aggregator_customer:
            return head | {"Success": False, "Reason": "业务错误[没有可用套餐]"}
        asked, request_type = orjson.loads(data), form.get("RequestType")
        number = str(asked.get("LogisticCode", ""))
        if asked.get("ShipperCode") not in {"EMS", "YZPY"} or not number:
            return head | {"Success": False, "Reason": "快递公司编码不正确"}
        if request_type in {"1008", "8008"}:
            self._subscribed[number] = contract.bird_push_url or "", None
            return head | {"Success": True, "Reason": ""}
        return head | {"ShipperCode": asked["ShipperCode"]} | self._bird_result(number, free=request_type == "1002")

    def _bird_result(self, number: str, *, free: bool) -> dict[str, Any]:
        told = self._told(number, "kdniao")
        rows = [
            {"AcceptTime": _wall(event.op_time), "AcceptStation": event.desc, "Location": event.office_city}
            | ({} if free else {"Action": code})
            for code, event in told
        ]
        last = told[-1][0] if told else "0"
        states = {"State": last[0]} | ({} if free else {"StateEx": last})
        return {"LogisticCode": number, "Success": True, **states, "Traces": rows}

    def _told(self, number: str, kind: str) -> list[tuple[str, PlannedEvent]]:
        """What the aggregator knows: the item's events that have a code of its own, by the time they happened."""
        item = self._book.items.get(number)
        shown = sorted(self._shown(item), key=lambda event: event.op_time) if item else []
        pairs = ((_TABLE[kind].get(_key(event), _TABLE[kind].get(event.op_code)), event) for event in shown)
        return [(code, event) for code, event in pairs if code]

    def _shown(self, item: Item) -> list[PlannedEvent]:
        return list(dict.fromkeys(self._book.shown(item)))

    async def push(self) -> int:
        """Pushes the whole list of each subscribed number about which there is more to tell; returns how many took it."""
        taken = 0
        async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
            for number, (url, salt) in list(self._subscribed.items()):
                known = len(self._told(number, "kuaidi100" if salt is not None else "kdniao"))
                if url and known > self._pushed.get(number, 0):
                    form = self._push_of(number, salt)
                    body = "&".join(f"{name}={quote_plus(value)}" for name, value in form.items()).encode()
                    head = {"Content-Type": "application/x-www-form-urlencoded"}
                    try:
                        answer = orjson.loads((await http.post(url, content=body, headers=head)).content)
                    except (httpx.HTTPError, orjson.JSONDecodeError):
                        continue
                    if answer.get("returnCode") == "200" or answer.get("Success") is True:
                        self._pushed[number] = known
                        taken += 1
        return taken

    def _push_of(self, number: str, salt: str | None) -> dict[str, str]:
        if salt is not None:
            param = orjson.dumps(
                {"status": "polling", "message": "", "lastResult": self._result(number, com="ems")}
            ).decode()
            return {"param": param, "sign": _md5(param + salt)}
        contract = self._contract
        entry = {"EBusinessID": contract.aggregator_customer, "ShipperCode": "EMS"} | self._bird_result(
            number, free=False
        )
        data = orjson.dumps(
            {
                "PushTime": _wall(self._book.now),
                "EBusinessID": contract.aggregator_customer,
                "Count": "1",
                "Data": [entry],
            }
        ).decode()
        return {"RequestData": data, "RequestType": "102", "DataSign": _bird_sign(data, contract.aggregator_key)}


def _key(event: PlannedEvent) -> str:
    return f"{event.op_code}:{event.deliver_code or event.attempt_code}"


def _failed(code: str, message: str) -> dict[str, Any]:
    return {"result": False, "returnCode": code, "message": message}


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().upper()


def _bird_sign(text: str, key: str) -> str:
    digest = hashlib.md5((text + key).encode(), usedforsecurity=False).hexdigest()
    return base64.b64encode(digest.encode()).decode()


def _wall(instant: datetime) -> str:
    return f"{instant.astimezone(days.SHANGHAI):%Y-%m-%d %H:%M:%S}"


def _json(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")
