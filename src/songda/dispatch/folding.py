"""Outcomes of attempts from their facts: one fold a waybill, and one outcome an attempt.

An attempt has more than one waybill when the carrier lost its first letter and a second was posted for it. A signature
on either counts; while one of them is under way, nothing else is at its end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from songda.carriers import Event, Outcome, fold
from songda.carriers import Mapping as Codes
from songda.dispatch.deadlines import Deadlines
from songda.dispatch.facts import Fact
from songda.dispatch.grades import GRADES
from songda.dispatch.outcomes import Folded

#: More than one letter of an attempt was signed for.
DUPLICATE = "duplicate_delivery"


@dataclass(frozen=True, slots=True)
class Basis:
    """What the grade of an attempt depends on besides its facts."""

    #: Waybill → instant at which its piece was handed over.
    handed_over: Mapping[str, datetime]
    #: Origin of the address.
    address: str | None
    #: Product of the cases; None when they differ.
    product: str | None


def fold_attempt(
    facts: Sequence[Fact], basis: Basis, *, mapping: Codes, deadlines: Deadlines, as_of: datetime
) -> Folded:
    """The outcome of one attempt."""
    by_waybill: dict[str, list[Event]] = defaultdict(list)
    for fact in facts:
        by_waybill[fact.event.waybill_no].append(fact.event)
    outcomes = {
        waybill: fold(
            by_waybill.get(waybill, ()),
            mapping=mapping,
            # Events of a piece that was never handed over cannot be true: they are parked.
            handed_over_at=basis.handed_over.get(waybill),
            as_of=as_of,
            address_basis=basis.address,
            product=basis.product,
        )
        for waybill in sorted({*by_waybill, *basis.handed_over})
    }
    posted = [outcome for waybill, outcome in outcomes.items() if waybill in basis.handed_over]
    outcome = posted[0] if len(outcomes) == 1 and posted else _joined(posted, list(outcomes.values()), deadlines)
    return Folded(outcome, tuple(sorted(fact.key for fact in facts)))


def is_final(outcome: Outcome, deadlines: Deadlines) -> bool:
    """Whether the letter's way is at its end, with something proven or disproven."""
    return outcome.state in deadlines.final and outcome.grade is not None


def _joined(posted: Sequence[Outcome], every: Sequence[Outcome], deadlines: Deadlines) -> Outcome:
    """One outcome of several waybills: signed before under way before at its end, then the better grade.

    How long nothing was heard is asked of that waybill alone: a lost letter tells nothing of the one sent in its place.
    """

    def rank(outcome: Outcome) -> tuple[bool, bool, int]:
        grade = len(GRADES) if outcome.grade is None else GRADES.index(outcome.grade)
        return outcome.state != "signed", is_final(outcome, deadlines), grade

    best = min(posted or every, key=rank)
    twice = sum(outcome.state == "signed" for outcome in posted) > 1
    return replace(
        best,
        flags=tuple(sorted({*best.flags, DUPLICATE})) if twice else best.flags,
        parked=tuple(parked for outcome in every for parked in outcome.parked),
    )
