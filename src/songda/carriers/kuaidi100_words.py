"""快递100: what its answers and pushes say (published interface, state table with `resultv2=4`).

    sign of a push   = UPPER(MD5_hex(param + salt))

MD5 is the published scheme and proves little; pushes also need their secret path. Reading needs no network library, so
that an evidence bundle can be verified where none is.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from songda.carriers.aggregator import AggregatorAccount, is_number
from songda.carriers.answer import read_object
from songda.carriers.errors import BadPush, NoAnswer
from songda.carriers.tracking import Event, Trace, told_event, trace_of

PREFIX = "kd100:"
ACK = {"result": True, "returnCode": "200", "message": "成功"}


def read_trace(answer: dict[str, Any], *, waybill_no: str) -> Trace:
    """The list of a query's answer or of a push's `lastResult`. Raises NoAnswer when it is about another number."""
    if str(answer.get("nu", waybill_no)) != waybill_no:
        raise NoAnswer(reason="other_waybill_no", sent=True)
    items = answer.get("data")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise NoAnswer(reason="no_list_of_events", sent=True)
    return trace_of(items, read_item, waybill_no=waybill_no, retold=True)


def read_item(item: dict[str, Any], *, waybill_no: str, addressee: str | None) -> Event | None:
    """One entry of `data`; None without a readable time."""
    return told_event(
        waybill_no=waybill_no,
        time=str(item.get("ftime") or item.get("time") or ""),
        code=f"{PREFIX}{item.get('statusCode') or '-'}",
        text=str(item.get("context") or ""),
        place=str(item.get("location") or item.get("areaName") or ""),
        addressee=addressee,
    )


def read_push(fields: dict[str, Any], account: AggregatorAccount) -> Trace:
    """The trace of one push. Raises BadPush for a wrong signature or another format."""
    # As text and bytes: a field may be of any kind, and a signature of any letters.
    param, sign = str(fields.get("param", "")), str(fields.get("sign", ""))
    if not account.salt or not hmac.compare_digest(md5_sign(param + account.salt).encode(), sign.upper().encode()):
        raise BadPush(reason="signature")
    try:
        last = read_object(param).get("lastResult")
        if not isinstance(last, dict) or not is_number(last.get("nu")):
            raise BadPush(reason="number")
        return read_trace(last, waybill_no=last["nu"])
    except NoAnswer as error:
        raise BadPush(reason=error.reason) from None


def md5_sign(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().upper()
