"""Where an attempt goes from its state and its outcome: docs/lifecycle.md and the deadlines as one pure function.

    next_steps(Standing(state="posted", …), outcome, reviewed=False, at=now, deadlines=load_deadlines())
    # posted → carried → reported, or nothing

The answer depends on facts and day alone, never on how often or when it was asked before: asking twice moves once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from songda.carriers import Outcome
from songda.dispatch.deadlines import Deadlines, is_quiet, passed
from songda.dispatch.folding import is_final
from songda.dispatch.grades import NO_PROOF
from songda.dispatch.outcomes import text_of

#: Sub-state of a letter that the carrier says it has lost.
LOST = "lost"
#: Fact that an order is known and nothing was taken over yet.
_ANNOUNCED = "announced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    state: str
    #: What the fold said last (`signed:A1`); None: never folded.
    said: str | None
    #: Of a settled attempt.
    grade: str | None
    posted_at: datetime
    silent_since: datetime | None
    #: Whether a new piece may go in place of one that the carrier has lost.
    replaceable: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    source: str
    target: str
    actor: str
    reason: str
    #: Columns to set.
    values: Mapping[str, str | None] = field(default_factory=dict)


def next_steps(
    standing: Standing, outcome: Outcome, *, reviewed: bool, at: datetime, deadlines: Deadlines
) -> list[Step]:
    """The moves that are due, in order; none when nothing has changed."""
    steps: list[Step] = []
    while (step := _next(standing, outcome, reviewed=reviewed, at=at, deadlines=deadlines)) is not None:
        steps.append(step)
        grade = step.values.get("grade", standing.grade)
        standing = replace(standing, state=step.target, said=text_of(outcome), grade=grade)
    return steps


def _next(standing: Standing, outcome: Outcome, *, reviewed: bool, at: datetime, deadlines: Deadlines) -> Step | None:
    step: Step | None = None
    match standing.state:
        case "locked":
            step = _from_locked(outcome)
        case "posted":
            step = _from_posted(standing, outcome, at=at, deadlines=deadlines)
        case "carried":
            step = _from_carried(standing, outcome, reviewed=reviewed, at=at, deadlines=deadlines)
        case "silent":
            step = _from_silent(standing, outcome, reviewed=reviewed, at=at, deadlines=deadlines)
        case "reported":
            step = _from_reported(standing, outcome, reviewed=reviewed, at=at, deadlines=deadlines)
        case "settled":
            step = _from_settled(standing, outcome, reviewed=reviewed)
    return step


def _from_posted(standing: Standing, outcome: Outcome, *, at: datetime, deadlines: Deadlines) -> Step | None:
    # What is only announced is not in the carrier's hands.
    if outcome.last_event_at is not None and outcome.fact != _ANNOUNCED:
        return Step("posted", "carried", "carrier", "first_event")
    return _silence(standing, outcome, at=at, deadlines=deadlines)


def _from_locked(outcome: Outcome) -> Step | None:
    """A lost piece that has turned up needs no replacement any more."""
    return None if outcome.state == LOST else Step("locked", "carried", "carrier", "found_after_all")


def _replacement(standing: Standing, outcome: Outcome, *, reviewed: bool) -> Step | None:
    """Loss is the carrier's failure: the same attempt goes on with another envelope."""
    if outcome.state != LOST or not standing.replaceable or (outcome.review and not reviewed):
        return None
    return Step(standing.state, "locked", "dispatch", "lost", {"provisional_grade": None})


def _from_carried(
    standing: Standing, outcome: Outcome, *, reviewed: bool, at: datetime, deadlines: Deadlines
) -> Step | None:
    if step := _replacement(standing, outcome, reviewed=reviewed):
        return step
    if is_final(outcome, deadlines):
        return Step("carried", "reported", "system", outcome.state, {"provisional_grade": outcome.grade})
    if step := _silence(standing, outcome, at=at, deadlines=deadlines):
        return step
    if standing.said != text_of(outcome):
        return Step("carried", "carried", "carrier", outcome.state)
    return None


def _from_silent(
    standing: Standing, outcome: Outcome, *, reviewed: bool, at: datetime, deadlines: Deadlines
) -> Step | None:
    # An event so old that the attempt would be silent again at once does not end the silence.
    speaks = outcome.last_event_at is not None and _silence(standing, outcome, at=at, deadlines=deadlines) is None
    if speaks or is_final(outcome, deadlines):
        return Step("silent", "carried", "carrier", "event_after_silence")
    if standing.silent_since is not None and passed(standing.silent_since, deadlines.silent_days, at=at):
        # Something may be known after all: an item on its way back has been tried. What is doubtful proves nothing yet.
        grade = NO_PROOF if outcome.review and not reviewed else outcome.grade
        return Step("silent", "settled", "timer", "second_deadline", {"grade": grade or NO_PROOF})
    return None


def _from_reported(
    standing: Standing, outcome: Outcome, *, reviewed: bool, at: datetime, deadlines: Deadlines
) -> Step | None:
    if not is_final(outcome, deadlines) or standing.said != text_of(outcome):
        return Step("reported", "carried", "carrier", "correction", {"provisional_grade": None})
    if outcome.review and not reviewed:
        return None
    if step := _replacement(standing, outcome, reviewed=reviewed):
        return step
    if outcome.state in deadlines.at_once:
        return Step("reported", "settled", "proof", outcome.state, {"grade": outcome.grade})
    if outcome.at is not None and passed(outcome.at, deadlines.days_to_settle(outcome.state), at=at):
        return Step("reported", "settled", "proof", "objection_over", {"grade": outcome.grade})
    return None


def _from_settled(standing: Standing, outcome: Outcome, *, reviewed: bool) -> Step | None:
    # A proof that was taken back is none, even while nothing has come in its place.
    grade = outcome.grade or NO_PROOF
    if grade == standing.grade or (outcome.review and not reviewed):
        return None
    return Step("settled", "settled", "system", "late_fact", {"grade": grade})


def _silence(standing: Standing, outcome: Outcome, *, at: datetime, deadlines: Deadlines) -> Step | None:
    if not is_quiet(outcome.last_event_at, posted_at=standing.posted_at, at=at, deadlines=deadlines):
        return None
    return Step(standing.state, "silent", "timer", "no_event")
