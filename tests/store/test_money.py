"""Money follows the letters, on both databases: letters.md §11, 29, 34 and 35."""

from __future__ import annotations

from datetime import UTC, date, datetime
from threading import Barrier, Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from songda.base.ids import new
from songda.store import (
    Cost,
    chunks,
    grant,
    move,
    out_of_balance,
    read_accounts,
    read_journal,
    reserve,
    reserved_for,
    tables,
    take_over,
)

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
#: Ways of an attempt: where it stands → (where it goes, actor, reason).
AHEAD = {
    "locked": ("sealed", "production", "manifest_fixed"),
    "dropped": ("sealed", "production", "gate_lock"),
}


class Books:
    """A tenant with sealed attempts, each of its own letter."""

    def __init__(self, database: Engine, count: int) -> None:
        self.database, self.tenant = database, new("ten")
        batch, person, case, address = new("bat"), new("per"), new("cas"), new("adr")
        own, life = {"tenant_id": self.tenant}, {"state": "active", "version": 0}
        self.letters = [new("ltr") for _ in range(count)]
        self.attempts = [new("att") for _ in range(count)]
        with database.begin() as c:
            row: dict[str, Any] = {"id": self.tenant, "name": self.tenant, "data_key": b"", "created_at": NOW}
            c.execute(insert(tables.tenant), row)
            c.execute(insert(tables.batch), own | {"id": batch, "file_sha256": "0" * 64, "as_of": NOW.date()} | life)
            c.execute(insert(tables.person), own | {"id": person, "lookup": "x", "sealed": b""} | life)
            row = own | {"id": case, "batch_id": batch, "person_id": person, "row_no": 2, "lookup": "x", "sealed": b""}
            c.execute(insert(tables.case), row)
            row = {"id": address, "person_id": person, "case_id": case, "ordinal": 1}
            c.execute(insert(tables.address_record), row)
            row = own | {"batch_id": batch, "person_id": person, "kind": "lawyer_letter", "amount_fen": 1} | life
            row |= {"letter_date": date(2026, 11, 24), "reasons": []}
            c.execute(insert(tables.letter), [row | {"id": id_, "letter_no": id_} for id_ in self.letters])
            row = {"n": 1, "state": "sealed", "version": 0, "address_record_id": address, "place": "p"}
            pairs = zip(self.attempts, self.letters, strict=True)
            c.execute(insert(tables.attempt), [row | {"id": a, "letter_id": letter} for a, letter in pairs])

    def grant(self, fen: int, scope: str = "batch", period: str = "bat_1") -> str:
        with self.database.begin() as connection:
            return grant(connection, self.tenant, scope=scope, period=period, fen=fen, at=NOW)

    def reserve(self, prices: dict[int, int], *accounts: str) -> set[int]:
        costs = [Cost(self.attempts[n], self.letters[n], fen) for n, fen in prices.items()]
        with self.database.begin() as connection:
            refused = reserve(connection, costs, accounts=accounts, at=NOW)
        return {self.attempts.index(attempt) for attempt in refused}

    def move(self, n: int, target: str, *, fail: bool = False) -> None:
        source, actor, reason = AHEAD[target]
        with self.database.connect() as connection:
            rows = [(self.attempts[n], 0)]
            move(connection, "attempt", rows, source=source, target=target, actor=actor, reason=reason, at=NOW)
            connection.rollback() if fail else connection.commit()

    def piece(self, n: int, copy: int) -> str:
        """A piece of the n-th attempt in an envelope of its own."""
        piece, life = new("pce"), {"state": "enveloped", "version": 0}
        with self.database.begin() as c:
            row = {"id": piece, "attempt_id": self.attempts[n], "copy": copy, "seq": 1, "order_no": piece}
            c.execute(insert(tables.piece), row | life)
        return piece

    def pay(self, piece: str, fen: int, *accounts: str) -> bool:
        """Whether the accounts bear the piece."""
        with self.database.begin() as connection:
            return not reserve(connection, [Cost(piece, self.letters[0], fen)], accounts=accounts, at=NOW)

    def parts(self, account: str) -> tuple[int, int, int]:
        with self.database.connect() as connection:
            assert out_of_balance(connection, self.tenant) == {}
            (found,) = [each for each in read_accounts(connection, self.tenant) if each.id == account]
        return found.free_fen, found.reserved_fen, found.spent_fen


def test_a_letter_is_reserved_then_spent_with_its_lock(database: Engine) -> None:
    books = Books(database, 2)
    account = books.grant(5000)
    assert books.reserve({0: 1200, 1: 2000}, account) == set()
    assert books.parts(account) == (1800, 3200, 0)
    books.move(0, "locked", fail=True)
    assert books.parts(account) == (1800, 3200, 0)
    books.move(0, "locked")
    books.move(1, "dropped")
    assert books.parts(account) == (3800, 0, 1200)
    with database.connect() as connection:
        journal = [(b.source, b.target, b.fen) for b in read_journal(connection, account)]
        assert reserved_for(connection, account, books.attempts) == 0
    assert journal == [
        ("limit", "free", 5000),
        ("free", "reserved", 1200),
        ("free", "reserved", 2000),
        ("reserved", "spent", 1200),
        ("reserved", "free", 2000),
    ]


def test_29_what_a_cancelled_letter_held_goes_back_to_the_account_that_bore_it(database: Engine) -> None:
    books = Books(database, 1)
    november, december = (books.grant(2000, "month", month) for month in ("2026-11", "2026-12"))
    books.reserve({0: 1200}, november)
    with database.begin() as connection:
        rows, why = [(books.letters[0], 0)], {"actor": "operator", "reason": "stop:paid"}
        move(connection, "letter", rows, source="active", target="withdrawn", at=NOW, **why)
    assert books.parts(november) == (2000, 0, 0)
    assert books.parts(december) == (2000, 0, 0)


def test_34_a_new_price_replaces_the_reservation_or_is_refused_and_changes_nothing(database: Engine) -> None:
    books = Books(database, 2)
    account = books.grant(3000)
    books.reserve({0: 1200, 1: 1200}, account)
    assert books.reserve({0: 1900}, account) == {0}
    assert books.parts(account) == (600, 2400, 0)
    assert books.reserve({0: 1800}, account) == set()
    assert books.parts(account) == (0, 3000, 0)
    assert books.reserve({0: 1000}, account) == set()
    assert books.parts(account) == (800, 2200, 0)


def test_a_dear_letter_that_does_not_fit_leaves_room_for_a_cheaper_one(database: Engine) -> None:
    books = Books(database, 3)
    account = books.grant(3000)
    assert books.reserve({0: 2000, 1: 2000, 2: 1000}, account) == {1}
    assert books.parts(account) == (0, 3000, 0)


def test_every_account_has_to_bear_a_letter(database: Engine) -> None:
    books = Books(database, 2)
    batch, month = books.grant(5000), books.grant(1500, "month", "2026-11")
    assert books.reserve({0: 1200, 1: 1200}, batch, month) == {1}
    assert (books.parts(batch), books.parts(month)) == ((3800, 1200, 0), (300, 1200, 0))


def test_repeating_changes_nothing(database: Engine) -> None:
    books = Books(database, 1)
    account = books.grant(5000)
    assert books.grant(5000) == account
    for _ in range(2):
        books.reserve({0: 1200}, account)
    books.move(0, "locked")
    books.reserve({0: 1500}, account)  # spent: the price is fixed
    assert books.parts(account) == (3800, 0, 1200)


def test_a_smaller_grant_takes_back_only_what_is_free(database: Engine) -> None:
    books = Books(database, 1)
    account = books.grant(5000)
    books.reserve({0: 1200}, account)
    assert books.grant(1000) == account
    assert books.parts(account) == (0, 1200, 0)
    books.grant(4000)
    assert books.parts(account) == (2800, 1200, 0)


#: How a piece goes on: target → (actor, reason).
ENDS = {
    "handed_over": ("dispatch", "handed_over"),
    "pulled": ("carrier", "found_after_all"),
    "spoiled": ("production", "spoiled"),
}


def end(connection: Any, piece: str, target: str) -> None:
    actor, reason = ENDS[target]
    rows = [(piece, 0)]
    move(connection, "piece", rows, source="enveloped", target=target, actor=actor, reason=reason, at=NOW)


def test_a_piece_in_place_of_a_lost_one_pays_for_itself_and_the_first_with_its_attempt(database: Engine) -> None:
    books = Books(database, 1)
    account = books.grant(3000)
    books.reserve({0: 1200}, account)
    books.move(0, "locked")
    first, second, third = (books.piece(0, copy) for copy in (1, 2, 3))
    with database.begin() as connection:
        end(connection, first, "handed_over")
    assert books.parts(account) == (1800, 0, 1200)
    assert books.pay(second, 1300, account)
    assert books.parts(account) == (500, 1300, 1200)
    # Another loss finds no money left.
    assert not books.pay(third, 1300, account)
    with database.begin() as connection:
        end(connection, second, "handed_over")
    assert books.parts(account) == (500, 0, 2500)


def test_what_turns_up_before_its_replacement_has_left_costs_nothing_more(database: Engine) -> None:
    books = Books(database, 1)
    batch, month = books.grant(5000), books.grant(5000, "month", "2026-11")
    second = books.piece(0, 2)
    assert books.pay(second, 1200, batch, month)
    with database.begin() as connection:
        end(connection, second, "pulled")
    assert (books.parts(batch), books.parts(month)) == ((5000, 0, 0), (5000, 0, 0))


def test_a_spoiled_replacement_leaves_its_money_to_the_one_that_is_made_anew(database: Engine) -> None:
    books = Books(database, 1)
    batch, month = books.grant(1200), books.grant(5000, "month", "2026-11")
    second, third = (books.piece(0, copy) for copy in (2, 3))
    assert books.pay(second, 1200, batch, month)
    # The budget is cut while the piece is in the factory: what is reserved stays.
    books.grant(0)
    with database.begin() as connection:
        end(connection, second, "spoiled")
        take_over(connection, {second: third}, at=NOW)
    assert (books.parts(batch), books.parts(month)) == ((0, 1200, 0), (3800, 1200, 0))
    with database.begin() as connection:
        end(connection, third, "handed_over")
    assert (books.parts(batch), books.parts(month)) == ((0, 0, 1200), (3800, 0, 1200))


def test_a_reprint_of_a_first_piece_has_nothing_to_take_over(database: Engine) -> None:
    books = Books(database, 1)
    account = books.grant(5000)
    books.reserve({0: 1200}, account)
    books.move(0, "locked")
    first, second = (books.piece(0, copy) for copy in (1, 2))
    with database.begin() as connection:
        end(connection, first, "spoiled")
        take_over(connection, {first: second}, at=NOW)
        end(connection, second, "handed_over")
    assert books.parts(account) == (3800, 0, 1200)


@pytest.mark.parametrize("part", ["reserved_fen", "spent_fen"])
def test_the_database_itself_refuses_an_overdraft(database: Engine, part: str) -> None:
    account = Books(database, 1).grant(100)
    for wrong in (101, -1):
        with database.connect() as connection, pytest.raises(IntegrityError):
            connection.execute(update(tables.account).where(tables.account.c.id == account).values({part: wrong}))


def test_35_parallel_reservations_use_a_budget_exactly_up_and_never_more(database: Engine) -> None:
    books = Books(database, 40)
    batch, month = books.grant(20 * 1200), books.grant(10**6, "month", "2026-11")
    barrier, refused = Barrier(4), set[int]()

    def work(numbers: range) -> None:
        barrier.wait()
        for part in chunks(list(numbers), 2):
            # Each worker names the accounts in another order.
            accounts = (batch, month) if numbers.start % 20 else (month, batch)
            refused.update(books.reserve(dict.fromkeys(part, 1200), *accounts))

    threads = [Thread(target=work, args=(range(n, n + 10),)) for n in range(0, 40, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 20
    assert books.parts(batch) == (0, 24_000, 0)


OPERATIONS = st.one_of(
    st.tuples(st.just("grant"), st.integers(0, 3), st.integers(0, 8000)),
    st.tuples(st.just("reserve"), st.integers(0, 3), st.integers(0, 3000)),
    st.tuples(st.sampled_from(["locked", "dropped"]), st.integers(0, 3), st.just(0)),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(OPERATIONS, max_size=14))
@example([("reserve", 0, 0), ("locked", 0, 0), ("reserve", 0, 1)])
def test_whatever_is_done_the_books_balance_and_nothing_is_negative(database: Engine, operations: Any) -> None:
    books = Books(database, 4)
    accounts = [books.grant(3000), books.grant(4000, "month", "2026-11")]
    granted, prices, state = 3000, dict[int, int](), dict[int, str]()
    for what, n, fen in operations:
        if what == "grant":
            books.grant(fen)
            granted = max(fen, sum(prices.values()))
        elif what == "reserve":
            # What has ended without a price gets none any more.
            if n in state and n not in prices:
                continue
            if not books.reserve({n: fen}, *accounts) and n not in state:
                prices[n] = fen
        elif n not in state:
            books.move(n, what)
            state[n] = what
            if what == "dropped":
                prices.pop(n, None)
        free, reserved, spent = books.parts(accounts[0])
        assert min(free, reserved, spent) >= 0
        assert (free + reserved + spent, reserved + spent) == (granted, sum(prices.values()))
        assert spent == sum(prices.get(k, 0) for k, v in state.items() if v == "locked")


def test_a_tampered_sum_is_found(database: Engine) -> None:
    books = Books(database, 1)
    account = books.grant(5000)
    books.reserve({0: 1200}, account)
    with database.begin() as connection:
        connection.execute(update(tables.account).values(reserved_fen=1100))
        wrong = out_of_balance(connection, books.tenant)
        assert wrong[account]["reserved"] == (1100, 1200)
        assert connection.scalar(select(tables.booking.c.fen).order_by(tables.booking.c.seq).limit(1)) == 5000
