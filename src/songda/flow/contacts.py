"""Contact permits over the record: what the case file, the profile and the ledger say becomes facts, the desk decides.

    answers = ask_permits(engine, tenant, [Ask(…)], at=now)        # one transaction, one commit for all of them
    report_outcome(engine, tenant, "prm_…", "unanswered", at=now)
    shown(tenant, permit, at=now)                                   # as doors tell it, in Chinese

Persons are opened in memory to find whose a number is; what is kept of it is its blind index.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, select

from songda.base.calendar import load_calendar
from songda.base.errors import SongdaError
from songda.compliance import RuleSet
from songda.contacts import (
    ABOUT_NUMBER,
    Answer,
    Ask,
    Declaration,
    Permit,
    Settled,
    constraints,
    decide,
    end,
    foresee,
    hold,
    names_to_hold,
    new_declaration_id,
    permits_of,
    record,
    settle,
    words_of,
)
from songda.flow.audit import write_audit, write_audits
from songda.flow.contact_facts import (
    candidates_of,
    case_id_of,
    contact_of,
    contact_rules,
    index_of,
    subjects_of,
)
from songda.flow.stop import UnknownCase
from songda.flow.tenants import Tenant
from songda.store import tables

_c = tables.case.c


def ask_permits(engine: Engine, tenant: Tenant, asks: Sequence[Ask], *, at: datetime) -> list[Answer | SongdaError]:
    """Answers in the order of the questions, all committed at once; UnknownCase or KeyReused in place of an answer.

    Every fresh verdict stands in the audit log in the same transaction.
    """
    with engine.begin() as connection:
        subjects = subjects_of(connection, tenant, asks)
        found = [each for each in subjects if each is not None]
        hold(
            connection,
            tenant.id,
            (name for each in found for name in names_to_hold(each.ask, each.case.person_id, each.number)),
        )
        candidates = candidates_of(connection, tenant, found, at=at)
        answers = iter(decide(connection, tenant.id, candidates, at=at, calendar=load_calendar()))
        told: list[Answer | SongdaError] = [UnknownCase() if each is None else next(answers) for each in subjects]
        fresh = [answer.permit for answer in told if isinstance(answer, Answer) and answer.fresh]
        write_audits(connection, [_entry(permit, at) for permit in fresh])
    return told


def ask_permit(engine: Engine, tenant: Tenant, ask: Ask, *, at: datetime) -> Answer:
    """The answer to one question. Raises UnknownCase, KeyReused."""
    (answer,) = ask_permits(engine, tenant, [ask], at=at)
    if isinstance(answer, SongdaError):
        raise answer
    return answer


def report_outcomes(
    engine: Engine, tenant: Tenant, told: Sequence[tuple[str, str]], *, at: datetime, by: str
) -> list[Settled | SongdaError]:
    """What became of permits (id, outcome), in order, committed at once; see `contacts.settle`."""
    with engine.begin() as connection:
        settled = settle(connection, tenant.id, told, at=at)
        fresh = [each.permit for each in settled if isinstance(each, Settled) and each.fresh]
        same = {"at": at, "actor": by, "action": "contact.outcome"}
        write_audits(
            connection,
            [same | {"object_id": each.id, "details": {"outcome": each.outcome, "late": each.late}} for each in fresh],
        )
    return settled


def report_outcome(engine: Engine, tenant: Tenant, permit_id: str, outcome: str, *, at: datetime, by: str) -> Permit:
    """What became of one permit. Raises NoSuchPermit, NotGranted, WrongOutcome, OtherOutcome."""
    (settled,) = report_outcomes(engine, tenant, [(permit_id, outcome)], at=at, by=by)
    if isinstance(settled, SongdaError):
        raise settled
    return settled.permit


def history(engine: Engine, tenant: Tenant, case_no: str) -> list[Permit]:
    """All permits about the debtor of a case, the oldest first. Raises UnknownCase."""
    with engine.connect() as connection:
        person_id = person_of(connection, tenant, case_no)
        return permits_of(connection, tenant.id, [person_id])


def permits_told(connection: Connection, tenant: Tenant, person_id: str, *, at: datetime) -> list[dict[str, Any]]:
    """The permits about one debtor as evidence tells them: granted and refused, why, and what was told of them."""
    return [
        {
            **{
                name: getattr(permit, name) for name in ("id", "channel", "mode", "purpose", "actor", "role", "granted")
            },
            **{name: _iso(getattr(permit, name)) for name in ("asked_at", "until", "reported_at")},
            "state": permit.state(at),
            "reasons": [reason(contact_rules(tenant, permit.on_day), code) for code in permit.reasons],
            "verdict": dict(permit.verdict),
        }
        for permit in permits_of(connection, tenant.id, [person_id])
    ]


def declare(
    engine: Engine,
    tenant: Tenant,
    kind: str,
    *,
    case_no: str,
    contact: int | None,
    channel: str,
    since: date,
    until: date | None,
    words: str,
    by: str,
    at: datetime,
) -> str:
    """Keeps a declaration about a case's debtor, or about its n-th contact; its id.

    Raises UnknownCase, NoSuchNumber, BadDeclaration.
    """
    declaration_id = new_declaration_id()
    with engine.begin() as connection:
        subject = person_of(connection, tenant, case_no)
        key = tenant.key.of_person(subject)
        if kind in ABOUT_NUMBER:
            case = connection.execute(select(_c.id, _c.sealed).where(_c.id == case_id_of(tenant, case_no))).one()
            subject = index_of(tenant, contact_of(tenant, case, contact or 0)["phone"])
        record(
            connection,
            tenant.id,
            Declaration(kind, subject, channel, since, until),
            declaration_id=declaration_id,
            sealed=key.seal(words.encode(), context=f"declaration:{declaration_id}"),
            by=by,
            at=at,
        )
        details = {"kind": kind, "until": None if until is None else until.isoformat()}
        write_audit(connection, at=at, actor=by, action="contact.declare", object_id=declaration_id, details=details)
    return declaration_id


def end_declaration(engine: Engine, tenant: Tenant, declaration_id: str, *, by: str, at: datetime) -> None:
    """Raises NoSuchDeclaration."""
    with engine.begin() as connection:
        end(connection, tenant.id, declaration_id, by=by, at=at)
        write_audit(connection, at=at, actor=by, action="contact.end", object_id=declaration_id, details={})


def foresee_permit(connection: Connection, tenant: Tenant, ask: Ask, *, at: datetime) -> Permit:
    """What would be answered at the instant `at`, as things stand; nothing is written. Raises UnknownCase."""
    (subject,) = subjects_of(connection, tenant, [ask])
    if subject is None:
        raise UnknownCase
    (candidate,) = candidates_of(connection, tenant, [subject], at=at)
    return foresee(connection, tenant.id, candidate, at=at, calendar=load_calendar())


def shown(tenant: Tenant, permit: Permit, *, at: datetime) -> dict[str, Any]:
    """A permit as doors tell it; no person is in it."""
    rules = contact_rules(tenant, permit.on_day)
    said = constraints(permit.channel, permit.role) if permit.granted else ()
    return {
        "permit": permit.id,
        "granted": permit.granted,
        "state": permit.state(at),
        "channel": permit.channel,
        "mode": permit.mode,
        "purpose": permit.purpose,
        "actor": permit.actor,
        "asked_at": permit.asked_at.isoformat(),
        "until": _iso(permit.until),
        "report_by": _iso(permit.report_by),
        "retry_at": _iso(permit.retry_at),
        "say": [{"rule": each.rule, "text": each.text} for each in said if each.kind == "say"],
        "never": [{"rule": each.rule, "text": each.text} for each in said if each.kind == "never"],
        "reasons": [reason(rules, code) for code in permit.reasons],
        "missing": list(permit.verdict["missing"]) if not permit.granted else [],
        "warnings": [words_of(code)._asdict() for code in permit.verdict["warnings"]],
        "counts": dict(permit.verdict["counts"]),
        "rule_set": permit.verdict["rule_set"],
        "inputs_hash": permit.verdict["inputs_hash"],
    }


def reason(rules: RuleSet, code: str) -> dict[str, str]:
    """A reason with its words: short, why, remedy."""
    if code in rules.blocked_reason:
        rule = rules.rule(code)
        return {"code": code, "short": rule.short_zh, "text": rule.reason_zh, "remedy": rule.remedy_zh}
    words = words_of(code)
    return {"code": code, "short": words.short, "text": words.short, "remedy": words.remedy}


def person_of(connection: Connection, tenant: Tenant, case_no: str) -> str:
    query = select(_c.person_id).where(_c.tenant_id == tenant.id, _c.id == case_id_of(tenant, case_no))
    person_id: str | None = connection.scalar(query)
    if person_id is None:
        raise UnknownCase
    return person_id


def _entry(permit: Permit, at: datetime) -> dict[str, Any]:
    """The verdict in the audit log; its hash ties the ledger's row, where it stands with everything else, to the chain."""
    verdict = permit.verdict
    codes = {name: " ".join(verdict[name]) for name in ("rules", "refusals", "missing")}
    plain = {name: verdict[name] for name in ("verdict", "rule_set", "inputs_hash", "scope", "gate")}
    whole = sha256(orjson.dumps(verdict, option=orjson.OPT_SORT_KEYS)).hexdigest()
    own = {"case": permit.case_id, "channel": permit.channel, "granted": permit.granted, "verdict_sha256": whole}
    details = own | plain | codes
    return {"at": at, "actor": permit.actor, "action": "contact.permit", "object_id": permit.id, "details": details}


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
