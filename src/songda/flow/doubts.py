"""Outcomes that count only once a person has looked at them; the letter then settles as its trace says.

    for doubt in open_doubts(connection, tenant): ...
    accept(engine, tenant, ["LH2026-000123"], by="ops-7", at=now)

A doubt is about one outcome: what the carrier tells later is another one, and is asked about anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine

from songda.base.errors import SongdaError
from songda.dispatch import Doubt, accept_outcomes, doubts_of
from songda.flow.audit import write_audit
from songda.flow.stop import find_letter
from songda.flow.tenants import Tenant


class NotInDoubt(SongdaError):
    zh = "函件 {letter_no} 没有待人工复核的投递结果"
    remedy = "待复核的投递结果可用 songda letters doubts 查看"
    exit_code = 65


def open_doubts(connection: Connection, tenant: Tenant) -> list[Doubt]:
    """Outcomes of the tenant's letters that wait for a person, by letter number."""
    return doubts_of(connection, tenant_id=tenant.id)


def accept(engine: Engine, tenant: Tenant, letter_nos: Sequence[str], *, by: str, at: datetime) -> list[Doubt]:
    """Lets the doubtful outcomes of these letters count, all or none. `by`: id of the one who answers for it.

    Raises UnknownLetter, NotInDoubt.
    """
    with engine.begin() as connection:
        standing = open_doubts(connection, tenant)
        accepted: list[Doubt] = []
        for letter_no in dict.fromkeys(letter_nos):
            letter = find_letter(connection, tenant, letter_no)
            own = [doubt for doubt in standing if doubt.letter_id == letter.id]
            if not own:
                raise NotInDoubt(letter_no=letter_no)
            accepted += own
        accept_outcomes(connection, accepted, at=at)
        for doubt in accepted:
            write_audit(
                connection,
                at=at,
                actor=by,
                action="outcome.accepted",
                object_id=doubt.attempt_id,
                details={"outcome": doubt.outcome, "flags": " ".join(doubt.flags)},
            )
    return accepted
