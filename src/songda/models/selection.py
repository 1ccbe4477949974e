"""Model 2, address selection: how likely somebody who may sign does so at each lawful address (grades A1, A2).

    fitted = fit(features, signed)                  # features: place_features of letters that were sent; signed: 0 or 1
    chances = predict(fitted, features)
    ranked = choose(candidates, explore=0.12)       # argmax, but for a logged share drawn among all that may be written to

An address reserved at the bank or named in the contract is not dropped for a low score: it stays among the further attempts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from songda.models.boosting import Fitted, Floats
from songda.models.boosting import fit as fit_trees
from songda.models.place_features import PLACES

KIND: Final = "address"
_SETTINGS: Final = {"num_leaves": 15, "min_data_in_leaf": 100}
_ROUNDS: Final = 120


def fit(
    features: pl.DataFrame,
    signed: NDArray[np.int64],
    *,
    weights: Floats | None = None,
    seed: int = 7,
) -> Fitted:
    """`features`: rows of `place_features`, one a letter that has come to its end; `signed`: 1 for A1 or A2. Raises TooLittleData."""
    groups = features["person_id"].to_list()
    return fit_trees(
        features, signed, kind=KIND, features=PLACES, groups=groups, weights=weights, rounds=_ROUNDS, seed=seed,
        settings=_SETTINGS,
    )  # fmt: skip


def predict(fitted: Fitted, features: pl.DataFrame) -> Floats:
    """Chance that somebody who may sign does, one a row."""
    return fitted.predict(features)


def rank(candidates: pl.DataFrame, *, explore: float) -> pl.DataFrame:
    """The addresses of each letter in the order in which they are tried, with the chance with which each could have come first.

    In: letter, record, _place, chance (0-1), eligible (bool), draw (a uniform in [0, 1) of the letter, the same in every row of it).
    Out: the best eligible record of each place with `n` = 1, 2, …, `propensity` and `explored`. In a share `explore` of the letters, those
    with a small `draw`, the first place is drawn among all places; the rest follow by chance. What is not eligible is never drawn.
    """
    best = (
        candidates.filter("eligible")
        .sort(["letter", "chance", "record"], descending=[False, True, False])
        .unique(["letter", "_place"], keep="first", maintain_order=True)
        .with_columns(_n=pl.int_range(pl.len()).over("letter"), _places=pl.len().over("letter"))
    )
    explored = pl.col("draw") < explore
    # The draw of an explored letter, stretched to [0, 1), picks the place.
    picked = (pl.col("draw") / max(explore, 1e-12) * pl.col("_places")).floor().cast(pl.Int64)
    first = pl.when(explored).then(pl.col("_n") == picked).otherwise(pl.col("_n") == 0)
    return (
        best.with_columns(_first=first)
        .sort(["letter", "_first", "_n"], descending=[False, True, False])
        .with_columns(
            n=pl.int_range(1, pl.len() + 1).over("letter").cast(pl.Int64),
            propensity=explore / pl.col("_places") + pl.when(pl.col("_n") == 0).then(1 - explore).otherwise(0.0),
            explored=explored & (pl.col("_places") > 1),
        )
        .drop("_n", "_places", "_first")
    )


def reasons(fitted: Fitted, features: pl.DataFrame, *, most: int = 3) -> list[list[tuple[str, float]]]:
    return fitted.reasons(features, most=most)


def labels(grades: Sequence[Any]) -> NDArray[np.int64]:
    """1 where somebody who may sign did."""
    return np.array([grade in ("A1", "A2") for grade in grades], dtype=np.int64)
