"""`songda money` as an operator meets it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import update

from program import songda
from songda.base import days
from songda.base.settings import load
from songda.cli.drill import invented_profile
from songda.cli.opening import open_base
from songda.flow.tenants import import_tenant
from songda.store import grant, tables


@pytest.fixture
def account(tmp_path: Path) -> str:
    profile, *_ = invented_profile()
    with open_base(load({}, home=tmp_path)) as (engine, master, _):
        tenant = import_tenant(engine, master, name="bank", profile_toml=profile, at=days.now(), actor="test")
        with engine.begin() as connection:
            account = grant(connection, tenant.id, scope="batch", period="bat_1", fen=123450, at=days.now())
    # Opening the house sends logs to the stderr of this test.
    structlog.reset_defaults()
    return account


def test_accounts_and_their_journal_are_shown(tmp_path: Path, account: str) -> None:
    (shown,) = json.loads(songda(tmp_path, "money", "show", "--json"))["accounts"]
    assert (shown["id"], shown["granted_fen"], shown["free_fen"]) == (account, 123450, 123450)
    assert "1,234.50" in songda(tmp_path, "money", "show")
    (line,) = json.loads(songda(tmp_path, "money", "journal", account, "--json"))["bookings"]
    assert (line["source"], line["target"], line["fen"]) == ("limit", "free", 123450)
    assert "没有账户" in songda(tmp_path, "money", "journal", "acc_other", rc=65)


def test_a_sum_that_was_tampered_with_is_told_with_its_account(tmp_path: Path, account: str) -> None:
    assert json.loads(songda(tmp_path, "money", "check", "--json")) == {"balanced": True, "differences": {}}
    with open_base(load({}, home=tmp_path)) as (engine, *_), engine.begin() as connection:
        connection.execute(update(tables.account).values(granted_fen=200000))
    structlog.reset_defaults()
    found: dict[str, Any] = json.loads(songda(tmp_path, "money", "check", "--json", rc=65))
    assert found["differences"][account]["granted"] == [200000, 123450]
    assert account in songda(tmp_path, "money", "check", rc=65)


@pytest.mark.parametrize("command", ["show", "journal", "check"])
def test_every_command_has_a_help_with_an_example(command: str, tmp_path: Path) -> None:
    assert "Example: songda money" in songda(tmp_path, "money", command, "--help")
