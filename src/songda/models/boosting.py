"""Boosted trees with calibrated chances: LightGBM, kept as text, never as code.

    fitted = fit(frame, labels, features=[…], kind="address", seed=7)
    fitted.predict(frame)                     # float array (rows,) or (rows, classes)
    fitted.reasons(frame, most=3)             # per row the features that moved it, by SHAP values
    Fitted.load(fitted.dump())               # the same model: JSON, compressed

The chances of k-fold models on rows that they have not seen calibrate the model that is fitted on all (isotonic regression).
Fitting is deterministic: equal rows, features and seed give equal bytes.
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

from songda.models.errors import TooLittleData, UnreadableModel
from songda.models.features import check

Floats = NDArray[np.float64]
_FORMAT = 1
_FOLDS = 5
#: Rows of each class below which nothing is fitted.
LEAST = 50
_USUAL: Mapping[str, Any] = {
    "learning_rate": 0.05,
    "num_leaves": 31,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "max_bin": 255,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
#: Rows from which on a second thread gains more than it waits for the first.
_FOR_TWO: Final = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A monotone map from raw to calibrated chances; between the points it is straight."""

    x: list[float]
    y: list[float]

    def __call__(self, raw: Floats) -> Floats:
        return np.interp(raw, self.x, self.y)


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A fitted model; nothing of any person is in it."""

    #: Which of the seven: address, vitality, …
    kind: str
    features: list[str]
    #: Names of the alternatives of categorical features, in the order of their codes.
    categories: dict[str, list[str]]
    #: Labels, in the order of the columns of `predict`; two labels make one column, the chance of the second.
    classes: list[str]
    #: LightGBM's text format.
    trees: str = field(repr=False)
    curves: list[Curve] = field(repr=False)
    rows: int
    #: Of what was learnt from: equal rows give an equal hash.
    data_sha256: str
    #: Out of fold, on rows not seen: auc, log_loss, brier, ece …
    metrics: dict[str, float]
    settings: dict[str, Any] = field(repr=False)

    def dump(self) -> bytes:
        import zstandard

        text = json.dumps({"format": _FORMAT, **asdict(self)}, ensure_ascii=False, sort_keys=True)
        return zstandard.ZstdCompressor(level=10).compress(text.encode())

    @classmethod
    def load(cls, data: bytes) -> Fitted:
        """Raises UnreadableModel; ForbiddenFeature for a model that knows what it may not."""
        import zstandard

        try:
            told = json.loads(zstandard.ZstdDecompressor().decompress(data, max_output_size=1 << 28))
            if told.pop("format") != _FORMAT:
                raise UnreadableModel(what="another format")
            told["curves"] = [Curve(**curve) for curve in told["curves"]]
            fitted = cls(**told)
        except (zstandard.ZstdError, ValueError, KeyError, TypeError) as error:
            raise UnreadableModel(what=type(error).__name__) from error
        check(fitted.features, model=fitted.kind)
        return fitted

    @cached_property
    def version(self) -> str:
        """`address/3f2a91c04d17`: kind and the hash of trees and curves."""
        told = json.dumps([self.trees, [asdict(curve) for curve in self.curves]], sort_keys=True)
        return f"{self.kind}/{hashlib.sha256(told.encode()).hexdigest()[:12]}"

    @cached_property
    def _booster(self) -> Any:
        import lightgbm

        return lightgbm.Booster(model_str=self.trees)

    def predict(self, frame: pl.DataFrame) -> Floats:
        """Calibrated chances of the rows of `frame` (which has the columns `features`): (rows,), or (rows, classes) for more than two."""
        if frame.is_empty():
            return np.zeros((0, len(self.classes)) if len(self.curves) > 1 else 0)
        raw = self._booster.predict(matrix_of(frame, self.features, self.categories), num_threads=threads(frame.height))
        return _calibrated(np.asarray(raw), self.curves)

    def reasons(self, frame: pl.DataFrame, *, most: int = 3) -> list[list[tuple[str, float]]]:
        """Per row the `most` features that moved the chance (of the second class) most, with their SHAP values in log-odds."""
        if frame.is_empty():
            return []
        shap = self._booster.predict(
            matrix_of(frame, self.features, self.categories), pred_contrib=True, num_threads=threads(frame.height)
        )
        # More than two classes: contributions of one class after the other.
        moved = np.asarray(shap)[:, : len(self.features)]
        order = np.argsort(-np.abs(moved), axis=1)[:, :most]
        return [
            [(self.features[column], round(float(row[column]), 4)) for column in columns if row[column]]
            for row, columns in zip(moved, order, strict=True)
        ]


def threads(rows: int) -> int:
    """Threads for LightGBM: its threads wait for each other spinning, which on a busy machine takes many times what they gain."""
    return 2 if rows >= _FOR_TWO else 1


def fit(
    frame: pl.DataFrame,
    labels: Sequence[int] | NDArray[np.int64],
    *,
    kind: str,
    features: Sequence[str],
    classes: Sequence[str] = ("no", "yes"),
    groups: Sequence[Any] | None = None,
    weights: Floats | None = None,
    rounds: int = 300,
    seed: int = 7,
    monotone: Mapping[str, int] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Fitted:
    """Fits `classes` to the columns `features` of `frame`; text columns are categories.

    `labels`: number in `classes`, one a row. `groups`: rows of one group never lie on both sides of a fold. `monotone`: feature → 1 or -1.
    Raises ForbiddenFeature, TooLittleData.
    """
    check(features, model=kind)
    wanted = np.asarray(labels, dtype=np.int64)
    counts = np.bincount(wanted, minlength=len(classes))
    if counts.min() < LEAST:
        few = classes[int(counts.argmin())]
        raise TooLittleData(model=kind, what=f"{few}: {counts.min()} rows of {LEAST}")
    categories = {
        name: sorted(frame[name].drop_nulls().unique().to_list())
        for name in features
        if frame.schema[name] == pl.String
    }
    matrix = matrix_of(frame, features, categories)
    chosen = dict(_USUAL) | {"seed": seed, "num_threads": threads(frame.height)} | dict(settings or {})
    chosen |= {"objective": "binary"} if len(classes) == 2 else {"objective": "multiclass", "num_class": len(classes)}
    if monotone:
        chosen["monotone_constraints"] = [monotone.get(name, 0) for name in features]
    categorical = [n for n, name in enumerate(features) if name in categories]
    folds = _folds(groups if groups is not None else np.arange(len(wanted)), seed)
    unseen = np.zeros((len(wanted), 1 if len(classes) == 2 else len(classes)))
    for fold in range(_FOLDS):
        kept = folds != fold
        trees = _train(
            matrix[kept], wanted[kept], None if weights is None else weights[kept], chosen, rounds, categorical
        )
        unseen[~kept] = np.asarray(trees.predict(matrix[~kept])).reshape(-1, unseen.shape[1])
    curves = _curves(unseen, wanted, weights)
    calibrated = _calibrated(unseen if len(curves) > 1 else unseen[:, 0], curves)
    trees = _train(matrix, wanted, weights, chosen, rounds, categorical)
    return Fitted(
        kind=kind,
        features=list(features),
        categories=categories,
        classes=list(classes),
        trees=trees.model_to_string(),
        curves=curves,
        rows=len(wanted),
        data_sha256=_hash(matrix, wanted),
        metrics=measured(calibrated, wanted),
        settings={"rounds": rounds, **chosen},
    )


def _train(
    matrix: Floats, labels: NDArray[np.int64], weights: Floats | None, settings: Mapping[str, Any], rounds: int,
    categorical: list[int],
) -> Any:  # fmt: skip
    import lightgbm

    data = lightgbm.Dataset(
        matrix, labels, weight=weights, categorical_feature=categorical, free_raw_data=False, params=dict(settings)
    )
    return lightgbm.train(dict(settings), data, num_boost_round=rounds)


def matrix_of(frame: pl.DataFrame, features: Sequence[str], categories: Mapping[str, Sequence[str]]) -> Floats:
    """Columns as numbers; what is not stated, and a category never met, is NaN."""
    columns = []
    for name in features:
        column = frame[name]
        if name in categories:
            codes = {word: float(n) for n, word in enumerate(categories[name])}
            column = column.replace_strict(codes, default=None, return_dtype=pl.Float64) if codes else column
        columns.append(column.cast(pl.Float64).fill_null(float("nan")).to_numpy())
    return np.column_stack(columns) if columns else np.zeros((frame.height, 0))


def _folds(groups: Sequence[Any] | NDArray[Any], seed: int) -> NDArray[np.int64]:
    _, codes = np.unique(np.asarray(groups), return_inverse=True)
    rng = np.random.default_rng(seed)
    fold_of = rng.integers(0, _FOLDS, codes.max() + 1)
    return np.asarray(fold_of[codes], dtype=np.int64)


def _curves(unseen: Floats, labels: NDArray[np.int64], weights: Floats | None) -> list[Curve]:
    from sklearn.isotonic import IsotonicRegression

    made = []
    for column in range(unseen.shape[1]):
        hit = labels == (1 if unseen.shape[1] == 1 else column)
        isotonic = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
        isotonic.fit(unseen[:, column], hit.astype(float), sample_weight=weights)
        x, y = isotonic.X_thresholds_, isotonic.y_thresholds_
        made.append(Curve(x=[round(float(v), 7) for v in x], y=[round(float(v), 7) for v in y]))
    return made


def _calibrated(raw: Floats, curves: Sequence[Curve]) -> Floats:
    if len(curves) == 1:
        return curves[0](raw)
    each = np.column_stack([curve(raw[:, n]) for n, curve in enumerate(curves)])
    total = each.sum(axis=1, keepdims=True)
    return np.where(total > 0, each / np.where(total > 0, total, 1), 1 / len(curves))


def _hash(matrix: Floats, labels: NDArray[np.int64]) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(matrix).tobytes())
    digest.update(labels.tobytes())
    return digest.hexdigest()


def measured(chances: Floats, labels: NDArray[np.int64]) -> dict[str, float]:
    """auc and brier (two classes), log_loss, and the expected calibration error over 15 bins of equal size."""
    from sklearn.metrics import log_loss, roc_auc_score

    if chances.ndim == 1:
        found = {
            "auc": float(roc_auc_score(labels, chances)),
            "brier": float(np.mean((chances - labels) ** 2)),
            "ece": calibration_error(chances, labels),
        }
        both = np.column_stack([1 - chances, chances])
    else:
        found = {
            "ece": max(calibration_error(chances[:, n], (labels == n).astype(int)) for n in range(chances.shape[1]))
        }
        both = chances
    clipped = np.clip(both, 1e-6, 1)
    clipped /= clipped.sum(axis=1, keepdims=True)
    found["log_loss"] = float(log_loss(labels, clipped, labels=range(both.shape[1])))
    return {name: round(value, 5) for name, value in found.items()}


def calibration_error(chances: Floats, hits: NDArray[Any], *, bins: int = 15) -> float:
    """Mean distance between said and seen shares over bins of equal size; `hits` may be true chances as well."""
    order = np.argsort(chances, kind="stable")
    parts = np.array_split(order, bins)
    return float(
        sum(abs(chances[part].mean() - hits[part].mean()) * len(part) for part in parts if len(part)) / len(chances)
    )
