"""Client of the China Post / EMS open platform (《中小电商企业接口规范 V2.7》).

    with open_http(contract) as http:
        post = ChinaPost(contract, http)
        match post.order(order):
            case Ordered(waybill_no=number): ...
            case Refused(code=code): ...            # business refusal: final

An order (020003) and a cancellation (020006) go out exactly once a call: `NoAnswer.sent` tells whether the carrier may
have seen it. Only reading (trace, label, range, postage, addresses) is tried again.
"""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import httpx
import orjson

from songda.base import days
from songda.base.money import parse_yuan
from songda.carriers.answer import Success, read_json, read_object
from songda.carriers.chinapost_calls import Calls
from songda.carriers.contract import ContractConfig
from songda.carriers.errors import NoAnswer
from songda.carriers.fan_out import fan_out
from songda.carriers.order import Cancelled, Label, Order, Ordered, ParsedAddress, Party, PickupRange, Postage, Refused
from songda.carriers.tracking import Trace, parse_trace
from songda.carriers.transport import open_pool

_TOO_VAGUE = frozenset({"8", "9"})
#: Fields of a reading (060001): ours → theirs.
_PARSED = {
    "prov": "prov",
    "city": "city",
    "county": "county",
    "address": "address",
    "prov_code": "proCode",
    "city_code": "cityCode",
    "county_code": "countyCode",
    "district_code": "districtCode",
}
#: 030005 `type`: contract customer, real-time.
_RANGE_TYPE = "2"


def open_http(contract: ContractConfig, *, connections: int = 8) -> httpx.Client:
    """A connection pool for one contract: certificates verified, no proxies or certificates from the environment."""
    return open_pool(timeout_s=contract.timeout_s, connections=connections)


class ChinaPost:
    """One contract over one connection pool. Safe to share between about as many threads as `http` has connections.

    `clock` stamps the calls; the platform refuses stamps too far from its own time, and such a refusal is told as
    ClockSkew. All calls keep to the contract's rate, and fail at once (LineCut) while nobody answers. Both are NoAnswer.
    """

    def __init__(
        self, contract: ContractConfig, http: httpx.Client, *, clock: Callable[[], datetime] = days.now
    ) -> None:
        self._contract = contract
        self._calls = Calls(contract, http, clock)
        self._number = re.compile(contract.number_pattern)

    @property
    def clock_skew(self) -> timedelta | None:
        """Our clock minus the carrier's, to the second; None before the first answer. Looked at now and then."""
        return self._calls.clock_skew

    def order(self, order: Order) -> Ordered | Refused:
        """Orders one letter (020003), once. Raises NoAnswer.

        After NoAnswer with `sent`, ask `trace` for the pre-allocated number; without one only a contract that promises
        idempotent orders allows a repeat.
        """
        answer = self._calls.once("020003", orjson.dumps([order_body(order, self._contract)]))
        return answer if isinstance(answer, Refused) else self._ordered(order, answer)

    def order_many(
        self, orders: Iterable[Order], *, threads: int = 4
    ) -> Iterator[tuple[str, Ordered | Refused | NoAnswer]]:
        """`order` for each of `orders` in `threads` threads: (order number, what came of it), as answers come."""

        def one(order: Order) -> tuple[str, Ordered | Refused | NoAnswer]:
            try:
                return order.order_no, self.order(order)
            except NoAnswer as error:
                return order.order_no, error

        return fan_out(one, orders, threads=threads)

    def cancel(self, *, order_no: str, waybill_no: str, reason: str) -> Cancelled | Refused:
        """Cancels an order not yet handed over (020006), once. Raises NoAnswer."""
        body = {"logisticsOrderNo": order_no, "waybillNo": waybill_no, "cancelReason": reason}
        answer = self._calls.once("020006", orjson.dumps(body))
        return answer if isinstance(answer, Refused) else Cancelled(order_no=order_no, waybill_no=waybill_no)

    def trace(self, waybill_no: str) -> Trace | Refused:
        """Tracking events so far (040001). `Trace.known` is False when the number is not ours. Raises NoAnswer."""
        answer = self._calls.again("040001", {"waybillNo": waybill_no, "direction": "0"})
        if isinstance(answer, Refused):
            return answer
        return parse_trace(answer.body, waybill_no=waybill_no, message=answer.message)

    def trace_many(
        self, waybill_nos: Iterable[str], *, threads: int = 4
    ) -> Iterator[tuple[str, Trace | Refused | NoAnswer]]:
        """`trace` for each number in `threads` threads: (number, what came of it), as answers come."""

        def one(waybill_no: str) -> tuple[str, Trace | Refused | NoAnswer]:
            try:
                return waybill_no, self.trace(waybill_no)
            except NoAnswer as error:
                return waybill_no, error

        return fan_out(one, waybill_nos, threads=threads)

    def label(self, waybill_no: str, *, as_url: bool = False) -> Label | Refused:
        """The label of an ordered item (010004), as PDF bytes or as a URL. Raises NoAnswer."""
        body = {"waybillNo": waybill_no, "type": self._contract.label_type} | ({"getURL": "1"} if as_url else {})
        answer = self._calls.again("010004", body)
        if isinstance(answer, Refused):
            return answer
        if as_url:
            return Label(waybill_no=waybill_no, url=answer.body)
        try:
            pdf = base64.b64decode(answer.body, validate=True)
        except (binascii.Error, ValueError):
            raise NoAnswer(reason="label_base64", sent=True) from None
        if not pdf.startswith(b"%PDF-"):
            raise NoAnswer(reason="label_not_pdf", sent=True)
        return Label(waybill_no=waybill_no, pdf=pdf)

    def pickup_range(self, place: Party) -> PickupRange | Refused:
        """Whether the carrier works at `place` (030005). Raises NoAnswer."""
        body = {
            "address": place.address,
            "prov": place.prov,
            "city": place.city,
            "county": place.county,
            "bizProductNo": self._contract.biz_product_no,
            "type": _RANGE_TYPE,
            "senderNo": self._contract.sender_no,
        }
        answer = self._calls.again("030005", body)
        if isinstance(answer, Refused):
            return answer
        status = str(read_object(answer.body).get("status", ""))
        return PickupRange(status=status, reachable=status == "0", too_vague=status in _TOO_VAGUE)

    def parse_addresses(self, texts: Sequence[str]) -> tuple[ParsedAddress, ...] | Refused:
        """The carrier's reading of whole addresses (060001), in their order: a second opinion. Raises NoAnswer."""
        answer = self._calls.again("060001", [{"wholeAddress": text} for text in texts])
        if isinstance(answer, Refused):
            return answer
        rows = read_json(answer.body)
        if not isinstance(rows, list) or len(rows) != len(texts) or not all(isinstance(row, dict) for row in rows):
            raise NoAnswer(reason="not_one_reading_an_address", sent=True)
        return tuple(
            ParsedAddress(**{ours: str(row.get(theirs) or "") for ours, theirs in _PARSED.items()}) for row in rows
        )

    def postage(self, *, order_no: str, waybill_no: str) -> Postage | Refused:
        """What an ordered item costs (050001). Raises NoAnswer."""
        answer = self._calls.again("050001", {"logisticsOrderNo": order_no, "waybillNo": waybill_no})
        if isinstance(answer, Refused):
            return answer
        body = read_object(answer.body)
        return Postage(total_fen=_fen(body, "postageTotal"), charged_weight_g=_grams(body.get("realWeight")))

    def estimate(self, *, sender: Party, receiver: Party, weight_g: int) -> Postage | Refused:
        """What an item would cost (050005). Raises NoAnswer, and ValueError when the contract names no product code."""
        if self._contract.product_code is None:
            raise ValueError("the contract names no product code for estimates")
        body = {
            "productCode": self._contract.product_code,
            "weight": str(weight_g),
            "senderInfo": _party(sender),
            "receiveInfo": _party(receiver),
        }
        answer = self._calls.again("050005", body)
        return answer if isinstance(answer, Refused) else Postage(total_fen=_fen(read_object(answer.body), "totalFee"))

    def _ordered(self, order: Order, answer: Success) -> Ordered:
        """The order as taken. An answer about another order or number leaves the outcome unknown: NoAnswer."""
        body = read_object(answer.body)
        numbers = [number.strip() for number in str(body.get("waybillNo") or "").split(",")]
        if body.get("logisticsOrderNo", order.order_no) != order.order_no:
            raise NoAnswer(reason="other_order_no", sent=True)
        if not all(self._number.fullmatch(number) for number in numbers):
            raise NoAnswer(reason="waybill_shape", sent=True)
        if order.waybill_no is not None and numbers[0] != order.waybill_no:
            raise NoAnswer(reason="other_waybill_no", sent=True)
        return Ordered(
            order_no=order.order_no,
            waybill_no=numbers[0],
            more_waybill_nos=tuple(numbers[1:]),
            route_code=str(body.get("routeCode") or ""),
            package_code=str(body.get("packageCode") or ""),
            package_name=str(body.get("packageCodeName") or ""),
            mark_code=str(body.get("markDestinationCode") or ""),
            mark=str(body.get("markDestinationName") or ""),
        )


def order_body(order: Order, contract: ContractConfig) -> dict[str, Any]:
    """The order object of 020003; all values are text, as the specification wants them."""
    return {
        "createdTime": f"{order.created_at.astimezone(days.SHANGHAI):%Y-%m-%d %H:%M:%S}",
        # "Any random text of at most 50": derived, so that a repeated order is the same message.
        "ecommerceUserId": uuid.uuid5(uuid.NAMESPACE_OID, order.order_no).hex,
        "senderNo": contract.sender_no,
        "logisticsOrderNo": order.order_no,
        "batchNo": order.batch_no,
        "waybillNo": order.waybill_no or "",
        "oneBillFlag": "0",
        "contentsAttribute": contract.contents_attribute,
        "bizProductNo": contract.biz_product_no,
        "weight": str(order.weight_g),
        "insuranceFlag": "1",
        "pickupType": contract.pickup_type,
        "paymentMode": contract.payment_mode,
        "codFlag": "9",
        "receiptFlag": order.return_receipt.value,
        "valuableFlag": "0",
        "projectId": contract.project_id or "",
        "virtualNumFlag": "1" if order.virtual_number else "0",
        "sender": _party(order.sender),
        "receiver": _party(order.receiver),
        "cargos": [{"cargoName": order.item_line, "cargoQuantity": "1"}],
    }


def _party(party: Party) -> dict[str, str]:
    return {
        "name": party.name,
        "postCode": party.postcode,
        "phone": party.phone,
        "mobile": party.mobile,
        "prov": party.prov,
        "city": party.city,
        "county": party.county,
        "address": party.address,
    }


def _fen(body: dict[str, Any], name: str) -> int:
    # Yuan by the samples seen; the specification names no unit.
    try:
        return parse_yuan(str(body.get(name, "")))
    except ValueError:
        raise NoAnswer(reason=f"no_{name}", sent=True) from None


def _grams(value: object) -> int | None:
    try:
        return int(Decimal(str(value)))
    except (InvalidOperation, ValueError, OverflowError):
        return None
