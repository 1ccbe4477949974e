"""The outbox and the cursor of the feed, on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select

from songda.store import move, tables
from songda.store.events import EVENT_TYPES, TOLD, last_position, number_events, read_events
from songda.store.life import machine

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
WHO = {"actor": "lawyer", "reason": "batch_signed"}


def fill(database: Engine, letters: int, tenant: str = "ten_1") -> list[str]:
    """A tenant with letters that stand at `ready`."""
    batch = tenant.replace("ten", "bat")
    ids = [f"ltr_{tenant}_{n:03d}" for n in range(letters)]
    life = {"state": "ready", "version": 0}
    with database.begin() as connection:
        connection.execute(insert(tables.tenant), {"id": tenant, "name": tenant, "data_key": b"", "created_at": NOW})
        connection.execute(
            insert(tables.batch),
            {"id": batch, "tenant_id": tenant, "file_sha256": "0" * 64, "as_of": NOW.date()} | life,
        )
        person = {"id": f"per_{tenant}", "tenant_id": tenant, "lookup": "x", "sealed": b""} | life
        connection.execute(insert(tables.person), person)
        connection.execute(
            insert(tables.letter),
            [
                {"id": id_, "tenant_id": tenant, "batch_id": batch, "person_id": person["id"], "kind": "lawyer_letter"}
                | {"letter_no": id_[4:], "letter_date": date(2026, 11, 24), "amount_fen": 1, "reasons": ["r"]}
                | life
                for id_ in ids
            ],
        )
    return ids


def sign(connection: Any, ids: list[str]) -> None:
    move(connection, "letter", [(id_, 0) for id_ in ids], source="ready", target="approved", at=NOW, **WHO)


def feed(database: Engine, tenant: str = "ten_1", after: int = 0, limit: int = 1000) -> list[Any]:
    with database.begin() as connection:
        number_events(connection)
        return read_events(connection, tenant, after=after, limit=limit)


def test_every_state_that_is_told_is_one_of_the_machine() -> None:
    for object, states in TOLD.items():
        assert states <= set(machine(object).states)
    assert "letter.revised" in EVENT_TYPES


def test_a_transition_and_its_event_stand_or_fall_together(database: Engine) -> None:
    (letter,) = fill(database, 1)
    with database.connect() as connection:
        sign(connection, [letter])
        connection.rollback()
    assert feed(database) == []
    with database.begin() as connection:
        sign(connection, [letter])
    (event,) = feed(database)
    assert (event.id, event.type, event.at, event.letter_id) == (f"evt_{letter}_1", "letter.approved", NOW, letter)
    assert (event.source, event.reason, event.revision, event.n) == ("ready", "batch_signed", 0, None)


def test_62_reading_in_pieces_gives_what_reading_at_once_gives(database: Engine) -> None:
    ids = fill(database, 7)
    other = fill(database, 2, tenant="ten_2")
    for part in (ids[:3], other, ids[3:]):
        with database.begin() as connection:
            sign(connection, part)
    whole = feed(database)
    pieces: list[Any] = []
    while part := feed(database, after=pieces[-1].position if pieces else 0, limit=2):
        pieces += part
    assert pieces == whole
    assert [event.letter_id for event in whole] == ids
    assert [event.letter_id for event in feed(database, "ten_2")] == other
    with database.connect() as connection:
        assert last_position(connection, "ten_1") == whole[-1].position


def test_an_event_that_commits_late_is_behind_the_cursor_of_nobody(database: Engine) -> None:
    if database.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    first, second = fill(database, 2)
    slow = database.connect()
    transaction = slow.begin()
    sign(slow, [first])
    with database.begin() as connection:
        sign(connection, [second])
    seen = feed(database)
    assert [event.letter_id for event in seen] == [second]
    transaction.commit()
    slow.close()
    assert [event.letter_id for event in feed(database, after=seen[-1].position)] == [first]


def test_readers_of_the_same_moment_give_each_event_one_position(database: Engine) -> None:
    ids = fill(database, 20)
    for id_ in ids:
        with database.begin() as connection:
            sign(connection, [id_])
    barrier = Barrier(4)
    seen: list[list[Any]] = []

    def read() -> None:
        barrier.wait()
        seen.append(feed(database))

    threads = [Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(events == seen[0] for events in seen)
    with database.connect() as connection:
        positions = list(connection.scalars(select(tables.event.c.position).order_by(tables.event.c.seq)))
    assert positions == list(range(1, 21))
