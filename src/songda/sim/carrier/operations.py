"""What the open platform does: one function an apiCode, from the decrypted message to (retCode, retMsg, retBody).

Codes other than 00000 are invented (none was found documented): 1xxxx access, 2xxxx message, 3xxxx business.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson

from songda.base import days
from songda.base.money import yuan
from songda.sim.carrier.book import Book, Item, NoSuchNumber
from songda.sim.carrier.contract import SimContract
from songda.sim.carrier.events import PlannedEvent
from songda.sim.carrier.faults import BEFORE, Fault, ordered_fault
from songda.sim.carrier.label import label_pdf
from songda.sim.carrier.order_check import first_fault, party_fault
from songda.sim.carrier.reading import read_address

OK = "00000"
Reply = tuple[str, str, str | None]

_LABEL_TYPES = frozenset({"129", "149", "179"})
_PRODUCTS = frozenset({"1", "2", "3", "9", "10", "11"})
_EVENT_FIELDS = (
    ("opOrgProvName", "office_prov"),
    ("opOrgCity", "office_city"),
    ("opOrgCode", "office_code"),
    ("opOrgName", "office_name"),
    ("opCode", "op_code"),
    ("opName", "op_name"),
    ("opDesc", "desc"),
    ("operatorNo", "operator_no"),
    ("operatorName", "operator_name"),
)


class Scripted(Exception):
    """The order brings a fault upon itself; `reply` is the answer that the fault spoils."""

    def __init__(self, fault: Fault, reply: Reply) -> None:
        super().__init__(fault.kind)
        self.fault = fault
        self.reply = reply


def refusal(code: str, message: str) -> Reply:
    return code, message, None


class Platform:
    """The business behind the door: it holds the book and answers one message at a time."""

    def __init__(self, contract: SimContract, book: Book, *, base_url: str) -> None:
        self._base_url = base_url
        self._contract = contract
        self._book = book
        #: Order numbers that have had the fault of their magic mobile.
        self._struck: set[str] = set()
        # Operation, and whether its message is an array of one.
        self._operations: dict[str, tuple[Callable[[dict[str, Any]], Reply], bool | None]] = {
            "020003": (self._order, True),
            "020006": (self._cancel, None),  # both shapes are met in the field
            "010004": (self._label, False),
            "030005": (self._range, False),
            "040001": (self._trace, False),
            "050001": (self._postage, False),
            "050005": (self._estimate, False),
        }
        #: Operations whose message is a list of any length.
        self._lists: dict[str, Callable[[list[Any]], Reply]] = {"060001": self._readings}

    def perform(self, api_code: str, message: bytes) -> Reply:
        if api_code not in self._operations and api_code not in self._lists:
            return refusal("20001", "接口代码不存在")
        try:
            body = orjson.loads(message)
        except orjson.JSONDecodeError:
            return refusal("20002", "报文不是JSON")
        if api_code in self._lists:
            return self._lists[api_code](body) if isinstance(body, list) else refusal("20003", "报文应为数组")
        operation, array = self._operations[api_code]
        if isinstance(body, list) and array is not False and len(body) == 1:
            body = body[0]
        elif isinstance(body, list) or array is True:
            return refusal("20003", "报文应为数组" if array else "报文应为对象")
        if not isinstance(body, dict):
            return refusal("20003", "报文应为对象")
        return operation(body)

    def _order(self, order: dict[str, Any]) -> Reply:
        if fault := first_fault(order):
            return refusal("20004", f"参数错误: {fault}")
        if order["senderNo"] != self._contract.sender_no:
            return refusal("10002", "协议客户号不一致")
        if order["bizProductNo"] != self._contract.biz_product_no:
            return refusal("30001", "未签约该业务产品")
        own = self._own_fault(order)
        if own is not None and own.kind in BEFORE:
            raise Scripted(own, refusal(own.code, own.message))
        try:
            item = self._book.order(order)
        except NoSuchNumber as error:
            return refusal("30002", f"运单号不可用: {error}")
        receiver = order["receiver"]
        body = {"logisticsOrderNo": item.order_no, "waybillNo": ",".join((item.waybill_no, *item.more))}
        reply = OK, "成功交运订单", _text(body | _sorting(receiver))
        if own is not None:
            raise Scripted(own, reply)
        return reply

    def _own_fault(self, order: dict[str, Any]) -> Fault | None:
        """The fault of a magic mobile, once an order number."""
        fault = ordered_fault(order["receiver"].get("mobile") or "")
        if fault is None or order["logisticsOrderNo"] in self._struck:
            return None
        self._struck.add(order["logisticsOrderNo"])
        return fault

    def _cancel(self, body: dict[str, Any]) -> Reply:
        item = self._ours(body)
        if item is None or not body.get("cancelReason"):
            return refusal("30003", "订单不存在或缺少撤单原因")
        if item.handed_over_at is not None:
            return refusal("30004", "邮件已收寄，不能撤单")
        if not item.cancelled:
            self._book.cancel(item)
        return OK, "撤单成功", None

    def _trace(self, body: dict[str, Any]) -> Reply:
        number = body.get("waybillNo")
        if not isinstance(number, str) or not number or body.get("direction", "0") not in {"0", "1"}:
            return refusal("20004", "参数错误: waybillNo")
        item = self._book.items.get(number)
        if item is None:
            return OK, "当前邮件无客户信息！", _text({"responseItems": []})
        items = [{"traceNo": number, **event_object(item, event)} for event in self._book.shown(item)]
        return OK, "查询结果正常返回！", _text({"responseItems": items})

    def _label(self, body: dict[str, Any]) -> Reply:
        item = self._book.items.get(str(body.get("waybillNo")))
        if item is None or item.cancelled:
            return refusal("30003", "订单不存在")
        if body.get("type") not in _LABEL_TYPES:
            return refusal("20004", "参数错误: type")
        if body.get("getURL") == "1":
            return OK, "成功", f"{self._base_url}/label/{item.waybill_no}.pdf"
        return OK, "成功", base64.b64encode(label_pdf(item.waybill_no, kind=body["type"])).decode()

    def _range(self, body: dict[str, Any]) -> Reply:
        return OK, "成功", _text({"status": _range_status(body)})

    def _readings(self, rows: list[Any]) -> Reply:
        if not rows or not all(isinstance(row, dict) and isinstance(row.get("wholeAddress"), str) for row in rows):
            return refusal("20004", "参数错误: wholeAddress")
        return OK, "成功", orjson.dumps([read_address(row["wholeAddress"]) for row in rows]).decode()

    def _postage(self, body: dict[str, Any]) -> Reply:
        item = self._ours(body)
        if item is None:
            return refusal("30003", "订单不存在")
        total = yuan(self._price_fen(item.weight_g)).replace(",", "")
        return OK, "成功", _text({"postageTotal": total, "realWeight": str(item.weight_g)})

    def _estimate(self, body: dict[str, Any]) -> Reply:
        weight = str(body.get("weight") or "")
        if body.get("productCode") != self._contract.product_code or not weight.isdigit():
            return refusal("20004", "参数错误: productCode, weight")
        for side in ("senderInfo", "receiveInfo"):
            party = body.get(side)
            if not isinstance(party, dict) or party_fault(party):
                return refusal("20004", f"参数错误: {side}")
        fee = yuan(self._price_fen(int(weight))).replace(",", "")
        return OK, "成功", _text({"totalFee": fee, "realFee": fee, "standardFee": fee})

    def _price_fen(self, weight_g: int) -> int:
        further = max(0, -(-(weight_g - self._contract.first_weight_g) // 1000))
        return self._contract.first_fen + further * self._contract.further_fen

    def _ours(self, body: dict[str, Any]) -> Item | None:
        item = self._book.items.get(str(body.get("waybillNo")))
        return item if item is not None and item.order_no == body.get("logisticsOrderNo") else None


def event_object(item: Item, event: PlannedEvent) -> dict[str, str]:
    """An event as queries show it; what the carrier leaves out is not there at all."""
    shown = {"waybillNo": item.waybill_no, "opTime": _wall(event.op_time)}
    shown |= {name: value for name, attribute in _EVENT_FIELDS if (value := getattr(event, attribute))}
    if event.deliver_code:
        shown["deliverCode"] = event.deliver_code
    if event.attempt_code:
        shown["attemptDeliveryCode"] = event.attempt_code
    return shown


def pushed_object(item: Item, event: PlannedEvent) -> dict[str, str]:
    """An event as pushes carry it: our order number, and no delivery codes."""
    shown = event_object(item, event)
    shown.pop("deliverCode", None)
    shown.pop("attemptDeliveryCode", None)
    return shown | {"orderNo": item.order_no}


def _wall(instant: datetime) -> str:
    return instant.astimezone(days.SHANGHAI).isoformat(" ", "seconds")[:19]


def _text(body: dict[str, Any]) -> str:
    return orjson.dumps(body).decode()


def _sorting(receiver: dict[str, Any]) -> dict[str, str]:
    """Sorting codes of a destination: invented, but the same for the same county."""
    county = receiver.get("county") or ""
    digest = hashlib.blake2b("|".join((receiver["prov"], receiver["city"], county)).encode(), digest_size=4).digest()
    number = int.from_bytes(digest, "big")
    code = f"{number % 900 + 100:03d}"
    return {
        "routeCode": f"{code}-{number // 900 % 90 + 10}-{number // 81000 % 900 + 100}-{number // 7 % 90 + 10}",
        "packageCode": code + "00",
        "packageCodeName": receiver["city"] + "集包",
        "markDestinationCode": code,
        "markDestinationName": receiver["city"] + county,
    }


def _range_status(body: dict[str, Any]) -> str:
    """030005: 0 ok, 2 bad parameters, 3 and 4 product, 8 no result, 9 precision too low."""
    product, address = body.get("bizProductNo"), str(body.get("address") or "")
    if body.get("type") not in {"1", "2", "3"}:
        return "2"
    if product not in _PRODUCTS:
        return "4" if product else "3"
    if not (body.get("prov") and body.get("city") and address):
        return "8"
    # A line without a house, room or group number cannot be placed.
    return "0" if len(address) >= 5 and any(character.isdigit() for character in address) else "9"
