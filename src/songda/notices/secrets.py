"""Secrets that somebody outside holds, in generations: a rotation makes the next one, and the last one stays valid for a while.

    rotate(connection, tenant_id, "carrier.push", at=now, overlap=timedelta(days=7))
    holds(connection, tenant_id, key, "carrier.push", token, at=now)

No secret is stored: a generation is derived from the tenant's data key, which the vault keeps, and the database only knows
since when and until when it is valid. Generation 0 needs no row. At most two generations are valid at any instant.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, or_, select, update

from songda.store import insert_missing, tables
from songda.vault import DataKey

_s = tables.secret.c
# Made once: it is asked for every push and every page of the feed.
_VALID = (
    select(_s.generation, _s.until)
    .where(_s.tenant_id == bindparam("tenant"), _s.purpose == bindparam("of"))
    .where(or_(_s.until.is_(None), _s.until > bindparam("instant")))
    .order_by(_s.generation.desc())
)


class Valid(NamedTuple):
    generation: int
    #: None: until the next rotation.
    until: datetime | None


def token(key: DataKey, purpose: str, generation: int) -> str:
    """24 url-safe characters (144 bits); the same each time."""
    return key.token(purpose, generation) if generation else key.token(purpose)


def valid_generations(connection: Connection, tenant_id: str, purpose: str, *, at: datetime) -> list[Valid]:
    """Newest first; one, or two while a rotation is under way."""
    instant = at.astimezone(UTC)
    rows = connection.execute(_VALID, {"tenant": tenant_id, "of": purpose, "instant": instant})
    return [Valid(row.generation, _read(row.until)) for row in rows] or [Valid(0, None)]


def rotate(connection: Connection, tenant_id: str, purpose: str, *, at: datetime, overlap: timedelta) -> int:
    """Begins the next generation and returns its number; the one before ends after `overlap`, older ones end now.

    Who lost a secret to a stranger rotates with no overlap.
    """
    instant = at.astimezone(UTC)
    current = valid_generations(connection, tenant_id, purpose, at=at)[0].generation
    own = {"tenant_id": tenant_id, "purpose": purpose}
    insert_missing(connection, tables.secret, [own | {"generation": current, "since": instant, "until": None}])
    mine = (_s.tenant_id == tenant_id) & (_s.purpose == purpose)
    running = or_(_s.until.is_(None), _s.until > instant)
    older = update(tables.secret).where(mine, running, _s.generation < current)
    connection.execute(older.values(until=instant))
    last = update(tables.secret).where(mine, _s.generation == current)
    connection.execute(last.values(until=instant + overlap))
    insert_missing(connection, tables.secret, [own | {"generation": current + 1, "since": instant, "until": None}])
    return current + 1


def holds(connection: Connection, tenant_id: str, key: DataKey, purpose: str, shown: str, *, at: datetime) -> bool:
    """Whether `shown` is a token of a valid generation."""
    generations = [each.generation for each in valid_generations(connection, tenant_id, purpose, at=at)]
    # All are tried, so that the time does not tell which one came near.
    checks = [key.verify_token(shown, purpose, *([generation] if generation else [])) for generation in generations]
    return any(checks)


def _read(instant: datetime | None) -> datetime | None:
    return instant if instant is None or instant.tzinfo else instant.replace(tzinfo=UTC)
