import threading
import time
from itertools import count

import pytest

from songda.carriers.fan_out import fan_out


def test_every_item_is_answered_once():
    assert sorted(fan_out(lambda n: n * n, range(500), threads=8)) == [n * n for n in range(500)]


def test_calls_run_at_the_same_time():
    together = threading.Barrier(4, timeout=10)
    assert len(list(fan_out(lambda _: together.wait(), range(4), threads=4))) == 4


def test_endless_source_is_drawn_only_as_fast_as_results_are_taken():
    drawn = []
    results = fan_out(lambda n: drawn.append(n) or n, count(), threads=2)
    next(results)
    time.sleep(0.05)
    assert len(drawn) < 20
    results.close()


def test_closing_early_waits_for_calls_under_way():
    started, finished = [], []

    def call(n):
        started.append(n)
        time.sleep(0.02)
        finished.append(n)
        return n

    results = fan_out(call, count(), threads=3)
    next(results)
    results.close()
    assert sorted(started) == sorted(finished)
    assert not [t for t in threading.enumerate() if t.name.startswith("fan-out")]


def test_error_of_a_call_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        list(fan_out(lambda n: 1 // n, [1, 0, 1], threads=2))


def test_error_of_the_source_reaches_the_caller():
    def source():
        yield 1
        raise KeyError("source")

    with pytest.raises(KeyError):
        list(fan_out(abs, source(), threads=2))


def test_no_thread_is_no_way():
    with pytest.raises(ValueError, match="thread"):
        list(fan_out(abs, [1], threads=0))
