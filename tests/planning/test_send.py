import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from songda.planning import Limits, decide_send

PRICE = 2000


def reasons(amounts: list[int], **limits: int | None) -> list[str]:
    frame = pl.DataFrame(
        {
            "letter": [f"l{i:03}" for i in range(len(amounts))],
            "amount_fen": amounts,
            "price_fen": [PRICE] * len(amounts),
        },
        schema={"letter": pl.String, "amount_fen": pl.Int64, "price_fen": pl.Int64},
    )
    given_limits: dict[str, int | None] = {"budget_fen": 10**9, "capacity": 10**6, "min_amount_fen": 0, **limits}
    return decide_send(frame, Limits(**given_limits))["reason"].to_list()


def test_rows_keep_their_order_and_the_largest_amounts_go_first() -> None:
    assert reasons([100, 300, 200], capacity=2) == ["over_capacity", "chosen", "chosen"]


def test_a_small_debt_uses_neither_budget_nor_capacity() -> None:
    assert reasons([100, 5000, 4000], min_amount_fen=1000, capacity=2, budget_fen=2 * PRICE) == [
        "below_minimum",
        "chosen",
        "chosen",
    ]


def test_the_minimum_itself_is_worth_a_letter() -> None:
    assert reasons([999, 1000], min_amount_fen=1000) == ["below_minimum", "chosen"]


@pytest.mark.parametrize("unset", ["budget_fen", "capacity", "min_amount_fen"])
def test_an_unset_limit_lets_nothing_out(unset: str) -> None:
    assert reasons([10**6], **{unset: None}) == ["limits_unset"]


@given(st.lists(st.integers(1, 10**8), max_size=60), st.integers(0, 60 * PRICE), st.integers(0, 60))
def test_budget_and_capacity_are_never_exceeded(amounts: list[int], budget: int, capacity: int) -> None:
    count = reasons(amounts, budget_fen=budget, capacity=capacity).count("chosen")
    assert count * PRICE <= budget
    assert count == min(len(amounts), capacity, budget // PRICE)
