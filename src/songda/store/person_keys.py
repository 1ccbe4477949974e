"""The one copy of each person's wrapped key. Making and opening keys is the vault's; here they lie and are destroyed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, bindparam, select, update

from songda.store import tables
from songda.store.rows import among, chunks, insert_missing

_k = tables.person_key.c
_KEYS = select(_k.person_id, _k.wrapped).where(among(_k.person_id, "persons"))


def person_key_reader(engine: Engine) -> Callable[[Collection[str]], Mapping[str, bytes]]:
    """What the vault asks for wrapped keys: id of a person → his key, empty where it was destroyed."""
    # A reader of its own: it is asked within the transactions of others, and must not wait for them.
    reading = engine.execution_options(read_only=True)

    def read(person_ids: Collection[str]) -> Mapping[str, bytes]:
        with reading.connect() as connection:
            return {row.person_id: row.wrapped for row in connection.execute(_KEYS, {"persons": list(person_ids)})}

    return read


def hold_person_keys(
    connection: Connection, person_ids: Collection[str], *, make: Callable[[str], bytes]
) -> dict[str, bytes]:
    """The wrapped keys of persons who are delivered, made where there are none or they were destroyed.

    The rows are held until the transaction ends: nobody destroys a key under which something is being sealed.
    """
    chosen = sorted(person_ids)
    found: dict[str, bytes] = {}
    for part in chunks(chosen):
        known = set(connection.scalars(select(_k.person_id).where(among(_k.person_id, "persons")), {"persons": part}))
        fresh = [{"person_id": each, "wrapped": make(each)} for each in part if each not in known]
        insert_missing(connection, tables.person_key, fresh)
        held = connection.execute(_KEYS.order_by(_k.person_id).with_for_update(), {"persons": part})
        found |= {row.person_id: row.wrapped for row in held}
    fresh_keys = {each: make(each) for each in chosen if not found[each]}
    if fresh_keys:
        renewed = [{"whose": each, "fresh": wrapped} for each, wrapped in fresh_keys.items()]
        change = update(tables.person_key).where(_k.person_id == bindparam("whose"))
        connection.execute(change.values(wrapped=bindparam("fresh"), destroyed_at=None), renewed)
        found |= fresh_keys
    return found


def destroy_person_key(connection: Connection, person_id: str, *, at: datetime) -> None:
    """Overwrites the key of the person; whoever never had one is marked, too."""
    gone = {"wrapped": b"", "destroyed_at": at.astimezone(UTC)}
    insert_missing(connection, tables.person_key, [{"person_id": person_id, **gone}])
    connection.execute(update(tables.person_key).where(_k.person_id == person_id).values(gone))
