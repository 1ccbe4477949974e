"""Receivers of webhooks: where they are, what they want, how far they have come.

The address may hold a token of the receiver and lies sealed; only its host is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, delete, insert, select, update

from songda.base import ids
from songda.base.errors import SongdaError
from songda.store import EVENT_TYPES, count_events, last_position, number_events, tables
from songda.vault import DataKey

#: Without TLS a webhook may only stay on this machine.
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_LONGEST = 2000

_w = tables.webhook.c


class BadAddress(SongdaError):
    zh = "接收地址不能使用：{reason}"
    remedy = "请写成 https://主机/路径（仅本机调试可用 http://127.0.0.1:端口/路径），不含用户名和 # 部分"
    exit_code = 64


class UnknownEventType(SongdaError):
    zh = "没有名为 {name} 的事件"
    remedy = "可选：{known}"
    exit_code = 64


class UnknownReceiver(SongdaError):
    zh = "没有编号为 {webhook} 的 webhook"
    remedy = "编号可用 songda webhooks list 查看"
    exit_code = 65


@dataclass(frozen=True, slots=True)
class Receiver:
    id: str
    host: str
    #: None: all.
    types: tuple[str, ...] | None
    #: Cursor: position of the last event that it has taken.
    after: int
    #: Tries in a row without progress, since when, and what the last one came to.
    failures: int
    failing_since: datetime | None
    failed_with: str | None
    next_try_at: datetime | None
    disabled_at: datetime | None
    disabled_for: str | None


def add_receiver(
    connection: Connection,
    key: DataKey,
    tenant_id: str,
    url: str,
    *,
    types: Sequence[str] | None = None,
    after: int | None = None,
    at: datetime,
) -> str:
    """A receiver of what happens from now on, or behind the cursor `after`; returns its id.

    Raises BadAddress, UnknownEventType.
    """
    host = _host_of(url)
    for name in types or ():
        if name not in EVENT_TYPES:
            raise UnknownEventType(name=name, known="、".join(EVENT_TYPES))
    number_events(connection)
    webhook_id = ids.new("whk")
    connection.execute(
        insert(tables.webhook),
        {
            "id": webhook_id,
            "tenant_id": tenant_id,
            "sealed": key.seal(url.encode(), context=_context(webhook_id)),
            "host": host,
            "types": sorted(set(types)) if types else None,
            "after": last_position(connection, tenant_id) if after is None else after,
            "failures": 0,
            "created_at": at.astimezone(UTC),
        },
    )
    return webhook_id


def address_of(key: DataKey, webhook_id: str, sealed: bytes) -> str:
    return key.unseal(sealed, context=_context(webhook_id)).decode()


def read_receivers(connection: Connection, tenant_id: str) -> list[Receiver]:
    """In the order in which they were added."""
    query = select(tables.webhook).where(_w.tenant_id == tenant_id).order_by(_w.created_at, _w.id)
    return [_receiver(row) for row in connection.execute(query)]


def remove_receiver(connection: Connection, tenant_id: str, webhook_id: str) -> None:
    """Raises UnknownReceiver."""
    own = (_w.id == webhook_id) & (_w.tenant_id == tenant_id)
    if not connection.execute(delete(tables.webhook).where(own)).rowcount:
        raise UnknownReceiver(webhook=webhook_id)


def enable(connection: Connection, tenant_id: str, webhook_id: str) -> None:
    """Begins again where the receiver stopped, at once. Raises UnknownReceiver."""
    fresh = dict.fromkeys(("failing_since", "failed_with", "next_try_at", "disabled_at", "disabled_for"))
    _change(connection, tenant_id, webhook_id, failures=0, **fresh)


def set_cursor(connection: Connection, tenant_id: str, webhook_id: str, after: int) -> None:
    """Everything behind the cursor `after` is sent, again if it was sent before. Raises UnknownReceiver."""
    # A sender at work would write its own cursor over this one: it loses its claim.
    _change(connection, tenant_id, webhook_id, after=after, busy_until=None, next_try_at=None)


def alarms(connection: Connection, tenant_id: str) -> dict[str, str]:
    """Disabled receivers and why: what only a person can settle."""
    query = select(_w.id, _w.disabled_for).where(_w.tenant_id == tenant_id, _w.disabled_at.is_not(None))
    return {row.id: row.disabled_for for row in connection.execute(query)}


def waiting(connection: Connection, tenant_id: str, webhook_id: str) -> int:
    """Events that the receiver has not taken yet."""
    number_events(connection)
    row = connection.execute(select(_w.after, _w.types).where(_w.id == webhook_id, _w.tenant_id == tenant_id)).one()
    return count_events(connection, tenant_id, after=row.after, types=row.types)


def _change(connection: Connection, tenant_id: str, webhook_id: str, **values: Any) -> None:
    own = (_w.id == webhook_id) & (_w.tenant_id == tenant_id)
    if not connection.execute(update(tables.webhook).where(own).values(**values)).rowcount:
        raise UnknownReceiver(webhook=webhook_id)


def _host_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise BadAddress(reason="写法不对") from None
    if len(url) > _LONGEST or not url.isprintable() or " " in url:
        raise BadAddress(reason="过长或含有空格等字符")
    if parts.scheme not in ("https", "http") or not host:
        raise BadAddress(reason="不是 https 地址")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise BadAddress(reason="没有加密（http）")
    if parts.username is not None or parts.fragment:
        raise BadAddress(reason="含有用户名或 # 部分")
    return host if port is None else f"{host}:{port}"


def _context(webhook_id: str) -> str:
    return f"webhook:{webhook_id}"


def _receiver(row: Any) -> Receiver:
    def instant(value: datetime | None) -> datetime | None:
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)

    return Receiver(
        id=row.id,
        host=row.host,
        types=None if row.types is None else tuple(row.types),
        after=row.after,
        failures=row.failures,
        failing_since=instant(row.failing_since),
        failed_with=row.failed_with,
        next_try_at=instant(row.next_try_at),
        disabled_at=instant(row.disabled_at),
        disabled_for=row.disabled_for,
    )
