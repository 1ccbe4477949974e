"""Permits over HTTP: keys, idempotency, problem details, and what /openapi.json promises."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

sys.path.insert(0, str(Path(__file__).parents[1] / "flow"))

from contact_house import NOON, SCRIPT, Desk, open_desk
from web_house import serving

from songda.base.settings import Settings
from songda.flow.shared_secrets import valid
from songda.store import open_database
from songda.web import create_app
from songda.web.record_contacts import contacts_door


@dataclass
class Caller:
    desk: Desk
    app: FastAPI
    bearer: str

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, path, **more)

        return asyncio.run(send())

    def ask(self, case: str, *, key: str = "key-00000001", bearer: str | None = None, **changes: Any) -> httpx.Response:
        body = {"case_no": case, "actor": "agency-1", "channel": "call", "purpose": "demand", "phone": 1}
        body |= {"mode": "interactive", "script": SCRIPT, "identifies_self": True, "recording": True}
        headers = {"Authorization": f"Bearer {bearer or self.bearer}", "Idempotency-Key": key}
        return self.request("POST", "/api/v1/permits", json=body | {"no_extra_fee": True} | changes, headers=headers)

    def tell(self, permit: str, outcome: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.bearer}"}
        return self.request("POST", f"/api/v1/permits/{permit}/outcome", json={"outcome": outcome}, headers=headers)


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    home = tmp_path_factory.mktemp("contacts")
    url = f"sqlite:///{home / 'songda.db'}"
    settings = Settings(home=home, database_url=url, master_key=None, master_key_file=home / "k", workers=1)
    engine = open_database(settings)
    desk = open_desk(engine)

    def clock() -> datetime:
        return NOON

    app = create_app(settings, contacts=contacts_door(engine, desk.master, clock=clock), clock=clock, docs=True)
    (shared,) = valid(engine, desk.tenant, "contacts", at=NOON)
    yield Caller(desk, app, shared.text)
    engine.dispose()


def problem(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = response.json()
    assert found.keys() == {"type", "title", "status", "detail"}
    return found


def test_a_permit_is_granted_told_of_and_asked_again_under_its_key(caller: Caller) -> None:
    case = caller.desk.case()
    first = caller.ask(case)
    assert first.status_code == 200
    answer = first.json()
    assert (answer["granted"], answer["until"], answer["state"]) == (True, "2026-11-26T12:10:00+08:00", "open")
    assert answer["never"] != []
    assert caller.ask(case).json() == answer
    assert caller.tell(answer["permit"], "unanswered").json()["state"] == "unanswered"
    assert "已报为" in problem(caller.tell(answer["permit"], "interactive"), 409)["detail"]
    assert "幂等键" in problem(caller.ask(case, purpose="inform"), 422)["detail"]


def test_a_refusal_is_an_answer_with_its_reasons(caller: Caller) -> None:
    refused = caller.ask(caller.desk.case(), key="key-00000002", script=None).json()
    assert refused["granted"] is False
    assert {"C01", "C02"} <= {each["code"] for each in refused["reasons"]}
    assert "text_hits.threat" in refused["missing"]


def test_what_cannot_be_answered_is_a_problem_in_chinese(caller: Caller) -> None:
    assert "没有这个案件编号" in problem(caller.ask("AJ-none", key="key-00000003"), 404)["title"]
    assert "没有编号" in problem(caller.tell("prm_none", "sent"), 404)["detail"]
    wrong = problem(caller.ask("AJ", key="key-00000004", channel="visit", number="16400000001x" * 9), 422)
    assert wrong["detail"].startswith("填写有误：channel、number")
    assert "16400000001" not in wrong["detail"]
    assert "idempotency-key" in problem(caller.ask("AJ", key="short"), 422)["detail"]


def test_the_key_is_one_for_permits_and_strangers_are_slowed_down(caller: Caller) -> None:
    (feed,) = valid(caller.desk.engine, caller.desk.tenant, "api", at=NOON)
    problem(caller.ask("AJ", bearer=feed.text), 401)
    statuses = {caller.ask("AJ", bearer="songda_ten_x.nobody").status_code for _ in range(40)}
    assert statuses == {401, 429}
    problem(caller.ask("AJ", bearer="songda_ten_x.nobody"), 429)
    assert caller.ask(caller.desk.case(), key="key-00000005").status_code == 200


def test_openapi_says_what_is_answered(caller: Caller) -> None:
    paths = caller.request("GET", "/openapi.json").json()
    post = paths["paths"]["/api/v1/permits"]["post"]
    assert post["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/PermitAnswer")
    assert "application/problem+json" in post["responses"]["422"]["content"]
    assert {each["name"]: each["required"] for each in post["parameters"]} == {"idempotency-key": True}
    assert "/api/v1/permits/{permit}/outcome" in paths["paths"]


def test_the_example_of_the_document_runs(caller: Caller) -> None:
    page = (Path(__file__).parents[2] / "docs" / "contacts.zh-CN.md").read_text("utf-8")
    names: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], names)
    case, listener = caller.desk.case(), socket.create_server(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with serving(caller.app, listener):
        said = [
            names["call"](base, caller.bearer, case, f"call-{n:08d}", lambda _until, say, never: "interactive")
            for n in range(4)
        ]
    assert said == ["interactive"] * 3 + ["不准：当日通话已满；当日接通已满"]
