"""The audit log's table. The chain itself is the vault's business; a function of it comes in as an argument."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, insert, select, text

from songda.store import tables

Row = Mapping[str, Any]
#: (hash of the previous row or None, row without hash) → hash of this row.
Link = Callable[[str | None, Row], str]


def append_audit(
    connection: Connection, link: Link, *, at: str, actor: str, action: str, object_id: str, details: Row
) -> int:
    """Adds one entry behind the last one; returns its number. Writers queue: the chain has one end."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(7315412)"))
    a = tables.audit.c
    last = connection.execute(select(a.seq, a.hash).order_by(a.seq.desc()).limit(1)).first()
    seq: int = last.seq + 1 if last else 1
    row = {
        "seq": seq,
        "at": at,
        "actor": actor,
        "action": action,
        "object_id": object_id,
        "details": dict(details),
    }
    connection.execute(insert(tables.audit), {**row, "hash": link(last.hash if last else None, row)})
    return seq


def read_audit(connection: Connection) -> Iterator[Row]:
    """All entries in order, with their hashes."""
    for row in connection.execute(select(tables.audit).order_by(tables.audit.c.seq)):
        yield dict(row._mapping)
