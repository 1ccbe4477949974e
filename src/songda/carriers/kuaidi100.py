"""快递100: query and subscription (published interface, state table with `resultv2=4`).

    sign of a query  = UPPER(MD5_hex(param + key + customer))

MD5 is the published scheme and proves little. One number may be asked for once in 30 minutes: sooner it gets locked
(504), and then everybody is left alone for that long.
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
from songda.carriers.kuaidi100_words import PREFIX, md5_sign, read_trace
from songda.carriers.line import Line
from songda.carriers.order import Refused
from songda.carriers.tracking import Trace
from songda.carriers.transport import again, post_form

_NOTHING_YET, _BUSY, _TOO_OFTEN = "500", frozenset({"501", "502"}), "504"
_LOCKED_S = 1800.0


class Kuaidi100:
    """One account over one connection pool. Safe to share between threads."""

    def __init__(self, account: AggregatorAccount, http: httpx.Client) -> None:
        self._account = account
        self._http = http
        self._line = Line(calls_per_s=account.calls_per_s, cut_after=20, cut_s=60)

    def trace(self, waybill_no: str) -> Trace | Refused:
        """Events so far; none yet and a number that nobody knows look the same. Raises NoAnswer."""
        account = self._account
        param = {"com": account.company, "num": waybill_no, "phone": account.phone_tail, "resultv2": "4"}
        text = orjson.dumps(param | {"order": "desc"}).decode()
        sign = md5_sign(text + account.key + account.customer)
        form = urlencode({"customer": account.customer, "param": text, "sign": sign}).encode("ascii")
        return again(
            lambda: self._traced(self._call(account.query_url, form), waybill_no),
            attempts=account.query_attempts,
            on=_was_not_counted,
        )

    def trace_many(
        self, waybill_nos: Iterable[str], *, threads: int = 4
    ) -> Iterator[tuple[str, Trace | Refused | NoAnswer]]:
        return trace_each(self, waybill_nos, threads=threads)

    def subscribe(self, waybill_no: str, *, callback_url: str) -> Refused | None:
        """Asks for pushes about the number; None: taken, now or before. Raises NoAnswer, ValueError without a salt."""
        account = self._account
        if not account.salt:
            raise ValueError("pushes need a salt")
        parameters = {"callbackurl": callback_url, "salt": account.salt, "resultv2": "4"}
        param = {"company": account.company, "number": waybill_no, "key": account.key, "parameters": parameters}
        form = urlencode({"schema": "json", "param": orjson.dumps(param).decode()}).encode("ascii")
        answer = self._call(account.subscribe_url, form)
        code = str(answer.get("returnCode", ""))
        # 501 here, by the interface's documentation: this number is subscribed to already.
        return None if code in {"200", "501"} else Refused(code=code, message=str(answer.get("message", "")))

    def _call(self, url: str, form: bytes) -> dict[str, Any]:
        self._line.take()
        try:
            answer = read_object(post_form(self._http, url, form, line=self._line).content)
        except NoAnswer:
            self._line.failed()
            raise
        self._line.answered()
        return answer

    def _traced(self, answer: dict[str, Any], waybill_no: str) -> Trace | Refused:
        if answer.get("status") == "200":
            return read_trace(answer, waybill_no=waybill_no)
        code = str(answer.get("returnCode") or answer.get("status") or "")
        if code == _NOTHING_YET:
            return Trace(waybill_no=waybill_no, known=True)
        if code == _TOO_OFTEN:
            self._line.rest(_LOCKED_S)
        if code in _BUSY or code == _TOO_OFTEN:
            raise NoAnswer(reason=f"kd100_{code}", sent=True)
        return Refused(code=f"{PREFIX}{code}", message=str(answer.get("message", "")))


def _was_not_counted(error: NoAnswer) -> bool:
    """A question that was taken and whose answer got lost must wait for half an hour like any other."""
    return not error.sent or error.reason.startswith(("http_5", *(f"kd100_{code}" for code in _BUSY)))
