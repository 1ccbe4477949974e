"""The pace of calls, and the rest after many without an answer, on a clock of the test's own."""

from __future__ import annotations

import threading

import pytest

from songda.carriers import LineCut
from songda.carriers.line import Line


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))


@pytest.fixture
def clock() -> Clock:
    return Clock()


def line(clock: Clock, **settings: float) -> Line:
    stated = {"calls_per_s": None, "cut_after": 3, "cut_s": 30.0} | settings
    return Line(**stated, clock=clock, sleep=clock.sleep)  # type: ignore[arg-type]


def test_calls_keep_their_distance_and_idle_time_is_not_saved_up(clock):
    paced = line(clock, calls_per_s=10)
    for _ in range(3):
        paced.take()
    assert clock.slept == [0.1, 0.2]
    clock.now += 5
    paced.take()
    assert clock.slept == [0.1, 0.2]


def test_line_is_cut_after_so_many_failures_in_a_row_and_one_call_tries_it_again(clock):
    cut = line(clock)
    for _ in range(3):
        cut.take()
        cut.failed()
    with pytest.raises(LineCut) as error:
        cut.take()
    assert not error.value.sent
    assert "30" in error.value.message_zh
    clock.now += 30
    cut.take()
    with pytest.raises(LineCut):
        cut.take()
    cut.answered()
    cut.take()


def test_trial_without_an_answer_cuts_the_line_again(clock):
    cut = line(clock)
    for _ in range(3):
        cut.failed()
    clock.now += 30
    cut.take()
    cut.failed()
    clock.now += 29
    with pytest.raises(LineCut):
        cut.take()


def test_an_answer_in_between_starts_the_count_anew(clock):
    cut = line(clock)
    for _ in range(5):
        cut.failed()
        cut.failed()
        cut.answered()
        cut.take()


def test_rest_that_the_carrier_asks_for_is_kept(clock):
    cut = line(clock)
    cut.rest(120)
    clock.now += 119
    with pytest.raises(LineCut):
        cut.take()
    clock.now += 1
    cut.take()


def test_many_threads_share_one_pace(clock):
    paced = line(clock, calls_per_s=100)
    threads = [threading.Thread(target=paced.take) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(clock.slept) == [round(n / 100, 6) for n in range(1, 20)]
