"""Which rules judged a letter at which gate, and what came of it, read back from the decisions that were kept."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from songda.flow.proof_rows import read_decisions
from songda.flow.stop import find_letter
from songda.flow.tenants import Tenant
from songda.store import tables


def decisions_of_letter(connection: Connection, tenant: Tenant, letter_no: str) -> list[dict[str, Any]]:
    """All automatic decisions about a letter, its attempts and its pieces, in the order of the way. Raises UnknownLetter."""
    letter = find_letter(connection, tenant, letter_no)
    n, p = tables.attempt.c, tables.piece.c
    attempts = list(connection.scalars(select(n.id).where(n.letter_id == letter.id)))
    pieces = list(connection.scalars(select(p.id).where(p.attempt_id.in_(attempts))))
    return read_decisions(connection, [letter.id, *attempts, *pieces], tenant, kind=letter.kind)
