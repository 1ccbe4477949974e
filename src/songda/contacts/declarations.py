"""What people have said about being contacted, and what somebody has checked: recorded, ended, never changed.

| kind | about | what holds while it stands |
| --- | --- | --- |
| out_of_hours | a debtor | the debtor has agreed to be contacted outside the hours and on holidays (fact consent.out_of_hours) |
| frequency | a debtor | the debtor has agreed to more dials (consent.frequency) |
| unreachable | a debtor | a person has confirmed that the debtor cannot be reached (debtor.unreachable) |
| refused | a number | the contact does not want to be contacted (person.refused) |
| adult | a number | a person has checked that the contact is of age (person.age) |

A consent needs a last day and its words (compliance: who, when, by which channel, what, until when).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from songda.base import ids
from songda.contacts.errors import BadDeclaration, NoSuchDeclaration
from songda.store import among, tables

ABOUT_DEBTOR = ("out_of_hours", "frequency", "unreachable")
ABOUT_NUMBER = ("refused", "adult")
CONSENTS = ("out_of_hours", "frequency")

_d = tables.declaration.c
_STANDING = select(_d.subject, _d.kind).where(
    _d.tenant_id == bindparam("tenant"),
    among(_d.subject, "subjects"),
    _d.ended_at.is_(None),
    _d.since <= bindparam("on"),
    or_(_d.until.is_(None), _d.until >= bindparam("on")),
)


@dataclass(frozen=True, slots=True)
class Declaration:
    kind: str
    #: Id of the debtor, or blind index of the contact's number.
    subject: str
    #: By which it came: call, sms, letter, app, counter …
    channel: str
    since: date
    #: Last day; None: until it is ended.
    until: date | None


def new_declaration_id() -> str:
    return ids.new("dcl")


def record(
    connection: Connection,
    tenant_id: str,
    declaration: Declaration,
    *,
    declaration_id: str,
    sealed: bytes,
    by: str,
    at: datetime,
) -> None:
    """Keeps it from now on; `sealed`: its words. Raises BadDeclaration."""
    if declaration.kind in CONSENTS and declaration.until is None:
        raise BadDeclaration(problem="没有截止日期")
    if declaration.until is not None and declaration.until < declaration.since:
        raise BadDeclaration(problem="截止日期早于开始日期")
    row = {name: getattr(declaration, name) for name in ("kind", "subject", "channel", "since", "until")}
    row |= {"id": declaration_id, "tenant_id": tenant_id, "sealed": sealed}
    connection.execute(insert(tables.declaration), row | {"recorded_at": at.astimezone(UTC), "recorded_by": by})


def end(connection: Connection, tenant_id: str, declaration_id: str, *, by: str, at: datetime) -> None:
    """From now on it holds no longer. Raises NoSuchDeclaration."""
    standing = (_d.id == declaration_id) & (_d.tenant_id == tenant_id) & _d.ended_at.is_(None)
    ended = update(tables.declaration).where(standing).values(ended_at=at.astimezone(UTC), ended_by=by)
    if connection.execute(ended).rowcount != 1:
        raise NoSuchDeclaration(declaration=declaration_id)


def standing(
    connection: Connection, tenant_id: str, subjects: Collection[str], *, on: date
) -> dict[str, frozenset[str]]:
    """Subject → kinds of its declarations that hold on day `on`."""
    found: dict[str, set[str]] = defaultdict(set)
    asked = {"tenant": tenant_id, "subjects": sorted(subjects), "on": on}
    for row in connection.execute(_STANDING, asked):
        found[row.subject].add(row.kind)
    return {subject: frozenset(kinds) for subject, kinds in found.items()}
