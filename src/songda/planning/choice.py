"""The address of a letter: the place on which most records agree, then the latest record, then the most complete text.

In a simulation of the whole loop this rule was signed for more often than "latest", "identity card" or "most used"
alone; the models that will replace it are judged against it. A record that fails a rule (`eligible` false) still counts
as evidence that the place is right, but no letter goes to it.
"""

from __future__ import annotations

import polars as pl

#: Written into every decision record; a change of the rule below changes it.
CHOICE_VERSION = "most-agree-then-latest/1"


def choose_address(records: pl.DataFrame) -> pl.DataFrame:
    """One row a letter that has an eligible record.

    In: letter, record (ids), place (same value = same place of this person; null = unknown, a place of its own),
    eligible (bool), recorded_on (date or null), completeness (0-1 or null); further columns are carried along.
    Out: the chosen record's row with `agreeing` (records of this letter that mean its place) and `places` (how many
    different places the letter's records name).
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
        .unique("letter", keep="first", maintain_order=True)
        .drop("_place")
    )
