"""Fits the confidence of a reading to the shipped tagger: everything below `[confidence]` in src/songda/address/score.toml.

    .venv/bin/python scripts/fit_confidence.py [--lines 60000] [--seed 1000] [--check | --cross]

Run it after the tagger was trained anew, or the reading changed; it takes a minute. The lines are the generator's, of a seed
that neither the tagger nor the benchmark uses, one in three as they come out, the rest with one to three slips of the pen
(bench/address_calibration.py, which also says what a right reading is). Written and real lines are not used: the shipped
tagger was trained on them and is surer of them than of new ones. The model is logistic: a weight a fact, a piecewise-linear
curve a measure, both shrunk towards zero (ridge), fitted by Newton's method. A fact that too few lines have gets no weight.

`--check` fits four fifths and prints how well the rest is judged. `--cross` (ten minutes; real lines only where
SONGDA_TEST_DATA names their folder) trains two taggers, each without one half of the written and real lines, fits a confidence
to each as above, and prints how far the half that it never saw can be trusted. Neither writes anything.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.address_calibration import brier, calibration_error, figures, judged, made_lines, printed, reliability

from songda.address import standardizing
from songda.address.score import FACTS, LIMITS, MEASURES
from songda.address.training.fit import ROWS
from songda.address.training.generate import generate
from songda.address.training.lines import prepare
from songda.address.training.model import pack
from train_tagger import corpus, mixed, real
from train_tagger import fitted as tagger

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "src" / "songda" / "address" / "score.toml"
HEAD = "# Log-odds that the canonical line is right"
Floats = NDArray[np.float64]

_KNOTS = 6
_RIDGE = 3.0
#: A fact must be present, and absent, in so many lines.
_LEAST = 40


class Fitted(NamedTuple):
    """Numbers of the facts used, knots of each measure, weights."""

    used: list[int]
    bends: list[Floats]
    weight: Floats


def knots(measure: NDArray[np.float32]) -> Floats:
    """Where the curve of a measure bends: at its quantiles; those of a length begin at zero, which means that there is no such part."""
    absent = measure == 0
    shares = np.linspace(0.01, 0.99, _KNOTS)
    if absent.mean() > 0.05:
        return np.unique(np.r_[0.0, np.quantile(measure[~absent], shares)].round(3))
    return np.unique(np.quantile(measure, shares).round(3))


def tent(measure: NDArray[np.float32], at: Floats) -> Floats:
    """Share of each knot in a value: a curve is this times its heights."""
    return np.column_stack([np.interp(measure, at, np.eye(len(at))[i]) for i in range(len(at))])


def fit(design: Floats, right: NDArray[np.bool_]) -> Floats:
    """Weights, the last one that of the constant."""
    design = np.column_stack([design, np.ones(len(design))])
    weight, ridge = np.zeros(design.shape[1]), np.full(design.shape[1], _RIDGE)
    ridge[-1] = 1e-6
    for _ in range(50):
        sure = 1 / (1 + np.exp(-design @ weight))
        slope = design.T @ (sure - right) + ridge * weight
        bend = (design * (sure * (1 - sure))[:, None]).T @ design + np.diag(ridge)
        step = np.linalg.solve(bend, slope)
        weight -= step
        if np.abs(step).max() < 1e-7:
            break
    return weight


def written(model: Fitted, *, lines: int, seed: int, share: float) -> str:
    """The model as TOML. A curve is told without its mean height, which goes to the start."""
    facts = [FACTS[i] for i in model.used]
    heights = np.split(model.weight[len(facts) : -1], np.cumsum([len(at) for at in model.bends])[:-1])
    start = float(model.weight[-1])
    curves = []
    for name, at, add in zip(MEASURES, model.bends, heights, strict=True):
        start += float(add.mean())
        curves += ["", f"[confidence.curve.{name}]", f"at = {_numbers(at)}", f"add = {_numbers(add - add.mean())}"]
    return "\n".join(
        [
            f"{HEAD}, fitted by scripts/fit_confidence.py: everything below is written by it.",
            f"# {lines:,} generated lines with slips of the pen, seed {seed}, {share:.1%} of them read right.",
            "[confidence]",
            f"start = {start:.3f}",
            "",
            "[confidence.weight]",
            *(f"{name} = {each:.3f}" for name, each in zip(facts, model.weight, strict=False)),
            *curves,
            "",
        ]
    )


def _numbers(values: Floats) -> str:
    return "[" + ", ".join(f"{value:.3f}" for value in values) + "]"


def _split(evidence: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    return np.split(evidence, (len(FACTS), len(FACTS) + len(MEASURES)))


def design(evidence: NDArray[np.float32], used: list[int], bends: list[Floats]) -> Floats:
    facts, measures, _ = _split(evidence)
    return np.column_stack([facts[used].T, *(tent(each, at) for each, at in zip(measures, bends, strict=True))])


def fitted(evidence: NDArray[np.float32], right: NDArray[np.bool_]) -> Fitted:
    facts, measures, _ = _split(evidence)
    often = facts.sum(axis=1)
    used = [i for i in range(len(FACTS)) if _LEAST <= often[i] <= facts.shape[1] - _LEAST]
    bends = [knots(measure) for measure in measures]
    return Fitted(used, bends, fit(design(evidence, used, bends), right))


def judge(model: Fitted, evidence: NDArray[np.float32]) -> Floats:
    odds = design(evidence, model.used, model.bends) @ model.weight[:-1] + model.weight[-1]
    sure: Floats = 1 / (1 + np.exp(-odds))
    return sure


def _made(count: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Evidence and truth of generated lines; what is no address at all is left out."""
    lines, before, _ = made_lines(count, seed=seed)
    found = judged(lines, before)
    read = _split(found.evidence)[2][LIMITS.index("no_address")] == 0
    return found.evidence[:, read], found.right[read]


def cross(count: int, seed: int) -> None:
    """How far lines that people wrote are trusted by a tagger, and a confidence fitted to it, that never saw them."""
    pools = {"corpus": [line for lines in corpus().values() for line in lines], "real lines": real()}
    made = generate(60_000, seed=11)
    for name, pool in pools.items():
        order = np.random.default_rng(5).permutation(len(pool))
        pools[name] = [pool[i] for i in order]
    sure: dict[str, list[Floats]] = {name: [] for name in pools}
    right: dict[str, list[NDArray[np.bool_]]] = {name: [] for name in pools}
    for half in (0, 1):
        known = [line for pool in pools.values() for line in pool[half::2]]
        lines, weight = mixed([(prepare(made), 0.3), (prepare(known), 1.0)])
        weights = pack(tagger(lines, weight, epochs=8, seed=3, rows=ROWS))
        with patch.object(standardizing, "shipped_weights", lambda weights=weights: weights):
            model = fitted(*_made(count, seed))
            for name, pool in pools.items():
                unseen = pool[1 - half :: 2]
                if unseen:
                    found = judged(unseen, unseen)
                    sure[name].append(judge(model, found.evidence))
                    right[name].append(found.right)
    for name in pools:
        if sure[name]:
            confidence, truth = np.concatenate(sure[name]), np.concatenate(right[name])
            printed(name, figures(confidence, truth, seed=seed), reliability(name, confidence, truth))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--cross", action="store_true")
    options = parser.parse_args()
    if options.cross:
        cross(options.lines, options.seed)
        return
    started = time.perf_counter()
    evidence, right = _made(options.lines, options.seed)
    print(f"{len(right):,} lines, {right.mean():.1%} right, {time.perf_counter() - started:.0f} s")
    if options.check:
        cut = len(right) * 4 // 5
        sure = judge(fitted(evidence[:, :cut], right[:cut]), evidence[:, cut:])
        error, score = calibration_error(sure, right[cut:]), brier(sure, right[cut:])
        print(f"held back {len(sure):,}: expected calibration error {error:.4f}, Brier score {score:.4f}")
        return
    model = fitted(evidence, right)
    head = OUT.read_text(encoding="utf-8").partition(HEAD)[0]
    tail = written(model, lines=len(right), seed=options.seed, share=float(right.mean()))
    OUT.write_text(head + tail, encoding="utf-8")
    print(f"{OUT.relative_to(ROOT)}: {len(model.weight)} weights, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
