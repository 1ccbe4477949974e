"""Stop orders: a standing no to a letter, a case, a person or all letters of an institution.

    stopped = stop(engine, tenant_id=tenant, scope="person", object_id=person, reason="paid", at=now)
    stopped.answers["ltr_…"].outcome            # withdrawn | recalled | too_late | missing | ended

The order holds for letters to come as well: every gate asks `in_force`. What it found at each letter stands in that
letter's decisions (stage "stop").
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, bindparam, insert, select

from songda.base import ids
from songda.dispatch.errors import UnknownStop
from songda.dispatch.instants import stored
from songda.dispatch.stopping import Answer, stop_letters
from songda.store import among, chunks, move, tables

SCOPES = ("letter", "case", "person", "tenant")
#: Why a letter may be stopped; each has its words in flow/reasons.toml.
REASONS = (
    "paid",
    "disputed",
    "answered",
    "complaint",
    "hardship",
    "wrong_person",
    "refused_contact",
    "deceased",
    "no_capacity",
    "bankruptcy",
    "legal_hold",
    "regulator",
    "client",
)
#: Head of the reason in histories, letters and verdicts.
STOP = "stop:"

_s, _l, _lc = tables.stop_order.c, tables.letter.c, tables.letter_case.c
_STANDING = (_s.tenant_id == bindparam("tenant"), _s.state == "standing")
_ORDERS = select(_s.id, _s.object_id, _s.reason).where(*_STANDING, among(_s.object_id, "objects"))
#: Orders about single letters, by the person to whom the letter was written.
_OF_LETTERS = (
    select(_s.id, _l.person_id, _s.reason)
    .join(tables.letter, _l.id == _s.object_id)
    .where(*_STANDING, among(_l.person_id, "persons"))
)


@dataclass(frozen=True, slots=True)
class Stopped:
    stop_id: str
    #: Letter → what the order found there.
    answers: Mapping[str, Answer]


@dataclass(frozen=True, slots=True)
class InForce:
    """The standing orders of a tenant: id of the thing → reason, the oldest order first."""

    tenant: str | None
    persons: Mapping[str, str]
    cases: Mapping[str, str]
    letters: Mapping[str, str]


def stop(
    engine: Engine,
    *,
    tenant_id: str,
    scope: str,
    object_id: str,
    reason: str,
    at: datetime,
    actor: str = "operator",
) -> Stopped:
    """Gives the order and carries it out at every letter in its scope; given again, it looks at them again.

    `object_id`: of the letter, case, person or tenant. Raises ValueError for another scope or reason.
    """
    if scope not in SCOPES or reason not in REASONS:
        raise ValueError(f"no such stop: {scope}, {reason}")
    with engine.begin() as connection:
        stop_id = _give(connection, tenant_id, scope, object_id, reason, at=at)
        letters = _in_scope(connection, tenant_id, scope, object_id)
    # The order stands from here on: a letter that is made meanwhile meets it at its next gate.
    answers = stop_letters(engine, letters, reason=f"{STOP}{reason}", order=stop_id, at=at, actor=actor)
    return Stopped(stop_id, answers)


def lift(engine: Engine, *, tenant_id: str, stop_id: str, at: datetime) -> None:
    """Ends a standing order. Raises UnknownStop."""
    with engine.begin() as connection:
        query = select(_s.version).where(_s.id == stop_id, _s.tenant_id == tenant_id, _s.state == "standing")
        version = connection.scalar(query)
        if version is None:
            raise UnknownStop(stop=stop_id)
        move(
            connection,
            "stop_order",
            [(stop_id, version)],
            source="standing",
            target="lifted",
            actor="operator",
            reason="lifted",
            at=at,
        )


def in_force(connection: Connection, tenant_id: str) -> InForce:
    """The standing orders of the tenant."""
    found: dict[str, dict[str, str]] = {scope: {} for scope in SCOPES}
    query = select(_s.scope, _s.object_id, _s.reason).where(_s.tenant_id == tenant_id, _s.state == "standing")
    for row in connection.execute(query.order_by(_s.id)):
        found[row.scope].setdefault(row.object_id, row.reason)
    return InForce(found["tenant"].get(tenant_id), found["person"], found["case"], found["letter"])


def stopped_letters(connection: Connection, tenant_id: str, letter_ids: Collection[str]) -> dict[str, str]:
    """Those of the letters that a standing order reaches, with its reason."""
    orders = in_force(connection, tenant_id)
    if orders.tenant is not None:
        return dict.fromkeys(letter_ids, orders.tenant)
    if not (orders.persons or orders.cases or orders.letters):
        return {}
    found: dict[str, str] = {}
    for part in chunks(sorted(letter_ids)):
        query = (
            select(_l.id, _l.person_id, _lc.case_id)
            .outerjoin(tables.letter_case, _lc.letter_id == _l.id)
            .where(_l.id.in_(part))
        )
        for row in connection.execute(query):
            reason = orders.letters.get(row.id) or orders.persons.get(row.person_id) or orders.cases.get(row.case_id)
            if reason is not None:
                found.setdefault(row.id, reason)
    return found


def stops_on(connection: Connection, tenant_id: str, cases: Mapping[str, str]) -> dict[str, str]:
    """Case → reason of the oldest standing order that reaches it or its person by whatever scope, of `cases` (case → person).

    An order about one letter is about whom it was written to: nobody else is to be reached in its place.
    """
    persons = sorted(set(cases.values()))
    asked = {"tenant": tenant_id, "objects": [tenant_id, *persons, *sorted(cases)], "persons": persons}
    found = [tuple(row) for query in (_ORDERS, _OF_LETTERS) for row in connection.execute(query, asked)]
    reasons: dict[str, str] = {}
    for _, object_id, reason in sorted(found):
        reasons.setdefault(object_id, reason)
    reached = {
        case: next((reasons[each] for each in (tenant_id, person, case) if each in reasons), None)
        for case, person in cases.items()
    }
    return {case: reason for case, reason in reached.items() if reason is not None}


def _give(connection: Connection, tenant_id: str, scope: str, object_id: str, reason: str, *, at: datetime) -> str:
    same = (_s.tenant_id == tenant_id, _s.scope == scope, _s.object_id == object_id, _s.reason == reason)
    standing: str | None = connection.scalar(select(_s.id).where(*same, _s.state == "standing"))
    if standing is not None:
        return standing
    stop_id = ids.new("stp")
    row = {"id": stop_id, "tenant_id": tenant_id, "scope": scope, "object_id": object_id, "reason": reason}
    connection.execute(insert(tables.stop_order), row | {"state": "standing", "version": 0, "given_at": stored(at)})
    return stop_id


def _in_scope(connection: Connection, tenant_id: str, scope: str, object_id: str) -> list[str]:
    """Letters that have not come to their end."""
    chosen: dict[str, ColumnElement[bool]] = {
        "letter": _l.id == object_id,
        "person": _l.person_id == object_id,
        "case": _l.id.in_(select(_lc.letter_id).where(_lc.case_id == object_id)),
        "tenant": _l.tenant_id == object_id,
    }
    going = _l.state.in_(("received", "held", "ready", "approved", "active"))
    # One letter that is named gets an answer even when it has ended.
    which = chosen[scope] if scope == "letter" else chosen[scope] & going
    return list(connection.scalars(select(_l.id).where(_l.tenant_id == tenant_id, which).order_by(_l.id)))
