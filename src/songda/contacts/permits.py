"""The ledger of permits: one row a question with its answer, one row an outcome; only added to.

permit = find_permit(connection, tenant_id, "prm_…")
settle(connection, tenant_id, "prm_…", "unanswered", at=now)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from songda.base.days import SHANGHAI
from songda.base.errors import SongdaError
from songda.contacts.asking import OUTCOMES
from songda.contacts.counting import aware
from songda.contacts.errors import NoSuchPermit, NotGranted, OtherOutcome, WrongOutcome
from songda.store import among, insert_many, insert_missing, tables

_p, _o = tables.permit.c, tables.permit_outcome.c
_COLUMNS = (
    *("id", "case_id", "person_id", "number", "role", "channel", "mode", "purpose", "actor", "key", "body"),
    *("asked_at", "on_day", "granted", "until", "report_by", "retry_at", "verdict"),
)
_WITH_OUTCOME = select(*(_p[name] for name in _COLUMNS), _o.outcome, _o.late, _o.reported_at).outerjoin(
    tables.permit_outcome, _o.permit_id == _p.id
)
_OF_TENANT = _WITH_OUTCOME.where(_p.tenant_id == bindparam("tenant"))
_BY_KEY = _OF_TENANT.where(among(_p.actor, "actors"), among(_p.key, "keys"))
_BY_ID = _OF_TENANT.where(among(_p.id, "permits"))


@dataclass(frozen=True, slots=True)
class Permit:
    """A question and its answer; instants in Shanghai."""

    id: str
    case_id: str
    #: The debtor, whoever is reached.
    person_id: str
    #: Blind index of the telephone number.
    number: str | None = field(repr=False)
    #: Of the person to be reached.
    role: str | None
    channel: str
    mode: str | None
    purpose: str
    actor: str
    key: str
    #: Blind index of what was asked under the key.
    body: str = field(repr=False)
    asked_at: datetime
    on_day: date
    granted: bool
    #: By when the act must have begun, and by when its outcome must be told; None: refused.
    until: datetime | None
    report_by: datetime | None
    #: When it may be tried again; None: not before what stands against it has changed.
    retry_at: datetime | None
    #: As judged: rules, refusals, missing, inputs_hash, rule_set, scope, gate, counts, warnings, script_sha256, versions.
    verdict: Mapping[str, Any]
    outcome: str | None = None
    late: bool | None = None
    reported_at: datetime | None = None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Codes of what stood against it: rules, and what is asked beside them."""
        return (*self.verdict["refusals"], *self.verdict["rules"]) if not self.granted else ()

    def is_late(self, at: datetime) -> bool:
        """Whether an outcome told at that instant comes too late."""
        return self.report_by is not None and at > self.report_by

    def state(self, at: datetime) -> str:
        """refused | open | expired (never told of in time) | the outcome | late (told of too late)."""
        if not self.granted:
            return "refused"
        if self.outcome is not None:
            return "late" if self.late else self.outcome
        return "expired" if self.is_late(at) else "open"


@dataclass(frozen=True, slots=True)
class Settled:
    permit: Permit
    #: Told now; else it was told before.
    fresh: bool


def insert_permits(connection: Connection, tenant_id: str, permits: Sequence[Permit]) -> None:
    insert_many(connection, tables.permit, [_row(tenant_id, permit) for permit in permits])


def find_keys(
    connection: Connection, tenant_id: str, keys: Collection[tuple[str, str]]
) -> dict[tuple[str, str], Permit]:
    """(actor, key) → what was answered under it."""
    asked = {
        "tenant": tenant_id,
        "actors": sorted({actor for actor, _ in keys}),
        "keys": sorted(key for _, key in keys),
    }
    return {(row.actor, row.key): _permit(row) for row in connection.execute(_BY_KEY, asked)}


def find_permits(connection: Connection, tenant_id: str, permit_ids: Collection[str]) -> dict[str, Permit]:
    rows = connection.execute(_BY_ID, {"tenant": tenant_id, "permits": sorted(permit_ids)})
    return {row.id: _permit(row) for row in rows}


def permits_of(connection: Connection, tenant_id: str, persons: Iterable[str]) -> list[Permit]:
    """All permits about these debtors, the oldest first."""
    query = _WITH_OUTCOME.where(_p.tenant_id == tenant_id, _p.person_id.in_(sorted(persons)))
    return [_permit(row) for row in connection.execute(query.order_by(_p.asked_at, _p.id))]


def settle(
    connection: Connection, tenant_id: str, told: Sequence[tuple[str, str]], *, at: datetime
) -> list[Settled | SongdaError]:
    """Notes what became of permits (id, outcome), in order; told again, it is the same.

    NoSuchPermit, NotGranted, WrongOutcome or OtherOutcome in the place of what cannot be noted.
    """
    ids = {permit_id for permit_id, _ in told}
    before = find_permits(connection, tenant_id, ids)
    answers = {index: _refusal(before, *each) for index, each in enumerate(told)}
    # Of several in one call the first stands.
    fresh = {
        permit_id: outcome
        for index, (permit_id, outcome) in reversed(list(enumerate(told)))
        if answers[index] is None and before[permit_id].outcome is None
    }
    same = {"reported_at": at.astimezone(UTC)}
    rows = [
        same | {"permit_id": permit_id, "outcome": outcome, "late": before[permit_id].is_late(at)}
        for permit_id, outcome in sorted(fresh.items())
    ]
    insert_missing(connection, tables.permit_outcome, rows)
    # Somebody else may have told of one at the same moment: what stands is read again.
    after = find_permits(connection, tenant_id, fresh) if fresh else {}
    settled: list[Settled | SongdaError] = []
    for index, (permit_id, outcome) in enumerate(told):
        refusal = answers[index]
        permit = after.get(permit_id, before.get(permit_id))
        if refusal is not None or permit is None:
            settled.append(refusal or NoSuchPermit(permit=permit_id))
        elif permit.outcome != outcome:
            settled.append(OtherOutcome(permit=permit_id, outcome=permit.outcome))
        else:
            settled.append(Settled(permit, fresh=fresh.pop(permit_id, None) is not None))
    return settled


def _refusal(known: Mapping[str, Permit], permit_id: str, outcome: str) -> SongdaError | None:
    permit = known.get(permit_id)
    if permit is None:
        return NoSuchPermit(permit=permit_id)
    if not permit.granted:
        return NotGranted(permit=permit_id)
    return None if outcome in OUTCOMES[permit.channel] else WrongOutcome(outcome=outcome)


def _row(tenant_id: str, permit: Permit) -> dict[str, Any]:
    row = {name: getattr(permit, name) for name in _COLUMNS} | {"tenant_id": tenant_id}
    return row | {name: _utc(row[name]) for name in ("asked_at", "until", "report_by", "retry_at")}


def _permit(row: Any) -> Permit:
    values = dict(row._mapping)
    instants = ("asked_at", "until", "report_by", "retry_at", "reported_at")
    return Permit(**values | {name: _shanghai(values[name]) for name in instants})


def _utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.astimezone(UTC)


def _shanghai(instant: datetime | None) -> datetime | None:
    return None if instant is None else aware(instant).astimezone(SHANGHAI)
