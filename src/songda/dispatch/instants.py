"""Instants on their way into the database and out of it: SQLite forgets the zone, so what lies there is always UTC."""

from __future__ import annotations

from datetime import UTC, datetime


def stored(instant: datetime) -> datetime:
    """As it is written, and as stored instants are compared with it."""
    if instant.tzinfo is None:
        raise ValueError("instant without a time zone")
    return instant.astimezone(UTC)


def read(instant: datetime) -> datetime:
    """As it was meant, from either database."""
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
