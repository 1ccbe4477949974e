"""A lost letter is sent again only where an account bears it; else it waits for money, and is told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import losing_courier
import pytest
from bank import PUBLIC, opened, rows_of, signed, taken_in

from songda.base import days
from songda.cli.drill import join, open_stand_in
from songda.flow.figures import summarise
from songda.flow.run import House, Watch, make_runs, post_and_follow
from songda.flow.tenants import import_tenant
from songda.sim.case_rows import AT, DAY, case_row, write_rows
from songda.store import out_of_balance, read_accounts, tables
from songda.vault import LocalMasterKey

#: What a letter to another province costs (products.toml).
PRICE_FEN = 2000
#: The debtor whose first letter the courier loses.
LOST_ONCE = 5
BUDGET = ("max_fen_per_run = 1000000000", f"max_fen_per_run = {PRICE_FEN}")


def books(house: House) -> tuple[int, int, int]:
    """Free, reserved, spent."""
    with house.engine.connect() as connection:
        assert out_of_balance(connection, house.tenant.id) == {}
        (account,) = read_accounts(connection, house.tenant.id)
    return account.free_fen, account.reserved_fen, account.spent_fen


def pieces(house: House) -> list[tuple[int, str]]:
    p = tables.piece.c
    return sorted(tuple(row) for row in rows_of(house, p.copy, p.state))


def tasks(house: House) -> list[tuple[str, str]]:
    k = tables.task.c
    return [tuple(row) for row in rows_of(house, k.state, k.reason, kind="replacement_unpaid")]


def with_budget(house: House, fen: int) -> House:
    """The house after an import of the same profile with another budget."""
    text = (Path(__file__).parents[2] / "src" / "songda" / "sim" / "tenant.toml").read_text("utf-8")
    for old, new in (
        ("@public_key@", PUBLIC.decode()),
        ("@endpoint@", "https://carrier.invalid/open"),
        ("@sender_no@", "1100000000000"),
        ("@product@", "1"),
        (BUDGET[0], f"max_fen_per_run = {fen}"),
    ):
        text = text.replace(old, new)
    master = LocalMasterKey(bytes(range(32)))
    tenant = import_tenant(house.engine, master, name="bank", profile_toml=text, at=AT, actor="test")
    return House(house.engine, tenant, house.home, workers=1)


def test_a_replacement_waits_for_money_and_is_paid_for_once_there_is_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    rows = [case_row(LOST_ONCE, LOST_ONCE, 剩余本金="20005", 放款金额="60000")]
    with (
        opened(tmp_path, BUDGET) as house,
        open_stand_in(house, seed=1, courier=losing_courier.courier, starts_at=days.at(DAY, 8)) as post,
        join(post) as carrier,
    ):
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", *rows))
        signed(house, batch)

        def go_on(house: House, days_later: int) -> None:
            on = DAY + timedelta(days=days_later)
            at: Any = days.at(on, 17)
            post.advance(to=at)
            make_runs(house, batch, carrier=carrier, on=on, at=at, watch=Watch())
            post_and_follow(house, [batch], carrier=carrier, on=on, at=at, watch=Watch())

        go_on(house, 0)
        assert books(house) == (0, 0, PRICE_FEN)
        go_on(house, 3)  # the carrier has told of the loss by now
        for later in (4, 5):
            go_on(house, later)
            assert pieces(house) == [(1, "handed_over")]
            assert tasks(house) == [("open", "over_budget")]
            assert books(house) == (0, 0, PRICE_FEN)

        richer = with_budget(house, 2 * PRICE_FEN)
        go_on(richer, 6)
        assert pieces(richer) == [(1, "handed_over"), (2, "handed_over")]
        assert tasks(richer) == [("dropped", "over_budget")]
        assert books(richer) == (0, 0, 2 * PRICE_FEN)
        summary = summarise(richer.engine, richer.tenant, batch, on=DAY)
        assert (summary.cost_fen, summary.posted) == (2 * PRICE_FEN, 1)
        go_on(richer, 14)
        t = tables.letter.c
        assert rows_of(richer, t.state, t.grade) == [("closed", "A1")]
        assert books(richer) == (0, 0, 2 * PRICE_FEN)
