"""The contacts that debtors named: real relatives and friends, and some that are fabricated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from songda.sim.world.config import Config
from songda.sim.world.divisions import divisions
from songda.sim.world.names import NameShares, full_names, mobiles, surnames
from songda.sim.world.persons import Debtors, Floats, Ints
from songda.sim.world.streams import Streams, choice

MOST = 4
#: Relation → the file's word.
RELATIONS = {"spouse": "配偶", "parent": "父母", "sibling": "兄弟姐妹", "friend": "朋友", "colleague": "同事"}
#: The file's words: state of the number, what the contact said.
STATES = ("未核验", "正常", "空号", "停机")
ANSWERS = ("未核实", "已确认", "不认识债务人", "拒绝联系")
_UNCHECKED, _ALIVE, _VACANT, _STOPPED = range(len(STATES))
_NO_ANSWER, _CONFIRMED, _DENIED, _REFUSED = range(len(ANSWERS))


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
    #: What somebody who tried the number found: numbers in STATES and ANSWERS.
    state: Ints
    answer: Ints
    #: Province of the number, as the numbering plan says it.
    region: list[str]
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
    state, answer = _tried(fabricated[kept], kept, shape, config=config, streams=streams)
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
        state=state,
        answer=answer,
        region=_regions(fabricated[kept], relation[kept], debtors, kept, shape, config=config, streams=streams),
        start=np.concatenate([[0], np.cumsum(number)]),
    )


def _by_kind(table: Mapping[str, float], fabricated: Ints, config: Config) -> Floats:
    """The value of each contact in a table by how it came to be."""
    return np.array([*(table[kind] for kind in config.contacts.fabricated_kinds), table["genuine"]])[fabricated]


def _tried(
    fabricated: Ints, kept: tuple[Ints, Ints], shape: tuple[int, int], *, config: Config, streams: Streams
) -> tuple[Ints, Ints]:
    """What came of trying the number: its state, and what the contact said."""
    rng, shares = streams("contacts tried"), config.contacts
    checked, dead, vacant, said = (rng.random(shape)[kept] for _ in range(4))
    is_dead = dead < _by_kind(shares.number_dead, fabricated, config)
    found = np.where(is_dead, np.where(vacant < 0.5, _VACANT, _STOPPED), _ALIVE)
    state = np.where(checked < shares.checked, found, _UNCHECKED)
    confirmed = _by_kind(shares.confirmed, fabricated, config)
    denied = confirmed + _by_kind(shares.denied, fabricated, config)
    refused = denied + shares.refused
    answer = np.select(
        [state != _ALIVE, said < confirmed, said < denied, said < refused],
        [_NO_ANSWER, _CONFIRMED, _DENIED, _REFUSED],
        _NO_ANSWER,
    )
    return state, answer


def _regions(
    fabricated: Ints,
    relation: Ints,
    debtors: Debtors,
    kept: tuple[Ints, Ints],
    shape: tuple[int, int],
    *,
    config: Config,
    streams: Streams,
) -> list[str]:
    """Relatives bear numbers of the family's home, others of the debtor's; an agent's number is of one place for all."""
    rng, table = streams("contact regions"), divisions()
    own, anywhere = rng.random(shape)[kept], choice(rng.random(shape)[kept], table.weights.tolist())
    relative = np.isin(relation, [[*RELATIONS].index(name) for name in ("parent", "sibling", "spouse")])
    home = np.where(relative, debtors.registered[kept[0]], debtors.lives[kept[0]])
    chosen = np.where(own < _by_kind(config.contacts.own_region, fabricated, config), home, anywhere)
    return [table.provinces[n] for n in chosen.tolist()]


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
