"""快递鸟: query and subscription (published interface), signed as its pushes are (kdniao_words).

The free query (1002) tells only the state of the newest trace; paid ones name an `Action` for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson

from songda.carriers.aggregator import AggregatorAccount, trace_each
from songda.carriers.answer import read_object
from songda.carriers.errors import NoAnswer
from songda.carriers.kdniao_words import PREFIX, data_sign, read_trace
from songda.carriers.line import Line
from songda.carriers.order import Refused
from songda.carriers.tracking import Trace
from songda.carriers.transport import again, post_form

_SUBSCRIBE = "8008"
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


def _traced(answer: dict[str, Any], waybill_no: str) -> Trace | Refused:
    if answer.get("Success") is not True:
        return _refused(answer)
    if str(answer.get("State", "")) == _NOTHING_YET and not answer.get("Traces"):
        return Trace(waybill_no=waybill_no, known=True)
    return read_trace(answer, waybill_no=waybill_no)


def _refused(answer: dict[str, Any]) -> Refused:
    return Refused(code=f"{PREFIX}refused", message=str(answer.get("Reason", "")))
