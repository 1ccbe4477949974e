"""The four steps at the door. Draws are common random numbers: policies differ, luck does not."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pytest

from songda.sim.world.config import read
from songda.sim.world.delivery import Door, Person, Station, signed, visits
from songda.sim.world.matching import QUALITIES, Match
from songda.sim.world.streams import fixed

CONFIG = read("cn-default").delivery
MONDAY = date(2026, 11, 30)
OWN_HOME = Door("lives", "flat", desk=True, locker=True)
AVERAGE = Station(skill=0.0, evening_tour=False, phone_first=0.35)
ANYBODY = Person("office", household=2, answers_phone=True)


def draw_of(number):
    return lambda step, day: fixed(11, number, step, day.isoformat())


def made(number, *, quality="door", right=True, door=OWN_HOME, person=ANYBODY, station=AVERAGE, config=CONFIG):
    match = None if quality is None else Match(quality, right_district=right)
    return visits(
        match=match, door=door, person=person, station=station, first=MONDAY, draw=draw_of(number), config=config
    )


def ends(count=3000, **what):
    return [made(number, **what)[-1].key for number in range(count)]


def share(keys, *wanted):
    return sum(key in wanted for key in keys) / len(keys)


def test_same_person_place_and_day_meet_the_same_fate():
    assert [made(n) for n in range(50)] == [made(n) for n in range(50)]


@pytest.mark.parametrize("tie", ["lives", "family", "works", "gone", "never", "nowhere"])
def test_a_better_text_never_meets_a_worse_fate(tie):
    door = replace(OWN_HOME, tie=tie)
    ranks = [*reversed(QUALITIES)]
    assert [CONFIG.reach[quality] for quality in ranks] == sorted(CONFIG.reach[quality] for quality in ranks)
    for number in range(400):
        fates = [made(number, quality=quality, door=door) for quality in ranks]
        fates.insert(0, made(number, quality="area", right=False, door=door))
        # Once the door is found, a better text changes nothing any more.
        found = [fate for fate in fates if fate[0].key != "705:2"]
        assert fates[len(fates) - len(found) :] == found
        assert all(fate == found[0] for fate in found)


def test_a_better_courier_finds_every_door_that_a_worse_one_finds():
    for number in range(400):
        fates = [made(number, quality="no_room", station=replace(AVERAGE, skill=skill)) for skill in (-1, 0, 1)]
        found = [fate[0].key != "705:2" for fate in fates]
        assert found == sorted(found)


def test_texts_reach_the_door_as_often_as_configured():
    silent = replace(CONFIG, phone_finds_door=0.0)
    for quality in QUALITIES:
        keys = ends(quality=quality, config=silent)
        assert 1 - share(keys, "705:2") == pytest.approx(CONFIG.reach[quality], abs=0.03), quality


def test_a_letter_that_leads_to_no_door_of_the_person_comes_back():
    assert set(ends(200, quality=None)) == {"705:2"}
    assert set(ends(200, door=Door("nowhere", "", desk=False, locker=False))) == {"705:2"}


def test_who_moved_away_takes_nothing_in_person():
    door = Door("gone", "flat", desk=True, locker=True)
    keys = Counter(ends(door=door, config=replace(CONFIG, reach=dict.fromkeys(QUALITIES, 1 - 1e-9))))
    assert not keys["704:10"]
    assert not keys["704:20"]
    total = keys.total()
    assert keys["705:5"] / total == pytest.approx(CONFIG.gone["moved"], abs=0.03)
    assert keys["705:3"] / total == pytest.approx(CONFIG.gone["unknown"], abs=0.03)
    assert keys["704:70"] / total == pytest.approx(CONFIG.gone["desk"], abs=0.02)


def test_most_letters_to_the_right_home_are_signed_for():
    keys = ends(door=Door("lives", "village", desk=False, locker=False))
    assert 0.75 < sum(map(signed, keys)) / len(keys) < 0.95
    assert share(keys, "705:7") == pytest.approx(CONFIG.refused, abs=0.012)


def test_presence_and_household_decide_who_is_met():
    bare = Door("lives", "village", desk=False, locker=False)
    alone = ends(door=bare, person=Person("office", household=1, answers_phone=False))
    at_home = ends(door=bare, person=Person("home", household=1, answers_phone=False))
    together = ends(door=bare, person=Person("office", household=4, answers_phone=False))
    assert share(alone, "704:20") == 0
    assert share(at_home, "704:10") > share(alone, "704:10") + 0.2
    assert share(together, "705:4") < share(alone, "705:4") - 0.2
    assert share(together, "704:20") > 0.2


def test_the_family_takes_it_as_family_and_the_office_at_reception():
    family = ends(door=Door("family", "village", desk=False, locker=False))
    assert share(family, "704:10") == 0
    assert share(family, "704:20") > 0.8
    office = ends(door=Door("works", "office", desk=True, locker=False))
    assert share(office, "704:60") > 0.3
    assert share(office, "704:10") > 0.3


def test_an_absent_person_is_tried_again_on_following_days_and_not_more_often_than_configured():
    counts = Counter()
    for number in range(1000):
        tries = made(number, door=Door("lives", "village", desk=False, locker=False))
        assert [attempt.day for attempt in tries] == [MONDAY + timedelta(days=n) for n in range(len(tries))]
        assert all(attempt.key == "705:4" for attempt in tries[:-1])
        counts[len(tries)] += 1
    assert set(counts) == set(range(1, CONFIG.tries + 1))


def test_whoever_refuses_refuses_on_every_day():
    for number in range(300):
        fates = {
            visits(
                match=Match("door", right_district=True), door=Door("lives", "village", desk=False, locker=False),
                person=ANYBODY, station=AVERAGE, first=MONDAY + timedelta(days=7 * week), draw=draw_of(number),
                config=CONFIG,
            )[-1].key
            for week in range(4)
        }  # fmt: skip
        assert "705:7" not in fates or not fates & {"704:10", "704:20"}
