"""Pushes at the worst moments: the server is killed around its commit, and everything comes twice, at once and in no order."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import httpx
import pytest
from bench.push_endpoint import SECRETS, house, pushes, serving, tell
from bench.tracking_fold import OVER, answers
from sqlalchemy import Engine, select

from songda.base.settings import Settings, load
from songda.dispatch import settle
from songda.flow.doors import receive_carrier_pushes
from songda.store import open_database, tables
from songda.vault import load_master_key

LETTERS = answers(6)
EVENTS = pushes(LETTERS)

#: `songda serve`, killed when the first push is about to be committed.
BEFORE = """
import os, signal
from sqlalchemy import Engine, event
from songda.cli import main
from songda.flow import doors

def receive(*given, taken=doors.receive_pushes, **named):
    event.listen(Engine, "commit", lambda connection: os.kill(os.getpid(), signal.SIGKILL))
    return taken(*given, **named)

doors.receive_pushes = receive
main()
"""
#: The same, killed when it is committed and not yet answered.
AFTER = """
import os, signal
from songda.cli import main
from songda.flow import doors

def receive(*given, taken=doors.receive_pushes, **named):
    taken(*given, **named)
    os.kill(os.getpid(), signal.SIGKILL)

doors.receive_pushes = receive
main()
"""


def facts(engine: Engine) -> list[Any]:
    f = tables.fact.c
    with engine.connect() as connection:
        return sorted(tuple(row) for row in connection.execute(select(f.attempt_id, f.event_key, f.raw_sha256)))


def outcomes(engine: Engine) -> list[Any]:
    """What settling makes of the facts."""
    a = tables.attempt.c
    with engine.connect() as connection:
        (tenant,) = connection.scalars(select(tables.tenant.c.id))
    settle(engine, tenant_id=tenant, at=OVER)
    with engine.connect() as connection:
        return sorted(tuple(row) for row in connection.execute(select(a.id, a.state, a.grade)))


def numbers(engine: Engine) -> dict[str, list[int]]:
    """The running numbers of each attempt's facts."""
    f, found = tables.fact.c, dict[str, list[int]]()
    with engine.connect() as connection:
        for row in connection.execute(select(f.attempt_id, f.arrival).order_by(f.arrival)):
            found.setdefault(row.attempt_id, []).append(row.arrival)
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Any], list[Any]]:
    """Facts and outcomes of a house to which every event came once, in order, and nothing happened."""
    settings = load({}, home=tmp_path_factory.mktemp("undisturbed"))
    _, _, name, token = house(settings, LETTERS).split("/")
    engine, master = open_database(settings), load_master_key(settings, create=False)
    told = [(name, token, body) for body in EVENTS]
    assert all(
        isinstance(each, dict) for each in receive_carrier_pushes(engine, master, told, environ=SECRETS, at=OVER)
    )
    stored = facts(engine), outcomes(engine)
    engine.dispose()
    assert len(stored[0]) > 4 * len(LETTERS)
    return stored


@pytest.mark.parametrize(("killed", "stored"), [(BEFORE, 0), (AFTER, 1)], ids=["before_the_commit", "after_the_commit"])
def test_a_push_without_an_answer_comes_again_and_all_that_comes_twice_in_no_order_is_stored_once(
    killed: str, stored: int, database: Engine, tmp_path: Path, undisturbed: tuple[list[Any], list[Any]]
) -> None:
    where = {"SONGDA_DATABASE_URL": database.url.render_as_string(hide_password=False)}
    settings: Settings = load(where, home=tmp_path)
    path = house(settings, LETTERS)
    with serving(tmp_path, where, program=killed) as (port, _), pytest.raises(httpx.TransportError):
        httpx.post(f"http://127.0.0.1:{port}{path}", content=EVENTS[0], trust_env=False, timeout=30)
    assert len(facts(database)) == stored
    again = EVENTS * 2
    random.Random(1).shuffle(again)
    with serving(tmp_path, where) as (port, _):
        asyncio.run(tell(port, path, again, [0.0] * len(again), lines=8))
    assert (facts(database), outcomes(database)) == undisturbed
    assert all(found == list(range(1, len(found) + 1)) for found in numbers(database).values())
