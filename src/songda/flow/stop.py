"""Stop orders as people give them: about a letter, a case, a debtor or everything, kept in the audit log.

stopped = stop_letter(engine, tenant, "LH2026-000123", reason="paid", by="ops-7", at=now)
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, select

from songda.base import ids
from songda.base.errors import SongdaError
from songda.dispatch import Stopped, lift, stop
from songda.flow.audit import write_audit
from songda.flow.errors import UnknownLetter
from songda.flow.sealed import LASTING
from songda.flow.tenants import Tenant
from songda.store import chunks, tables

_l, _s = tables.letter.c, tables.stop_order.c


class UnknownCase(SongdaError):
    zh = "没有这个案件编号的案件"
    remedy = "请核对案件编号（与案件文件中的写法一致）"
    exit_code = 65


def stop_letter(
    engine: Engine, tenant: Tenant, letter_no: str, *, reason: str, by: str, at: datetime, debtor: bool = False
) -> Stopped:
    """Stops one letter, or with `debtor` everything to its addressee. Raises UnknownLetter."""
    with engine.connect() as connection:
        letter = find_letter(connection, tenant, letter_no)
    scope, object_id = ("person", letter.person_id) if debtor else ("letter", letter.id)
    return _stop(engine, tenant, scope, object_id, reason=reason, by=by, at=at)


def stop_case(engine: Engine, tenant: Tenant, case_no: str, *, reason: str, by: str, at: datetime) -> Stopped:
    """Stops every letter about the case. Raises UnknownCase."""
    case_id = ids.derive("cas", LASTING, tenant.key.id_secret(), tenant.key.blind_index("case_no", case_no))
    with engine.connect() as connection:
        if connection.scalar(select(tables.case.c.id).where(tables.case.c.id == case_id)) is None:
            raise UnknownCase
    return _stop(engine, tenant, "case", case_id, reason=reason, by=by, at=at)


def stop_everything(engine: Engine, tenant: Tenant, *, reason: str, by: str, at: datetime) -> Stopped:
    """Stops every letter of the institution."""
    return _stop(engine, tenant, "tenant", tenant.id, reason=reason, by=by, at=at)


def lift_stop(engine: Engine, tenant: Tenant, stop_id: str, *, by: str, at: datetime) -> None:
    """Ends a standing order. Raises UnknownStop."""
    lift(engine, tenant_id=tenant.id, stop_id=stop_id, at=at)
    with engine.begin() as connection:
        write_audit(connection, at=at, actor=by, action="stop.lifted", object_id=stop_id, details={})


def standing_stops(connection: Connection, tenant: Tenant) -> Sequence[Any]:
    """Rows of the standing orders: id, scope, object_id, reason, given_at."""
    query = select(_s.id, _s.scope, _s.object_id, _s.reason, _s.given_at)
    return connection.execute(query.where(_s.tenant_id == tenant.id, _s.state == "standing").order_by(_s.id)).all()


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
