from collections import Counter

import numpy as np
import pytest

from songda.sim.world.contacts import ANSWERS, RELATIONS, STATES
from songda.sim.world.divisions import divisions


def test_numbers_and_relations_have_their_shares(world):
    contacts, shares = world.contacts, world.config.contacts
    counts = np.bincount(np.diff(contacts.start), minlength=5) / len(world.debtors)
    assert counts == pytest.approx(shares.number, abs=0.03)
    spouse = [*RELATIONS].index("spouse")
    per_debtor = Counter(contacts.debtor[contacts.relation == spouse].tolist())
    assert max(per_debtor.values()) == 1


def test_fabricated_contacts_have_their_share_and_their_kinds(world):
    contacts, shares = world.contacts, world.config.contacts
    fabricated = contacts.fabricated >= 0
    assert np.mean(fabricated) == pytest.approx(shares.fabricated, abs=0.015)
    kinds = np.bincount(contacts.fabricated[fabricated]) / fabricated.sum()
    assert kinds == pytest.approx([*shares.fabricated_kinds.values()], abs=0.05)


def test_only_shared_numbers_come_back_in_many_cases(world):
    contacts = world.contacts
    shared = [*world.config.contacts.fabricated_kinds].index("shared_number")
    uses = {True: Counter(), False: Counter()}
    for phone, kind in zip(contacts.phone, contacts.fabricated.tolist(), strict=True):
        uses[kind == shared][phone] += 1
    assert min(uses[True].values()) >= 5
    assert max(uses[False].values()) <= 2


def test_relatives_often_bear_the_same_surname_and_friends_seldom(world):
    contacts, people = world.contacts, world.debtors
    same = np.array(
        [
            name.startswith(people.surnames[debtor])
            for name, debtor in zip(contacts.name, contacts.debtor.tolist(), strict=True)
        ]
    )
    relations = [*RELATIONS]
    assert np.mean(same[contacts.relation == relations.index("sibling")]) > 0.6
    assert np.mean(same[contacts.relation == relations.index("friend")]) < 0.15


def test_what_was_found_on_trying_a_number_says_something_about_fabrication_and_settles_nothing(world):
    contacts = world.contacts
    fabricated = contacts.fabricated >= 0
    tried = contacts.state != STATES.index("未核验")
    assert np.mean(tried) == pytest.approx(world.config.contacts.checked, abs=0.02)
    dead = np.isin(contacts.state, [STATES.index("空号"), STATES.index("停机")])
    assert np.mean(dead[tried & fabricated]) > 2 * np.mean(dead[tried & ~fabricated]) > 0.05
    # Only somebody who was reached can say anything.
    assert set(contacts.state[contacts.answer != ANSWERS.index("未核实")].tolist()) == {STATES.index("正常")}
    denied = contacts.answer == ANSWERS.index("不认识债务人")
    assert np.mean(denied[fabricated]) > 3 * np.mean(denied[~fabricated]) > 0


def test_relatives_bear_numbers_of_the_family_home(world):
    contacts, table = world.contacts, divisions()
    home = [table.provinces[n] for n in world.debtors.registered[contacts.debtor].tolist()]
    same = np.array(contacts.region) == np.array(home)
    parent = contacts.relation == [*RELATIONS].index("parent")
    assert np.mean(same[parent & (contacts.fabricated < 0)]) > np.mean(same[parent & (contacts.fabricated == 0)]) + 0.4
