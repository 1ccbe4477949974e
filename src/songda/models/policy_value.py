"""What another policy would have reached, estimated from a log of draws with known propensities (off-policy evaluation).

    value(rewards, propensity, chosen, model=None) -> Estimate(mean, low, high)

`ips` weighs what was tried by how likely it was, `snips` divides by the sum of the weights, `dr` (doubly robust) adds a model of the
reward. Dudík, Langford, Li 2011; Swaminathan, Joachims 2015. Intervals are normal ones at 95 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from songda.models.boosting import Floats

_Z = 1.96


@dataclass(frozen=True, slots=True)
class Estimate:
    mean: float
    #: Ends of the 95 % interval.
    low: float
    high: float
    #: Rows that the weights are worth: (Σw)² / Σw².
    effective_rows: float


def ips(rewards: Floats, propensity: Floats, agrees: NDArray[np.bool_]) -> Estimate:
    """`agrees`: whether the new policy does what was done in the row; `propensity`: with which chance it was done."""
    weights = agrees / propensity
    return _estimate(weights * rewards, weights)


def snips(rewards: Floats, propensity: Floats, agrees: NDArray[np.bool_]) -> Estimate:
    weights = agrees / propensity
    total = weights.sum()
    if not total:
        return Estimate(0.0, 0.0, 0.0, 0.0)
    mean = float((weights * rewards).sum() / total)
    # Of a ratio, by the delta method.
    spread = float(np.sqrt(np.sum((weights * (rewards - mean)) ** 2)) / total)
    return Estimate(mean, mean - _Z * spread, mean + _Z * spread, _effective(weights))


def dr(
    rewards: Floats, propensity: Floats, agrees: NDArray[np.bool_], *, expected_done: Floats, expected_new: Floats
) -> Estimate:
    """`expected_done`, `expected_new`: a model's reward of what was done, and of what the new policy does, in each row."""
    weights = agrees / propensity
    return _estimate(expected_new + weights * (rewards - expected_done), weights)


def _estimate(each: Floats, weights: Floats) -> Estimate:
    mean, spread = float(each.mean()), float(each.std(ddof=1) / np.sqrt(len(each)))
    return Estimate(mean, mean - _Z * spread, mean + _Z * spread, _effective(weights))


def _effective(weights: Floats) -> float:
    squares = float(np.sum(weights**2))
    return float(weights.sum() ** 2 / squares) if squares else 0.0
