from collections import Counter

import numpy as np
import pytest

from songda.sim.world.contacts import RELATIONS


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
