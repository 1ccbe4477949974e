import numpy as np
import pytest

from songda.sim.world.divisions import divisions


def test_age_lies_within_the_configuration(world):
    low, high = world.config.persons.age
    age = (np.datetime64(world.as_of) - world.debtors.born).astype(int) / 365.25
    assert low <= age.min()
    assert age.max() <= high


def test_floating_tenants_and_households_have_their_shares(world):
    people, shares = world.debtors, world.config.persons
    assert np.mean(people.floating) == pytest.approx(shares.floating, abs=0.03)
    assert np.mean(people.tenant[people.floating]) == pytest.approx(shares.tenant_floating, abs=0.05)
    assert np.mean(people.tenant[~people.floating]) == pytest.approx(shares.tenant_settled, abs=0.03)
    for size, expected in enumerate(shares.household, start=1):
        assert np.mean(people.household == size) == pytest.approx(expected, abs=0.03)


def test_settled_owners_live_where_they_are_registered(world):
    people = world.debtors
    assert np.array_equal(people.lives[people.settled_at_home], people.registered[people.settled_at_home])
    assert not np.any(people.settled_at_home & (people.floating | people.tenant))


def test_id_number_begins_with_the_registered_district(world):
    codes = divisions().codes
    expected = [codes[n] for n in world.debtors.registered]
    assert [number[:6] for number in world.debtors.id_numbers] == expected
