"""Behaviour 26 of a letter's life: a stop racing with the lock of its run. bench/stop_race.py does it 10,000 times."""

from __future__ import annotations

from threading import Barrier, Thread
from typing import Any

import pytest
from bench.stop_race import MOMENTS, fault, lock, measure, race, read_run, sealed_letters, standing, stop
from posted import BOTH
from sqlalchemy import Engine

from songda.dispatch.stopping import Answer


def test_26_of_a_stop_and_a_lock_at_random_moments_exactly_one_wins() -> None:
    figures = measure(letters=500, seed=1)
    assert figures["faults"] == 0
    assert len(figures["results"]) == 2


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_26_at_each_moment(database: Engine, moment: str) -> None:
    (no,) = sealed_letters(database, 1)
    outcome, locked = race(database, no, moment)
    with database.connect() as connection:
        assert not fault(outcome, locked, standing(connection, no))


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_26_of_a_stop_and_a_lock_at_the_same_time_exactly_one_wins(database: Engine) -> None:
    for no in sealed_letters(database, 40):
        with database.connect() as connection:
            seen = read_run(connection, no)
        barrier, won = Barrier(2), dict[str, Any]()

        def locks(no: str = no, seen: Any = seen, barrier: Barrier = barrier, won: dict[str, Any] = won) -> None:
            barrier.wait()
            won["lock"] = lock(database, seen)

        def stops(no: str = no, barrier: Barrier = barrier, won: dict[str, Any] = won) -> None:
            barrier.wait()
            won["stop"] = stop(database, no)

        racers = [Thread(target=locks), Thread(target=stops)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
        answer: Answer = won["stop"]
        with database.connect() as connection:
            assert not fault(answer.outcome, won["lock"], standing(connection, no)), (answer, won["lock"])
