"""The address records of the file: which source said when that the debtor is at which place, and in which words.

Only such sources as a lawful file may hold: contract, identity card, the debtor's own update, the address reserved at
the bank, a place where an earlier letter was signed for, the court.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from songda.sim.world.config import Config
from songda.sim.world.persons import Debtors, Flags, Ints
from songda.sim.world.places import FABRICATED, HOME, SLOTS, Places, parts
from songda.sim.world.residence import Residences
from songda.sim.world.streams import Streams, choice
from songda.sim.world.texts import DRAWS, written

MOST = 6
#: Kind of record (section [records]) → origin and basis as the file words them.
KINDS = {
    "id_card": ("身份证", "履行合同"),
    "application_home": ("合同", "履行合同"),
    "application_work": ("合同", "履行合同"),
    "debtor_update": ("债务人更新", "同意"),
    "earlier_letter": ("前次函件", "履行合同"),
    "reserved": ("预留", "履行合同"),
    "court": ("法院确认", "司法文书"),
    "other_spelling": ("合同", "履行合同"),
}
_ID, _HOME, _WORK, _UPDATE, _LETTER, _RESERVED, _COURT, _SPELLING = range(len(KINDS))


@dataclass(frozen=True, slots=True)
class Records:
    """Parallel columns, one entry a record, by debtor and position in the file."""

    debtor: Ints
    #: 1-6, the column group of the file.
    ordinal: Ints
    #: Number in KINDS.
    kind: Ints
    #: Number in places.
    place: Ints
    #: Day of the record, from 1970-01-01.
    recorded: Ints
    #: Number in records.fabricated_kinds, or -1.
    fabricated: Ints
    text: list[str]
    #: What the text got wrong, names of section [texts].
    errors: list[list[str]]
    #: First record of each debtor, and one past the last of all.
    start: Ints


def make_records(
    debtors: Debtors,
    places: Places,
    residences: Residences,
    *,
    first_loan: Ints,
    as_of: date,
    config: Config,
    streams: Streams,
) -> Records:
    rng, shares, people = streams("records"), config.records, len(debtors)
    present = rng.random((people, len(KINDS))) < [getattr(shares, kind) for kind in KINDS]
    present[~present.any(axis=1), _HOME] = True
    # The file has six groups of columns; the rarest sources come last.
    present &= np.cumsum(present, axis=1) <= MOST
    recorded = _days(rng.random((people, len(KINDS))), first_loan, as_of)
    slot, fabricated = _slots(debtors, residences, recorded, config=config, streams=streams)

    debtor, kind = np.nonzero(present)
    draws = streams("texts").random((people, len(KINDS), DRAWS))[debtor, kind]
    place = debtor * SLOTS + slot[debtor, kind]
    text, errors = written(
        parts(places, place), draws, phones=[debtors.phones[n][0] for n in debtor.tolist()], config=config
    )
    start = np.concatenate([[0], np.cumsum(present.sum(axis=1))])
    return Records(
        debtor=debtor,
        ordinal=np.arange(len(debtor)) - start[debtor] + 1,
        kind=kind,
        place=place,
        recorded=recorded[debtor, kind],
        fabricated=fabricated[debtor, kind],
        text=text,
        errors=errors,
        start=start,
    )


def _days(draws: np.typing.NDArray[np.float64], first_loan: Ints, as_of: date) -> Ints:
    """Day of each kind of record, shape (debtors, kinds)."""
    today = int(np.datetime64(as_of, "D").astype(np.int64))
    since = today - first_loan
    day = np.repeat(first_loan[:, None], len(KINDS), axis=1)
    day[:, _UPDATE] += (since * (0.2 + 0.8 * draws[:, _UPDATE])).astype(np.int64)
    day[:, _SPELLING] += (since * 0.3 * draws[:, _SPELLING]).astype(np.int64)
    day[:, _RESERVED] -= (700 * draws[:, _RESERVED]).astype(np.int64)
    day[:, _LETTER] = np.maximum(first_loan, today - 20 - (380 * draws[:, _LETTER]).astype(np.int64))
    day[:, _COURT] = np.maximum(first_loan, today - 30 - (500 * draws[:, _COURT]).astype(np.int64))
    return day


def _slots(
    debtors: Debtors, residences: Residences, recorded: Ints, *, config: Config, streams: Streams
) -> tuple[Ints, Ints]:
    """Slot of the place that each record means, and how it is fabricated (-1: it is not)."""
    people = np.arange(len(debtors))
    rng, shares = streams("fabricated"), config.records
    slot = np.empty((len(debtors), len(KINDS)), dtype=np.int64)
    for kind in (_HOME, _UPDATE, _LETTER, _RESERVED, _COURT):
        slot[:, kind] = residences.home_slot(people, recorded[:, kind])
    slot[:, _ID] = HOME
    slot[:, _WORK] = residences.work_slot(people, recorded[:, _WORK])
    # Earlier letters were sometimes taken by the family.
    family: Flags = debtors.parents_at_home & (rng.random(len(debtors)) < 0.15)
    slot[family, _LETTER] = HOME
    invented = rng.random((len(debtors), 2)) < shares.fabricated
    how = choice(rng.random(len(debtors)), shares.fabricated_kinds)
    fabricated = np.full_like(slot, -1)
    for column, kind in enumerate((_HOME, _WORK)):
        slot[invented[:, column], kind] = FABRICATED
        fabricated[invented[:, column], kind] = how[invented[:, column]]
    # An update may name the work place, or be an evasion.
    draws = rng.random(len(debtors))
    evades = draws < shares.update_evasive
    slot[evades, _UPDATE], fabricated[evades, _UPDATE] = FABRICATED, how[evades]
    at_work = ~evades & (draws < shares.update_evasive + shares.update_work)
    slot[at_work, _UPDATE] = residences.work_slot(people, recorded[:, _UPDATE])[at_work]
    slot[:, _SPELLING], fabricated[:, _SPELLING] = slot[:, _HOME], fabricated[:, _HOME]
    return slot, fabricated
