"""Calls that wait for a commit are taken together, and each gets its own answer."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence

import pytest

from songda.web.gather import MOST, Gatherer


def test_an_idle_gatherer_works_at_once_and_the_next_calls_go_together() -> None:
    taken: list[list[int]] = []
    begun, go_on = threading.Event(), threading.Event()

    def work(items: Sequence[int]) -> list[int]:
        taken.append(list(items))
        begun.set()
        go_on.wait(5)
        return [item * 10 for item in items]

    async def calls() -> list[int]:
        together = Gatherer(work)
        first = asyncio.create_task(together.call(1))
        await asyncio.to_thread(begun.wait, 5)
        others = [asyncio.create_task(together.call(n)) for n in range(2, 6)]
        await asyncio.sleep(0)
        go_on.set()
        return await asyncio.gather(first, *others)

    assert asyncio.run(calls()) == [10, 20, 30, 40, 50]
    assert taken == [[1], [2, 3, 4, 5]]


def test_no_call_of_the_work_grows_without_bound() -> None:
    sizes: list[int] = []

    def work(items: Sequence[int]) -> Sequence[int]:
        sizes.append(len(items))
        time.sleep(0.01)
        return items

    async def calls() -> list[int]:
        together = Gatherer(work)
        return await asyncio.gather(*(together.call(n) for n in range(3 * MOST)))

    assert asyncio.run(calls()) == list(range(3 * MOST))
    assert max(sizes) == MOST


def test_what_fails_fails_for_those_it_was_taken_with_and_the_next_are_served() -> None:
    def work(items: Sequence[int]) -> Sequence[int]:
        if 1 in items:
            raise OSError("disk full")
        return items

    async def calls() -> int:
        together = Gatherer(work)
        with pytest.raises(OSError, match="disk full"):
            await together.call(1)
        return await together.call(2)

    assert asyncio.run(calls()) == 2


def test_whoever_hangs_up_costs_the_others_nothing() -> None:
    def work(items: Sequence[int]) -> Sequence[int]:
        time.sleep(0.05)
        return items

    async def calls() -> int:
        together = Gatherer(work)
        gone = asyncio.create_task(together.call(1))
        stays = asyncio.create_task(together.call(2))
        await asyncio.sleep(0.01)
        gone.cancel()
        return await stays

    assert asyncio.run(calls()) == 2
