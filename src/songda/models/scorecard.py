"""Model 7, letter score (发函评分): points that a person can add up, from weights of evidence, with a monotone challenger.

    card = fit(frame, paid, features=[…], kind="score", seed=7)
    points = card.points(frame)                  # higher = more likely to pay; 600 at odds 1:19, 20 points double the odds
    card.reasons(frame)                          # what cost a debtor most points, and in which bin

Bins of a feature are those of a small tree, merged until the observed rate is monotone where that is asked; what is not stated is a
bin of its own. Weight of
evidence: ln(share of payers in the bin / share of the others); a logistic regression on them gives the points (Siddiqi, Credit Risk
Scorecards, 2006).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from songda.models.boosting import LEAST, Floats, measured
from songda.models.errors import TooLittleData, UnreadableModel
from songda.models.features import check

_FORMAT = 1
_BASE_POINTS: Final = 600.0
_BASE_ODDS: Final = 1 / 19
_DOUBLES: Final = 20.0
_FACTOR: Final = _DOUBLES / np.log(2)
_BINS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Binned:
    """One feature: edges of its bins (right ends but the last), or its categories; one value more for "not stated"."""

    edges: list[float]
    categories: list[str]
    woe: list[float]
    #: Share of rows in each bin, for drift.
    shares: list[float]
    coefficient: float

    def bins(self, column: pl.Series) -> NDArray[np.int64]:
        """Number of the bin of each row; the last is "not stated"."""
        missing = len(self.woe) - 1
        if self.categories:
            known = {word: n for n, word in enumerate(self.categories)}
            return column.replace_strict(known, default=missing, return_dtype=pl.Int64).fill_null(missing).to_numpy()
        values = column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        return np.where(np.isnan(values), missing, np.searchsorted(self.edges, values, side="left"))


@dataclass(frozen=True, kw_only=True)
class Scorecard:
    """A fitted card; nothing of any person is in it."""

    kind: str
    intercept: float
    binned: dict[str, Binned] = field(repr=False)
    rows: int
    data_sha256: str
    metrics: dict[str, float]

    @property
    def features(self) -> list[str]:
        return list(self.binned)

    @cached_property
    def version(self) -> str:
        told = json.dumps({name: asdict(each) for name, each in self.binned.items()}, sort_keys=True)
        return f"{self.kind}/{hashlib.sha256(told.encode()).hexdigest()[:12]}"

    def dump(self) -> bytes:
        return json.dumps({"format": _FORMAT, **asdict(self)}, ensure_ascii=False, sort_keys=True).encode()

    @classmethod
    def load(cls, data: bytes) -> Scorecard:
        """Raises UnreadableModel, ForbiddenFeature."""
        try:
            told = json.loads(data)
            if told.pop("format") != _FORMAT:
                raise UnreadableModel(what="another format")
            told["binned"] = {name: Binned(**each) for name, each in told["binned"].items()}
            card = cls(**told)
        except (ValueError, KeyError, TypeError) as error:
            raise UnreadableModel(what=type(error).__name__) from error
        check(card.features, model=card.kind)
        return card

    def _odds(self, frame: pl.DataFrame) -> Floats:
        """Log-odds of each feature's bin, shape (rows, features)."""
        columns = [np.array(each.woe)[each.bins(frame[name])] * each.coefficient for name, each in self.binned.items()]
        return np.column_stack(columns)

    def predict(self, frame: pl.DataFrame) -> Floats:
        """Chance of each row."""
        chances: Floats = 1 / (1 + np.exp(-(self.intercept + self._odds(frame).sum(axis=1))))
        return chances

    def points(self, frame: pl.DataFrame) -> NDArray[np.int64]:
        odds = self.intercept + self._odds(frame).sum(axis=1)
        points: NDArray[np.int64] = np.rint(_BASE_POINTS + _FACTOR * (odds - np.log(_BASE_ODDS))).astype(np.int64)
        return points

    def reasons(self, frame: pl.DataFrame, *, most: int = 3) -> list[list[tuple[str, float]]]:
        """Per row the features that cost most points against the best bin, and how many (negative)."""
        odds = self._odds(frame)
        best = np.array([max(woe * each.coefficient for woe in each.woe) for each in self.binned.values()])
        lost = (odds - best) * _FACTOR
        order = np.argsort(lost, axis=1)[:, :most]
        names = self.features
        return [
            [(names[column], round(float(row[column]), 1)) for column in columns if row[column] < -0.05]
            for row, columns in zip(lost, order, strict=True)
        ]


def fit(
    frame: pl.DataFrame,
    labels: NDArray[np.int64],
    *,
    features: Sequence[str],
    kind: str = "score",
    monotone: Mapping[str, int] | None = None,
    least_share: float = 0.03,
) -> Scorecard:
    """`labels`: 1 for whoever pays. `monotone`: feature → 1 or -1, or 0 for whichever direction fits.

    Raises ForbiddenFeature, TooLittleData.
    """
    from sklearn.linear_model import LogisticRegression

    check(features, model=kind)
    counts = np.bincount(labels, minlength=2)
    if counts.min() < LEAST:
        raise TooLittleData(model=kind, what=f"{counts.min()} rows of {LEAST} of one kind")
    made = {
        name: _bin(frame[name], labels, (monotone or {}).get(name), max(20, int(least_share * len(labels))))
        for name in features
    }
    woe = np.column_stack([np.array(each.woe)[each.bins(frame[name])] for name, each in made.items()])
    told = np.array([np.ptp(column) > 0 for column in woe.T])
    logistic = LogisticRegression(C=1.0, max_iter=1000).fit(woe[:, told], labels)
    coefficients = np.zeros(len(made))
    coefficients[told] = logistic.coef_[0]
    binned = {
        name: Binned(**asdict(each) | {"coefficient": float(coefficient)})
        for (name, each), coefficient in zip(made.items(), coefficients, strict=True)
    }
    intercept = float(logistic.intercept_[0])
    chances = 1 / (1 + np.exp(-(intercept + woe @ coefficients)))
    digest = hashlib.sha256(np.ascontiguousarray(woe).tobytes() + labels.tobytes()).hexdigest()
    metrics = measured(chances, labels) | {"ks": round(ks(chances, labels), 5)}
    return Scorecard(
        kind=kind, intercept=intercept, binned=binned, rows=len(labels), data_sha256=digest, metrics=metrics
    )


def _bin(column: pl.Series, labels: NDArray[np.int64], direction: int | None, least: int) -> Binned:
    if column.dtype == pl.String:
        counts = column.value_counts().sort("count", column.name, descending=[True, False]).drop_nulls()
        categories = counts.filter(pl.col("count") >= least)[column.name].to_list()[:30]
        draft = Binned(
            edges=[],
            categories=categories or ["—"],
            woe=[0.0] * (len(categories or ["—"]) + 1),
            shares=[],
            coefficient=1.0,
        )
        return _weighed(draft, column, labels)
    values = column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    known = ~np.isnan(values)
    edges = _edges(values[known], labels[known], least)
    if direction is not None:
        edges = _monotone(edges, values[known], labels[known], direction)
    draft = Binned(edges=edges, categories=[], woe=[0.0] * (len(edges) + 2), shares=[], coefficient=1.0)
    return _weighed(draft, column, labels)


def _edges(values: Floats, labels: NDArray[np.int64], least: int) -> list[float]:
    from sklearn.tree import DecisionTreeClassifier

    if len(values) < 2 * least or not np.ptp(values):
        return []
    tree = DecisionTreeClassifier(
        criterion="entropy", max_leaf_nodes=_BINS, min_samples_leaf=least, random_state=0
    ).fit(values.reshape(-1, 1), labels)
    return sorted(float(edge) for edge in tree.tree_.threshold[tree.tree_.feature >= 0])


def _monotone(edges: list[float], values: Floats, labels: NDArray[np.int64], direction: int) -> list[float]:
    """Drops edges until the rate of the bins only rises (1), only falls (-1), or does what fits best (0)."""
    if direction == 0:
        rank = np.corrcoef(np.argsort(np.argsort(values)), labels)[0, 1] if len(edges) else 0.0
        direction = 1 if rank >= 0 else -1
    kept = list(edges)
    while kept:
        bins = np.searchsorted(kept, values, side="left")
        rates = np.array([labels[bins == n].mean() for n in range(len(kept) + 1)])
        wrong = np.diff(rates) * direction <= 0
        if not wrong.any():
            break
        # The edge whose sides differ most in the wrong direction goes first.
        kept.pop(int(np.argmin(np.diff(rates) * direction)))
    return kept


def _weighed(draft: Binned, column: pl.Series, labels: NDArray[np.int64]) -> Binned:
    bins = draft.bins(column)
    size = len(draft.woe)
    good = np.bincount(bins, weights=labels, minlength=size)
    bad = np.bincount(bins, weights=1 - labels, minlength=size)
    # Half a row of each kind in every bin: an empty one says nothing.
    woe = np.log(((good + 0.5) / (good.sum() + 0.5 * size)) / ((bad + 0.5) / (bad.sum() + 0.5 * size)))
    woe = np.where(good + bad > 0, woe, 0.0)
    return Binned(
        edges=draft.edges,
        categories=draft.categories,
        woe=[round(float(value), 6) for value in woe],
        shares=[round(float(value), 6) for value in (good + bad) / len(labels)],
        coefficient=1.0,
    )


def ks(chances: Floats, labels: NDArray[np.int64]) -> float:
    """Kolmogorov-Smirnov distance between the chances of both kinds."""
    from sklearn.metrics import roc_curve

    false, true, _ = roc_curve(labels, chances)
    return float(np.max(np.abs(true - false)))


def psi(expected: Sequence[float], actual: Sequence[float]) -> float:
    """Population stability index of two distributions over the same bins; over 0.25 is commonly taken as a shift."""
    one, other = (np.clip(np.asarray(each, dtype=float), 1e-4, None) for each in (expected, actual))
    one, other = one / one.sum(), other / other.sum()
    return float(np.sum((other - one) * np.log(other / one)))


def drift(card: Scorecard, frame: pl.DataFrame) -> dict[str, float]:
    """Feature → PSI of today's rows against those that the card was fitted on."""
    found: dict[str, float] = {}
    for name, each in card.binned.items():
        counts = np.bincount(each.bins(frame[name]), minlength=len(each.woe))
        found[name] = round(psi(each.shares, list(counts / max(counts.sum(), 1))), 5)
    return found


def parts(card: Scorecard) -> list[dict[str, Any]]:
    """The card as a table: feature, bin, points."""
    rows = []
    for name, each in card.binned.items():
        labels = each.categories or [
            f"{low}–{high}"
            for low, high in zip(["", *map(_short, each.edges)], [*map(_short, each.edges), ""], strict=True)
        ]
        for label, woe, share in zip([*labels, "未说明"], each.woe, each.shares, strict=True):
            rows.append(
                {
                    "feature": name,
                    "bin": label,
                    "share": share,
                    "points": round(float(woe * each.coefficient * _FACTOR), 1),
                }
            )
    return rows


def _short(value: float) -> str:
    return f"{value:.6g}"
