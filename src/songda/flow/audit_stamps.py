"""Trusted timestamps over the daily seals of the audit log: an institution cannot seal another history later, either.

    stamp_audit(engine, tenant, at=now)         # the last seal, by the authority that the profile names; None or what went wrong
    verify_audit(connection, keys=…, roots=authorities(engine, master))

The timestamp is an entry of the chain, after the seal that it is of. Without an answer the work goes on; the next run asks again.
"""

from __future__ import annotations

import base64
from datetime import datetime

from sqlalchemy import Connection, Engine, select

from songda.base.errors import SongdaError
from songda.dispatch.tasks import keep_tasks
from songda.flow.audit import write_audit
from songda.flow.stamps import stamp_by
from songda.flow.tenants import Tenant, open_tenant
from songda.store import tables
from songda.vault import MasterKey
from songda.vault.audit import SEALED, STAMPED, stamp_statement

#: Kind of the task about an institution whose last seal should have a timestamp and has none.
UNSTAMPED = "audit_unstamped"
_a = tables.audit.c


def stamp_audit(engine: Engine, tenant: Tenant, *, at: datetime) -> SongdaError | None:
    """Has the institution's last seal stamped, once; returns what went wrong, which is a person's task until it is mended."""
    with engine.connect() as connection:
        own = _a.action == SEALED, _a.object_id == tenant.id
        seal = connection.execute(select(_a.seq, _a.hash).where(*own).order_by(_a.seq.desc()).limit(1)).first()
        if seal is None or _is_stamped(connection, tenant, seal.seq):
            return None
    token, error = None, None
    try:
        stamp = stamp_by(tenant)
        if stamp is None:
            return None
        token = stamp(stamp_statement(seal.seq, seal.hash))
    except SongdaError as refused:
        error = refused
    with engine.begin() as connection:
        reasons = {} if error is None else {tenant.id: type(error).__name__}
        keep_tasks(connection, UNSTAMPED, reasons, among={tenant.id}, actor="timer", at=at)
        if token is not None and not _is_stamped(connection, tenant, seal.seq):
            details = {"seal": int(seal.seq), "token": base64.b64encode(token).decode()}
            write_audit(connection, at=at, actor="timer", action=STAMPED, object_id=tenant.id, details=details)
    return error


def authorities(engine: Engine, master: MasterKey) -> list[bytes]:
    """PEM of the roots of the authorities that the institutions' profiles name."""
    with engine.connect() as connection:
        names = list(connection.scalars(select(tables.tenant.c.name).order_by(tables.tenant.c.name)))
    stated = [open_tenant(engine, master, name=name).profile.timestamp.certificate for name in names]
    return [each.encode() for each in stated if each is not None]


def _is_stamped(connection: Connection, tenant: Tenant, seq: int) -> bool:
    query = select(_a.details).where(_a.action == STAMPED, _a.object_id == tenant.id, _a.seq > seq)
    return any(details["seal"] == seq for details in connection.scalars(query))
