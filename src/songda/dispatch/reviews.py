"""What a person has to see before an outcome counts, kept in line with the outcomes: one open task a thing and kind."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, select

from songda.base.days import business_day
from songda.carriers import Mapping as Codes
from songda.dispatch import tasks
from songda.dispatch.deadlines import Deadlines
from songda.dispatch.facts import look_again
from songda.dispatch.folding import is_final
from songda.dispatch.grades import NO_PROOF
from songda.dispatch.outcomes import Folded, said_by, text_of
from songda.dispatch.standing import Attempt
from songda.store import tables

ACTOR = "dispatch"


@dataclass(frozen=True, slots=True)
class Doubt:
    """An outcome that waits for a person."""

    attempt_id: str
    letter_id: str
    letter_no: str
    #: State and provisional grade by the trace: `signed:C`.
    outcome: str
    #: Why it is doubted (carriers/tracking_facts.toml, [review]).
    flags: tuple[str, ...]
    since: date


def doubts_of(connection: Connection, *, tenant_id: str) -> list[Doubt]:
    """The tenant's outcomes that wait for a person, by letter number."""
    k, n, t = tables.task.c, tables.attempt.c, tables.letter.c
    query = (
        select(n.id, t.id, t.letter_no, k.reason, k.opened_on)
        .join(tables.attempt, n.id == k.object_id)
        .join(tables.letter, t.id == n.letter_id)
        .where(k.kind == tasks.OUTCOME_REVIEW, k.state == "open", t.tenant_id == tenant_id)
        .order_by(t.letter_no, n.n)
    )
    found = []
    for attempt_id, letter_id, letter_no, reason, since in connection.execute(query):
        outcome, *flags = reason.split()
        found.append(Doubt(attempt_id, letter_id, letter_no, outcome, tuple(flags), since))
    return found


def accept_outcomes(connection: Connection, doubts: Collection[Doubt], *, at: datetime) -> None:
    """A person has looked at them: they count from the next settling on."""
    attempts = [doubt.attempt_id for doubt in doubts]
    tasks.close_tasks(connection, tasks.OUTCOME_REVIEW, attempts, actor="person", reason="settled", at=at)
    look_again(connection, attempts)


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
    # What falls silent on its way back settles by what is known of it: a person looks before.
    return is_final(fold.outcome, deadlines) or fold.outcome.grade is not None


def _doubt(fold: Folded, mapping: Codes) -> str:
    """The outcome and why it is doubted: a person's word is about this one and no other."""
    return f"{text_of(fold.outcome)} {' '.join(sorted(mapping.review_flags.intersection(fold.outcome.flags)))}"
