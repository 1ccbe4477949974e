"""What is known of the one who is to be reached: case file, profile, standing orders and declarations, as facts for the rules.

    subjects = subjects_of(connection, tenant, asks)            # None in the place of a case that does not exist
    candidates = candidates_of(connection, tenant, found, at=now)

A fact that nobody stated stays unknown, and the rule that needs it then refuses. The time and the counters are the desk's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, func, select

from songda.base import ids
from songda.base.days import business_day
from songda.base.errors import SongdaError
from songda.compliance import Change, Judge, RuleSet, load_rules
from songda.contacts import (
    CONSENTS,
    GATES,
    INSTITUTION,
    LIABLE,
    Ask,
    Candidate,
    facts_of_text,
    plain_number,
    standing,
)
from songda.dispatch import STOP, stops_on
from songda.flow.facts import LAWFUL_ORIGINS, LIMITATION_YEARS
from songda.flow.links import OWED, moved_fen
from songda.flow.sealed import LASTING, open_case, open_person
from songda.flow.tenants import Tenant
from songda.store import among, tables
from songda.vault import PersonErased

_c, _p, _a, _l, _n = (
    each.c for each in (tables.case, tables.person, tables.address_record, tables.letter, tables.attempt)
)
#: What an outsourcer's mandate must state (rule D03).
_CHAIN = frozenset(("purpose", "term", "method", "kinds", "safeguards", "duties"))
_CASES = (
    select(tables.case, _p.sealed.label("person_sealed"), _p.birth_year, _p.state.label("person_state"))
    .join(tables.person, _p.id == _c.person_id)
    .where(_c.tenant_id == bindparam("tenant"), among(_c.id, "cases"))
)
_OPEN_LETTER = ("received", "ready", "approved", "active")


class NoSuchNumber(SongdaError):
    zh = "案件中没有第 {n} 个{whose}"
    remedy = "请核对案件文件中的号码和联系人"
    exit_code = 65


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is to be reached: a case, and a number with whose it is."""

    ask: Ask
    case: Any = field(repr=False)
    #: Blind index; None: nobody named one, or a letter.
    number: str | None
    #: Of the person at that number.
    role: str | None
    #: Where the number is from (fact person.origin).
    origin: str | None
    #: Paid since the day whose amounts the case's file states.
    moved_fen: int = 0


def contact_rules(tenant: Tenant, on: date) -> RuleSet:
    """The rules of a day with what the institution made stricter for calls and texts, and for letters."""
    return _rules(on, _stricter(tenant), tenant.rule_changes)


def case_id_of(tenant: Tenant, case_no: str) -> str:
    return ids.derive("cas", LASTING, tenant.key.id_secret(), tenant.key.blind_index("case_no", case_no))


def candidates_of(
    connection: Connection, tenant: Tenant, subjects: Sequence[Subject], *, at: datetime
) -> list[Candidate]:
    """The questions with all that is known of them but the time and the counters."""
    on = business_day(at)
    cases = {each.case.id: each.case.person_id for each in subjects}
    stops = stops_on(connection, tenant.id, cases) if cases else {}
    about = {each.case.person_id for each in subjects} | {each.number for each in subjects if each.number is not None}
    declared = standing(connection, tenant.id, about, on=on) if about else {}
    profile = tenant.profile.facts(on)
    letters = [each for each in subjects if each.ask.channel == "letter"]
    addresses = _addresses(connection, letters)
    last, open_now = _letters_of(connection, tenant, {each.case.person_id for each in letters})
    strict = _stricter(tenant)
    found = []
    for each in subjects:
        person_id = each.case.person_id
        of_person, of_number = (declared.get(key or "", frozenset()) for key in (person_id, each.number))
        if each.ask.channel == "letter":
            facts = _letter_facts(tenant, each, profile, addresses.get(each.case.id), on=on)
        else:
            facts = _contact_facts(each, profile, of_person, of_number, on=on)
        refusals = [f"{STOP}{stops[each.case.id]}"] if each.case.id in stops else []
        refusals += _actor_refusals(tenant, each.ask, profile, on=on)
        refusals += ["name_conflict"] if each.case.person_state == "name_conflict" else []
        refusals += ["open_letter"] if each.ask.channel == "letter" and person_id in open_now else []
        found.append(
            Candidate(
                ask=each.ask,
                body=_body(tenant, each.ask),
                case_id=each.case.id,
                person_id=person_id,
                number=each.number,
                role=each.role,
                facts=facts,
                judge=_judge(on, strict, tenant.rule_changes, each.ask.channel),
                refusals=tuple(refusals),
                last_letter=last.get(person_id),
            )
        )
    return found


def subjects_of(connection: Connection, tenant: Tenant, asks: Sequence[Ask]) -> list[Subject | None]:
    """Who each question is about; None: no such case, or one of somebody who was erased."""
    named = [ask.case_id or case_id_of(tenant, ask.case_no or "") for ask in asks]
    rows = connection.execute(_CASES, {"tenant": tenant.id, "cases": sorted(set(named))})
    cases = {row.id: row for row in rows}
    tenant.key.of_persons({row.person_id for row in cases.values()})
    moved = moved_fen(connection, list(cases))
    return [
        _subject_or_none(tenant, ask, cases[case], moved.get(case, 0)) if case in cases else None
        for ask, case in zip(asks, named, strict=True)
    ]


def _subject_or_none(tenant: Tenant, ask: Ask, case: Any, moved: int) -> Subject | None:
    # Asked together with others, who must not go without an answer.
    try:
        return replace(_subject(tenant, ask, case), moved_fen=moved)
    except PersonErased:
        return None


def _subject(tenant: Tenant, ask: Ask, case: Any) -> Subject:
    if ask.channel == "letter":
        return Subject(ask, case, None, case.role, None)
    number = None if ask.number is None else plain_number(ask.number)
    own = [plain_number(each) for each in open_person(tenant.key, case.person_id, case.person_sealed)["phones"] if each]
    if number is None and ask.phone is not None and 0 < ask.phone <= len(own):
        number = own[ask.phone - 1]
    if number is not None and number in own:
        return Subject(ask, case, index_of(tenant, number), case.role, tenant.profile.contact.phone_origin)
    for contact in open_case(tenant.key, case.id, case.sealed)["contacts"]:
        phone = plain_number(contact["phone"] or "")
        if phone and (phone == number or contact["ordinal"] == ask.contact):
            return Subject(ask, case, index_of(tenant, phone), "contact", contact["named_by"])
    # A number that the file does not have is a stranger's, whoever says whose it is.
    index = None if number is None else index_of(tenant, number)
    return Subject(ask, case, index, None if index is None else "stranger", None if index is None else "unknown")


def contact_of(tenant: Tenant, case: Any, n: int) -> dict[str, Any]:
    for contact in open_case(tenant.key, case.id, case.sealed)["contacts"]:
        if contact["ordinal"] == n and contact["phone"]:
            return dict(contact)
    raise NoSuchNumber(n=n, whose="有号码的联系人")


def index_of(tenant: Tenant, number: str) -> str:
    return tenant.key.blind_index("phone", plain_number(number))


def _body(tenant: Tenant, ask: Ask) -> str:
    """Equal for equal questions. It covers the number, so that a plain hash would tell it to whoever guesses."""
    return tenant.key.blind_index("permit", orjson.dumps(ask).decode())


def _actor_refusals(tenant: Tenant, ask: Ask, profile: Mapping[str, object], *, on: date) -> list[str]:
    """What stands against the one who acts, by the record of entrusted processing (PIPL 21)."""
    if ask.actor == INSTITUTION:
        return []
    known = {each.id: each for each in tenant.profile.entrusted_processing.outsourcers or ()}
    actor = known.get(ask.actor)
    if actor is None:
        return ["actor_unknown"]
    present = profile["chain.present"]
    assert isinstance(present, list)
    codes = {
        "actor_expired": actor.term_until is None or actor.term_until < on,
        "actor_channel": ask.channel not in (actor.channels or ()),
        "chain_incomplete": bool(_CHAIN.difference(present)),
    }
    return [code for code, stands in codes.items() if stands]


def _contact_facts(
    subject: Subject, profile: Mapping[str, object], of_person: frozenset[str], of_number: frozenset[str], *, on: date
) -> dict[str, Any]:
    ask, case = subject.ask, subject.case
    said = dict(facts_of_text(ask.script)) if ask.script is not None else {}
    stated, owed = said.pop("stated_fen", None), _owed_fen(case)
    ledger = None if owed is None else owed - subject.moved_fen
    liable = subject.role in LIABLE
    consents = {f"consent.{kind}": liable and kind in of_person for kind in CONSENTS}
    age = case.birth_year and on.year - case.birth_year - 1
    return {
        **_case_facts(case, on=on),
        **said,
        **consents,
        "a.mode": ask.mode,
        "a.purpose": ask.purpose,
        "a.role": subject.role,
        "a.identifies_self": ask.identifies_self,
        "a.recording": ask.recording,
        "a.fee_extra": 0 if ask.no_extra_fee else None,
        "a.region": profile["a.region"],
        # A text that states no sum cannot state a wrong one.
        "a.amount": ledger if stated == 0 else stated,
        "case.ledger_amount": ledger,
        "debtor.unreachable": "unreachable" in of_person,
        # Of a contact only that is known which somebody has checked; 18 is what the rules ask for.
        "person.age": age if liable else (18 if "adult" in of_number else None),
        "person.origin": subject.origin,
        "person.refused": "refused" in of_number,
    }


def _letter_facts(
    tenant: Tenant, subject: Subject, profile: Mapping[str, object], address: Any, *, on: date
) -> dict[str, Any]:
    case = subject.case
    facts = {
        **_case_facts(case, on=on),
        "a.purpose": subject.ask.purpose,
        "a.role": subject.role,
        "a.delivery": "post",
        "a.decided_by": "person",
        "a.region": profile["a.region"],
        "a.discloses_debt": True,
        "case.tenant": tenant.id,
        "case.annual_cost": case.annual_cost,
        "chain.present": profile["chain.present"],
        "chain.sub_consent": profile["chain.sub_consent"],
        "person.age": case.birth_year and on.year - case.birth_year - 1,
        "person.refused": False,
    }
    if address is None:
        return facts
    return facts | {
        "addr.origin": address.origin if address.origin in LAWFUL_ORIGINS else None,
        "addr.basis": address.basis,
        "addr.expired": (address.expires_on or date.max) < on,
        "addr.owner_role": address.owner_role,
        "addr.tenant": tenant.id,
        "person.origin": address.origin,
    }


def _case_facts(case: Any, *, on: date) -> dict[str, Any]:
    return {
        "case.assigned": case.assigned,
        "case.assignment_notice_arrived": case.assignment_notice_arrived,
        "case.credit_notice_given": case.credit_notice_given,
        "case.dispute_open": case.dispute_open,
        "case.limitation_days_left": _limitation_days_left(case, on),
        "case.state": case.state,
        "debtor.flags": case.debtor_flags,
        "debtor.state": case.debtor_state,
    }


def _limitation_days_left(case: Any, on: date) -> int | None:
    since = max(filter(None, (case.limitation_event_on, case.due_on, case.overdue_since)), default=None)
    if since is None:
        return None
    try:
        ends = since.replace(year=since.year + LIMITATION_YEARS)
    except ValueError:
        ends = since.replace(year=since.year + LIMITATION_YEARS, day=28)
    return int((ends - on).days)


def _owed_fen(case: Any) -> int | None:
    """What the ledger says is owed; None when it says nothing."""
    parts = [getattr(case, f"{part}_fen") for part in OWED]
    return None if parts[0] is None else sum(part or 0 for part in parts)


def _addresses(connection: Connection, letters: Sequence[Subject]) -> dict[str, Any]:
    """Case → its first address record."""
    if not letters:
        return {}
    query = select(tables.address_record).where(_a.case_id.in_({each.case.id for each in letters}))
    return {row.case_id: row for row in connection.execute(query.order_by(_a.ordinal.desc(), _a.id.desc()))}


def _letters_of(connection: Connection, tenant: Tenant, persons: set[str]) -> tuple[dict[str, date], frozenset[str]]:
    """Person → day of the last letter of the house that may have arrived; and those to whom one is under way."""
    if not persons:
        return {}, frozenset()
    own = (_l.tenant_id == tenant.id, _l.person_id.in_(persons))
    posted = (
        select(_l.person_id, func.max(_n.posted_on))
        .join(tables.attempt, _n.letter_id == _l.id)
        # As in flow/links.py: a letter that came back or was lost made no demand.
        .where(*own, _n.posted_on.is_not(None), func.coalesce(_n.grade, "").not_in(("E", "F")))
        .group_by(_l.person_id)
    )
    going = select(_l.person_id).where(*own, _l.state.in_(_OPEN_LETTER))
    return {row[0]: row[1] for row in connection.execute(posted)}, frozenset(connection.scalars(going))


def _stricter(tenant: Tenant) -> tuple[tuple[str, str, Any], ...]:
    """(rule, parameter, value) that the profile states."""
    contact, policy = tenant.profile.contact, tenant.profile.policy
    stated = [
        *((rule, "max", contact.calls_per_day) for rule in ("T02", "T03", "T05")),
        ("T04", "max", contact.dials_per_day),
        ("T06", "week", contact.texts_per_week),
        ("T01", "open", contact.opens),
        ("T01", "close", contact.closes),
        ("T07", "min_days", policy.interval_days),
    ]
    return tuple((rule, name, value) for rule, name, value in stated if value is not None)


@lru_cache(maxsize=64)
def _rules(on: date, stricter: tuple[tuple[str, str, Any], ...], decided: tuple[Change, ...]) -> RuleSet:
    changes: dict[str, dict[str, object]] = {}
    for rule, name, value in stricter:
        changes.setdefault(rule, {})[name] = value
    return load_rules(on, changes, changes=decided)


@lru_cache(maxsize=256)
def _judge(on: date, stricter: tuple[tuple[str, str, Any], ...], decided: tuple[Change, ...], channel: str) -> Judge:
    return Judge(_rules(on, stricter, decided), scope=channel, gate=GATES[channel])
