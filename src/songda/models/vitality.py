"""Model 3, vitality (鲜活度): how likely the debtor can still be reached at a place, whoever takes today's letter.

    prior = rule(features)                       # before there are outcomes: Beta priors by origin and age, updated by agreement
    fitted = fit(features, alive)
    years = half_life(fitted, features)          # after how long the chance has halved, if nothing new is heard

Alive: signed for or refused by the debtor or family. Dead: moved, unknown there, no such address. Nobody at home, a desk or a
locker says nothing and is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from songda.models.boosting import Fitted, Floats
from songda.models.boosting import fit as fit_trees
from songda.models.place_features import PLACES

KIND: Final = "vitality"
_SETTINGS: Final = {"num_leaves": 15, "min_data_in_leaf": 100}
_ROUNDS: Final = 120
#: Origin → (chance when fresh, yearly hazard that the debtor is gone): priors of the rule, chosen and not measured.
_PRIORS: Final = {
    "court": (0.90, 0.15),
    "earlier_letter": (0.90, 0.18),
    "debtor_update": (0.78, 0.18),
    "reserved": (0.80, 0.14),
    "contract": (0.85, 0.14),
    "id_card": (0.62, 0.02),
}
#: A courier's end of a letter (songda.dispatch codes) → alive, dead, or nothing said.
ALIVE: Final = frozenset({"signed_self", "signed_family", "refused"})
DEAD: Final = frozenset({"moved", "unknown_person", "wrong_address"})
_AGEING: Final = (
    "years_since_latest", "years_since_first", "years_id_card", "years_contract", "years_debtor_update", "years_reserved",
    "years_earlier_letter", "years_court",
)  # fmt: skip


def fit(features: pl.DataFrame, alive: NDArray[np.int64], *, weights: Floats | None = None, seed: int = 7) -> Fitted:
    """`features`: rows of `place_features` whose end says something; `alive`: 1 or 0. Raises TooLittleData."""
    return fit_trees(
        features, alive, kind=KIND, features=PLACES, groups=features["person_id"].to_list(), weights=weights, rounds=_ROUNDS,
        seed=seed, settings=_SETTINGS,
    )  # fmt: skip


def predict(fitted: Fitted, features: pl.DataFrame) -> Floats:
    return fitted.predict(features)


def rule(features: pl.DataFrame) -> Floats:
    """The chance before anything was learnt: independent origins that name the place each leave it less likely to be dead."""
    dead = np.ones(features.height)
    for origin, (fresh, hazard) in _PRIORS.items():
        years = features[f"years_{origin}"].cast(pl.Float64).to_numpy()
        alive = fresh * np.exp(-hazard * np.nan_to_num(years))
        dead *= np.where(np.isnan(years), 1.0, 1 - alive)
    # Somebody who has told of another place later is less likely here.
    behind = features["years_behind"].cast(pl.Float64).fill_null(0.0).to_numpy()
    chances: Floats = (1 - dead) * np.exp(-0.10 * np.clip(behind, 0, 10))
    return chances


def labels(ends: Iterable[str | None]) -> list[int | None]:
    """1 alive, 0 dead, None where the end says nothing."""
    return [1 if end in ALIVE else 0 if end in DEAD else None for end in ends]


def half_life(fitted: Fitted, features: pl.DataFrame, *, most: float = 20.0, step: float = 0.5) -> Floats:
    """Years until the chance of each row has halved when its records only grow older; `most` where it does not until then."""
    start = fitted.predict(features)
    found = np.full(features.height, most)
    for years in np.arange(step, most, step)[::-1]:
        older = features.with_columns(
            [pl.col(name) + float(years) for name in _AGEING],
            overdue_days=pl.col("overdue_days") + round(365.25 * years),
        )
        found = np.where(fitted.predict(older) <= start / 2, years, found)
    return found
