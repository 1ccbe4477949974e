"""The feed of events over HTTP: keys, cursors, and that nobody reads another's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from sqlalchemy import Engine, insert

from songda.base import days
from songda.base.settings import Settings, load
from songda.cli.drill import invented_profile
from songda.cli.opening import open_base
from songda.flow.shared_secrets import renew, valid
from songda.flow.tenants import Tenant, import_tenant
from songda.store import move, tables
from songda.web import create_app, record_doors

NOW = days.at(date(2026, 11, 24), 9)


class Reader:
    def __init__(self, engine: Engine, master: Any, settings: Settings) -> None:
        self.engine, self.master, self.settings, self.now = engine, master, settings, NOW
        self.tenants = [self.tenant(name) for name in ("甲行", "乙行")]

    def tenant(self, name: str) -> Tenant:
        profile, *_ = invented_profile()
        tenant = import_tenant(self.engine, self.master, name=name, profile_toml=profile, at=NOW, actor="test")
        own, life = {"tenant_id": tenant.id}, {"state": "ready", "version": 0}
        batch, person = f"bat_{name}", f"per_{name}"
        with self.engine.begin() as connection:
            row = own | {"id": batch, "file_sha256": "0" * 64, "as_of": NOW.date()} | life
            connection.execute(insert(tables.batch), row)
            connection.execute(insert(tables.person), own | {"id": person, "lookup": "x", "sealed": b""} | life)
            row = own | {"batch_id": batch, "person_id": person, "kind": "lawyer_letter", "amount_fen": 1} | life
            letters = [row | {"id": f"ltr_{name}_{n}", "letter_no": f"{name}{n}", "reasons": []} for n in range(5)]
            connection.execute(insert(tables.letter), letters)
            rows = [(letter["id"], 0) for letter in letters]
            why = {"actor": "lawyer", "reason": "batch_signed"}
            move(connection, "letter", rows, source="ready", target="approved", at=NOW, **why)
        return tenant

    def key(self, n: int = 0, which: int = 0) -> str:
        return valid(self.engine, self.tenants[n], "api", at=self.now)[which].text

    def ask(self, key: str | None, **query: Any) -> httpx.Response:
        doors = record_doors(self.engine, self.master, self.settings.home, environ={}, clock=lambda: self.now)
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}

        async def get() -> httpx.Response:
            transport = httpx.ASGITransport(create_app(self.settings, **doors))
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.get("/api/v1/events", params=query, headers=headers)

        return asyncio.run(get())


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    settings = load({}, home=tmp_path)
    with open_base(settings) as (engine, master, _):
        yield Reader(engine, master, settings)
    # Opening the house sends logs to the stderr of this test.
    structlog.reset_defaults()


def test_a_tenant_reads_its_own_events_page_by_page(reader: Reader) -> None:
    first = reader.ask(reader.key(), limit=3).json()
    assert [event["data"]["letter_no"] for event in first["events"]] == ["甲行0", "甲行1", "甲行2"]
    assert first["more"] is True
    second = reader.ask(reader.key(), limit=3, after=first["next"]).json()
    assert [event["data"]["letter_no"] for event in second["events"]] == ["甲行3", "甲行4"]
    assert second["more"] is False
    empty = reader.ask(reader.key(), after=second["next"]).json()
    assert empty == {"events": [], "next": second["next"], "more": False}
    others = reader.ask(reader.key(1)).json()["events"]
    assert {event["data"]["letter_no"][:2] for event in others} == {"乙行"}


def test_64_who_shows_no_key_or_anothers_learns_nothing(reader: Reader) -> None:
    own, other = reader.key(0), reader.key(1)
    mixed = own.partition(".")[0] + "." + other.partition(".")[2]
    for key in (None, "", "x", own[:-1], mixed, own + "x" * 200):
        answer = reader.ask(key)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.json()["error"]["code"] == "unauthorized"
        assert "密钥" in answer.json()["error"]["message"]


def test_a_key_is_rotated_without_a_gap(reader: Reader) -> None:
    old = reader.key()
    renew(reader.engine, reader.tenants[0], "api", overlap=timedelta(days=7), at=reader.now, actor="test")
    new = reader.key()
    assert new != old
    assert [reader.ask(key).status_code for key in (old, new)] == [200, 200]
    reader.now += timedelta(days=7)
    assert [reader.ask(key).status_code for key in (old, new)] == [401, 200]


@pytest.mark.parametrize("query", [{"after": -1}, {"limit": 0}, {"limit": 1001}, {"after": "x"}, {"after": 2**63}])
def test_a_question_that_cannot_be_meant_is_refused_in_json(reader: Reader, query: dict[str, Any]) -> None:
    answer = reader.ask(reader.key(), **query)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"]


def test_the_push_path_is_rotated_like_every_secret(reader: Reader) -> None:
    tenant = reader.tenants[0]
    (first,) = valid(reader.engine, tenant, "push", at=reader.now)
    assert tenant.key.verify_token(first.text, "carrier.push")
    renew(reader.engine, tenant, "push", overlap=timedelta(days=1), at=reader.now, actor="test")
    new, old = valid(reader.engine, tenant, "push", at=reader.now)
    assert old.text == first.text != new.text
    assert first.text not in repr(new) + repr(old)

    def push(token: str) -> int:
        doors = record_doors(reader.engine, reader.master, reader.settings.home, environ={}, clock=lambda: reader.now)

        async def post() -> int:
            transport = httpx.ASGITransport(create_app(reader.settings, **doors))
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return (await client.post(f"/carrier/{tenant.name}/{token}", content=b"{}")).status_code

        return asyncio.run(post())

    # Known paths come as far as the carrier's contract; unknown ones are no path at all.
    assert [push(old.text), push(new.text), push("x")] == [503, 503, 404]
    reader.now += timedelta(days=1)
    assert [push(old.text), push(new.text)] == [404, 503]
