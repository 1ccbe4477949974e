from collections import Counter, defaultdict

import numpy as np
import pytest

from songda.sim.world.cases import OF_DEBTOR, OF_ROW


def test_stops_and_broken_rows_have_their_shares(world):
    cases, stops = world.cases, world.config.stops
    counts = Counter(cases.stop)
    for reason in OF_ROW:
        assert counts[reason] / len(cases) == pytest.approx(getattr(stops, reason), abs=0.01), reason
    assert sum(map(bool, cases.broken)) / len(cases) == pytest.approx(world.config.broken.share, abs=0.005)
    assert len(set(filter(None, cases.broken))) == len(world.config.broken.kinds)


def test_a_stop_of_the_person_holds_for_all_of_the_persons_rows(world):
    reasons = defaultdict(set)
    for debtor, stop in zip(world.cases.debtor.tolist(), world.cases.stop, strict=True):
        reasons[debtor].add(stop)
    stopped = [found for found in reasons.values() if found & set(OF_DEBTOR)]
    assert stopped
    assert all(len(found) == 1 for found in stopped)


def test_days_follow_each_other(world):
    cases, today = world.cases, np.datetime64(world.as_of).astype(int)
    low, high = world.config.portfolio.overdue_days
    assert np.all(cases.disbursed < cases.overdue)
    assert np.all(cases.disbursed < cases.due)
    overdue_for = today - cases.overdue
    barred = np.array(cases.stop) == "time_barred"
    assert np.all((low <= overdue_for[~barred]) & (overdue_for[~barred] <= high))
    assert np.all(overdue_for[barred] > 3 * 366)
    assert np.all(cases.limitation[barred] == -1)
    assert np.all(cases.limitation <= today)


def test_amounts_add_up_and_small_ones_are_small(world):
    cases = world.cases
    stop = np.array(cases.stop)
    assert np.array_equal(cases.loan_fen, cases.principal_fen + cases.paid_fen)
    owed = cases.principal_fen + cases.interest_fen + cases.penalty_fen + cases.fees_fen
    assert np.all(owed[stop == "paid"] == 0)
    assert np.all(owed[stop == "small_amount"] < 100_000)
    assert np.all(owed[~np.isin(stop, ["paid", "small_amount"])] >= 100_000)
    median = np.median(cases.principal_fen[stop == ""]) / 100
    assert median == pytest.approx(world.config.portfolio.amount_median_yuan, rel=0.1)


def test_three_quarters_of_the_rows_make_a_letter(world):
    """Cases of one person in one role merge; a benchmark of 30,000 letters needs 50,000 rows."""
    cases, groups = world.cases, defaultdict(list)
    for debtor, role, stop, broken in zip(
        cases.debtor.tolist(), cases.role.tolist(), cases.stop, cases.broken, strict=True
    ):
        if not broken:
            groups[debtor, role].append(stop)
    letters = sum("" in stops for stops in groups.values())
    assert letters / len(cases) > 0.72


def test_case_numbers_repeat_only_in_rows_that_are_broken_so(world):
    cases = world.cases
    counts = Counter(cases.case_no)
    repeated = {row for row, number in enumerate(cases.case_no) if counts[number] > 1}
    assert repeated == {row for row, kind in enumerate(cases.broken) if kind == "duplicate"}
    assert len(set(cases.contract_no)) == len(cases)
