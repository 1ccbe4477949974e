import numpy as np
import polars as pl
import pytest

from songda.sim.world.places import FABRICATED, HOME, SLOTS, WORK
from songda.sim.world.records import KINDS, MOST

NAMES = [*KINDS]


def of(world, *names):
    return np.isin(world.records.kind, [NAMES.index(name) for name in names])


def test_sources_are_as_frequent_as_configured(world):
    for name in NAMES:
        expected = getattr(world.config.records, name)
        assert of(world, name).sum() / len(world.debtors) == pytest.approx(expected, abs=0.035), name


def test_every_debtor_has_one_to_six_records_numbered_in_order(world):
    counts = np.diff(world.records.start)
    assert counts.min() >= 1
    assert counts.max() <= MOST
    first = world.records.start[world.records.debtor]
    assert np.array_equal(world.records.ordinal, np.arange(len(first)) - first + 1)


def test_an_honest_record_of_a_home_means_where_the_person_lived_on_its_day(world, true_ties):
    records = world.records
    honest = np.flatnonzero(of(world, "application_home", "reserved", "court") & (records.fabricated < 0))
    start = world.residences.since[:, 0]
    for row in honest.tolist():
        debtor = int(records.debtor[row])
        day = np.datetime64(int(max(records.recorded[row], start[debtor])), "D").item()
        assert "lives" in true_ties(debtor, int(records.place[row]), day)


def test_an_identity_card_names_the_registered_home_and_a_work_record_the_work_place(world):
    slots = world.records.place % SLOTS
    assert np.all(slots[of(world, "id_card")] == HOME)
    honest = of(world, "application_work") & (world.records.fabricated < 0)
    assert set(slots[honest].tolist()) <= {WORK, WORK + 1}
    assert np.array_equal(world.records.place // SLOTS, world.records.debtor)


def test_no_record_is_from_the_future_nor_older_than_the_history(world):
    today = np.datetime64(world.as_of).astype(int)
    assert world.records.recorded.max() <= today
    since_loan = world.records.recorded - world.first_loan[world.records.debtor]
    assert np.all(since_loan[~of(world, "reserved")] >= 0)
    assert since_loan.min() >= -700


def test_fabricated_addresses_have_their_share_in_applications_and_never_come_from_cards(world):
    records, shares = world.records, world.config.records
    fabricated = records.fabricated >= 0
    assert np.array_equal(fabricated, records.place % SLOTS == FABRICATED)
    for name in ("application_home", "application_work"):
        assert np.mean(fabricated[of(world, name)]) == pytest.approx(shares.fabricated, abs=0.025)
    assert np.mean(fabricated[of(world, "debtor_update")]) == pytest.approx(shares.update_evasive, abs=0.03)
    assert not np.any(fabricated[of(world, "id_card", "court", "reserved", "earlier_letter")])
    kinds = np.bincount(records.fabricated[fabricated]) / fabricated.sum()
    assert kinds == pytest.approx([*shares.fabricated_kinds.values()], abs=0.08)


def test_an_older_record_is_less_often_where_the_person_lives_now(world, truth, true_ties):
    homes = truth.records.filter(pl.col("source") == "application_home", pl.col("fabricated").is_null())
    ages = (pl.lit(world.as_of) - pl.col("recorded_on")).dt.total_days()
    rows = homes.with_columns(age=ages).select("debtor_id", "place_id", "age").rows()
    lives = {True: [], False: []}
    for debtor, place, age in rows:
        lives[age > 900].append("lives" in true_ties(int(debtor[2:]), int(place[2:]), world.as_of))
    assert np.mean(lives[True]) < np.mean(lives[False]) - 0.05
