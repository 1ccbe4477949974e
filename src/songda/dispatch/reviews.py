"""What a person has to see before an outcome counts, kept in line with the outcomes: one open task a thing and kind."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection

from songda.base.days import business_day
from songda.carriers import Mapping as Codes
from songda.dispatch import tasks
from songda.dispatch.deadlines import Deadlines
from songda.dispatch.folding import is_final
from songda.dispatch.grades import NO_PROOF
from songda.dispatch.outcomes import Folded, said_by, text_of
from songda.dispatch.standing import Attempt

ACTOR = "dispatch"


def ask_reviews(
    connection: Connection,
    attempts: Collection[Attempt],
    folded: Mapping[str, Folded],
    *,
    mapping: Codes,
    deadlines: Deadlines,
    at: datetime,
) -> tuple[set[str], set[str]]:
    """Attempts whose doubtful outcome a person has passed, and those that wait for one."""
    doubtful = {
        attempt.id: _doubt(folded[attempt.id], mapping)
        for attempt in attempts
        if _needs_review(attempt, folded[attempt.id], deadlines)
    }
    passed = tasks.keep_tasks(connection, tasks.OUTCOME_REVIEW, doubtful, among=folded.keys(), actor=ACTOR, at=at)
    return passed, doubtful.keys() - passed


def note_parked(connection: Connection, folded: Mapping[str, Folded], *, at: datetime) -> int:
    """A task about each attempt with events that are unknown or cannot be true; returns how many there are."""
    reasons = {attempt_id: " ".join(said_by(fold).parked) for attempt_id, fold in folded.items() if fold.outcome.parked}
    tasks.keep_tasks(connection, tasks.EVENTS_PARKED, reasons, among=folded.keys(), actor=ACTOR, at=at)
    return len(reasons)


def note_silence(
    connection: Connection, silent: Mapping[str, datetime], *, among: Collection[str], at: datetime
) -> None:
    """A task about each silent attempt (attempt id → since when); an event or the end of the wait closes it."""
    reasons = {attempt_id: f"since {business_day(since)}" for attempt_id, since in silent.items()}
    tasks.keep_tasks(connection, tasks.CARRIER_SILENT, reasons, among=among, actor=ACTOR, at=at)


def _needs_review(attempt: Attempt, fold: Folded, deadlines: Deadlines) -> bool:
    if not fold.outcome.review:
        return False
    if attempt.state == "settled":
        return (fold.outcome.grade or NO_PROOF) != attempt.grade
    return is_final(fold.outcome, deadlines)


def _doubt(fold: Folded, mapping: Codes) -> str:
    """The outcome and why it is doubted: a person's word is about this one and no other."""
    return f"{text_of(fold.outcome)} {' '.join(sorted(mapping.review_flags.intersection(fold.outcome.flags)))}"
