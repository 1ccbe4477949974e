"""Model 6, second contact (第二联系人): which of the contacts that the debtor named are hardly genuine, so that nobody bothers them.

    features = contact_features(contacts)
    fitted = fit(features)                        # Isolation Forest, no labels needed
    odd = score(fitted, features)                 # 0-1: the share of contacts that are less odd
    keep = odd < fitted.threshold                 # the filter; what is removed is not asked

It removes, and never ranks for pressure: rules P02-P05 come first, one attempt, nothing is said about the debt. Odd is not
fabricated: orphans and migrants
have odd relatives too. With labels of one contact in a hundred a labelled model joins (ranks are averaged). The scorer is a function
and can be replaced by another of SCORERS.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from songda.models.boosting import Fitted, Floats
from songda.models.boosting import fit as fit_trees
from songda.models.errors import TooLittleData, UnreadableModel
from songda.models.features import check

KIND: Final = "contacts"
FEATURES: Final = ("reused", "tried", "strange_region", "strange_name", "confirmed")
#: What the forest sees: mismatches, each 0 where nothing is odd. That somebody has confirmed is no mismatch; it halves the oddness.
_MISMATCHES: Final = FEATURES[:-1]
_FORMAT = 1
#: Contacts below which nothing is fitted.
LEAST: Final = 200
_TREES: Final = 300
#: Contacts that are removed at first, before outcomes say how many are fabricated.
_REMOVED: Final = 0.15
_TREE: Final = "sklearn.tree._tree.Tree"
_LABELLED: Final = {"num_leaves": 7, "min_data_in_leaf": 20}


def contact_features(contacts: pl.DataFrame) -> pl.DataFrame:
    """One row a contact, in order: contact and FEATURES.

    In: contact, case, number (blind index; null = none), relation, number_state, answer, same_surname (bool or null), known_region
    (bool or null: the
    number's province is one of those of the debtor's addresses). What is not known is neither odd nor usual: 0. Surprise is
    -log of the share of contacts of the same relation who are like this one.
    """
    cases = pl.col("case").n_unique().over("number")
    relatives = pl.col("relation").is_in(["parent", "child", "sibling", "spouse", "relative"])
    dead = pl.col("number_state").is_in(["vacant", "stopped"])
    # One scale, as a forest finds what is rare at an end: dead is odd, denied is odder.
    tried = pl.when(pl.col("answer") == "denied").then(2.0).when(dead).then(1.5).otherwise(0.0)
    return contacts.select(
        "contact",
        reused=pl.when(pl.col("number").is_not_null()).then((cases - 1).log1p()).otherwise(0.0),
        tried=tried,
        strange_region=_surprise("known_region", relatives),
        strange_name=_surprise("same_surname", pl.col("relation")),
        confirmed=(pl.col("answer") == "confirmed").fill_null(value=False),
    )


def _surprise(flag: str, among: pl.Expr) -> pl.Expr:
    """How seldom those of the same kind have this value of `flag`; 0 where it is not known."""
    share = pl.col(flag).mean().over(among)
    chance = pl.when(pl.col(flag)).then(share).otherwise(1 - share)
    return pl.when(pl.col(flag).is_null()).then(0.0).otherwise(-chance.clip(1e-3, 1.0).log())


Scorer = Callable[[Floats, int], Any]


def _isolation_forest(matrix: Floats, seed: int) -> Any:
    from sklearn.ensemble import IsolationForest

    return IsolationForest(n_estimators=_TREES, random_state=seed, n_jobs=1).fit(matrix)


#: Name → what fits a scorer with `score_samples` (low = odd), as scikit-learn has it.
SCORERS: Final[Mapping[str, Scorer]] = {"isolation_forest": _isolation_forest}


@dataclass(frozen=True, kw_only=True)
class Filter:
    """A fitted filter; nothing of any person is in it."""

    features: list[str]
    scorer: str
    #: The scorer, as skops writes it.
    forest: bytes = field(repr=False)
    #: Raw oddness, and the sum of the mismatches, at each hundredth of the contacts it was fitted on.
    quantiles: list[float] = field(repr=False)
    sums: list[float] = field(repr=False)
    #: Share of the odd from which on a contact is removed.
    threshold: float
    rows: int
    medians: list[float]
    #: Where there were labels.
    labelled: Fitted | None = None

    @cached_property
    def version(self) -> str:
        return f"{KIND}/{hashlib.sha256(self.dump()).hexdigest()[:12]}"

    def dump(self) -> bytes:
        told = {name: getattr(self, name) for name in _PLAIN} | {"format": _FORMAT}
        told["forest"] = base64.b64encode(self.forest).decode()
        told["labelled"] = None if self.labelled is None else base64.b64encode(self.labelled.dump()).decode()
        return json.dumps(told, sort_keys=True).encode()

    @classmethod
    def load(cls, data: bytes) -> Filter:
        """Raises UnreadableModel, ForbiddenFeature."""
        try:
            told = json.loads(data)
            if told.pop("format") != _FORMAT:
                raise UnreadableModel(what="another format")
            labelled = told.pop("labelled")
            filter_ = cls(
                forest=base64.b64decode(told.pop("forest")),
                labelled=None if labelled is None else Fitted.load(base64.b64decode(labelled)),
                **told,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise UnreadableModel(what=type(error).__name__) from error
        check(filter_.features, model=KIND)
        _ = filter_._forest
        return filter_

    @cached_property
    def _forest(self) -> Any:
        return read_forest(self.forest)


_PLAIN: Final = ("features", "scorer", "quantiles", "sums", "threshold", "rows", "medians")


def read_forest(data: bytes) -> Any:
    """A scikit-learn model in skops' format, of known types alone. Raises UnreadableModel."""
    import skops.io

    try:
        # A file can bring no code of its own: beside what skops trusts by itself, only scikit-learn's tree may be in it.
        if set(skops.io.get_untrusted_types(data=data)) - {_TREE}:
            raise UnreadableModel(what="types that are not trusted")
        return skops.io.loads(data, trusted=[_TREE])
    except (ValueError, TypeError, KeyError, io.UnsupportedOperation) as error:
        raise UnreadableModel(what=type(error).__name__) from error


def fit(
    features: pl.DataFrame,
    *,
    scorer: str = "isolation_forest",
    fabricated: NDArray[np.int64] | None = None,
    removed: float = _REMOVED,
    seed: int = 7,
) -> Filter:
    """`fabricated`: 1, 0, or -1 where nobody knows. `removed`: share of contacts that the filter removes.

    Raises TooLittleData, ForbiddenFeature.
    """
    import skops.io

    check(FEATURES, model=KIND)
    if features.height < LEAST:
        raise TooLittleData(model=KIND, what=f"{features.height} contacts of {LEAST}")
    matrix = _matrix(features)
    forest = SCORERS[scorer](matrix[:, :-1], seed)
    oddness = -forest.score_samples(matrix[:, :-1])
    labelled = None
    if fabricated is not None and (known := fabricated >= 0).mean() >= 0.01:
        try:
            labelled = fit_trees(
                features.filter(pl.Series(known)), fabricated[known], kind=KIND, features=FEATURES, rounds=80, seed=seed,
                settings=_LABELLED,
            )  # fmt: skip
        except TooLittleData:
            labelled = None
    return Filter(
        features=list(FEATURES),
        scorer=scorer,
        forest=skops.io.dumps(forest),
        quantiles=[float(value) for value in np.quantile(oddness, np.linspace(0, 1, 101))],
        sums=[float(value) for value in np.quantile(matrix[:, :-1].sum(axis=1), np.linspace(0, 1, 101))],
        threshold=1 - removed,
        rows=features.height,
        medians=[float(value) for value in np.median(matrix, axis=0)],
        labelled=labelled,
    )


def score(fitted: Filter, features: pl.DataFrame) -> Floats:
    """How odd each contact is: the share of those it was fitted on that are less odd, 0-1; averaged with the labelled model's rank."""
    odd = _share(fitted, _matrix(features))
    if fitted.labelled is None or features.is_empty():
        return odd
    chance = fitted.labelled.predict(features)
    rank = np.argsort(np.argsort(chance, kind="stable"), kind="stable") / max(len(chance) - 1, 1)
    both: Floats = (odd + rank) / 2
    return both


def _share(fitted: Filter, matrix: Floats) -> Floats:
    """The mean of two ranks: how isolated the mismatches are, which sees odd combinations, and their sum, which knows the direction."""
    if not len(matrix):
        return np.zeros(0)
    mismatches, hundredths = matrix[:, :-1], np.linspace(0, 1, 101)
    isolated = np.interp(-fitted._forest.score_samples(mismatches), fitted.quantiles, hundredths)
    summed = np.interp(mismatches.sum(axis=1), fitted.sums, hundredths)
    shares: Floats = (isolated + summed) / 2 * (1 - 0.5 * matrix[:, -1])
    return shares


def reasons(fitted: Filter, features: pl.DataFrame, *, most: int = 3) -> list[list[tuple[str, float]]]:
    """Per contact the features without which it would be less odd (each set to the median in turn), and by how much."""
    matrix = _matrix(features)
    base = _share(fitted, matrix)
    fall = np.zeros_like(matrix)
    for column, median in enumerate(fitted.medians):
        usual = matrix.copy()
        usual[:, column] = median
        fall[:, column] = base - _share(fitted, usual)
    order = np.argsort(-fall, axis=1)[:, :most]
    return [
        [(fitted.features[column], round(float(row[column]), 4)) for column in columns if row[column] > 0.005]
        for row, columns in zip(fall, order, strict=True)
    ]


def _matrix(features: pl.DataFrame) -> Floats:
    return features.select(pl.col(FEATURES).cast(pl.Float64)).to_numpy()
