"""One call for many things, spread over processes of our own, answers in order and few things in memory at a time.

>>> list(map_ahead(abs, [-1, 2, -3], workers=1))
[1, 2, 3]

Workers are fresh processes (never forks: Polars and typst have threads) that end with this one, whatever ends it: they
hold persons in memory. What goes to them and comes back is pickled through pipes, never through files.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from typing import TypeVar

from songda.base.memory import keep_memory_off_the_disk, lock_is_wanted

T = TypeVar("T")
R = TypeVar("R")

_PR_SET_PDEATHSIG = 1


def map_ahead(call: Callable[[T], R], items: Iterable[T], *, workers: int, ahead: int = 2) -> Iterator[R]:
    """`call(item)` for every item, in order; with one worker in this process.

    At most `ahead` items a worker are drawn before their turn. `call` must be a module's function.
    """
    if workers <= 1:
        yield from map(call, items)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(os.getpid(),))
    under_way: deque[Future[R]] = deque()
    source = iter(items)
    try:
        for item in islice(source, workers * ahead):
            under_way.append(pool.submit(call, item))
        while under_way:
            result = under_way.popleft().result()
            for item in islice(source, 1):
                under_way.append(pool.submit(call, item))
            yield result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start(parent: int) -> None:
    # A killed parent must not leave workers behind.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    keep_memory_off_the_disk(lock=lock_is_wanted())
    if os.getppid() != parent:
        os._exit(1)
    # One thread a process: engines would start one per core in each, and they would wait for each other.
    os.environ["RAYON_NUM_THREADS"] = os.environ["POLARS_MAX_THREADS"] = "1"
    # Ctrl-C reaches the whole group; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
