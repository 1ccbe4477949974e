"""The line to one carrier under one contract: how fast it is called, and when it is left alone.

    line = Line(calls_per_s=20, cut_after=20, cut_s=30)
    line.take()            # waits for its turn; raises LineCut while the carrier is left alone
    line.failed()          # nobody answered; `line.answered()` when somebody did

After `cut_after` calls in a row without an answer the line is cut for `cut_s` seconds: calls then fail at once and, never
sent, may be repeated, where a call into a dead line would leave an order of which nobody knows whether it arrived. When
the time is over one call tries the line for all. Several processes under one contract share its rate: give each its part.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from songda.carriers.errors import LineCut


class Line:
    """Safe to share between threads. `clock` (seconds, monotonic) and `sleep` are the machine's unless given."""

    def __init__(
        self,
        *,
        calls_per_s: float | None,
        cut_after: int,
        cut_s: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._pause = 1 / calls_per_s if calls_per_s else 0.0
        self._cut_after = cut_after
        self._cut_s = cut_s
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next = 0.0
        self._failures = 0
        self._cut_until: float | None = None

    def take(self) -> None:
        """Returns when the next call may leave. Raises LineCut."""
        with self._lock:
            now = self._clock()
            if self._cut_until is not None:
                if now < self._cut_until:
                    raise LineCut(seconds=round(self._cut_until - now, 1))
                # This call tries the line; the others wait for what comes of it.
                self._cut_until = now + self._cut_s
            start = max(now, self._next)
            self._next = start + self._pause
        if start > now:
            self._sleep(start - now)

    def answered(self) -> None:
        with self._lock:
            self._failures, self._cut_until = 0, None

    def failed(self) -> None:
        with self._lock:
            self._failures += 1
            if self._failures >= self._cut_after:
                self._cut_until = self._clock() + self._cut_s

    def rest(self, seconds: float) -> None:
        """The carrier asked to be left alone for so long."""
        with self._lock:
            self._cut_until = max(self._cut_until or 0.0, self._clock() + seconds)
