"""The world itself: people, doors, moves, records and loans, made from a seed and a configuration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from songda.sim.world import seen
from songda.sim.world.calls import Calls, make_calls
from songda.sim.world.cases import Cases, debtors_of_rows, make_cases
from songda.sim.world.config import Config, read
from songda.sim.world.contacts import Contacts, make_contacts
from songda.sim.world.persons import Debtors, Ints, make_debtors
from songda.sim.world.phones import Phones, make_phones
from songda.sim.world.places import Places, make_places
from songda.sim.world.records import Records, make_records
from songda.sim.world.residence import Residences, make_residences
from songda.sim.world.streams import Streams
from songda.sim.world.truth import Truth, truth_of

if TYPE_CHECKING:
    from songda.sim.world.courier import WorldCourier


@dataclass(frozen=True, slots=True)
class World:
    """Everything, seen and true. Invented people, but treated as persons: nothing of them is in `repr`."""

    seed: int
    as_of: date
    config: Config = field(repr=False)
    debtors: Debtors = field(repr=False)
    places: Places = field(repr=False)
    residences: Residences = field(repr=False)
    records: Records = field(repr=False)
    contacts: Contacts = field(repr=False)
    phones: Phones = field(repr=False)
    calls: Calls = field(repr=False)
    cases: Cases = field(repr=False)
    #: Day of the first loan of each debtor, from 1970-01-01.
    first_loan: Ints = field(repr=False)

    def write_seen(self, path: Path) -> None:
        """The institution's case file (.xlsx or .csv): what may be known. Raises UnknownFormat."""
        seen.write(self, path)

    def truth(self) -> Truth:
        """What is true, without names, numbers and written addresses."""
        return truth_of(self)

    def write_truth(self, folder: Path) -> None:
        """The truth as Parquet into `folder`, apart from anything seen."""
        self.truth().write(folder)

    def courier(self) -> WorldCourier:
        """The couriers of this world: a picklable `Callable[[ShippedLetter], list[PlannedEvent]]`."""
        return self.truth().courier()


def generate(*, cases: int, seed: int, as_of: date, config: str = "cn-default") -> World:
    """A world whose case file has `cases` rows, as the institution would hand it over on the day `as_of`.

    Equal arguments give equal worlds. Raises UnknownConfig, and ValueError for less than one case.
    """
    return build(cases=cases, seed=seed, as_of=as_of, config=read(config))


def build(*, cases: int, seed: int, as_of: date, config: Config) -> World:
    """`generate` for a configuration at hand."""
    if cases < 1:
        raise ValueError("a world needs at least one case")
    streams = Streams(seed)
    debtor = debtors_of_rows(cases, config=config, streams=streams)
    people = int(debtor.max()) + 1
    debtors = make_debtors(people, as_of=as_of, config=config, streams=streams)
    loans = make_cases(debtor, debtors.able, as_of=as_of, config=config, streams=streams)
    places = make_places(debtors, config=config, streams=streams)
    first_loan, first_overdue = _earliest(debtor, loans.disbursed), _earliest(debtor, loans.overdue)
    residences = make_residences(
        debtors, first_loan=first_loan, first_overdue=first_overdue, as_of=as_of, config=config, streams=streams
    )
    records = make_records(
        debtors, places, residences, first_loan=first_loan, as_of=as_of, config=config, streams=streams
    )
    contacts = make_contacts(debtors, config=config, streams=streams)
    today = int(np.datetime64(as_of, "D").astype(np.int64))
    phones = make_phones(debtors, first_overdue=first_overdue, today=today, config=config, streams=streams)
    calls = make_calls(debtors, phones, first_overdue=first_overdue, today=today, config=config, streams=streams)
    return World(seed, as_of, config, debtors, places, residences, records, contacts, phones, calls, loans, first_loan)


def _earliest(debtor: Ints, days: Ints) -> Ints:
    first = np.full(int(debtor.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, debtor, days)
    return first


def people(world: World) -> Iterator[str]:
    """Every text that identifies an invented person: names, ID numbers, phones, addresses down to the door as written.

    For the search for residue: none of these may lie anywhere in the clear.
    """
    debtors, contacts = world.debtors, world.contacts
    found = dict.fromkeys(
        (
            *debtors.names,
            *debtors.id_numbers,
            *(phone for phones in debtors.phones for phone in phones),
            *contacts.name,
            *contacts.phone,
            *world.records.text,
        )
    )
    yield from found
