"""Granting and refusing: each question judged by the rules with the counters as they stand after the one before it.

    hold(connection, tenant_id, names_to_hold(ask, person_id, number))
    answers = decide(connection, tenant_id, candidates, at=now, calendar=load_calendar())

In one transaction, under `hold`: nobody else counts meanwhile, so that of any number of callers at once no more are granted
than the rules allow. Several questions may be decided in one transaction, in their order; the commit makes all of them true.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from songda.base import ids
from songda.base.calendar import Calendar
from songda.base.days import SHANGHAI, business_day
from songda.compliance import NEVER, Judge, Verdict, lint_version
from songda.contacts.asking import CALLS, REPORT, VALID, Ask
from songda.contacts.counting import WEEK, Tally, Use, last_letters, read_tally
from songda.contacts.errors import KeyReused
from songda.contacts.permits import Permit, find_keys, insert_permits
from songda.contacts.windows import Window, clock, day_after, on_holiday

LAST_LETTER = "last_days.letter_sent.debtor+institution"
#: Rules whose count is free again on the next day.
_OF_A_DAY = frozenset(("T02", "T03", "T04", "T05"))
#: Rules that only ask when; all others ask for something that no waiting changes.
_OF_TIME = _OF_A_DAY | {"T01", "T06", "T07", "T09"}
#: Calls put through within 24 hours, across midnight, before a caller is warned: no source defines the day (compliance §3).
_ROLLING, _ROLLING_MOST = timedelta(hours=24), 3


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question with everything that is known of it but the time and the counters."""

    ask: Ask
    #: Blind index of what was asked.
    body: str
    case_id: str
    #: The debtor.
    person_id: str
    #: Blind index of the number to be dialled or written to.
    number: str | None
    role: str | None
    #: Facts of the rules.
    facts: Mapping[str, Any] = field(repr=False)
    judge: Judge = field(repr=False)
    #: Codes of what stands against it beside the rules: stop:…, actor_…, open_letter …
    refusals: tuple[str, ...] = ()
    #: Day of the last letter of the house itself that may have reached the debtor.
    last_letter: date | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    permit: Permit
    #: Decided now; else it was asked before.
    fresh: bool


def names_to_hold(ask: Ask, person_id: str, number: str | None) -> Iterator[str]:
    """What is held while `ask` is decided: debtor, number and the caller's key."""
    yield f"person/{person_id}"
    yield f"key/{ask.actor}/{ask.key}"
    if number is not None:
        yield f"number/{number}"


def decide(
    connection: Connection, tenant_id: str, candidates: Sequence[Candidate], *, at: datetime, calendar: Calendar
) -> list[Answer | KeyReused]:
    """An answer to each candidate, in order. The caller holds their names and commits."""
    known = {
        key: Answer(permit, fresh=False)
        for key, permit in find_keys(connection, tenant_id, {(c.ask.actor, c.ask.key) for c in candidates}).items()
    }
    tally = _tally(connection, tenant_id, candidates, at=at)
    letters = _letters(connection, tenant_id, candidates)
    answers: list[Answer | KeyReused] = []
    fresh: list[Permit] = []
    for candidate in candidates:
        key = (candidate.ask.actor, candidate.ask.key)
        before = known.get(key)
        if before is None:
            permit = judged(candidate, tally, letters, at=at, calendar=calendar)
            if permit.granted:
                tally.add(Use(permit.person_id, permit.number, permit.channel, permit.on_day, permit.asked_at))
                if permit.channel == "letter":
                    letters[permit.person_id] = permit.on_day
            fresh.append(permit)
            answers.append(Answer(permit, fresh=True))
            known[key] = Answer(permit, fresh=False)
        else:
            answers.append(before if before.permit.body == candidate.body else KeyReused())
    insert_permits(connection, tenant_id, fresh)
    return answers


def foresee(
    connection: Connection, tenant_id: str, candidate: Candidate, *, at: datetime, calendar: Calendar
) -> Permit:
    """What would be answered at the instant `at`, as the ledger stands; nothing is written."""
    tally = _tally(connection, tenant_id, [candidate], at=at)
    return judged(candidate, tally, _letters(connection, tenant_id, [candidate]), at=at, calendar=calendar)


def judged(
    candidate: Candidate, tally: Tally, letters: Mapping[str, date], *, at: datetime, calendar: Calendar
) -> Permit:
    """The answer to one question with these counters."""
    ask, at = candidate.ask, at.astimezone(SHANGHAI)
    day = business_day(at)
    counts = tally.facts(person_id=candidate.person_id, number=candidate.number, on=day)
    last = max(filter(None, (candidate.last_letter, letters.get(candidate.person_id))), default=None)
    since = NEVER if last is None else max((day - last).days, 0)
    facts = {**candidate.facts, **counts, LAST_LETTER: since}
    facts |= {"a.hhmm": clock(at), "a.on_holiday": on_holiday(day, calendar)}
    verdict = candidate.judge(facts)
    granted = verdict.verdict == "pass" and not candidate.refusals
    window = _window(candidate.judge)
    until = _until(candidate, window, at) if granted else None
    return Permit(
        id=ids.new("prm"),
        case_id=candidate.case_id,
        person_id=candidate.person_id,
        number=candidate.number,
        role=candidate.role,
        channel=ask.channel,
        mode=ask.mode,
        purpose=ask.purpose,
        actor=ask.actor,
        key=ask.key,
        body=candidate.body,
        asked_at=at,
        on_day=day,
        granted=granted,
        until=until,
        report_by=None if until is None else until + REPORT[ask.channel],
        retry_at=None if granted else _retry(candidate, verdict, tally, last, window, at=at, calendar=calendar),
        verdict={
            "verdict": verdict.verdict,
            "rules": list(verdict.rules),
            "refusals": list(candidate.refusals),
            "missing": list(verdict.missing),
            "inputs_hash": verdict.inputs_hash,
            "rule_set": verdict.rule_set,
            "lint": lint_version(),
            "scope": candidate.judge.scope,
            "gate": candidate.judge.gate,
            "counts": counts,
            "warnings": _warnings(candidate, tally, at) if granted else [],
            "script_sha256": None if ask.script is None else sha256(ask.script.encode()).hexdigest(),
        },
    )


def _tally(connection: Connection, tenant_id: str, candidates: Sequence[Candidate], *, at: datetime) -> Tally:
    persons = {each.person_id for each in candidates}
    numbers = {each.number for each in candidates if each.number is not None}
    return read_tally(connection, tenant_id, persons=persons, numbers=numbers, on=business_day(at))


def _letters(connection: Connection, tenant_id: str, candidates: Sequence[Candidate]) -> dict[str, date]:
    persons = {each.person_id for each in candidates if each.ask.channel == "letter"}
    return last_letters(connection, tenant_id, persons) if persons else {}


def _window(judge: Judge) -> Window:
    hours = judge.rules.rule("T01").params
    return Window(str(hours["open"]), str(hours["close"]))


def _until(candidate: Candidate, window: Window, at: datetime) -> datetime:
    """The counters are those of this day, so no permit outlives it."""
    ends = [at + VALID[candidate.ask.channel], day_after(at)]
    if candidate.ask.channel != "letter" and not candidate.facts.get("consent.out_of_hours"):
        ends.append(window.closes_after(at))
    return min(ends)


def _retry(
    candidate: Candidate,
    verdict: Verdict,
    tally: Tally,
    last_letter: date | None,
    window: Window,
    *,
    at: datetime,
    calendar: Calendar,
) -> datetime | None:
    """When time alone will have taken away what stands against it; None: time will not."""
    fired = frozenset(verdict.rules)
    if candidate.refusals or verdict.missing or not fired <= _OF_TIME:
        return None
    first = at
    if fired & _OF_A_DAY:
        first = max(first, day_after(at))
    if "T06" in fired:
        first = max(first, _texts_free(candidate, tally, at))
    if "T07" in fired and last_letter is not None:
        days = int(candidate.judge.rules.rule("T07").params["min_days"])  # type: ignore[arg-type]
        first = max(first, day_after(at, (last_letter - business_day(at)).days + days))
    if candidate.ask.channel == "letter":
        return first
    return window.next_open(first, calendar=calendar if candidate.ask.channel in CALLS else None)


def _texts_free(candidate: Candidate, tally: Tally, at: datetime) -> datetime:
    """Midnight of the first day on which another text fits into its day and its week."""
    week = int(candidate.judge.rules.rule("T06").params["week"])  # type: ignore[arg-type]
    sent, today = [use.on_day for use in tally.texts(candidate.person_id)], business_day(at)
    for days in range(1, WEEK + 1):
        if sum(today + timedelta(days) - day < timedelta(WEEK) for day in sent) < week:
            return day_after(at, days)
    return day_after(at, WEEK)


def _warnings(candidate: Candidate, tally: Tally, at: datetime) -> list[str]:
    if candidate.ask.channel in CALLS and tally.connected_since(candidate.person_id, at - _ROLLING) >= _ROLLING_MOST:
        return ["rolling_day"]
    return []
