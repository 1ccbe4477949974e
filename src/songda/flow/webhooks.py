"""Webhooks of a tenant as the operator handles them: every change is audited, a receiver that was given up is a task.

webhook_id = add(engine, tenant, "https://bank.example/hook", at=now, actor="operator")
deliver_all(engine, tenants, http=http, clock=days.now)
keep_delivering(engine, master, stop, clock=days.now)              # until `stop` is set
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import Connection, Engine, select

from songda.dispatch import WEBHOOK_DISABLED, keep_tasks
from songda.flow.audit import write_audit
from songda.flow.tenants import Tenant, open_tenant
from songda.notices import (
    Delivered,
    Receiver,
    UnknownReceiver,
    add_receiver,
    alarms,
    deliver,
    enable,
    open_http,
    purpose_of,
    read_receivers,
    remove_receiver,
    rotate,
    secret_text,
    set_cursor,
    signing_secret,
    valid_generations,
)
from songda.store import tables

if TYPE_CHECKING:
    import httpx

    from songda.vault import MasterKey

log = structlog.get_logger("songda.webhooks")

#: Seconds between two rounds, after one that failed, and for which an end waits for the round under way.
ROUND_S, AFTER_FAILURE_S, JOIN_S = 2.0, 15.0, 20.0


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


def keep_delivering(engine: Engine, master: MasterKey, stop: Event, *, clock: Callable[[], datetime]) -> None:
    """Rounds over all tenants that have receivers, until `stop` is set. Several may run at once, in one process or many."""
    with open_http() as http:
        while not stop.is_set():
            try:
                done = deliver_all(engine, _with_receivers(engine, master), http=http, clock=clock)
                # What was taken is followed by more, more often than not.
                pause = 0.0 if done.events else ROUND_S
            except Exception as error:
                # The database is away, or busy for long: what was not acknowledged is sent again. The text may quote a row.
                log.warning("webhooks.round_failed", kind=type(error).__name__)
                pause = AFTER_FAILURE_S
            stop.wait(pause)


@contextmanager
def delivering(engine: Engine, master: MasterKey, *, clock: Callable[[], datetime]) -> Iterator[None]:
    """`keep_delivering` in a thread while the block runs."""
    stop = Event()
    sender = Thread(
        target=keep_delivering, args=(engine, master, stop), kwargs={"clock": clock}, name="webhooks", daemon=True
    )
    try:
        sender.start()
        yield
    finally:
        stop.set()
        # A sender that is cut off loses nothing, but its receiver waits until the claim ends.
        if sender.ident is not None:
            sender.join(JOIN_S)


def _with_receivers(engine: Engine, master: MasterKey) -> list[Tenant]:
    t, w = tables.tenant.c, tables.webhook.c
    with engine.connect() as connection:
        names = list(connection.scalars(select(t.name).where(t.id.in_(select(w.tenant_id))).order_by(t.name)))
    return [open_tenant(engine, master, name=name) for name in names]


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
