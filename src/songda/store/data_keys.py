"""Where a tenant's wrapped data key lies; opening it is the vault's."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine, select

from songda.store import tables


def data_key_reader(engine: Engine, tenant_id: str) -> Callable[[], bytes]:
    """What the vault asks for the wrapped data key, to learn of a rotation by another process."""
    # A reader of its own: it is asked within the transactions of others, and must not wait for them.
    reading = engine.execution_options(read_only=True)
    query = select(tables.tenant.c.data_key).where(tables.tenant.c.id == tenant_id)

    def read() -> bytes:
        with reading.connect() as connection:
            return bytes(connection.execute(query).scalar_one())

    return read
