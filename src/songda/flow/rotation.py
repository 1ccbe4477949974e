"""New keys in the place of old ones, while everybody goes on working (decision 025).

    rotate_data_key(engine, master, home, name="bank", grace=timedelta(hours=1), actor="ops-7", clock=days.now)
    rotate_master_key(engine, master, path, grace=timedelta(hours=1), actor="ops-7", clock=days.now)

Each does what is to be done now, and may be called again at any time, after a crash too: it begins with a new key, or goes on with one
that was begun; seals anew whatever the old one sealed; and destroys the old one when nothing needs it and nothing new has been found
under it for as long as `grace`, so that whoever still had it in memory has long learnt of the new one and committed what it sealed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select, update

from songda.base.errors import SongdaError
from songda.flow.audit import write_audit
from songda.flow.resealing import Progress, reseal
from songda.flow.tenants import UnknownTenant, open_tenant
from songda.store import forget_overwritten, tables
from songda.vault import (
    MasterKey,
    add_master_key,
    drop_old_master_keys,
    drop_old_secrets,
    key_versions,
    rewrap_data_key,
    wrapped_by,
)
from songda.vault import rotate_data_key as with_new_secret

#: A process seals with an old secret for at most half a minute, and commits what it sealed within minutes.
SHORTEST_GRACE = timedelta(minutes=5)

Clock = Callable[[], datetime]
_t = tables.tenant.c


class OldKeyNeeded(SongdaError):
    zh = "有 {count} 处资料打不开（如 {example}），旧密钥不能销毁"
    remedy = "这些资料已损坏，请从备份恢复，再运行一次"
    exit_code = 65


@dataclass(frozen=True, slots=True)
class Rotation:
    #: Name of the key that seals now: a version, or the id of a master key.
    key: str
    #: A new key was made by this call.
    begun: bool
    rows: int
    files: int
    #: The old one is gone.
    destroyed: bool
    #: From when on a further call destroys it; None: it is.
    destroy_from: datetime | None


def rotate_data_key(
    engine: Engine,
    master: MasterKey,
    home: Path,
    *,
    name: str,
    grace: timedelta,
    actor: str,
    clock: Clock,
    suite: str | None = None,
    progress: Progress = lambda done: None,
) -> Rotation:
    """Begins, carries on or ends the rotation of the data key of a tenant; `suite`: its cipher from now on.

    Raises UnknownTenant, OldKeyNeeded, WrongMasterKey, DiskFull, CannotWrite.
    """
    begun = _begin(engine, master, name, actor=actor, at=clock(), suite=suite)
    tenant = open_tenant(engine, master, name=name)
    rows = files = 0
    while True:
        once = reseal(engine, tenant.key, home, tenant.id, progress=progress)
        rows, files = rows + once.rows, files + once.files
        if once.damaged:
            raise OldKeyNeeded(count=len(once.damaged), example=once.damaged[0])
        if once.nothing:
            break
    destroy_from = _unused_since(engine, tenant.id, clock(), found=rows + files > 0) + grace
    # The pass before it found nothing, and whatever could still come has had the whole grace for it.
    destroyed = clock() >= destroy_from and _end(engine, master, name, actor=actor, at=clock())
    if destroyed:
        forget_overwritten(engine)
    return Rotation(str(tenant.key.version), begun, rows, files, destroyed, None if destroyed else destroy_from)


def rotate_master_key(
    engine: Engine, master: MasterKey, path: Path | None, *, grace: timedelta, actor: str, clock: Clock
) -> Rotation:
    """Begins, carries on or ends the exchange of the master key: every tenant's data key is wrapped by the newest one.

    `path`: of the file that holds it, where a fresh one is put before it; None: whoever keeps the key has made a new one already,
    and destroys the old one. Raises WrongMasterKey, BadMasterKey, KeyFileExposed, MasterKeyMissing, CannotWrite, DiskFull.
    """
    before = master.key_id
    if path is not None:
        add_master_key(path)
    with engine.begin() as connection:
        newest, moved = master.key_id, 0
        for row in connection.execute(select(_t.id, _t.data_key).order_by(_t.id).with_for_update()).all():
            if wrapped_by(row.data_key) != newest:
                wrapped = rewrap_data_key(row.data_key, old=master, new=master)
                connection.execute(update(tables.tenant).where(_t.id == row.id).values(data_key=wrapped))
                _note(connection, "master_key.rotated", row.id, {"key": newest}, actor=actor, at=clock())
                moved += 1
    begun = newest != before
    if path is None:
        return Rotation(newest, moved > 0, moved, 0, False, clock() + grace)
    # The file's own date says since when nobody needs the old one: nothing else must be kept in step with the file.
    if moved or begun:
        os.utime(path, (clock().timestamp(), clock().timestamp()))
    destroy_from = datetime.fromtimestamp(path.stat().st_mtime, UTC) + grace
    destroyed = clock() >= destroy_from
    if destroyed:
        drop_old_master_keys(path)
        with engine.begin() as connection:
            _note(connection, "master_key.destroyed", newest, {"key": newest}, actor=actor, at=clock())
        forget_overwritten(engine)
    return Rotation(newest, begun, moved, 0, destroyed, None if destroyed else destroy_from)


def _begin(engine: Engine, master: MasterKey, name: str, *, actor: str, at: datetime, suite: str | None) -> bool:
    """Makes the new secret, unless the last rotation is not over."""
    with engine.begin() as connection:
        row = _locked(connection, name)
        if len(key_versions(master, row.data_key)) > 1:
            return False
        wrapped = with_new_secret(master, row.data_key, suite=suite)
        values = {"data_key": wrapped, "old_key_unused_since": None}
        connection.execute(update(tables.tenant).where(_t.id == row.id).values(values))
        details = {"version": key_versions(master, wrapped)[-1]}
        _note(connection, "data_key.rotated", row.id, details, actor=actor, at=at)
    return True


def _unused_since(engine: Engine, tenant_id: str, at: datetime, *, found: bool) -> datetime:
    """Since when no pass has found anything under the old secret; `found`: this call had found something until now."""
    with engine.begin() as connection:
        row = connection.execute(select(_t.old_key_unused_since).where(_t.id == tenant_id).with_for_update()).one()
        since: datetime | None = row.old_key_unused_since
        if since is None or found:
            since = at.astimezone(UTC)
            connection.execute(update(tables.tenant).where(_t.id == tenant_id).values(old_key_unused_since=since))
    return since if since.tzinfo else since.replace(tzinfo=UTC)


def _end(engine: Engine, master: MasterKey, name: str, *, actor: str, at: datetime) -> bool:
    with engine.begin() as connection:
        row = _locked(connection, name)
        versions = key_versions(master, row.data_key)
        if len(versions) > 1:
            values = {"data_key": drop_old_secrets(master, row.data_key), "old_key_unused_since": None}
            connection.execute(update(tables.tenant).where(_t.id == row.id).values(values))
            details = {"version": versions[-1], "destroyed": len(versions) - 1}
            _note(connection, "data_key.destroyed", row.id, details, actor=actor, at=at)
    return True


def _locked(connection: Connection, name: str) -> Any:
    row = connection.execute(select(_t.id, _t.data_key).where(_t.name == name).with_for_update()).first()
    if row is None:
        raise UnknownTenant(name=name)
    return row


def _note(
    connection: Connection, action: str, object_id: str, details: dict[str, Any], *, actor: str, at: datetime
) -> None:
    write_audit(connection, at=at, actor=actor, action=action, object_id=object_id, details=details)
