"""Webhooks of a tenant as the operator handles them: every change is audited, a receiver that was given up is a task.

webhook_id = add(engine, tenant, "https://bank.example/hook", at=now, actor="operator")
deliver_all(engine, tenants, http=http, clock=days.now)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine

from songda.dispatch import WEBHOOK_DISABLED, keep_tasks
from songda.flow.audit import write_audit
from songda.flow.tenants import Tenant
from songda.notices import (
    Delivered,
    Receiver,
    UnknownReceiver,
    add_receiver,
    alarms,
    deliver,
    enable,
    purpose_of,
    read_receivers,
    remove_receiver,
    rotate,
    secret_text,
    set_cursor,
    signing_secret,
    valid_generations,
)

if TYPE_CHECKING:
    import httpx


def add(
    engine: Engine,
    tenant: Tenant,
    url: str,
    *,
    types: Sequence[str] | None = None,
    after: int | None = None,
    at: datetime,
    actor: str,
) -> str:
    """A receiver of what happens from now on, or behind the cursor `after`; returns its id.

    Raises BadAddress, UnknownEventType.
    """
    with engine.begin() as connection:
        webhook_id = add_receiver(connection, tenant.key, tenant.id, url, types=types, after=after, at=at)
        _audit(connection, webhook_id, "webhook.add", at=at, actor=actor)
    return webhook_id


def remove(engine: Engine, tenant: Tenant, webhook_id: str, *, at: datetime, actor: str) -> None:
    """Raises UnknownReceiver."""
    with engine.begin() as connection:
        remove_receiver(connection, tenant.id, webhook_id)
        _audit(connection, webhook_id, "webhook.remove", at=at, actor=actor)
        _keep_alarms(connection, tenant, [webhook_id], at=at)


def resume(engine: Engine, tenant: Tenant, webhook_id: str, *, at: datetime, actor: str) -> None:
    """A receiver that was given up goes on where it stopped. Raises UnknownReceiver."""
    with engine.begin() as connection:
        enable(connection, tenant.id, webhook_id)
        _audit(connection, webhook_id, "webhook.enable", at=at, actor=actor)
        _keep_alarms(connection, tenant, [webhook_id], at=at)


def replay(engine: Engine, tenant: Tenant, webhook_id: str, *, after: int, at: datetime, actor: str) -> None:
    """Everything behind the cursor `after` is sent (again) with the next delivery. Raises UnknownReceiver."""
    with engine.begin() as connection:
        set_cursor(connection, tenant.id, webhook_id, after)
        _audit(connection, webhook_id, "webhook.replay", at=at, actor=actor)


def renew(engine: Engine, tenant: Tenant, webhook_id: str, *, overlap: timedelta, at: datetime, actor: str) -> None:
    """A new signing secret; the last one signs too for `overlap`. Raises UnknownReceiver."""
    with engine.begin() as connection:
        _one(connection, tenant, webhook_id)
        rotate(connection, tenant.id, purpose_of(webhook_id), at=at, overlap=overlap)
        _audit(connection, webhook_id, "webhook.rotate", at=at, actor=actor)


def secrets_of(engine: Engine, tenant: Tenant, webhook_id: str, *, at: datetime) -> list[tuple[str, datetime | None]]:
    """The valid signing secrets as the receiver is told them, newest first, and until when. Raises UnknownReceiver."""
    with engine.connect() as connection:
        _one(connection, tenant, webhook_id)
        valid = valid_generations(connection, tenant.id, purpose_of(webhook_id), at=at)
    return [(secret_text(signing_secret(tenant.key, webhook_id, each.generation)), each.until) for each in valid]


def deliver_all(
    engine: Engine, tenants: Iterable[Tenant], *, http: httpx.Client, clock: Callable[[], datetime]
) -> Delivered:
    """One round: every receiver that is due is told what it has not taken yet; alarms become tasks, and end with their cause."""
    events = behind = disabled = 0
    for tenant in tenants:
        done = deliver(engine, tenant_id=tenant.id, key=tenant.key, http=http, clock=clock)
        events, behind, disabled = events + done.events, behind + done.behind, disabled + done.disabled
        with engine.begin() as connection:
            known = [each.id for each in read_receivers(connection, tenant.id)]
            _keep_alarms(connection, tenant, known, at=clock())
    return Delivered(events=events, behind=behind, disabled=disabled)


def _keep_alarms(connection: Connection, tenant: Tenant, webhooks: Sequence[str], *, at: datetime) -> None:
    reasons = {id_: why for id_, why in alarms(connection, tenant.id).items() if id_ in webhooks}
    keep_tasks(connection, WEBHOOK_DISABLED, reasons, among=webhooks, actor="timer", at=at)


def _one(connection: Connection, tenant: Tenant, webhook_id: str) -> Receiver:
    for receiver in read_receivers(connection, tenant.id):
        if receiver.id == webhook_id:
            return receiver
    raise UnknownReceiver(webhook=webhook_id)


def _audit(connection: Connection, webhook_id: str, action: str, *, at: datetime, actor: str) -> None:
    write_audit(connection, at=at, actor=actor, action=action, object_id=webhook_id, details={})
