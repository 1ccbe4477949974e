"""Wrapped keys of persons: made once, read beside a writer, destroyed in their one place."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

from sqlalchemy import Engine, select

from songda.store import destroy_person_key, hold_person_keys, person_key_reader, tables

AT = datetime(2026, 11, 26, 4, 0, tzinfo=UTC)


def test_a_key_is_made_once_and_anew_after_it_was_destroyed(database: Engine) -> None:
    numbers = count()

    def make(person_id: str) -> bytes:
        return f"{person_id}/{next(numbers)}".encode()

    read = person_key_reader(database)
    with database.begin() as connection:
        first = hold_person_keys(connection, ["per_2", "per_1"], make=make)
        # Not committed, and no reader waits for it.
        assert read(["per_1"]) == {}
    with database.begin() as connection:
        assert hold_person_keys(connection, ["per_1", "per_2"], make=make) == first
        destroy_person_key(connection, "per_1", at=AT)
        destroy_person_key(connection, "per_3", at=AT)
    assert read(["per_1", "per_2", "per_3", "per_4"]) == {"per_1": b"", "per_2": first["per_2"], "per_3": b""}
    with database.begin() as connection:
        again = hold_person_keys(connection, ["per_1"], make=make)
        assert again["per_1"] not in {b"", first["per_1"]}
        k = tables.person_key.c
        assert connection.scalar(select(k.destroyed_at).where(k.person_id == "per_1")) is None
