"""HTTP as every carrier and aggregator is spoken to: verified, no detours, each failure told apart by whether it was sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import httpx
import stamina

from songda.carriers.errors import ClockSkew, LineCut, NoAnswer
from songda.carriers.line import Line

T = TypeVar("T")

FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8", "Accept": "application/json"}
#: Raised before a byte of the request left: the other side cannot have acted.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
#: Answers that ask to be left alone, and the longest rest that is believed, seconds.
_TOO_MANY, _LONGEST_REST = frozenset({429, 503}), 600.0


def open_pool(*, timeout_s: float, connections: int) -> httpx.Client:
    """A connection pool: certificates verified, no proxies or certificates from the environment, no redirects."""
    return httpx.Client(
        timeout=httpx.Timeout(timeout_s, connect=min(5.0, timeout_s)),
        # Given up early when idle: a connection that the carrier closes while we send leaves an order unanswered.
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=2.0),
        headers=FORM,
        verify=True,
        trust_env=False,
        follow_redirects=False,
    )


def post_form(http: httpx.Client, url: str, form: bytes, *, line: Line) -> httpx.Response:
    """One POST that was answered 200. Raises NoAnswer; a rest that the other side asks for is given to `line`."""
    try:
        response = http.post(url, content=form, headers=FORM)
    except _NEVER_SENT as error:
        raise NoAnswer(reason=type(error).__name__, sent=False) from error
    except httpx.HTTPError as error:
        raise NoAnswer(reason=type(error).__name__, sent=True) from error
    if response.status_code in _TOO_MANY and re.fullmatch("[0-9]{1,6}", response.headers.get("retry-after", "")):
        line.rest(min(float(response.headers["retry-after"]), _LONGEST_REST))
    if response.status_code != httpx.codes.OK:
        raise NoAnswer(reason=f"http_{response.status_code}", sent=True)
    return response


def again(call: Callable[[], T], *, attempts: int, on: Callable[[NoAnswer], bool] = lambda _: True) -> T:
    """`call`, which changes nothing, tried up to `attempts` times on those NoAnswer that `on` holds for, with back-off
    and jitter. A line that is cut is not tried, and what was refused for a wrong clock is not asked again.
    """

    def worth_it(error: Exception) -> bool:
        return isinstance(error, NoAnswer) and not isinstance(error, LineCut | ClockSkew) and on(error)

    try:
        return call()
    except NoAnswer as error:
        # Setting the repetitions up costs as much as a call, and nearly every call is answered at once.
        if attempts <= 1 or not worth_it(error):
            raise
    for attempt in stamina.retry_context(
        on=worth_it, attempts=attempts - 1, timeout=None, wait_initial=0.2, wait_max=5.0
    ):
        with attempt:
            return call()
    raise AssertionError("unreachable: retry_context returns or raises")
