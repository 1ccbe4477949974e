"""Numbers die as was published, and what calls have left in the file says something about the debtor."""

from __future__ import annotations

import numpy as np
import pytest


def overdue_days(world):
    today = int(np.datetime64(world.as_of, "D").astype(np.int64))
    first = np.full(len(world.debtors), np.iinfo(np.int64).max)
    np.minimum.at(first, world.cases.debtor, world.cases.overdue)
    return today - first, today


def test_four_numbers_in_five_are_dead_after_six_months_overdue(world):
    days, today = overdue_days(world)
    lost = world.phones.lost_on
    given = lost > 0
    gone = (lost - (today - days)[:, None])[given] <= 182
    assert np.mean(gone) == pytest.approx(0.80, abs=0.02)


def test_nobody_answers_whose_numbers_are_all_dead(world):
    _, today = overdue_days(world)
    alive = (world.phones.lost_on > today).any(axis=1)
    assert not (world.phones.answers & ~alive).any()
    assert np.mean(world.phones.answers[alive]) == pytest.approx(world.config.phones.answered, abs=0.03)


def test_promises_and_repayments_tell_of_willingness_and_ability(world):
    calls, people, cases = world.calls, world.debtors, world.cases
    assert (calls.kept <= calls.promises).all()
    assert np.corrcoef(calls.promises, people.willing)[0, 1] > 0.2
    made = calls.promises > 0
    assert np.corrcoef((calls.kept / np.maximum(calls.promises, 1))[made], people.able[made])[0, 1] > 0.15
    sound = np.array([stop in ("", "dispute") for stop in cases.stop]) & (cases.principal_fen > 150_000)
    left = cases.principal_fen[sound] / cases.loan_fen[sound]
    assert -0.7 < np.corrcoef(left, people.able[cases.debtor[sound]])[0, 1] < -0.2


def test_the_last_answer_lies_between_the_first_overdue_day_and_the_file(world):
    days, today = overdue_days(world)
    last = world.calls.last_answered
    known = last >= 0
    assert 0.5 < np.mean(known) < 0.95
    assert ((last > today - days) & (last <= today))[known].all()
