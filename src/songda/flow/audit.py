"""The audit chain between the vault, which computes it, and the store, which keeps it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from songda.store import append_audit, append_audits, read_audit
from songda.vault.audit import GENESIS, AuditEntry, Break, link, verify


def write_audit(
    connection: Connection, *, at: datetime, actor: str, action: str, object_id: str, details: Mapping[str, Any]
) -> None:
    """One entry at the end of the chain, in the caller's transaction. `details` holds no personal data."""
    append_audit(connection, _link, at=at.isoformat(), actor=actor, action=action, object_id=object_id, details=details)


def write_audits(connection: Connection, entries: Sequence[Mapping[str, Any]]) -> None:
    """Entries at the end of the chain, in order: at (datetime), actor, action, object_id, details, as `write_audit` takes them."""
    append_audits(connection, _link, [{**entry, "at": entry["at"].isoformat()} for entry in entries])


def verify_audit(connection: Connection) -> tuple[int, str, list[Break]]:
    """Number of entries, hash of the last one, and every break of the chain (none: it is what was written)."""
    count, head = 0, GENESIS

    def rows() -> Iterator[tuple[AuditEntry, str]]:
        nonlocal count, head
        for row in read_audit(connection):
            entry = {name: value for name, value in row.items() if name != "hash"}
            count, head = count + 1, row["hash"]
            yield AuditEntry(**entry), row["hash"]

    breaks = verify(rows())
    return count, head, breaks


def audit_state(connection: Connection) -> str:
    """The state of the chain in a few words for the report."""
    count, head, breaks = verify_audit(connection)
    if breaks:
        return f"审计链 {count:,} 条，有 {len(breaks)} 处不符"
    return f"审计链 {count:,} 条，已校验，末端 {head[:12]}"


def _link(previous: str | None, row: Mapping[str, Any]) -> str:
    return link(previous or GENESIS, AuditEntry(**row))
