"""Many blocking calls at once, results as they come, memory bounded.

>>> sorted(fan_out(abs, [-3, -1, -2], threads=2))
[1, 2, 3]
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


class _Finished:
    """Put on the queue by each thread when it ends, with what ended it if that was an error."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def fan_out(call: Callable[[T], R], items: Iterable[T], *, threads: int) -> Iterator[R]:
    """`call(item)` for every item in `threads` threads, in order of completion.

    Items are drawn only as fast as results are taken. An exception of `call` or of `items` ends the iteration after the
    calls then under way; closing the iterator early waits for them too, so that none is cut off half-way.
    """
    if threads < 1:
        raise ValueError("at least one thread")
    source = iter(items)
    drawing = threading.Lock()
    stop = threading.Event()
    done: queue.Queue[R | _Finished] = queue.Queue(maxsize=2 * threads)

    def work() -> None:
        try:
            while not stop.is_set():
                with drawing:
                    try:
                        item = next(source)
                    except StopIteration:
                        break
                done.put(call(item))
        except BaseException as error:  # handed to the caller below
            stop.set()
            done.put(_Finished(error))
        else:
            done.put(_Finished())

    workers = [threading.Thread(target=work, name=f"fan-out-{n}", daemon=True) for n in range(threads)]
    for worker in workers:
        worker.start()
    running, failure = threads, None
    try:
        while running:
            result = done.get()
            if isinstance(result, _Finished):
                running -= 1
                failure = failure or result.error
            else:
                yield result
    finally:
        stop.set()
        while running:
            if isinstance(done.get(), _Finished):
                running -= 1
        for worker in workers:
            worker.join()
    if failure is not None:
        raise failure
