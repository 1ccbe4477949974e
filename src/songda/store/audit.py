"""The audit log's table. The chain itself is the vault's business; a function of it comes in as an argument."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select, text

from songda.store import tables
from songda.store.rows import insert_many

Row = Mapping[str, Any]
#: (hash of the previous row or None, row without hash) → hash of this row.
Link = Callable[[str | None, Row], str]


def append_audit(
    connection: Connection, link: Link, *, at: str, actor: str, action: str, object_id: str, details: Row
) -> int:
    """Adds one entry behind the last one; returns its number. Writers queue: the chain has one end."""
    entry = {"at": at, "actor": actor, "action": action, "object_id": object_id, "details": dict(details)}
    return append_audits(connection, link, [entry])


def append_audits(connection: Connection, link: Link, entries: Sequence[Row]) -> int:
    """Adds entries (at, actor, action, object_id, details) behind the last one, in order; returns the last number."""
    seq, end = audit_end(connection)
    rows = []
    for seq, entry in enumerate(entries, seq + 1):  # noqa: B020 - counts on from the last one
        row = {"seq": seq, **entry}
        end = link(end, row)
        rows.append({**row, "hash": end})
    insert_many(connection, tables.audit, rows)
    return seq


def audit_end(connection: Connection) -> tuple[int, str | None]:
    """Number and hash of the last entry; until the transaction ends nobody adds another."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(7315412)"))
    a = tables.audit.c
    last = connection.execute(select(a.seq, a.hash).order_by(a.seq.desc()).limit(1)).first()
    return (last.seq, last.hash) if last else (0, None)


def read_audit(connection: Connection) -> Iterator[Row]:
    """All entries in order, with their hashes."""
    for row in connection.execute(select(tables.audit).order_by(tables.audit.c.seq)):
        yield dict(row._mapping)
