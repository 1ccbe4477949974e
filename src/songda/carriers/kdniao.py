"""快递鸟: query, subscription and pushes (published interface).

    DataSign = base64(MD5_hex(RequestData + AppKey))

MD5 is the published scheme and proves little; pushes also need their secret path. The free query (1002) tells only the
state of the newest trace; paid ones name an `Action` for each.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson

from songda.base import days
from songda.carriers.aggregator import AggregatorAccount, is_number, trace_each
from songda.carriers.answer import read_object
from songda.carriers.errors import BadPush, NoAnswer
from songda.carriers.line import Line
from songda.carriers.order import Refused
from songda.carriers.tracking import Event, Trace, told_event, trace_of
from songda.carriers.transport import again, post_form

PREFIX = "kdniao:"

_SUBSCRIBE, _PUSHES = "8008", frozenset({"101", "102"})
#: State of a number about which nothing is known yet.
_NOTHING_YET = "0"


class Kdniao:
    """One account over one connection pool. Safe to share between threads."""

    def __init__(self, account: AggregatorAccount, http: httpx.Client) -> None:
        self._account = account
        self._http = http
        self._line = Line(calls_per_s=account.calls_per_s, cut_after=20, cut_s=60)

    def trace(self, waybill_no: str) -> Trace | Refused:
        """Events so far; none yet and a number that nobody knows look the same. Raises NoAnswer."""
        account = self._account
        data = {"ShipperCode": account.company, "LogisticCode": waybill_no, "CustomerName": account.phone_tail}
        return again(
            lambda: _traced(self._call(account.query_url, data, account.request_type), waybill_no),
            attempts=account.query_attempts,
        )

    def trace_many(
        self, waybill_nos: Iterable[str], *, threads: int = 4
    ) -> Iterator[tuple[str, Trace | Refused | NoAnswer]]:
        return trace_each(self, waybill_nos, threads=threads)

    def subscribe(self, waybill_no: str, *, callback_url: str) -> Refused | None:
        """Asks for pushes about the number; None: taken. `callback_url` is stated in the account there, not in calls."""
        data = {"ShipperCode": self._account.company, "LogisticCode": waybill_no}
        answer = self._call(self._account.subscribe_url, data, _SUBSCRIBE)
        return None if answer.get("Success") is True else _refused(answer)

    def _call(self, url: str, data: dict[str, str], request_type: str) -> dict[str, Any]:
        text = orjson.dumps(data).decode()
        form = {
            "RequestData": text,
            "EBusinessID": self._account.customer,
            "RequestType": request_type,
            "DataSign": data_sign(text, self._account.key),
            "DataType": "2",
        }
        self._line.take()
        try:
            answer = read_object(post_form(self._http, url, urlencode(form).encode("ascii"), line=self._line).content)
        except NoAnswer:
            self._line.failed()
            raise
        self._line.answered()
        return answer


def read_trace(answer: dict[str, Any], *, waybill_no: str) -> Trace:
    """The traces of a query's answer or of one entry of a push. Raises NoAnswer when it is about another number."""
    if str(answer.get("LogisticCode", waybill_no)) != waybill_no:
        raise NoAnswer(reason="other_waybill_no", sent=True)
    items = answer.get("Traces") or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise NoAnswer(reason="no_list_of_events", sent=True)
    newest = max(range(len(items)), key=lambda at: str(items[at].get("AcceptTime")), default=None)
    # What is said of the whole is about the newest trace; it goes with its words.
    states = {name: str(answer[name]) for name in ("State", "StateEx") if answer.get(name)}
    told = [item if at != newest or item.get("Action") else states | item for at, item in enumerate(items)]
    return trace_of(told, read_item, waybill_no=waybill_no, retold=True)


def read_item(item: dict[str, Any], *, waybill_no: str, addressee: str | None) -> Event | None:
    """One entry of `Traces`; None without a readable time."""
    return told_event(
        waybill_no=waybill_no,
        time=str(item.get("AcceptTime") or ""),
        code=f"{PREFIX}{item.get('Action') or item.get('StateEx') or item.get('State') or '-'}",
        text=str(item.get("AcceptStation") or ""),
        place=str(item.get("Location") or ""),
        addressee=addressee,
    )


def read_push(fields: dict[str, Any], account: AggregatorAccount) -> tuple[Trace, ...]:
    """The traces of one push. Raises BadPush for a wrong signature or another format."""
    # As text and bytes: a field may be of any kind, and a signature of any letters.
    text, sign = str(fields.get("RequestData", "")), str(fields.get("DataSign", ""))
    if not hmac.compare_digest(data_sign(text, account.key).encode(), sign.encode()):
        raise BadPush(reason="signature")
    if str(fields.get("RequestType")) not in _PUSHES:
        raise BadPush(reason="request_type")
    try:
        entries = read_object(text).get("Data")
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise BadPush(reason="data")
        if not all(is_number(entry.get("LogisticCode")) for entry in entries):
            raise BadPush(reason="number")
        return tuple(read_trace(entry, waybill_no=entry["LogisticCode"]) for entry in entries)
    except NoAnswer as error:
        raise BadPush(reason=error.reason) from None


def push_ack(account: AggregatorAccount, *, at: datetime) -> dict[str, Any]:
    """What 快递鸟 wants to read once the traces are stored."""
    time = f"{at.astimezone(days.SHANGHAI):%Y-%m-%d %H:%M:%S}"
    return {"EBusinessID": account.customer, "UpdateTime": time, "Success": True, "Reason": ""}


def data_sign(text: str, key: str) -> str:
    return base64.b64encode(hashlib.md5((text + key).encode(), usedforsecurity=False).hexdigest().encode()).decode()


def _traced(answer: dict[str, Any], waybill_no: str) -> Trace | Refused:
    if answer.get("Success") is not True:
        return _refused(answer)
    if str(answer.get("State", "")) == _NOTHING_YET and not answer.get("Traces"):
        return Trace(waybill_no=waybill_no, known=True)
    return read_trace(answer, waybill_no=waybill_no)


def _refused(answer: dict[str, Any]) -> Refused:
    return Refused(code=f"{PREFIX}refused", message=str(answer.get("Reason", "")))
