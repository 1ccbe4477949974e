"""The addresses of a letter, in the order in which they are tried: the place on which most records agree first, then the
latest record, then the most complete text.

In a simulation of the whole loop this rule was signed for more often than "latest", "identity card" or "most used"
alone; the models that will replace it are judged against it. A record that fails a rule (`eligible` false) still counts
as evidence that the place is right, but no letter goes to it.
"""

from __future__ import annotations

import polars as pl

#: Written into every decision record; a change of the rule below changes it.
CHOICE_VERSION = "most-agree-then-latest/1"


def rank_addresses(records: pl.DataFrame) -> pl.DataFrame:
    """One row a letter and place that has an eligible record, ranked by `n` = 1, 2, …

    In: letter, record (ids), place (same value = same place of this person; null = unknown, a place of its own),
    eligible (bool), recorded_on (date or null), completeness (0-1 or null); further columns are carried along.
    Out: the best record of each place with `agreeing` (records of this letter that mean its place), `places` (how many
    different places the letter's records name) and `n`.
    """
    place = pl.coalesce(pl.col("place").cast(pl.String), pl.concat_str(pl.lit("?"), "record"))
    return (
        records.with_columns(_place=place)
        .with_columns(agreeing=pl.len().over("letter", "_place"), places=pl.col("_place").n_unique().over("letter"))
        .filter("eligible")
        .sort(
            ["letter", "agreeing", "recorded_on", "completeness", "record"],
            descending=[False, True, True, True, False],
            nulls_last=True,
        )
        .unique(["letter", "_place"], keep="first", maintain_order=True)
        .with_columns(n=pl.int_range(1, pl.len() + 1).over("letter").cast(pl.Int64))
        .drop("_place")
    )


def choose_address(records: pl.DataFrame) -> pl.DataFrame:
    """One row a letter that has an eligible record: the first of `rank_addresses`."""
    return rank_addresses(records).filter(pl.col("n") == 1).drop("n")
