"""The next contact after a letter was signed for: a call, at the first lawful instant, as things stand. A plan, never a dialler.

    for step in plan_calls(engine, tenant, at=now):
        step.letter_no, step.call_at, step.reasons

Each step is judged as a permit would be at that instant: rules, stop orders, declarations, counters. What the caller answers
for (that he names himself, records, asks for no fee) is taken for granted here and asked for when the permit is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, select

from songda.base.calendar import load_calendar
from songda.base.days import SHANGHAI, business_day
from songda.contacts import CALLS, INSTITUTION, Ask, Permit, Window, permits_of
from songda.dispatch import last_said
from songda.flow.contact_facts import contact_rules
from songda.flow.contacts import foresee_permit
from songda.flow.tenants import Tenant
from songda.store import tables

#: Outcomes of a fold that begin so: somebody signed.
_SIGNED = "signed:"
#: How often a later instant is tried: one for the counters of the day, one for a window or a holiday behind it.
_TRIES = 3

_l, _n, _lc = tables.letter.c, tables.attempt.c, tables.letter_case.c


@dataclass(frozen=True, slots=True)
class Step:
    letter_id: str
    letter_no: str | None
    case_id: str
    #: Proof grade as known now.
    grade: str
    signed_at: datetime
    #: First lawful instant, and the end of its window; None: nobody is to be called.
    call_at: datetime | None
    until: datetime | None
    #: Codes of what stands against a call, when nothing can be planned.
    reasons: tuple[str, ...]
    #: A call was permitted since the letter was signed for, and was made or may have been.
    called: bool

    def to_json(self) -> dict[str, Any]:
        instants = {name: _iso(getattr(self, name)) for name in ("signed_at", "call_at", "until")}
        same = ("letter_id", "letter_no", "case_id", "grade", "called")
        return {name: getattr(self, name) for name in same} | instants | {"reasons": list(self.reasons)}


def plan_calls(engine: Engine, tenant: Tenant, *, at: datetime, days: int = 30) -> list[Step]:
    """A step for each letter of the last `days` days that was signed for, the earliest call first."""
    with engine.connect() as connection:
        letters = _signed(connection, tenant, at=at, days=days)
        steps = [_step(connection, tenant, *each, at=at) for each in letters]
    return sorted(steps, key=lambda step: (step.call_at or datetime.max.replace(tzinfo=SHANGHAI), step.letter_id))


def _signed(connection: Connection, tenant: Tenant, *, at: datetime, days: int) -> list[tuple[Any, str, datetime]]:
    """(letter with case, person and attempt, grade, instant of the signature)."""
    query = (
        select(_l.id, _l.letter_no, _l.person_id, _n.id.label("attempt_id"), _lc.case_id)
        .join(tables.attempt, _n.letter_id == _l.id)
        .join(tables.letter_case, _lc.letter_id == _l.id)
        .where(_l.tenant_id == tenant.id, _n.posted_on >= business_day(at) - timedelta(days))
        .order_by(_l.id, _n.n.desc(), _lc.case_id)
    )
    rows = {row.attempt_id: row for row in reversed(connection.execute(query).all())}
    said = last_said(connection, sorted(rows))
    found = {
        row.id: (row, said[attempt].text.removeprefix(_SIGNED), when.astimezone(SHANGHAI))
        for attempt, row in rows.items()
        if attempt in said and said[attempt].text.startswith(_SIGNED) and (when := said[attempt].at) is not None
    }
    return list(found.values())


def _step(
    connection: Connection, tenant: Tenant, letter: Any, grade: str, signed_at: datetime, *, at: datetime
) -> Step:
    own = {"letter_id": letter.id, "letter_no": letter.letter_no, "case_id": letter.case_id, "grade": grade}
    made = _made(permits_of(connection, tenant.id, [letter.person_id]), since=signed_at)
    if made:
        return Step(**own, signed_at=signed_at, call_at=None, until=None, reasons=(), called=True)
    window = _window(tenant, at)
    when = window.next_open(max(at, signed_at), calendar=load_calendar())
    # Without an instant (the holidays of a year are in no table) the present one says why.
    permit = foresee_permit(connection, tenant, _ask(letter.case_id), at=when or at)
    for _ in range(_TRIES):
        if permit.granted or permit.retry_at is None:
            break
        when = permit.retry_at
        permit = foresee_permit(connection, tenant, _ask(letter.case_id), at=when)
    if when is None or not permit.granted:
        reasons = permit.reasons or ("T09",)
        return Step(**own, signed_at=signed_at, call_at=None, until=None, reasons=reasons, called=False)
    closes = window.closes_after(when)
    return Step(**own, signed_at=signed_at, call_at=when, until=closes, reasons=(), called=False)


def _made(permits: Sequence[Permit], *, since: datetime) -> bool:
    """Whether a call was put through, or may have been."""
    calls = [each for each in permits if each.granted and each.channel in CALLS and each.asked_at >= since]
    return any(each.late or each.outcome not in ("unanswered", "not_dialled") for each in calls)


def _ask(case_id: str) -> Ask:
    return Ask(
        key="plan",
        actor=INSTITUTION,
        channel="call",
        purpose="demand",
        case_id=case_id,
        phone=1,
        mode="interactive",
        script="",
        identifies_self=True,
        recording=True,
        no_extra_fee=True,
    )


def _window(tenant: Tenant, at: datetime) -> Window:
    hours = contact_rules(tenant, business_day(at)).rule("T01").params
    return Window(str(hours["open"]), str(hours["close"]))


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
