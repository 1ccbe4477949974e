"""Stop orders as people give them: about a letter, a case, a debtor or everything, kept in the audit log.

stopped = stop_letter(engine, tenant, "LH2026-000123", reason="paid", by="ops-7", at=now)
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, select

from songda.base import days, ids
from songda.base.errors import SongdaError
from songda.dispatch import Stopped, lift, stop
from songda.flow.audit import write_audit
from songda.flow.errors import UnknownLetter
from songda.flow.sealed import LASTING
from songda.flow.tenants import Tenant
from songda.store import chunks, tables

#: Reasons that are about the person, whatever letter or case they were told of: nothing goes to them any more.
_OF_THE_PERSON = frozenset({"deceased", "no_capacity", "bankruptcy"})
#: Reasons of which no single person may say that they are over.
TWO_TO_LIFT = frozenset({"legal_hold", "regulator"})

_l, _c, _s = tables.letter.c, tables.case.c, tables.stop_order.c


class StandingStop(NamedTuple):
    id: str
    #: letter | case | person | tenant, and the id of the thing.
    scope: str
    object_id: str
    reason: str
    #: Shanghai.
    given_at: datetime

    def to_json(self) -> dict[str, Any]:
        return self._asdict() | {"given_at": self.given_at.isoformat()}


class UnknownCase(SongdaError):
    zh = "没有这个案件编号的案件"
    remedy = "请核对案件编号（与案件文件中的写法一致）"
    exit_code = 65


class SecondNeeded(SongdaError):
    zh = "监管要求、证据保全的停止令须由两人解除"
    remedy = "请用 --second 写明另一人的编号"
    exit_code = 65


def stop_letter(
    engine: Engine, tenant: Tenant, letter_no: str, *, reason: str, by: str, at: datetime, debtor: bool = False
) -> Stopped:
    """Stops one letter; with `debtor`, or when the addressee has died, everything to them. Raises UnknownLetter."""
    with engine.connect() as connection:
        letter = find_letter(connection, tenant, letter_no)
    whole = debtor or reason in _OF_THE_PERSON
    scope, object_id = ("person", letter.person_id) if whole else ("letter", letter.id)
    return _stop(engine, tenant, scope, object_id, reason=reason, by=by, at=at)


def stop_letter_by_id(engine: Engine, tenant: Tenant, letter_id: str, *, reason: str, by: str, at: datetime) -> Stopped:
    """Stops one letter, whatever the reason: who says so is not known."""
    return _stop(engine, tenant, "letter", letter_id, reason=reason, by=by, at=at)


def stop_case(engine: Engine, tenant: Tenant, case_no: str, *, reason: str, by: str, at: datetime) -> Stopped:
    """Stops every letter about the case; when the debtor has died, everything to them. Raises UnknownCase."""
    case_id = ids.derive("cas", LASTING, tenant.key.id_secret(), tenant.key.blind_index("case_no", case_no))
    with engine.connect() as connection:
        person_id = connection.scalar(select(_c.person_id).where(_c.id == case_id))
    if person_id is None:
        raise UnknownCase
    scope, object_id = ("person", person_id) if reason in _OF_THE_PERSON else ("case", case_id)
    return _stop(engine, tenant, scope, object_id, reason=reason, by=by, at=at)


def stop_settled(engine: Engine, tenant: Tenant, case_id: str, *, by: str, at: datetime) -> Stopped:
    """Stops every letter about a case of the tenant that is paid in full."""
    return _stop(engine, tenant, "case", case_id, reason="paid", by=by, at=at)


def stop_everything(engine: Engine, tenant: Tenant, *, reason: str, by: str, at: datetime) -> Stopped:
    """Stops every letter of the institution."""
    return _stop(engine, tenant, "tenant", tenant.id, reason=reason, by=by, at=at)


def lift_stop(
    engine: Engine, tenant: Tenant, stop_id: str, *, by: str, at: datetime, second: str | None = None
) -> None:
    """Ends a standing order; of some reasons (TWO_TO_LIFT) two persons must say that they are over.

    Raises UnknownStop, SecondNeeded.
    """
    with engine.connect() as connection:
        reason = connection.scalar(select(_s.reason).where(_s.id == stop_id, _s.tenant_id == tenant.id))
    if reason in TWO_TO_LIFT and second in (None, by):
        raise SecondNeeded
    lift(engine, tenant_id=tenant.id, stop_id=stop_id, at=at)
    details = {} if second is None else {"second": second}
    with engine.begin() as connection:
        write_audit(connection, at=at, actor=by, action="stop.lifted", object_id=stop_id, details=details)


def standing_stops(connection: Connection, tenant: Tenant) -> list[StandingStop]:
    """The standing orders, the oldest first."""
    query = select(_s.id, _s.scope, _s.object_id, _s.reason, _s.given_at)
    rows = connection.execute(query.where(_s.tenant_id == tenant.id, _s.state == "standing").order_by(_s.id))
    # SQLite forgets the zone: what lies there is always UTC.
    return [
        StandingStop(*row[:-1], row.given_at.replace(tzinfo=row.given_at.tzinfo or UTC).astimezone(days.SHANGHAI))
        for row in rows
    ]


def find_letter(connection: Connection, tenant: Tenant, letter_no: str) -> Any:
    """The letter's row. Raises UnknownLetter."""
    query = select(tables.letter).where(_l.tenant_id == tenant.id, _l.letter_no == letter_no)
    row = connection.execute(query).first()
    if row is None:
        raise UnknownLetter(letter_no=letter_no)
    return row


def letter_numbers(connection: Connection, letter_ids: Collection[str]) -> dict[str, str | None]:
    """Letter id → number."""
    found: dict[str, str | None] = {}
    for part in chunks(sorted(letter_ids)):
        found |= {
            row.id: row.letter_no for row in connection.execute(select(_l.id, _l.letter_no).where(_l.id.in_(part)))
        }
    return found


class LetterStopped(NamedTuple):
    letter_no: str
    outcome: str
    #: Shanghai.
    posted_at: datetime | None
    #: Envelopes to be taken out: number of the run and place in it.
    pieces: list[str]

    def to_json(self) -> dict[str, Any]:
        return self._asdict() | {"posted_at": self.posted_at and self.posted_at.isoformat()}


def letters_stopped(connection: Connection, stopped: Stopped) -> list[LetterStopped]:
    """What an order found, by the numbers that people know."""
    numbers = letter_numbers(connection, stopped.answers)
    where = places_in_runs(connection, [piece for each in stopped.answers.values() for piece in each.pieces])
    return [
        LetterStopped(
            numbers[letter] or letter,
            each.outcome,
            None if each.posted_at is None else each.posted_at.astimezone(days.SHANGHAI),
            [where[piece] for piece in each.pieces],
        )
        for letter, each in stopped.answers.items()
    ]


def places_in_runs(connection: Connection, piece_ids: Collection[str]) -> dict[str, str]:
    """Piece id → number of its run and place in it, as the codes on its sheets tell them."""
    p, r, found = tables.piece.c, tables.run.c, dict[str, str]()
    for part in chunks(sorted(piece_ids)):
        query = select(p.id, r.number, p.seq).join(tables.run, r.id == p.run_id).where(p.id.in_(part))
        found |= {row.id: f"{row.number:06}/{row.seq}" for row in connection.execute(query)}
    return found


def _stop(engine: Engine, tenant: Tenant, scope: str, object_id: str, *, reason: str, by: str, at: datetime) -> Stopped:
    stopped = stop(engine, tenant_id=tenant.id, scope=scope, object_id=object_id, reason=reason, at=at)
    counts: dict[str, int] = {}
    for answer in stopped.answers.values():
        counts[answer.outcome] = counts.get(answer.outcome, 0) + 1
    with engine.begin() as connection:
        write_audit(
            connection,
            at=at,
            actor=by,
            action="stop.given",
            object_id=stopped.stop_id,
            details={"scope": scope, "of": object_id, "reason": reason, **counts},
        )
    return stopped
