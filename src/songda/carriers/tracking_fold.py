"""From events to outcome: a pure fold, so that a late, repeated or corrected event is only one more line to fold.

    fold(events, mapping=mapping, handed_over_at=posted_at, as_of=now, address_basis="contract").grade

Steps: park what cannot be (unknown code, before the hand-over, in the future), drop repetitions and what others told of
the time of which the carrier itself has spoken, sort by (time, arrival), strike out what was voided, then let the fact
of the highest precedence speak: returned_to_sender > returning > signed > stored > tried_failed > the rest, in which the
latest speaks. The order of `events` does not matter.

Grades are provisional (A1 … F): documents and the objection window decide the final one. "Handed to the post" has none,
a locker or a doorstep never counts as signed, and "signed" after "returning" is a question for a person.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from songda.base.days import business_day
from songda.carriers.tracking import Event, EventKey, event_key
from songda.carriers.tracking_mapping import Code, Fact, Mapping, contradicts, meaning

#: The carrier's clocks against ours.
SKEW = timedelta(minutes=30)

_SIGNED = "signed"
#: Precedence from which an item no longer goes to the addressee (intercepted, returning, returned).
_RETURNING = 6
_AFTER_SIGNED = frozenset({"out_for_delivery", "tried_failed", "stored", "refused", "lost"})
#: What a failed try may say about the address without speaking against it.
_PLACE_NOT_BLAMED = frozenset({"absent", "fine"})


@dataclass(frozen=True, slots=True)
class Parked:
    key: EventKey
    #: unknown_code | before_hand_over | in_the_future
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    #: posted → accepted → in_transit → at_office → out_for_delivery → tried_failed | stored | signed | refused |
    #: lost | intercepted → returning → returned_to_sender; also redirected.
    state: str
    #: Fact that decided it; None when there is no event yet.
    fact: str | None
    #: Provisional proof grade; None when nothing has been proven or disproven yet.
    grade: str | None
    flags: tuple[str, ...]
    #: Whether a person has to look before it may settle.
    review: bool
    #: Time of the decisive event.
    at: datetime | None
    decisive: tuple[EventKey, ...]
    #: Last thing that failed tries or the delivery said about the address: bad, absent, ambiguous, fine, censored, "".
    address_signal: str
    #: Time of the latest event that counts, for the watch on silence.
    last_event_at: datetime | None
    parked: tuple[Parked, ...]
    mapping_version: str


@dataclass(frozen=True, slots=True)
class _Read:
    event: Event
    code: Code
    fact: Fact


def fold(
    events: Iterable[Event],
    *,
    mapping: Mapping,
    handed_over_at: datetime | None,
    as_of: datetime | None = None,
    address_basis: str | None = None,
    product: str | None = None,
    skew: timedelta = SKEW,
) -> Outcome:
    """What became of one item by its `events`, all of one waybill.

    `handed_over_at` None: not in the carrier's hands, so that no event can be true yet. `as_of` None: the future is not
    checked. `address_basis` (origin of the address) and `product` of the case decide on B1 and B2.
    """
    read, parked = _read(events, mapping, handed_over_at=handed_over_at, as_of=as_of, skew=skew)
    standing, unmatched = _without_voided(read)
    facts = [entry for entry in standing if entry.fact.name != "void"]
    decisive = max(enumerate(facts), key=lambda entry: (entry[1].fact.precedence, entry[0]), default=(0, None))[1]
    flags = _flags(facts, mapping) | ({"void_unmatched"} if unmatched else set())
    if decisive is not None and decisive.fact.state == _SIGNED:
        flags |= _signer_flags(decisive, mapping)
    if decisive is not None and decisive.code.second_hand:
        flags.add(mapping.second_hand_flag)
    signals = [entry.code.address_signal for entry in facts if entry.code.address_signal]
    return Outcome(
        state=decisive.fact.state if decisive else "posted",
        fact=decisive.fact.name if decisive else None,
        grade=_grade(decisive, facts, mapping, address_basis=address_basis, product=product) if decisive else None,
        flags=tuple(sorted(flags)),
        review=not flags.isdisjoint(mapping.review_flags),
        at=decisive.event.op_time if decisive else None,
        decisive=(event_key(decisive.event),) if decisive else (),
        address_signal=signals[-1] if signals else "",
        last_event_at=read[-1].event.op_time if read else None,
        parked=tuple(sorted(parked, key=lambda entry: (entry.key, entry.reason))),
        mapping_version=mapping.version,
    )


def _read(
    events: Iterable[Event],
    mapping: Mapping,
    *,
    handed_over_at: datetime | None,
    as_of: datetime | None,
    skew: timedelta,
) -> tuple[list[_Read], set[Parked]]:
    """The events that count, once each and in order; and those that do not."""
    by_key: dict[EventKey, _Read] = {}
    parked: set[Parked] = set()
    earliest = None if handed_over_at is None else handed_over_at - skew
    latest = None if as_of is None else as_of + skew
    for event in events:
        key, code = event_key(event), meaning(event, mapping)
        if earliest is None or event.op_time < earliest:
            parked.add(Parked(key, "before_hand_over"))
        elif latest is not None and event.op_time > latest:
            parked.add(Parked(key, "in_the_future"))
        elif code is None:
            parked.add(Parked(key, "unknown_code"))
        elif key not in by_key or _rank(event) < _rank(by_key[key].event):
            by_key[key] = _Read(event, code, mapping.facts[code.fact])
    read = _first_hand(list(by_key.values()))
    read.sort(key=lambda entry: (entry.event.op_time, entry.event.arrival, entry.fact.order, event_key(entry.event)))
    return read, parked


def _first_hand(read: list[_Read]) -> list[_Read]:
    """Without what others have told of the time of which the carrier itself has spoken by now."""
    if not any(entry.code.second_hand for entry in read):
        return read
    own = [entry for entry in read if not entry.code.second_hand]
    spoken = max((entry.event.op_time for entry in own), default=None)
    results: dict[date, int] = {}
    for entry in own:
        day = business_day(entry.event.op_time)
        results[day] = max(results.get(day, 0), entry.fact.precedence)

    def counts(entry: _Read) -> bool:
        if spoken is not None and entry.event.op_time <= spoken:
            return False
        known = results.get(business_day(entry.event.op_time), 0) if entry.code.yields_all_day else 0
        return known == 0 or known < entry.fact.precedence

    return [entry for entry in read if not entry.code.second_hand or counts(entry)]


def _rank(event: Event) -> tuple[object, ...]:
    """Of one event told twice, the least of these speaks: the telling that says more of its outcome, then the earlier.

    The rest settles ties for good, a name that differs before one that fits.
    """
    told = bool(event.deliver_code or event.attempt_code) + bool(event.signer) + (event.name_match is not None)
    details = event.deliver_code, event.attempt_code, event.signer, str(event.name_match), event.desc
    return (-told, event.arrival, *details)


def _without_voided(read: list[_Read]) -> tuple[list[_Read], bool]:
    """What stands after corrections, and whether a correction found nothing to correct.

    A correction takes back the latest target before it and its repetitions within the same tour of the courier.
    """
    struck: set[int] = set()
    unmatched = False
    for position, entry in enumerate(read):
        if not entry.code.voids:
            continue
        found = False
        for earlier in range(position - 1, -1, -1):
            other = read[earlier]
            if earlier not in struck and other.event.op_code in entry.code.voids:
                struck.add(earlier)
                found = True
            if found and other.fact.name == "out_for_delivery":
                break
        unmatched = unmatched or not found
    return [entry for position, entry in enumerate(read) if position not in struck], unmatched


def _flags(facts: list[_Read], mapping: Mapping) -> set[str]:
    flags = {flag for entry in facts for flag in entry.fact.flags}
    signed = returning = False
    for entry in facts:
        if entry.fact.state == _SIGNED:
            signed = True
            if returning:
                flags.add("signed_after_returning")
        elif entry.fact.precedence >= _RETURNING:
            returning = True
            if signed:
                flags.add("returned_after_signed")
        elif signed and entry.fact.state in _AFTER_SIGNED and not returning:
            flags.add("event_after_signed")
    return flags


def _signer_flags(decisive: _Read, mapping: Mapping) -> set[str]:
    event, flags = decisive.event, set()
    word = mapping.signers.get(event.signer)
    if contradicts(event, mapping):
        flags.add("code_and_text_differ")
    if decisive.fact.name == "signed_self" and event.name_match is False:
        flags.add("signer_name_differs")
    if decisive.fact.name == "picked_up" and not event.name_match:
        flags.add("signer_unchecked")
    if decisive.fact.name == "signed_other" and word is not None and word.allowed and word.vague:
        flags.add("relation_unspecified")
    return flags


def _grade(
    decisive: _Read,
    facts: list[_Read],
    mapping: Mapping,
    *,
    address_basis: str | None,
    product: str | None,
) -> str | None:
    """Provisional grade of the decisive fact, raised where the basis of the address allows it."""
    grade, fact = _own_grade(decisive, facts, mapping), decisive.fact
    if grade not in {"C", "E"}:
        return grade
    card = product in mapping.b1_products and address_basis in mapping.b1_address
    # On its way back, an item counts as "tried" only after a try that does not speak against the address.
    if fact.b1 and card and (grade == "C" or _tried_at_a_good_place(facts)):
        return "B1"
    return "B2" if fact.b2 and address_basis in mapping.b2_address else grade


def _own_grade(decisive: _Read, facts: list[_Read], mapping: Mapping) -> str | None:
    """The grade by fact and signer alone."""
    fact, event = decisive.fact, decisive.event
    word = mapping.signers.get(event.signer)
    if fact.name == "signed_self" and event.name_match is False:
        return "C"
    if fact.name == "picked_up" and event.name_match:
        return "A1"
    if fact.name == "signed_other" and word is not None and word.allowed:
        return "A2"
    if fact.precedence > _RETURNING and any(entry.fact.name == "refused" for entry in facts):
        return "D"
    return fact.grade


def _tried_at_a_good_place(facts: list[_Read]) -> bool:
    """Whether it was tried, and neither a try nor the slip of the return speaks against the address."""
    tries = [entry.code.address_signal for entry in facts if entry.fact.name == "tried_failed"]
    returns = [entry.code.address_signal for entry in facts if entry.fact.precedence > _RETURNING]
    return bool(tries) and all(signal in _PLACE_NOT_BLAMED for signal in tries + [each for each in returns if each])
