"""`songda webhooks` and `songda secrets` as an operator meets them, against a real receiver."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import structlog

from program import Desk
from songda.base.settings import load
from songda.cli.drill import invented_profile
from songda.cli.opening import open_base
from songda.flow.tenants import import_tenant


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    from songda.base import days

    profile, *_ = invented_profile()
    with open_base(load({}, home=tmp_path)) as (engine, master, _):
        import_tenant(engine, master, name="bank", profile_toml=profile, at=days.now(), actor="test")
    # Opening the house sends logs to the stderr of this test.
    structlog.reset_defaults()
    return Desk(tmp_path)


@pytest.fixture
def hook() -> Iterator[list[Any]]:
    got: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    got.append(f"http://127.0.0.1:{server.server_port}/")
    yield got
    server.shutdown()
    server.server_close()


def test_a_receiver_is_added_tried_rotated_and_removed(desk: Desk, hook: list[Any]) -> None:
    added = desk.json("webhooks", "add", hook[0], "--type", "letter.closed")
    assert added["secret"].startswith("whsec_")
    webhook = added["webhook"]
    (listed,) = desk.json("webhooks", "list")["webhooks"]
    assert (listed["webhook"], listed["types"], listed["waiting"]) == (webhook, ["letter.closed"], 0)
    assert desk.json("webhooks", "test", webhook)["ok"] is True
    assert hook[1]["type"] == "songda.test"
    rotated = desk.json("webhooks", "rotate", webhook)["secrets"]
    assert [each["secret"] == added["secret"] for each in rotated] == [False, True]
    assert desk.json("webhooks", "replay", webhook, "--since", "2026-01-01")["cursor"] == 0
    assert desk.json("webhooks", "deliver") == {"events": 0, "behind": 0, "disabled": 0}
    assert desk.json("webhooks", "enable", webhook)["webhook"] == webhook
    desk.json("webhooks", "remove", webhook)
    assert desk.json("webhooks", "list") == {"webhooks": []}
    assert "编号" in desk.songda("webhooks", "test", webhook, rc=65)
    assert "https" in desk.songda("webhooks", "add", "http://bank.example/", rc=64)


def test_secrets_are_shown_and_rotated(desk: Desk) -> None:
    (key,) = desk.json("secrets", "show", "api")["secrets"]
    assert key["secret"].startswith("songda_ten_")
    rotated = desk.json("secrets", "rotate", "api", "--overlap-days", "3")["secrets"]
    assert [each["secret"] == key["secret"] for each in rotated] == [False, True]
    desk.songda("secrets", "rotate", "push")
    assert len(desk.songda("serve", "--show-push-urls").splitlines()) == 2


@pytest.mark.parametrize(
    "words",
    [
        *(("webhooks", name) for name in ("add", "list", "test", "replay", "rotate", "enable", "remove", "deliver")),
        *(("secrets", name) for name in ("show", "rotate")),
    ],
)
def test_every_command_has_a_help_with_an_example(words: tuple[str, str], tmp_path: Path) -> None:
    assert "Example: songda" in Desk(tmp_path).songda(*words, "--help")
