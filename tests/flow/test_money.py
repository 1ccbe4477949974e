"""What letters cost on their way: reserved with the decision, quoted with the rendering, looked at again and spent at the lock."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bank import opened, rows_of, signed, taken_in

from songda.base import days
from songda.flow.money import open_accounts, recheck
from songda.flow.produce import produce, products_of
from songda.flow.run import House
from songda.sim.case_rows import AT, DAY, case_row, write_rows
from songda.store import move, out_of_balance, read_accounts, tables

#: What a letter to another province costs (products.toml), and what the budget reckons with.
PRICE_FEN = 2000


def sized(count: int) -> list[dict[str, str]]:
    return [case_row(n, n, 剩余本金=str(20000 + 1000 * n), 放款金额="60000") for n in range(count)]


def books(house: House) -> tuple[int, int, int]:
    """Free, reserved, spent of the only account."""
    with house.engine.connect() as connection:
        assert out_of_balance(connection, house.tenant.id) == {}
        (account,) = read_accounts(connection, house.tenant.id)
    return account.free_fen, account.reserved_fen, account.spent_fen


def rendered(house: House, batch: str) -> None:
    produce(house.engine, house.tenant, batch, home=house.home, workers=1, at=AT)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "cases.csv", *sized(3))


def test_money_follows_a_letter_from_the_decision_to_the_lock(tmp_path: Path, file: Path) -> None:
    with opened(tmp_path, ("max_fen_per_run = 1000000000", "max_fen_per_run = 10000")) as house:
        batch = taken_in(house, file)
        assert books(house) == (10000 - 3 * PRICE_FEN, 3 * PRICE_FEN, 0)
        signed(house, batch)
        rendered(house, batch)
        n = tables.attempt.c
        quoted = sum(row.price_fen for row in rows_of(house, n.price_fen, state="sealed"))
        assert books(house) == (10000 - quoted, quoted, 0)
        # Again, after a crash say: nothing is booked twice.
        rendered(house, batch)
        assert books(house) == (10000 - quoted, quoted, 0)
        first, second, _ = rows_of(house, n.id, n.price_fen, n.letter_id)
        with house.engine.begin() as connection:
            rows, why = [(first.id, 4)], {"actor": "production", "reason": "manifest_fixed"}
            move(connection, "attempt", rows, source="sealed", target="locked", at=AT, **why)
            rows, why = [(second.id, 4)], {"actor": "production", "reason": "gate_lock"}
            move(connection, "attempt", rows, source="sealed", target="dropped", at=AT, **why)
        reserved = quoted - first.price_fen - second.price_fen
        assert books(house) == (10000 - first.price_fen - reserved, reserved, first.price_fen)


def test_letters_that_do_not_go_reserve_nothing(tmp_path: Path, file: Path) -> None:
    with opened(tmp_path, ("max_fen_per_run = 1000000000", f"max_fen_per_run = {2 * PRICE_FEN}")) as house:
        taken_in(house, file)
        assert books(house) == (0, 2 * PRICE_FEN, 0)


def test_34_a_tariff_that_changed_before_the_lock_is_quoted_anew_within_the_budget(tmp_path: Path, file: Path) -> None:
    with opened(tmp_path, ("max_fen_per_run = 1000000000", "max_fen_per_run = 7500")) as house:
        batch = taken_in(house, file)
        signed(house, batch)
        rendered(house, batch)
        n, tomorrow = tables.attempt.c, DAY + timedelta(days=1)
        attempts = [row.id for row in rows_of(house, n.id, state="sealed")]
        products = products_of(house.tenant)

        def at_the_lock(factor: float) -> frozenset[str]:
            dearer = tuple(
                replace(each, valid_from=tomorrow, first_fen=int(each.first_fen * factor)) for each in products.products
            )
            changed = replace(products, products=(*products.products, *dearer))
            with house.engine.begin() as connection:
                return recheck(connection, attempts, products=changed, on=tomorrow, at=AT)

        before = [row.price_fen for row in rows_of(house, n.price_fen, state="sealed")]
        assert at_the_lock(1) == frozenset()
        assert [row.price_fen for row in rows_of(house, n.price_fen, state="sealed")] == before
        assert before == [PRICE_FEN] * 3
        # Half as much again fits for one of them only; the others keep what they had.
        refused = at_the_lock(1.5)
        prices = {row.id: row.price_fen for row in rows_of(house, n.id, n.price_fen, state="sealed")}
        assert len(refused) == 2
        assert [prices[attempt] == old for attempt, old in zip(attempts, before, strict=True)] == [
            attempt in refused for attempt in attempts
        ]
        assert books(house)[1] == sum(prices.values())


def test_a_month_bears_real_batches_and_no_drills(tmp_path: Path) -> None:
    month = ("max_fen_per_run = 1000000000", "max_fen_per_run = 1000000000\nmax_fen_per_month = 50000")
    with opened(tmp_path, month) as house:

        class Batch:
            id, drill = "bat_1", False

        batch: Any = Batch()
        with house.engine.begin() as connection:
            accounts = open_accounts(connection, house.tenant, batch, at=days.at(DAY, 23, 59))
            assert len(accounts) == 2
            assert open_accounts(connection, house.tenant, batch, at=AT) == accounts
            december = open_accounts(connection, house.tenant, batch, at=days.at(DAY + timedelta(days=7), 0))
            assert (december[0] == accounts[0], december[1] == accounts[1]) == (True, False)
            batch.drill = True
            assert open_accounts(connection, house.tenant, batch, at=AT) == accounts[:1]
