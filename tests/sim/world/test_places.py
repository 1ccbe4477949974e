import numpy as np
import pytest

from songda.sim.world.divisions import divisions
from songda.sim.world.places import FIRST_HOME, FLAT, HOME, SLOTS, VILLAGE, WORK, parts


def slot(world, column):
    return np.arange(len(world.debtors)) * SLOTS + column


def test_registered_home_and_first_home_lie_where_the_person_does(world):
    places, people = world.places, world.debtors
    assert np.array_equal(places.division[slot(world, HOME)], people.registered)
    assert np.array_equal(places.division[slot(world, FIRST_HOME)], people.lives)


def test_villages_are_found_in_counties_rather_than_in_districts(world):
    homes = slot(world, HOME)
    last = np.array([(name or "区")[-1] for name in divisions().districts])[world.places.division[homes]]
    village = world.places.kind[homes] == VILLAGE
    for end in ("区", "县"):
        expected = world.config.places.village[end]
        assert np.mean(village[last == end]) == pytest.approx(expected, abs=0.05)


def test_desks_and_lockers_stand_where_the_configuration_says(world):
    places, shares = world.places, world.config.places
    flats = places.kind == FLAT
    assert np.mean(places.desk[flats]) == pytest.approx(shares.desk_flat, abs=0.02)
    assert np.mean(places.locker[flats]) == pytest.approx(shares.locker_flat, abs=0.02)
    assert not np.any(places.locker[~flats])
    assert np.mean(places.desk[slot(world, WORK)]) == pytest.approx(shares.desk_work, abs=0.03)


def test_words_of_a_place_hold_what_its_kind_needs(world):
    every = parts(world.places, np.arange(3000))
    for place in every:
        assert place.town
        if place.kind == "village":
            assert place.village
            assert (place.road, place.estate, place.company) == ("", "", "")
        else:
            assert place.road
            assert place.road_no
            assert place.estate or place.company
    assert {place.kind for place in every} == {"flat", "village", "dormitory", "office", "factory", "shop"}
