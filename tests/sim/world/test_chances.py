"""The true chances are those of the couriers' own draws."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from songda.sim.world.chances import ENDS, TIES, Letters, chances
from songda.sim.world.config import read
from songda.sim.world.delivery import Door, Person, Station, visits
from songda.sim.world.matching import Match

CONFIG = read("cn-default")
MONDAY = date(2026, 11, 30)
DRAWS = 4000


def one(tie, *, kind="flat", desk=False, locker=False, answers=False, quality="door", evening=False, weekday=0):
    return {
        "tie": tie,
        "kind": kind,
        "desk": desk,
        "locker": locker,
        "answers": answers,
        "quality": quality,
        "evening": evening,
        "weekday": weekday,
    }


CASES = [
    one("lives"),
    one("lives", desk=True, locker=True, answers=True, quality="no_room"),
    one("lives", evening=True, answers=True, weekday=4),
    one("lives", quality="street", answers=True, locker=True, weekday=5),
    one("family", kind="village", weekday=3),
    one("family", desk=True, locker=True),
    one("works", kind="office", desk=True, answers=True),
    one("works", kind="shop", weekday=5, evening=True),
    one("gone", desk=True),
    one("gone", kind="village"),
    one("never", desk=True, locker=True),
    one("nowhere"),
]


def columns(case):
    return Letters(
        reach=np.array([CONFIG.delivery.reach[case["quality"]]]),
        tie=np.array([TIES.index(case["tie"])]),
        flat=np.array([case["kind"] == "flat"]),
        desk=np.array([case["desk"]]),
        locker=np.array([case["locker"]]),
        pattern=np.array([2]),
        household=np.array([3]),
        answers=np.array([case["answers"]]),
        skill=np.array([0.3]),
        evening_tour=np.array([case["evening"]]),
        phone_first=np.array([0.35]),
        weekday=np.array([case["weekday"]]),
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['tie']}-{case['kind']}-{case['quality']}")
def test_the_true_chances_are_how_often_the_couriers_draws_end_so(case):
    rng = np.random.default_rng(5)
    ends = dict.fromkeys(ENDS, 0)
    for _ in range(DRAWS):
        drawn: dict[tuple[str, date], float] = {}

        def draw(step, day, drawn=drawn):
            return drawn.setdefault((step, day), rng.random())

        made = visits(
            match=Match(case["quality"], True),
            door=Door(case["tie"], case["kind"], desk=case["desk"], locker=case["locker"]),
            person=Person("office", 3, case["answers"]),
            station=Station(0.3, case["evening"], 0.35),
            first=MONDAY + timedelta(days=case["weekday"]),
            draw=draw,
            config=CONFIG.delivery,
        )
        ends[made[-1].key] += 1
    [expected] = chances(columns(case), config=CONFIG)
    assert expected.sum() == pytest.approx(1)
    for key, share in zip(ENDS, expected.tolist(), strict=True):
        sd = (share * (1 - share) / DRAWS) ** 0.5
        assert ends[key] / DRAWS == pytest.approx(share, abs=4 * sd + 0.001), key


def test_an_evening_visit_and_a_call_beforehand_find_more_people_who_work_in_offices():
    letters = columns(one("lives", answers=True))
    signed = {
        window: float(chances(letters, config=CONFIG, window=window)[:, :2].sum())
        for window in ("morning", "afternoon", "evening")
    }
    assert signed["evening"] > signed["afternoon"] > signed["morning"]
    called, not_called = (chances(letters, config=CONFIG, phone_first=first)[:, 0] for first in (True, False))
    assert called > not_called
