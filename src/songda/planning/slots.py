"""Which waiting letters are printed today: urgent ones, second attempts, every tenant's guaranteed share, then the oldest.

    >>> from datetime import date
    >>> capacity = Capacity(per_day=2, guaranteed=0.5, declared={"a": 1})
    >>> waiting = [Waiting("x", "b", "31", date(2026, 11, 1)), Waiting("y", "a", "31", date(2026, 11, 2)),
    ...            Waiting("z", "b", "31", date(2026, 11, 3))]
    >>> [(slot.id, slot.today, slot.reason) for slot in plan(waiting, capacity, on=date(2026, 11, 24))]
    [('x', True, 'leftover'), ('y', True, 'share'), ('z', False, 'print_cap')]

| lane | who | in which order |
| --- | --- | --- |
| urgent | claims whose limitation ends within `urgent_days` | end of limitation, then age |
| again | second and later attempts | age |
| share | each tenant's own letters up to its share of the print cap, and of each province's | age |
| leftover | everybody's, with what is left | age |

Every lane keeps to the daily print cap and to what the carrier takes for a province. Shares come out of the part `guaranteed` of
what the first two lanes leave, rounded down, so that they never sum up to more than there is, and one tenant's letters never
take another's share. The rest of the capacity goes by age alone: however many letters the others have, each letter gets
older and is the oldest one day. The answer depends on the set of letters, never on their order.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

#: Written into every decision record; a change of the rule above changes it.
SLOT_VERSION = "urgent-again-share-age/1"

#: Lanes in which a letter goes today; reasons for which it does not.
URGENT, AGAIN, SHARE, LEFTOVER = LANES = ("urgent", "again", "share", "leftover")
PRINT_CAP, PROVINCE_CAP = "print_cap", "province_cap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    #: Letters that are printed in a day.
    per_day: int
    #: First two digits of a division code → letters that the carrier takes for it in a day; others are not limited.
    per_province: Mapping[str, int] = field(default_factory=dict)
    #: Tenant → letters a day that it has declared; shares are in proportion to them. Who declares nothing has no share.
    declared: Mapping[str, int] = field(default_factory=dict)
    #: Part of the capacity that is dealt by shares, 0 to 1.
    guaranteed: float = 0.9
    #: Days before the end of limitation from which on a claim is urgent.
    urgent_days: int = 30


class Waiting(NamedTuple):
    """A letter on its way to one address that may be printed."""

    id: str
    tenant: str
    #: First two digits of the division code of the address.
    province: str
    since: date
    #: Day on which the limitation of the claim ends; None: not known.
    limitation_on: date | None = None
    #: Number of the attempt.
    n: int = 1


class Used(NamedTuple):
    """A slot of the day that was given before."""

    tenant: str
    province: str
    lane: str


class Slot(NamedTuple):
    id: str
    today: bool
    #: The lane, or what was used up.
    reason: str


@dataclass(slots=True)
class _Day:
    """What is taken of a day."""

    capacity: Capacity
    taken: int = 0
    by_province: Counter[str] = field(default_factory=Counter)
    #: In the lane of shares, by tenant and by tenant and province.
    shared: Counter[str | tuple[str, str]] = field(default_factory=Counter)

    def refuses(self, letter: Waiting) -> str | None:
        if self.taken >= self.capacity.per_day:
            return PRINT_CAP
        limit = self.capacity.per_province.get(letter.province)
        return None if limit is None or self.by_province[letter.province] < limit else PROVINCE_CAP

    def take(self, used: Used) -> None:
        self.taken += 1
        self.by_province[used.province] += 1
        if used.lane == SHARE:
            self.shared[used.tenant] += 1
            self.shared[used.tenant, used.province] += 1


def plan(waiting: Iterable[Waiting], capacity: Capacity, *, on: date, used: Iterable[Used] = ()) -> list[Slot]:
    """One slot a letter, in the order of their ids. `used`: slots of the day that stand already."""
    letters = sorted(waiting)
    day = _Day(capacity)
    for slot in used:
        day.take(slot)
    slots: dict[str, Slot] = {}

    def deal(lane: str, candidates: Sequence[Waiting], may: Callable[[Waiting], bool] = lambda _: True) -> None:
        for letter in candidates:
            if letter.id in slots or day.refuses(letter) or not may(letter):
                continue
            day.take(Used(letter.tenant, letter.province, lane))
            slots[letter.id] = Slot(letter.id, True, lane)

    by_age = sorted(letters, key=lambda letter: (letter.since, letter.id))
    urgent = [letter for letter in by_age if _is_urgent(letter, capacity, on=on)]
    # Python sorts stably: letters of one day of limitation stay in the order of their age.
    deal(URGENT, sorted(urgent, key=lambda letter: letter.limitation_on or on))
    deal(AGAIN, [letter for letter in by_age if letter.n > 1])
    share = _shares(day)
    deal(SHARE, by_age, lambda letter: all(day.shared[key] < share(key) for key in _keys(letter, capacity)))
    deal(LEFTOVER, by_age)
    return [slots.get(letter.id) or Slot(letter.id, False, day.refuses(letter) or PRINT_CAP) for letter in letters]


def shares(capacity: Capacity) -> Callable[[str | tuple[str, str]], int]:
    """tenant, or (tenant, province) → letters that it is guaranteed on a day of which nothing is taken yet."""
    return _shares(_Day(capacity))


def _is_urgent(letter: Waiting, capacity: Capacity, *, on: date) -> bool:
    # A claim whose limitation has ended is not saved by hurry; whether to write at all is for the rules (C07).
    return letter.limitation_on is not None and 0 <= (letter.limitation_on - on).days <= capacity.urgent_days


def _keys(letter: Waiting, capacity: Capacity) -> list[str | tuple[str, str]]:
    if letter.province in capacity.per_province:
        return [letter.tenant, (letter.tenant, letter.province)]
    return [letter.tenant]


def _shares(day: _Day) -> Callable[[str | tuple[str, str]], int]:
    """tenant, or (tenant, province) → letters that it may have in the lane of shares, with those that it has."""
    capacity = day.capacity
    total = sum(capacity.declared.values())
    shared = Counter({key: count for key, count in day.shared.items() if isinstance(key, str)})
    by_province: Counter[str] = Counter()
    for key, count in day.shared.items():
        if isinstance(key, tuple):
            by_province[key[1]] += count
    # What the other lanes have taken is not there to be shared.
    free = capacity.per_day - (day.taken - shared.total())
    left = {
        province: limit - (day.by_province[province] - by_province[province])
        for province, limit in capacity.per_province.items()
    }

    def share(key: str | tuple[str, str]) -> int:
        tenant, room = (key, free) if isinstance(key, str) else (key[0], left[key[1]])
        declared = capacity.declared.get(tenant, 0)
        return math.floor(max(0, room) * capacity.guaranteed * declared / total) if total else 0

    return share
