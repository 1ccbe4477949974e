"""A person's own key: what it sealed is found by the record, stays at its place, and is noise once the key is destroyed."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping

import pytest

from songda.vault import (
    DataKey,
    LocalMasterKey,
    PersonErased,
    Unsealable,
    is_personal,
    new_data_key,
    open_data_key,
    rotate_data_key,
)

MASTER = LocalMasterKey(bytes(range(32)))


class Kept(dict[str, bytes]):
    """Wrapped keys, and how often they were asked for."""

    asked = 0

    def __call__(self, person_ids: Collection[str]) -> Mapping[str, bytes]:
        self.asked += 1
        return {each: self[each] for each in person_ids if each in self}


@pytest.fixture(params=["AES-256-GCM", "SM4-GCM"])
def house(request: pytest.FixtureRequest) -> tuple[DataKey, Kept]:
    kept = Kept()
    key = open_data_key(MASTER, new_data_key(MASTER, suite=request.param), person_keys=kept)
    kept |= {each: key.new_person_key(each) for each in ("per_1", "per_2")}
    return key, kept


def test_what_a_person_key_sealed_is_opened_by_its_record_alone(house: tuple[DataKey, Kept]) -> None:
    key, kept = house
    sealed = key.of_person("per_1").seal(b"a name", context="person:per_1")
    assert is_personal(sealed)
    assert not is_personal(key.seal(b"a name", context="person:per_1"))
    assert key.unseal(sealed, context="person:per_1") == b"a name"
    with pytest.raises(Unsealable):
        key.unseal(sealed, context="person:per_2")
    moved = sealed.replace(b"per_1", b"per_2")
    with pytest.raises(Unsealable):
        key.unseal(moved, context="person:per_1")
    assert kept.asked == 2


def test_many_keys_are_read_in_one_go(house: tuple[DataKey, Kept]) -> None:
    key, kept = house
    keys = key.of_persons(["per_1", "per_2", "per_3"])
    assert kept.asked == 1
    # Whoever has no key yet is sealed by the tenant's, as before there were any.
    assert keys["per_3"] is key
    key.unseal(keys["per_2"].seal(b"", context=""), context="")
    assert kept.asked == 1


def test_a_destroyed_key_takes_its_records_with_it_and_no_others(house: tuple[DataKey, Kept]) -> None:
    key, kept = house
    records = {each: key.of_person(each).seal(b"a name", context=each) for each in kept}
    kept["per_1"] = b""
    key.forget_person("per_1")
    with pytest.raises(PersonErased):
        key.unseal(records["per_1"], context="per_1")
    with pytest.raises(PersonErased):
        key.of_person("per_1")
    assert "per_1" not in key.of_persons(["per_1"])
    with pytest.raises(PersonErased):
        key.unseal(key.tombstone("per_1"), context="per_1")
    assert key.unseal(records["per_2"], context="per_2") == b"a name"
    # A new key for the same person opens nothing old.
    kept["per_1"] = key.new_person_key("per_1")
    with pytest.raises(Unsealable):
        key.unseal(records["per_1"], context="per_1")


def test_a_key_of_one_person_is_no_key_of_another(house: tuple[DataKey, Kept]) -> None:
    key, kept = house
    kept["per_2"] = kept["per_1"]
    with pytest.raises(Unsealable):
        key.of_person("per_2")


def test_keys_of_persons_outlive_a_rotation_of_the_tenants() -> None:
    kept = Kept()
    wrapped = new_data_key(MASTER)
    old = open_data_key(MASTER, wrapped, person_keys=kept)
    kept["per_1"] = old.new_person_key("per_1")
    sealed = old.of_person("per_1").seal(b"a name", context="c")
    new = open_data_key(MASTER, rotate_data_key(MASTER, wrapped, suite="SM4-GCM"), person_keys=kept)
    assert new.unseal(sealed, context="c") == b"a name"


def test_no_changed_record_opens(house: tuple[DataKey, Kept]) -> None:
    key, _ = house
    sealed, chance = key.of_person("per_1").seal(b"a name", context="c"), random.Random(1)
    for _number in range(2000):
        changed = bytearray(sealed)
        for _each in range(chance.randint(1, 3)):
            changed[chance.randrange(len(changed))] ^= chance.randint(1, 255)
        cut = bytes(changed)[: chance.choice((len(changed), chance.randrange(len(changed))))]
        if cut == sealed:
            continue
        with pytest.raises(Unsealable):
            key.unseal(cut, context="c")
