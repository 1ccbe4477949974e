"""From facts to outcomes to states: what was heard of the letters moves their attempts, and so do the deadlines.

    settled = settle(engine, tenant_id=tenant, at=now)
    settled.reported, settled.settled, settled.review

Idempotent and resumable: each chunk of attempts is one transaction, and where an attempt goes depends on its facts and
the day alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import orjson
from sqlalchemy import Connection, Engine, insert, select

from songda.base import ids
from songda.base.calendar import load_calendar
from songda.base.days import business_day
from songda.carriers import Mapping as Codes
from songda.carriers import load_mapping
from songda.dispatch import tasks
from songda.dispatch.deadlines import Deadlines, load_deadlines, year_missing
from songda.dispatch.facts import lock_attempts, look_again, read_facts
from songda.dispatch.folding import fold_attempt
from songda.dispatch.outcomes import Folded, write_said
from songda.dispatch.pulling import PULLABLE, take_out
from songda.dispatch.reviews import ask_reviews, note_parked, note_silence
from songda.dispatch.revising import revise_letters
from songda.dispatch.standing import (
    Attempt,
    due,
    handed_over,
    in_hand,
    next_look,
    note_looked,
    read_attempts,
    read_bases,
    silent_since,
)
from songda.dispatch.steps import Standing, Step, next_steps
from songda.store import chunks, move, tables

#: Pieces that may go in place of lost ones, an attempt.
MAX_REPLACED = 2
#: Stage of the decision that notes under which terms the attempts of a tenant were looked at last.
_TERMS = "settle_terms"

_d = tables.decision.c


@dataclass(frozen=True, slots=True)
class Settled:
    #: Attempts whose facts were looked at.
    folded: int
    #: Attempts by where they went, each step counted: first events and other news, outcomes, corrections, ends.
    carried: int
    reported: int
    corrected: int
    settled: int
    silent: int
    #: Attempts whose piece the carrier has lost, and which get another.
    locked: int
    #: Settled attempts that got another grade, and closed letters that did.
    revised: int
    letters_revised: int
    #: Of those looked at, attempts that wait for a person to look at their outcome.
    review: int
    #: Of those looked at, attempts with events that are parked.
    parked: int


@dataclass(frozen=True, slots=True)
class _Look:
    """An attempt that is folded now."""

    attempt: Attempt
    #: Waybill → instant of the hand-over.
    handed: Mapping[str, datetime]
    silent_since: datetime | None

    @property
    def posted_at(self) -> datetime:
        """The last hand-over: with a second letter the deadlines begin anew."""
        return max(self.handed.values())


def settle(
    engine: Engine,
    *,
    tenant_id: str,
    at: datetime,
    mapping: Codes | None = None,
    deadlines: Deadlines | None = None,
    again: bool = False,
    chunk: int = 1000,
) -> Settled:
    """Moves the tenant's posted attempts to where facts and deadlines say.

    Looks at those of which there is news or whose deadline has come; at all whose outcome may change under another table
    of codes, other deadlines or another calendar than the last time, or when asked (`again`). `mapping` and `deadlines` are
    those that ship with this version, unless given.
    """
    codes, waits = mapping or load_mapping(), deadlines or load_deadlines()
    with engine.begin() as connection:
        _note_calendar(connection, tenant_id, at=at)
        _note_terms(connection, tenant_id, codes, waits, again=again, at=at)
        todo = due(connection, tenant_id, at=at)
    counts: Counter[str] = Counter()
    for part in chunks(todo, chunk):
        with engine.begin() as connection:
            counts += _settle(connection, part, codes, waits, at=at)
    return Settled(**{name: counts[name] for name in Settled.__slots__})


def _note_terms(
    connection: Connection, tenant_id: str, codes: Codes, waits: Deadlines, *, again: bool, at: datetime
) -> None:
    """Has everything looked at whose outcome may change when what outcomes depend on is not what it was the last time."""
    terms = terms_of(codes, waits)
    last = select(_d.inputs_sha256).where(_d.object_id == tenant_id, _d.stage == _TERMS).order_by(_d.id.desc()).limit(1)
    if connection.scalar(last) == terms and not again:
        return
    every = in_hand(connection, tenant_id, at=at, deadlines=waits)
    lock_attempts(connection, every)
    look_again(connection, every)
    connection.execute(
        insert(tables.decision),
        {
            "id": ids.new("dec"),
            "object_id": tenant_id,
            "stage": _TERMS,
            "outcome": "looked",
            "inputs_sha256": terms,
            "versions": {"mapping": codes.version},
            "reasons": [],
            "on_day": business_day(at),
        },
    )


def terms_of(codes: Codes, waits: Deadlines) -> str:
    """Hash of what an outcome and its deadlines depend on besides the facts."""
    calendar = load_calendar()
    values = {name: getattr(waits, name) for name in Deadlines.__slots__}
    plain = {name: sorted(value) if isinstance(value, frozenset) else value for name, value in values.items()}
    known = sorted(map(str, calendar.off)), sorted(map(str, calendar.made_up)), str(calendar.last)
    return sha256(orjson.dumps([codes.version, plain, known])).hexdigest()


def _note_calendar(connection: Connection, tenant_id: str, *, at: datetime) -> None:
    """A task as long as deadlines cannot be counted because the holidays of a coming year are in no table."""
    year = year_missing(at)
    missing = {} if year is None else {tenant_id: str(year)}
    tasks.keep_tasks(connection, tasks.CALENDAR_MISSING, missing, among=[tenant_id], actor="timer", at=at)


def _settle(
    connection: Connection, part: Sequence[str], codes: Codes, waits: Deadlines, *, at: datetime
) -> Counter[str]:
    looks = _looks(connection, read_attempts(connection, part, at=at, deadlines=waits))
    folded = _fold(connection, looks, codes, waits, at=at)
    attempts = [look.attempt for look in looks]
    passed, waiting = ask_reviews(connection, attempts, folded, mapping=codes, deadlines=waits, at=at)
    plans: dict[str, list[Step]] = {}
    for look in looks:
        outcome = folded[look.attempt.id].outcome
        steps = next_steps(_standing(look), outcome, reviewed=look.attempt.id in passed, at=at, deadlines=waits)
        if steps:
            plans[look.attempt.id] = steps
    moved = _move(connection, {attempt.id: attempt.version for attempt in attempts}, plans, at=at)
    _call_back(connection, [each for each, steps in plans.items() if _gains(steps, "found_after_all")], at=at)
    # What has come to its end needs no interception any more.
    over = [each for each, steps in plans.items() if steps[-1].target == "settled"]
    tasks.close_tasks(connection, tasks.INTERCEPT, over, actor="dispatch", reason="settled", at=at)
    write_said(connection, folded, {a.id: a.said for a in attempts if a.said is not None}, at=at)
    note_silence(connection, _silent(looks, plans, at=at), among=folded.keys(), at=at)
    note_looked(connection, dict.fromkeys(part) | _next_looks(looks, folded, plans, waits, in_doubt=waiting, at=at))
    revised = {a.letter_id: folded[a.id].outcome.flags for a in attempts if _gains(plans.get(a.id, ()), "late_fact")}
    return moved + Counter(
        folded=len(folded),
        letters_revised=revise_letters(connection, revised, at=at),
        review=len(waiting),
        parked=note_parked(connection, folded, at=at),
    )


def _looks(connection: Connection, attempts: Sequence[Attempt]) -> list[_Look]:
    handed = handed_over(connection, [attempt.id for attempt in attempts])
    since = silent_since(connection, [attempt.id for attempt in attempts if attempt.state == "silent"])
    return [_Look(attempt, handed[attempt.id], since.get(attempt.id)) for attempt in attempts if handed.get(attempt.id)]


def _fold(
    connection: Connection, looks: Sequence[_Look], codes: Codes, waits: Deadlines, *, at: datetime
) -> dict[str, Folded]:
    attempts = [look.attempt.id for look in looks]
    facts = read_facts(connection, attempts)
    bases = read_bases(connection, attempts, {look.attempt.id: dict(look.handed) for look in looks})
    return {
        attempt_id: fold_attempt(facts.get(attempt_id, ()), bases[attempt_id], mapping=codes, deadlines=waits, as_of=at)
        for attempt_id in attempts
    }


def _standing(look: _Look) -> Standing:
    attempt = look.attempt
    return Standing(
        state=attempt.state,
        said=None if attempt.said is None else attempt.said.text,
        grade=attempt.grade,
        posted_at=look.posted_at,
        silent_since=look.silent_since,
        replaceable=not attempt.stopped and len(look.handed) <= MAX_REPLACED,
    )


def _move(
    connection: Connection, versions: Mapping[str, int], plans: Mapping[str, Sequence[Step]], *, at: datetime
) -> Counter[str]:
    """Carries the plans out, the first steps of all attempts before the second ones; counts the steps by their name."""
    counts: Counter[str] = Counter()
    for turn in range(max(map(len, plans.values()), default=0)):
        groups: dict[tuple[str, ...], list[tuple[str, Step]]] = defaultdict(list)
        for attempt_id, steps in plans.items():
            if turn < len(steps):
                step = steps[turn]
                alike = step.source, step.target, step.actor, step.reason, *step.values
                groups[alike].append((attempt_id, step))
        for _, group in sorted(groups.items()):
            first = group[0][1]
            counts[_name(first)] += move(
                connection,
                "attempt",
                [(attempt_id, versions[attempt_id] + turn) for attempt_id, _ in group],
                source=first.source,
                target=first.target,
                actor=first.actor,
                reason=first.reason,
                at=at,
                values=[step.values for _, step in group] if first.values else (),
            )
    return counts


def _next_looks(
    looks: Sequence[_Look],
    folded: Mapping[str, Folded],
    plans: Mapping[str, Sequence[Step]],
    waits: Deadlines,
    *,
    in_doubt: Collection[str],
    at: datetime,
) -> dict[str, datetime | None]:
    return {
        look.attempt.id: next_look(
            plans[look.attempt.id][-1].target if look.attempt.id in plans else look.attempt.state,
            folded[look.attempt.id].outcome,
            posted_at=look.posted_at,
            in_doubt=look.attempt.id in in_doubt,
            silent_since=None if look.attempt.id in plans else look.silent_since,
            at=at,
            deadlines=waits,
        )
        for look in looks
    }


def _name(step: Step) -> str:
    if step.source == "settled":
        return "revised"
    return "corrected" if step.source == "reported" and step.target == "carried" else step.target


def _gains(steps: Collection[Step], reason: str) -> bool:
    return any(step.reason == reason for step in steps)


def _call_back(connection: Connection, attempt_ids: Sequence[str], *, at: datetime) -> None:
    """Takes out the replacements of what has turned up after all."""
    p = tables.piece.c
    query = select(p.id).where(p.attempt_id.in_(attempt_ids), p.state.in_(PULLABLE))
    pieces = list(connection.scalars(query))
    take_out(connection, pieces, actor="carrier", reason="found_after_all", at=at)


def _silent(looks: Sequence[_Look], plans: Mapping[str, Sequence[Step]], *, at: datetime) -> dict[str, datetime]:
    """Attempts that are silent now, and since when."""
    silent = {}
    for look in looks:
        steps = plans.get(look.attempt.id)
        if (steps[-1].target if steps else look.attempt.state) == "silent":
            silent[look.attempt.id] = at if steps else look.silent_since or at
    return silent
