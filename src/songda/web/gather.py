"""Calls that each wait for a commit, taken together: while one transaction runs, the next calls gather for theirs.

    together = Gatherer(work)            # work: a list of items → a list of results, in a thread
    result = await together.call(item)

A commit that is safe on disk costs milliseconds, whatever it holds. Nobody waits for company: an idle gatherer works at
once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import anyio.to_thread

T = TypeVar("T")
R = TypeVar("R")

#: Items of one call of `work`: bounds how long a transaction takes.
MOST = 200


class Gatherer(Generic[T, R]):
    """Belongs to one event loop."""

    def __init__(self, work: Callable[[Sequence[T]], Sequence[R]]) -> None:
        self._work = work
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._running: asyncio.Task[None] | None = None

    async def call(self, item: T) -> R:
        """The result for `item`; raises what `work` raised for the items it was taken with."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            try:
                results = await anyio.to_thread.run_sync(self._work, [item for item, _ in taken])
            except Exception as error:
                for _, future in taken:
                    if not future.done():
                        future.set_exception(error)
            else:
                for (_, future), result in zip(taken, results, strict=True):
                    # Whoever hung up has cancelled his own.
                    if not future.done():
                        future.set_result(result)
