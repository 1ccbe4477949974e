"""The HTTP door of the stand-in: one URL for all operations, form in, JSON out, and the faults on the way.

A bare ASGI function, because it is what benchmarks wait for; the control calls under /sim/ are in `control`.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson
from starlette.types import Receive, Scope, Send

from songda.base import days
from songda.sim.carrier.book import Book
from songda.sim.carrier.contract import SimContract
from songda.sim.carrier.faults import BEFORE, Fault, Kind, Menu
from songda.sim.carrier.operations import Platform, Reply, Scripted, refusal
from songda.sim.carrier.wire import NotOurs, Wire

_JSON, _HTML = b"application/json;charset=UTF-8", b"text/html; charset=utf-8"
_ERROR_PAGE = "<html><head><title>502 Bad Gateway</title></head><body><h1>网关错误</h1></body></html>".encode()
Headers = Sequence[tuple[bytes, bytes]]
#: A call larger than this is not an order.
_LARGEST = 1 << 20


class Door:
    def __init__(self, contract: SimContract, book: Book, menu: Menu, *, base_url: str) -> None:
        self._contract = contract
        self._book = book
        self._menu = menu
        self._wire = Wire(contract.key)
        self._platform = Platform(contract, book, base_url=base_url)
        self._serial = itertools.count(1)
        #: Calls by apiCode, processed or not.
        self.calls: dict[str, int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            return await self._answer(send, 405, _HTML, _ERROR_PAGE)
        form = parse_form(await _body(receive))
        api_code = form.get("apiCode", "")
        self.calls[api_code] = self.calls.get(api_code, 0) + 1
        struck = self._menu.strike(api_code=api_code)
        for late in struck:
            if late.kind is Kind.LATENCY:
                await asyncio.sleep(late.seconds)
        fault = next((fault for fault in struck if fault.kind is not Kind.LATENCY), None)
        try:
            reply = refusal(fault.code, fault.message) if fault and fault.kind in BEFORE else self._process(form)
        except Scripted as scripted:
            fault, reply = fault or scripted.fault, scripted.reply
        if fault is None:
            return await self._answer(send, 200, _JSON, self._envelope(reply))
        return await self._faulty(fault, self._envelope(reply), scope, receive, send)

    async def _faulty(self, fault: Fault, answer: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        match fault.kind:
            case Kind.RESET_BEFORE | Kind.RESET_AFTER:
                _reset(scope)
            case Kind.HTML_BEFORE | Kind.HTML_AFTER:
                more = [] if fault.retry_after is None else [(b"retry-after", str(fault.retry_after).encode())]
                await self._answer(send, fault.status, _HTML, _ERROR_PAGE, more)
            case Kind.LATENCY:
                await asyncio.sleep(fault.seconds)
                await self._answer(send, 200, _JSON, answer)
            case Kind.DROP_ANSWER:
                while (await receive())["type"] != "http.disconnect":
                    pass
            case Kind.TRUNCATED:
                await self._answer(send, 200, _JSON, answer[: len(answer) // 2])
            case Kind.CUT:
                await self._start(send, 200, _JSON, len(answer))
                await send({"type": "http.response.body", "body": answer[: len(answer) // 2], "more_body": True})
                _reset(scope)
            case Kind.GBK:
                await self._answer(send, 200, _JSON, answer.decode().encode("gb18030"))
            case Kind.OTHER_NUMBER:
                await self._answer(send, 200, _JSON, _about_another(answer))
            case _:
                await self._answer(send, 200, _JSON, answer)

    def _process(self, form: dict[str, str]) -> Reply:
        """The platform's checks in its order: access, time, envelope; then the operation."""
        contract = self._contract
        if form.get("senderNo") != contract.sender_no or form.get("authorization") != contract.authorization:
            return refusal("10001", "客户号或授权码错误")
        if form.get("msgType", "0") != "0":
            return refusal("20005", "仅支持JSON报文")
        if not self._in_time(form.get("timeStamp", "")):
            return refusal("10003", "时间戳无效")
        try:
            message = self._wire.unwrap(form.get("logitcsInterface", ""))
        except NotOurs as error:
            return refusal("10004", f"报文解密失败: {error}")
        return (
            self._platform.perform(form["apiCode"], message) if "apiCode" in form else refusal("20001", "缺少接口代码")
        )

    def _in_time(self, stamp: str) -> bool:
        try:
            sent = datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S").replace(tzinfo=days.SHANGHAI)
        except ValueError:
            return False
        if self._contract.time_window_s is None:
            return True
        return abs(sent - self._now()) <= timedelta(seconds=self._contract.time_window_s)

    def _now(self) -> datetime:
        """The clock against which stamps are held, and which the `Date` of each answer tells."""
        return days.now() if self._contract.time_stamp_clock == "wall" else self._book.now

    def _envelope(self, reply: Reply) -> bytes:
        code, message, body = reply
        return orjson.dumps(
            {
                "serialNo": f"{next(self._serial):020d}",
                "retCode": code,
                "retMsg": message,
                "retBody": body,
                "retDate": f"{self._book.now:%Y-%m-%d %H:%M:%S}",
                "success": code == "00000",
            }
        )

    async def _start(self, send: Send, status: int, kind: bytes, length: int, more: Headers = ()) -> None:
        date = format_datetime(self._now().astimezone(UTC), usegmt=True).encode()
        headers = [(b"content-type", kind), (b"content-length", str(length).encode()), (b"date", date), *more]
        await send({"type": "http.response.start", "status": status, "headers": headers})

    async def _answer(self, send: Send, status: int, kind: bytes, body: bytes, more: Headers = ()) -> None:
        await self._start(send, status, kind, len(body), more)
        await send({"type": "http.response.body", "body": body})


def parse_form(body: bytes) -> dict[str, str]:
    """The fields of a form. Whole bytes at a time: `unquote_plus` takes a long value to pieces first."""
    pairs = (pair.partition(b"=") for pair in body.replace(b"+", b" ").split(b"&"))
    return {_plain(name): _plain(value) for name, _, value in pairs if name}


def _plain(quoted: bytes) -> str:
    return unquote_to_bytes(quoted).decode("utf-8", "replace")


def _about_another(answer: bytes) -> bytes:
    """The same answer with every number of ours turned into another one."""
    envelope: dict[str, Any] = orjson.loads(answer)
    try:
        body = orjson.loads(envelope["retBody"] or "{}")
    except orjson.JSONDecodeError:  # a label
        return answer
    if not isinstance(body, dict):
        return answer
    for thing in (body, *body.get("responseItems", ())):
        for name in thing.keys() & {"waybillNo", "traceNo", "logisticsOrderNo"}:
            thing[name] = "9" + thing[name][:-1]
    return orjson.dumps(envelope | {"retBody": orjson.dumps(body).decode()})


async def _body(receive: Receive) -> bytes:
    chunks, size = [], 0
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if not message.get("more_body") or size > _LARGEST:
            return b"".join(chunks)


def _reset(scope: Scope) -> None:
    """Ends the connection with RST instead of FIN: lingering for no time makes the kernel drop what is unsent."""
    transport = scope["state"]["transport"]
    transport.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"
    )
    transport.abort()
