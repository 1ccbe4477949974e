"""Payments as potential outcomes: what a letter does is known of everybody, and nothing else moves with it."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from songda.flow.payment_file import read_payments
from songda.sim.world import generate
from songda.sim.world.config import read
from songda.sim.world.payments import Payers, Served, write_payments

AS_OF = date(2026, 11, 24)
SOON = AS_OF + timedelta(days=4)


@pytest.fixture(scope="module")
def payers(truth):
    return Payers(truth)


def test_the_bands_of_the_published_figures_hold(payers, truth):
    # M3 3-5 %; a served letter +1.2 points, by whoever took it less and less.
    assert 0.03 < payers.base.mean() < 0.05
    assert 0.009 < payers.effect("self").mean() < 0.016
    assert payers.effect("self").mean() > payers.effect("family").mean() > payers.effect("desk").mean() > 0
    contrary = (payers.effect("self") < 0).mean()
    assert 0.02 < contrary < 0.06
    unable = truth.debtors["able"].to_numpy() < truth.config.payments.unable_below
    assert not payers.effect("self")[unable].any()


def test_the_draws_follow_the_chances(payers, truth):
    people = range(truth.debtors.height)
    alone = np.mean([bool(payers.paid(n, None)) for n in people])
    served = np.mean([bool(payers.paid(n, Served(SOON, "self"))) for n in people])
    sd = (0.05 / len(people)) ** 0.5
    assert abs(alone - payers.base.mean()) < 4 * sd
    chances = np.mean([payers.chance(n, Served(SOON, "self")) for n in people])
    assert abs(served - chances) < 4 * sd


def test_a_letter_changes_nothing_but_through_its_effect(payers, truth):
    """Whoever pays both ways pays the same; whoever pays with the letter alone does so after it."""
    for n in range(truth.debtors.height):
        alone, served = payers.paid(n, None), payers.paid(n, Served(SOON, "self"))
        if alone and served:
            assert alone == served
        elif served:
            assert min(each.on for each in served) > SOON
            assert payers.effect("self")[n] > 0
        elif alone:
            assert payers.effect("self")[n] < 0


def test_a_second_letter_does_half_as_much(payers):
    lifted = int(np.argmax(payers.effect("self")))
    first, second = (payers.chance(lifted, Served(SOON, "self", before)) - payers.base[lifted] for before in (0, 1))
    assert second == pytest.approx(first / 2)


def test_with_no_effect_a_letter_changes_nothing_at_all():
    truth = generate(cases=600, seed=7, as_of=AS_OF, config="null-effect").truth()
    payers = Payers(truth)
    for n in range(truth.debtors.height):
        assert payers.paid(n, None) == payers.paid(n, Served(SOON, "family"))


def test_instalments_add_up_to_what_is_owed(payers, truth):
    owed = dict(zip(truth.cases["case_id"], truth.cases["owed_fen"], strict=True))
    kinds = set()
    for n in range(truth.debtors.height):
        by_case: dict[int, list] = {}
        for each in payers.paid(n, Served(SOON, "self")):
            by_case.setdefault(each.case, []).append(each)
        for case, plan in by_case.items():
            total = sum(each.amount_fen for each in plan)
            kinds.add(len(plan))
            assert total <= owed[f"wc{case:08d}"]
            assert total == owed[f"wc{case:08d}"] or len(plan) == 1
    assert kinds == {1, truth.config.payments.instalments}


def test_the_file_is_one_that_the_product_reads(payers, truth, tmp_path: Path):
    case_no = dict(enumerate(truth.keys["case_no"]))
    plan = [each for n in range(400) for each in payers.paid(n, Served(SOON, "self"))]
    path = tmp_path / "payments.csv"
    assert write_payments(path, plan, case_no=case_no) == len(plan) > 10
    lines = read_payments(path.read_bytes(), today=date(2028, 1, 1))
    assert sum(line.amount_fen for line in lines) == sum(each.amount_fen for each in plan)
    # Nothing of the truth is in it.
    header = next(csv.reader(path.read_text("utf-8-sig").splitlines()))
    assert header == ["案件编号", "还款日期", "还款金额", "流水号"]


def test_strangers_complain_more_and_again_more_still(payers, truth):
    people, shares = range(4000), truth.config.complaints
    days = [AS_OF + timedelta(days=n) for n in range(5)]

    def share(by: str, before: int) -> float:
        return np.mean([payers.complains(n, day, by=by, before=before) is not None for n in people for day in days])

    assert share("self", 0) == pytest.approx(shares.letter, rel=0.35)
    assert share("other", 0) == pytest.approx(shares.wrong_person, rel=0.2)
    assert share("self", 2) > share("self", 0)


def test_who_took_the_letter_is_known_whatever_the_carrier_says(courier, letter_to):
    ends = [courier.ends(letter_to(row)) for row in range(300)]
    assert {end.key for _, end in ends} >= {"704:10", "704:20", "705:2"}
    for row, (debtor, end) in enumerate(ends):
        events = courier(letter_to(row))
        assert debtor >= 0
        if events:
            assert end.day <= max(event.op_time for event in events).date()


@pytest.mark.parametrize("name", ["rural", "city-tenants", "dirty-text", "null-effect", "no-anomaly", "drift"])
def test_a_world_laid_over_another_differs_where_it_says_so_alone(name):
    base, other = read("cn-default"), read(name)
    assert replace(other, name=base.name, version=base.version, text=base.text) != base
    world = generate(cases=300, seed=3, as_of=AS_OF, config=name)
    if name == "no-anomaly":
        assert (world.contacts.fabricated == -1).all()
        assert (world.records.fabricated == -1).all()
    if name == "rural":
        villages = [place for place in world.truth().places["kind"] if place == "village"]
        assert len(villages) > 0.4 * world.truth().places.height
