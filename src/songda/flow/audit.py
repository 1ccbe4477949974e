"""The audit chain between the vault, which computes it, and the store, which keeps it; its daily seals, and copies of it.

write_audit(connection, at=now, actor="ops-7", action="stop.given", object_id=stop_id, details={})
seal_audit(engine, tenant, at=now)                  # once a day: the institution signs for what stands there
verify_audit(connection, keys=institution_keys(engine, master))
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, select

from songda.base.days import business_day
from songda.base.errors import SongdaError
from songda.store import append_audit, append_audits, audit_end, read_audit, tables
from songda.vault.audit import (
    GENESIS,
    SEALED,
    STAMPED,
    AuditEntry,
    Genuine,
    StampedAt,
    Verdict,
    link,
    seal_statement,
    verify,
)

if TYPE_CHECKING:
    from songda.flow.tenants import Tenant
    from songda.vault import MasterKey

_a = tables.audit.c


class NotAnAuditCopy(SongdaError):
    zh = "第 {line} 行不是审计日志的一条记录"
    remedy = "副本由 songda audit export 导出，每行一条；请重新取得副本"
    exit_code = 65


def write_audit(
    connection: Connection, *, at: datetime, actor: str, action: str, object_id: str, details: Mapping[str, Any]
) -> None:
    """One entry at the end of the chain, in the caller's transaction. `details` holds no personal data."""
    append_audit(connection, _link, at=at.isoformat(), actor=actor, action=action, object_id=object_id, details=details)


def write_audits(connection: Connection, entries: Sequence[Mapping[str, Any]]) -> None:
    """Entries at the end of the chain, in order: at (datetime), actor, action, object_id, details, as `write_audit` takes them."""
    append_audits(connection, _link, [{**entry, "at": entry["at"].isoformat()} for entry in entries])


def seal_audit(engine: Engine, tenant: Tenant, *, at: datetime) -> int:
    """The institution signs for the whole chain as it stands, once a business day; returns the last entry under its seals.

    All institutions of a house share one chain: each of their seals covers what all of them did.
    """
    from songda.evidence import signing_key

    day = business_day(at).isoformat()
    with engine.begin() as connection:
        seq, head = audit_end(connection)
        own = _a.action == SEALED, _a.object_id == tenant.id
        last = connection.execute(select(_a.seq, _a.details).where(*own).order_by(_a.seq.desc()).limit(1)).first()
        if last is not None and (last.details["day"] >= day or not _done_since(connection, last.seq)):
            return int(last.seq) - 1
        statement = seal_statement(tenant.id, day, seq, head or GENESIS)
        details = {"day": day, "signature": signing_key(tenant.key.signing_seed()).sign(statement).hex()}
        write_audit(connection, at=at, actor="timer", action=SEALED, object_id=tenant.id, details=details)
    return seq


def _done_since(connection: Connection, seq: int) -> bool:
    """Whether anything stands behind the entry but timestamps."""
    later = select(_a.seq).where(_a.seq > seq, _a.action != STAMPED).limit(1)
    return connection.execute(later).first() is not None


def institution_keys(engine: Engine, master: MasterKey) -> list[str]:
    """PEM of every institution's key, with which its seals and bundles are verified (`songda evidence key`)."""
    from songda.evidence import public_pem, signing_key
    from songda.flow.tenants import open_tenant

    with engine.connect() as connection:
        names = list(connection.scalars(select(tables.tenant.c.name).order_by(tables.tenant.c.name)))
    tenants = [open_tenant(engine, master, name=name) for name in names]
    return [public_pem(signing_key(tenant.key.signing_seed())) for tenant in tenants]


def verify_audit(connection: Connection, *, keys: Iterable[str] = (), roots: Iterable[bytes] = ()) -> Verdict:
    """Every break of the chain. `keys`: PEM by which its seals are checked; none: they are not. `roots`: so for their timestamps.

    Raises BadTrust.
    """
    return verify(_rows(read_audit(connection)), genuine=_genuine(keys), stamped_at=_stamped_at(roots))


def verify_copy(lines: Iterable[str], *, keys: Iterable[str] = (), roots: Iterable[bytes] = ()) -> Verdict:
    """As `verify_audit`, of what `export_audit` wrote; needs no database. Raises NotAnAuditCopy, BadTrust."""
    return verify(_rows(_read(lines)), genuine=_genuine(keys), stamped_at=_stamped_at(roots))


def export_audit(connection: Connection) -> Iterator[str]:
    """A JSON object a line, in the order of the log."""
    for row in read_audit(connection):
        yield json.dumps(dict(row), sort_keys=True) + "\n"


def audit_state(connection: Connection) -> str:
    """The state of the chain in a few words for the report."""
    found = verify_audit(connection)
    if found.breaks:
        return f"审计链 {found.entries:,} 条，有 {len(found.breaks)} 处不符"
    return f"审计链 {found.entries:,} 条，已校验，末端 {found.head[:12]}"


def _rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[AuditEntry, str]]:
    for row in rows:
        yield AuditEntry(**{name: value for name, value in row.items() if name != "hash"}), row["hash"]


def _read(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    names = {column.name for column in tables.audit.c}
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        sound = isinstance(row, dict) and row.keys() == names and type(row["seq"]) is int
        if not (sound and isinstance(row["details"], dict) and isinstance(row["hash"], str)):
            raise NotAnAuditCopy(line=number)
        yield row


def _genuine(keys: Iterable[str]) -> Genuine | None:
    """Signed by one of the keys: an institution's own is not told by its id, which anybody can write."""
    from songda.signatures import BadSignature, verifying_keys

    known = [key for pem in keys for key in verifying_keys(pem.encode())]
    if not known:
        return None

    def genuine(_holder: str, statement: bytes, signature: str) -> bool:
        try:
            told = bytes.fromhex(signature)
        except ValueError:
            return False
        for key in known:
            try:
                key.verify(statement, told)
            except BadSignature:
                continue
            return True
        return False

    return genuine


def _stamped_at(roots: Iterable[bytes]) -> StampedAt | None:
    """By an authority under one of the roots (PEM)."""
    from songda.evidence import UntrustedStamp, certificates, read_stamp

    trusted = [each for pem in roots for each in certificates(pem, source="timestamp")]
    if not trusted:
        return None

    def stamped_at(statement: bytes, token: str) -> str | None:
        try:
            return read_stamp(base64.b64decode(token, validate=True), statement, roots=trusted).at.isoformat()
        except (UntrustedStamp, ValueError):
            return None

    return stamped_at


def _link(previous: str | None, row: Mapping[str, Any]) -> str:
    return link(previous or GENESIS, AuditEntry(**row))
