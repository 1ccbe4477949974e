"""快递鸟: what its answers and pushes say (published interface).

    DataSign = base64(MD5_hex(RequestData + AppKey))

MD5 is the published scheme and proves little; pushes also need their secret path. Reading needs no network library, so
that an evidence bundle can be verified where none is.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime
from typing import Any

from songda.base import days
from songda.carriers.aggregator import AggregatorAccount, is_number
from songda.carriers.answer import read_object
from songda.carriers.errors import BadPush, NoAnswer
from songda.carriers.tracking import Event, Trace, told_event, trace_of

PREFIX = "kdniao:"

_PUSHES = frozenset({"101", "102"})


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
