"""Calls to the China Post / EMS open platform: one POST each, sealed, stamped, paced, and read back or explained.

A call that changes something leaves once (`once`). Reading (`again`) is tried again on transport errors, with back-off
and jitter; what the carrier refuses is never tried again by either.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote_plus

import httpx
import orjson
import structlog

from songda.base import days
from songda.carriers.answer import Success, read_answer
from songda.carriers.contract import ContractConfig
from songda.carriers.errors import ClockSkew, NoAnswer
from songda.carriers.line import Line
from songda.carriers.order import Refused
from songda.carriers.transport import again, post_form

log = structlog.get_logger("songda.carriers")

#: Calls between two looks at the carrier's clock, where nothing is wrong.
_LOOK_EVERY = 500


class Calls:
    """One contract over one connection pool. Safe to share between threads."""

    def __init__(self, contract: ContractConfig, http: httpx.Client, clock: Callable[[], datetime]) -> None:
        self._contract = contract
        self._http = http
        self._clock = clock
        self._envelope = contract.envelope()
        self._tolerance = timedelta(seconds=contract.clock_tolerance_s)
        self._count = 0
        #: Our clock minus the carrier's, when last looked at.
        self.clock_skew: timedelta | None = None
        self._line = Line(
            calls_per_s=contract.calls_per_s, cut_after=contract.cut_after_calls, cut_s=contract.cut_seconds
        )
        access = {"senderNo": contract.sender_no, "authorization": contract.authorization, "msgType": "0"}
        access |= {"version": "V1.0.0"} | ({"userCode": contract.user_code} if contract.user_code else {})
        self._access = "".join(f"&{name}={quote_plus(value)}" for name, value in access.items())

    def again(self, api_code: str, body: Any) -> Success | Refused:
        """A call that changes nothing, repeated on transport errors. Raises NoAnswer."""
        message = orjson.dumps(body)
        return again(lambda: self.once(api_code, message), attempts=self._contract.query_attempts)

    def once(self, api_code: str, message: bytes) -> Success | Refused:
        """One call over the wire. Raises NoAnswer for whatever is not the platform's own JSON answer."""
        self._line.take()
        try:
            response = self._post(api_code, message)
            answer = read_answer(response.content)
        except NoAnswer:
            self._line.failed()
            raise
        self._line.answered()
        self._count += 1
        if isinstance(answer, Refused) or self._count % _LOOK_EVERY == 1:
            self._compare_clocks(response, answer)
        return answer

    def _post(self, api_code: str, message: bytes) -> httpx.Response:
        stamp = f"{self._clock().astimezone(days.SHANGHAI):%Y-%m-%d+%H%%3A%M%%3A%S}"
        sealed = _quoted(self._envelope.seal(message))
        form = f"apiCode={api_code}{self._access}&timeStamp={stamp}&logitcsInterface={sealed}"
        return post_form(self._http, self._contract.endpoint, form.encode("ascii"), line=self._line)

    def _compare_clocks(self, response: httpx.Response, answer: Success | Refused) -> None:
        """Raises ClockSkew when a call was refused whose stamp the carrier cannot have believed."""
        try:
            theirs = parsedate_to_datetime(response.headers["date"])
        except (KeyError, ValueError):
            return
        skew = self.clock_skew = self._clock() - (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC))
        if abs(skew) <= self._tolerance:
            return
        seconds = round(skew.total_seconds())
        log.warning("carrier.clock_skew", seconds=seconds)
        if isinstance(answer, Refused):
            raise ClockSkew(seconds=seconds, code=answer.code)


def _quoted(sealed: str) -> str:
    """Form quoting of an envelope, whose alphabet is known: ten times faster than the general function."""
    quoted = sealed[4:].replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    return f"%7C%244%7C{quoted}"
