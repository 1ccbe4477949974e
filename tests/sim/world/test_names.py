import re

import numpy as np
import pytest

from songda.sim.world.names import check_character, id_numbers, mobiles


@pytest.mark.parametrize(("first", "check"), [("11010519491231002", "X"), ("44052418800101001", "4")])
def test_check_character_is_that_of_the_standard(first, check):
    assert check_character(first) == check


def test_id_numbers_are_valid_different_and_tell_day_and_sex():
    count = 3000
    rng = np.random.default_rng(1)
    born = np.full(count, np.datetime64("1990-05-17"))
    female = rng.random(count) < 0.5
    # 499 sequences a sex: far more people than that cannot share a district and a day.
    regions = [f"3301{n % 20:02d}" for n in range(count)]
    numbers = id_numbers(regions, born, female, rng.random(count))
    assert len(set(numbers)) == count
    for number, region, woman in zip(numbers, regions, female, strict=True):
        assert number.startswith(region + "19900517")
        assert int(number[16]) % 2 == (not woman)
        assert number[17] == check_character(number[:17])
        assert not number.endswith("000")


def test_numbers_lie_in_segments_that_no_operator_has(world):
    found = {phone for phones in world.debtors.phones for phone in phones} | set(world.contacts.phone)
    segments = tuple(world.config.persons.mobile_prefixes)
    assert all(re.fullmatch(r"16\d{9}", phone) and phone.startswith(segments) for phone in found)
    assert mobiles(np.array([0.0, 1 - 1e-12]), ["160", "169"]) == ["16000000000", "16999999999"]


def test_ids_of_the_world_are_all_different(world):
    assert len(set(world.debtors.id_numbers)) == len(world.debtors)
