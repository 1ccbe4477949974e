"""Model 4, sign-for and courier (签收): who will take a letter, in which window, and whether to call first.

    fitted = fit(features, ends)                  # one row a first visit: PLACES, window, weekend, phoned
    chances = predict(fitted, features)           # (rows, ENDS)
    advice = best_window(fitted, features, windows=("morning", "afternoon"))

The window and the call are treatments: they are compared on the same row, all else equal. What is learnt is only worth something
where both were tried on like addresses; the courier list therefore draws a logged share of its advice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from songda.models.boosting import Fitted, Floats
from songda.models.boosting import fit as fit_trees
from songda.models.place_features import PLACES

KIND: Final = "signing"
#: How a letter ends.
ENDS: Final = (
    "signed_self", "signed_family", "desk", "locker", "other", "refused", "unknown_person", "moved", "wrong_address",
    "nobody",
)  # fmt: skip
WINDOWS: Final = ("morning", "afternoon", "evening")
FEATURES: Final = (*PLACES, "window", "weekend", "phoned")
_SETTINGS: Final = {"num_leaves": 7, "min_data_in_leaf": 150}
_ROUNDS: Final = 80


def fit(features: pl.DataFrame, ends: NDArray[np.int64], *, weights: Floats | None = None, seed: int = 7) -> Fitted:
    """`ends`: numbers in ENDS. Raises TooLittleData when an end was seen too seldom."""
    return fit_trees(
        features, ends, kind=KIND, features=FEATURES, classes=ENDS, groups=features["person_id"].to_list(), weights=weights,
        rounds=_ROUNDS, seed=seed, settings=_SETTINGS,
    )  # fmt: skip


def predict(fitted: Fitted, features: pl.DataFrame) -> Floats:
    """Chance of each of ENDS, shape (rows, ends)."""
    return fitted.predict(features)


def by_window(fitted: Fitted, features: pl.DataFrame, *, windows: Sequence[str] = WINDOWS) -> Floats:
    """Chance that the debtor or family signs when the first visit is in each of `windows`, shape (rows, windows)."""
    signed = [ENDS.index("signed_self"), ENDS.index("signed_family")]
    columns = [
        predict(fitted, features.with_columns(window=pl.lit(window)))[:, signed].sum(axis=1) for window in windows
    ]
    return np.column_stack(columns)


def best_window(fitted: Fitted, features: pl.DataFrame, *, windows: Sequence[str] = WINDOWS) -> list[str]:
    return [windows[n] for n in by_window(fitted, features, windows=windows).argmax(axis=1).tolist()]


def phone_effect(fitted: Fitted, features: pl.DataFrame) -> Floats:
    """What a call beforehand adds to the chance that the debtor or family signs, one a row."""
    signed = [ENDS.index("signed_self"), ENDS.index("signed_family")]
    called, silent = (
        predict(fitted, features.with_columns(phoned=pl.lit(value)))[:, signed].sum(axis=1) for value in (True, False)
    )
    return np.asarray(called - silent)
