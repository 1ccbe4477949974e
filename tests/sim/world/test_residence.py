import numpy as np
import polars as pl
import pytest

from songda.sim.world.places import HOME


def test_homes_follow_each_other_without_gap_or_overlap(world):
    homes = world.residences
    assert np.array_equal(homes.until[:, :-1], homes.since[:, 1:])
    assert np.all(homes.since <= homes.until)
    assert np.all(homes.until[:, -1] == homes.horizon)
    assert np.all(homes.since[:, 0] < world.first_loan)


def test_everybody_lives_at_exactly_one_place_on_any_day(world, truth):
    ties = truth.ties.filter(pl.col("tie") == "lives")
    for days_before in (0, 200, 900):
        day = pl.lit(world.as_of) - pl.duration(days=days_before)
        now = ties.filter(pl.col("since") <= day, pl.col("until") > day)
        assert now.height == now["debtor_id"].n_unique() == len(world.debtors)


def test_tenants_move_as_often_as_configured_and_owners_seldom(world):
    homes, moves = world.residences, world.config.residence
    # Four years before the first loan nobody is overdue.
    calm = (homes.since[:, 1:] < homes.since[:, :1] + 365).sum(axis=1)
    for tenant, expected in ((True, moves.tenant_moves), (False, moves.owner_moves)):
        assert np.mean(calm[world.debtors.tenant == tenant]) == pytest.approx(expected, rel=0.2)


def test_some_tenants_go_back_home_and_no_owner_does(world):
    homes = world.residences
    moved = (homes.since < homes.until) & (np.arange(homes.slot.shape[1]) > 0)
    back = homes.slot == HOME
    tenants = moved & world.debtors.tenant[:, None]
    assert np.mean(back[tenants]) == pytest.approx(world.config.residence.back_home, abs=0.03)
    assert not np.any(back & moved & ~world.debtors.tenant[:, None])
