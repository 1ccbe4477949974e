"""The contacts that debtors named: real relatives and friends, and some that are fabricated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from songda.sim.world.config import Config
from songda.sim.world.names import NameShares, full_names, mobiles, surnames
from songda.sim.world.persons import Debtors, Ints
from songda.sim.world.streams import Streams, choice

MOST = 4
#: Relation → the file's word.
RELATIONS = {"spouse": "配偶", "parent": "父母", "sibling": "兄弟姐妹", "friend": "朋友", "colleague": "同事"}


@dataclass(frozen=True, slots=True)
class Contacts:
    """Parallel columns, one entry a contact, by debtor."""

    debtor: Ints
    #: 1-4, the column group of the file.
    ordinal: Ints
    name: list[str]
    phone: list[str]
    #: As stated; number in RELATIONS.
    relation: Ints
    #: Number in contacts.fabricated_kinds, or -1.
    fabricated: Ints
    #: The file says that the number came out of an uploaded phone book.
    forbidden: list[bool]
    #: Named in the contract, otherwise by the debtor later.
    in_contract: list[bool]
    start: Ints


def make_contacts(debtors: Debtors, *, config: Config, streams: Streams) -> Contacts:
    rng, shares, people = streams("contacts"), config.contacts, len(debtors)
    number = choice(rng.random(people), shares.number)
    shape = (people, MOST)
    relation = choice(rng.random(shape), {name: shares.relations[name] for name in RELATIONS})
    relation = _one_spouse(relation)
    fabricated = choice(rng.random(shape), shares.fabricated_kinds)
    fabricated = np.where(rng.random(shape) < shares.fabricated, fabricated, -1)
    own_name, female = rng.random(shape), rng.random(shape) < 0.5
    origin = rng.random(shape)

    debtor, column = np.nonzero(np.arange(MOST) < number[:, None])
    kept = (debtor, column)
    rng = streams("contact names")
    others = surnames(rng.random(shape)[kept])
    # Siblings and half of the parents bear the debtor's surname; some real ones do not.
    close = np.isin(relation[kept], [1, 2]) & (own_name[kept] < 0.72)
    family = [
        debtors.surnames[n] if same else other
        for n, same, other in zip(debtor.tolist(), close.tolist(), others, strict=True)
    ]
    persons = config.persons
    names = full_names(
        family, female[kept], rng.random((*shape, 4))[kept], NameShares(persons.rare_name, persons.ethnic_name)
    )
    return Contacts(
        debtor=debtor,
        ordinal=column + 1,
        name=names,
        phone=_phones(fabricated[kept], kept, shape, config=config, streams=streams),
        relation=relation[kept],
        fabricated=fabricated[kept],
        forbidden=(origin[kept] < shares.forbidden_origin).tolist(),
        in_contract=(origin[kept] < 0.7).tolist(),
        start=np.concatenate([[0], np.cumsum(number)]),
    )


def _one_spouse(relation: Ints) -> Ints:
    """A second spouse becomes a friend."""
    spouse = relation == [*RELATIONS].index("spouse")
    again = spouse & (np.cumsum(spouse, axis=1) > 1)
    return np.where(again, [*RELATIONS].index("friend"), relation)


def _phones(
    fabricated: Ints, kept: tuple[Ints, Ints], shape: tuple[int, int], *, config: Config, streams: Streams
) -> list[str]:
    """Own numbers; those of kind `shared_number` come from a small pool that many cases share."""
    rng, shares = streams("contact phones"), config.contacts
    own = mobiles(rng.random(shape)[kept], config.persons.mobile_prefixes)
    pool = mobiles(
        rng.random(max(1, shape[0] * shares.shared_numbers_per_1000 // 1000)), config.persons.mobile_prefixes[-1:]
    )
    picks = (rng.random(shape)[kept] * len(pool)).astype(np.int64).tolist()
    shared = [*shares.fabricated_kinds].index("shared_number")
    return [
        pool[pick] if kind == shared else phone
        for phone, kind, pick in zip(own, fabricated.tolist(), picks, strict=True)
    ]
