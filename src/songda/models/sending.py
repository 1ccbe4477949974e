"""Model 5, send decision (发函决策): whom a letter moves to pay what they would not have paid anyway, and who is worth its price.

    fitted = fit(features, sent, paid, propensity)           # where sending was drawn; the best of LEARNERS by policy value
    effect = predict(fitted, features)                       # added chance to pay, one a row
    send = decide(values, cost_fen=…, budget_fen=…, capacity=…)

Learners: response (chance to pay when sent), ridge (two linear models), x (Künzel et al. 2019), dr (Kennedy 2020). Which one ranks
best is decided by
cross-validated policy value on rows where sending was drawn: where the effect hardly varies, ranking by response is the better
policy, and where there is none,
nobody may win. A share of at least HOLD_OUT never gets a letter, so that the effect can be measured at any time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from songda.models.boosting import Floats, threads
from songda.models.errors import TooLittleData, UnreadableModel
from songda.models.features import check

KIND: Final = "sending"
FEATURES: Final = (
    "amount_log", "repaid_share", "days_overdue", "months_on_book", "annual_cost", "cases", "promises_made", "promises_kept_share",
    "days_since_answer", "age_years", "reach", "letters_before",
)  # fmt: skip
#: Share of those who could be written to that never are, at least.
HOLD_OUT: Final = 0.05
#: Payers of each arm below which nothing is fitted.
LEAST: Final = 100
_FORMAT = 1
_FOLDS = 5
_REPEATS = 3
_TREES: Final[Mapping[str, Any]] = {
    "learning_rate": 0.05,
    "num_leaves": 7,
    "min_data_in_leaf": 200,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
_ROUNDS = 60


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A fitted effect; nothing of any person is in it."""

    #: One of LEARNERS.
    learner: str
    features: list[str]
    #: What the learner needs: LightGBM texts, coefficients.
    parts: dict[str, Any] = field(repr=False)
    #: Learner → gain of its policy over sending to as many at random, and its standard error, on rows not seen.
    values: dict[str, tuple[float, float]]
    #: Mean effect over all rows where sending was drawn, and its standard error.
    mean_effect: tuple[float, float]
    #: Mean chance to pay when sent.
    mean_response: float
    rows: int
    data_sha256: str

    @property
    def kind(self) -> str:
        return KIND

    @property
    def version(self) -> str:
        told = json.dumps([self.learner, self.parts], sort_keys=True)
        return f"{KIND}/{hashlib.sha256(told.encode()).hexdigest()[:12]}"

    @property
    def found(self) -> bool:
        """Whether there is an effect at all: its mean is above zero by two standard errors.

        The gain of the best of several learners says too much: it is the best of several.
        """
        return self.mean_effect[0] > 2 * self.mean_effect[1]

    def dump(self) -> bytes:
        import zstandard

        text = json.dumps({"format": _FORMAT, **asdict(self)}, sort_keys=True)
        return zstandard.ZstdCompressor(level=10).compress(text.encode())

    @classmethod
    def load(cls, data: bytes) -> Effect:
        """Raises UnreadableModel, ForbiddenFeature."""
        import zstandard

        try:
            told = json.loads(zstandard.ZstdDecompressor().decompress(data, max_output_size=1 << 28))
            if told.pop("format") != _FORMAT:
                raise UnreadableModel(what="another format")
            told["values"] = {name: (value, error) for name, (value, error) in told["values"].items()}
            told["mean_effect"] = tuple(told["mean_effect"])
            effect = cls(**told)
        except (zstandard.ZstdError, ValueError, KeyError, TypeError) as error:
            raise UnreadableModel(what=type(error).__name__) from error
        check(effect.features, model=KIND)
        return effect


Predict = Callable[[Mapping[str, Any], Floats], Floats]


def _boost(matrix: Floats, target: Floats, *, seed: int, objective: str, weights: Floats | None = None) -> str:
    import lightgbm

    settings = dict(_TREES) | {"objective": objective, "seed": seed, "num_threads": threads(len(matrix))}
    data = lightgbm.Dataset(matrix, target, weight=weights, params=settings)
    text: str = lightgbm.train(settings, data, num_boost_round=_ROUNDS).model_to_string()
    return text


def _of_trees(text: str, matrix: Floats) -> Floats:
    import lightgbm

    return np.asarray(lightgbm.Booster(model_str=text).predict(matrix, num_threads=threads(len(matrix))), dtype=float)


def _response(matrix: Floats, sent: NDArray[np.bool_], paid: Floats, propensity: Floats, seed: int) -> dict[str, Any]:
    return {"sent": _boost(matrix[sent], paid[sent], seed=seed, objective="cross_entropy")}


def _ridge(matrix: Floats, sent: NDArray[np.bool_], paid: Floats, propensity: Floats, seed: int) -> dict[str, Any]:
    """Two linear models on standardised columns; what is not stated is the mean, and a column of its own says so."""
    from sklearn.linear_model import Ridge

    means = np.nan_to_num(np.nanmean(matrix, axis=0))
    spread = np.nan_to_num(np.nanstd(matrix, axis=0))
    spread[spread == 0] = 1.0
    parts: dict[str, Any] = {"means": means.tolist(), "spread": spread.tolist()}
    wide = _wide(parts, matrix)
    for name, arm in (("sent", sent), ("not_sent", ~sent)):
        model = Ridge(alpha=len(matrix) / 100).fit(wide[arm], paid[arm])
        parts[name] = [float(model.intercept_), *map(float, model.coef_)]
    return parts


def _wide(parts: Mapping[str, Any], matrix: Floats) -> Floats:
    missing = np.isnan(matrix)
    return np.hstack([np.where(missing, 0.0, (matrix - parts["means"]) / parts["spread"]), missing])


def _arms(matrix: Floats, sent: NDArray[np.bool_], paid: Floats, seed: int) -> tuple[str, str]:
    return (
        _boost(matrix[sent], paid[sent], seed=seed, objective="cross_entropy"),
        _boost(matrix[~sent], paid[~sent], seed=seed, objective="cross_entropy"),
    )


def _x(matrix: Floats, sent: NDArray[np.bool_], paid: Floats, propensity: Floats, seed: int) -> dict[str, Any]:
    with_letter, without = _arms(matrix, sent, paid, seed)
    gained = paid[sent] - _of_trees(without, matrix[sent])
    missed = _of_trees(with_letter, matrix[~sent]) - paid[~sent]
    return {
        "gained": _boost(matrix[sent], gained, seed=seed, objective="regression"),
        "missed": _boost(matrix[~sent], missed, seed=seed, objective="regression"),
        "share": float(sent.mean()),
    }


def _dr(matrix: Floats, sent: NDArray[np.bool_], paid: Floats, propensity: Floats, seed: int) -> dict[str, Any]:
    """Doubly robust pseudo-outcomes, the arms' models fitted on the other half."""
    half = np.random.default_rng(seed).random(len(paid)) < 0.5
    pseudo = np.zeros(len(paid))
    for here in (half, ~half):
        there = ~here
        with_letter, without = _arms(matrix[there], sent[there], paid[there], seed)
        m1, m0 = _of_trees(with_letter, matrix[here]), _of_trees(without, matrix[here])
        p, t, y = propensity[here], sent[here], paid[here]
        pseudo[here] = m1 - m0 + t * (y - m1) / p - ~t * (y - m0) / (1 - p)
    return {"effect": _boost(matrix, pseudo, seed=seed, objective="regression")}


#: Name → (fit, predict). A response model ranks by the chance to pay when sent.
LEARNERS: Final[Mapping[str, tuple[Any, Predict]]] = {
    "response": (_response, lambda parts, matrix: _of_trees(parts["sent"], matrix)),
    "ridge": (
        _ridge,
        lambda parts, matrix: (
            np.hstack([np.ones((len(matrix), 1)), _wide(parts, matrix)])
            @ (np.array(parts["sent"]) - np.array(parts["not_sent"]))
        ),
    ),
    "x": (
        _x,
        lambda parts, matrix: (
            (1 - parts["share"]) * _of_trees(parts["gained"], matrix)
            + parts["share"] * _of_trees(parts["missed"], matrix)
        ),
    ),
    "dr": (_dr, lambda parts, matrix: _of_trees(parts["effect"], matrix)),
}


def fit(
    features: pl.DataFrame,
    sent: NDArray[np.bool_],
    paid: NDArray[Any],
    propensity: Floats,
    *,
    share: float = 0.3,
    seed: int = 7,
) -> Effect:
    """Rows where sending was drawn with chance `propensity` (0 < p < 1); `paid`: 0 or 1. `share`: letters for whom there is money.

    Raises TooLittleData.
    """
    check(FEATURES, model=KIND)
    hits = np.asarray(paid, dtype=float)
    for name, arm in (("sent", sent), ("not sent", ~sent)):
        if hits[arm].sum() < LEAST:
            raise TooLittleData(model=KIND, what=f"{hits[arm].sum():.0f} payers of {LEAST} among those {name}")
    matrix = features.select(pl.col(FEATURES).cast(pl.Float64)).to_numpy()
    weight = np.where(sent, 1 / propensity, -1 / (1 - propensity))
    scores = {name: np.zeros((_REPEATS, len(hits))) for name in LEARNERS}
    for repeat in range(_REPEATS):
        folds = np.random.default_rng(seed + repeat).integers(0, _FOLDS, len(hits))
        for fold in range(_FOLDS):
            kept = folds != fold
            for name, (learn, predict_with) in LEARNERS.items():
                parts = learn(matrix[kept], sent[kept], hits[kept], propensity[kept], seed + repeat)
                scores[name][repeat, ~kept] = predict_with(parts, matrix[~kept])
    values = {name: _gain(each, hits * weight, share) for name, each in scores.items()}
    best = _chosen(scores, hits * weight, share)
    each = hits * weight
    return Effect(
        learner=best,
        features=list(FEATURES),
        parts=LEARNERS[best][0](matrix, sent, hits, propensity, seed),
        values=values,
        mean_effect=(float(each.mean()), float(each.std() / np.sqrt(len(each)))),
        mean_response=float(hits[sent].mean()),
        rows=len(hits),
        data_sha256=hashlib.sha256(np.ascontiguousarray(matrix).tobytes() + each.tobytes()).hexdigest(),
    )


def _gain(scores: Floats, effects: Floats, share: float) -> tuple[float, float]:
    """What a policy that sends to the best `share` gains a row over sending to as many at random, with its standard error.

    `effects`: unbiased effects of single rows (inverse propensity), noisy.
    """
    top = np.mean([row >= np.quantile(row, 1 - share) for row in scores], axis=0)
    each = (top - share) * effects
    return float(each.mean()), float(each.std() / np.sqrt(len(each)))


def _chosen(scores: Mapping[str, Floats], effects: Floats, share: float) -> str:
    """The learner to use: the simplest, unless a later one gains more by over two standard errors of the difference.

    Payers are few and effects small, so that the best of several is often the luckiest.
    """
    best = next(iter(scores))
    for name in [*scores][1:]:
        tops = [np.mean([row >= np.quantile(row, 1 - share) for row in scores[each]], axis=0) for each in (name, best)]
        more = (tops[0] - tops[1]) * effects
        if more.mean() > 2 * more.std() / np.sqrt(len(more)):
            best = name
    return best


def predict(fitted: Effect, features: pl.DataFrame) -> Floats:
    """Added chance to pay of each row.

    Where the response model ranks best: the chance to pay, times the chance that a letter arrives (`reach`) against its mean, scaled
    to the mean effect. A letter that nobody signs for adds nothing.
    """
    scores = rank(fitted, features)
    return scores * max(fitted.mean_effect[0], 0.0) / fitted.mean_response if fitted.learner == "response" else scores


def rank(fitted: Effect, features: pl.DataFrame) -> Floats:
    """By what the rows are ranked; on no scale of its own."""
    matrix = features.select(pl.col(fitted.features).cast(pl.Float64)).to_numpy()
    scores = LEARNERS[fitted.learner][1](fitted.parts, matrix)
    if fitted.learner == "response" and "reach" in fitted.features:
        reach = matrix[:, fitted.features.index("reach")]
        known = reach[~np.isnan(reach)]
        # Where nothing is known of an address, it is as good as the others.
        return scores * np.where(np.isnan(reach), 1.0, reach / known.mean()) if known.any() else scores
    return scores


def decide(
    value_fen: Floats,
    cost_fen: NDArray[np.int64],
    *,
    budget_fen: int,
    capacity: int,
    tenant: Sequence[str] | None = None,
    least: Mapping[str, int] | None = None,
) -> NDArray[np.bool_]:
    """Whom to write to: the set of greatest value within budget and capacity, solved with HiGHS; nobody whose value does not cover
    the cost.

    `least`: tenant → letters that it is guaranteed (as far as it has any worth sending).
    """
    from scipy.optimize import LinearConstraint, milp
    from scipy.sparse import csr_matrix

    gain = value_fen - cost_fen
    worth = np.flatnonzero(gain > 0)
    chosen = np.zeros(len(value_fen), dtype=bool)
    if not len(worth) or capacity <= 0 or budget_fen <= 0:
        return chosen
    rows: list[Floats] = [cost_fen[worth].astype(float), np.ones(len(worth))]
    lower, upper = [-np.inf, -np.inf], [float(budget_fen), float(capacity)]
    for name, count in (least or {}).items():
        own = np.array([tenant[n] == name for n in worth.tolist()], dtype=float) if tenant is not None else np.zeros(0)
        if own.any():
            rows.append(own)
            lower.append(min(float(count), own.sum()))
            upper.append(np.inf)
    solved = milp(
        -gain[worth],
        constraints=LinearConstraint(csr_matrix(np.vstack(rows)), lower, upper),
        integrality=np.ones(len(worth)),
        bounds=(0, 1),
        options={"mip_rel_gap": 1e-4, "time_limit": 60.0},
    )
    if solved.x is None:
        # Guarantees that cannot all be kept: the best without them.
        return decide(value_fen, cost_fen, budget_fen=budget_fen, capacity=capacity)
    chosen[worth[solved.x > 0.5]] = True
    return chosen
