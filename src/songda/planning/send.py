"""Send or not: minimum amount first, then the largest amounts until budget and capacity are used.

An unset limit lets nothing out: how much may be spent and how much may leave in a day are decisions of the tenant,
never defaults of ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

SEND_VERSION = "largest-amount-first/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    #: What is left to spend, fen; None: not set by the tenant.
    budget_fen: int | None
    #: Letters that may still leave; None: not set by the tenant.
    capacity: int | None
    #: Smallest total that is worth a letter, fen; None: not set by the tenant.
    min_amount_fen: int | None


def decide_send(letters: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Adds `send` (bool) and `reason` to one row a letter: letter, amount_fen, price_fen.

    Reasons: chosen, limits_unset, below_minimum, over_budget, over_capacity. Equal amounts are taken in the order of
    their ids, so the same frame gives the same decision.
    """
    if limits.budget_fen is None or limits.capacity is None or limits.min_amount_fen is None:
        return letters.with_columns(send=pl.lit(value=False), reason=pl.lit("limits_unset"))
    worth = pl.col("amount_fen") >= limits.min_amount_fen
    # Rank and running cost count only letters that are worth it; the first that breaks a limit ends the list,
    # because passing over a dear letter for cheaper ones would favour small debts.
    ranked = letters.with_row_index("_order").sort(["amount_fen", "letter"], descending=[True, False])
    rank = worth.cast(pl.Int64).cum_sum()
    spent = pl.when(worth).then(pl.col("price_fen")).otherwise(0).cum_sum()
    reason = (
        pl.when(~worth)
        .then(pl.lit("below_minimum"))
        .when(rank > limits.capacity)
        .then(pl.lit("over_capacity"))
        .when(spent > limits.budget_fen)
        .then(pl.lit("over_budget"))
        .otherwise(pl.lit("chosen"))
    )
    decided = ranked.with_columns(reason=reason).with_columns(send=pl.col("reason") == "chosen")
    return decided.sort("_order").drop("_order")
