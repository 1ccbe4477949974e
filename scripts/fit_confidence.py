"""Fits the confidence of a reading to the shipped tagger: everything below `[confidence]` in src/songda/address/score.toml.

    .venv/bin/python scripts/fit_confidence.py [--lines 60000] [--seed 1000] [--check]

Run it after the tagger was trained anew, or the reading changed; it takes a minute. The lines are the generator's, of a seed
that neither the tagger nor the benchmark uses, one in three as they come out, the rest with one to three slips of the pen
(bench/address_calibration.py, which also says what a right reading is). Written and real lines are not used: the shipped
tagger was trained on them and is surer of them than of new ones. The model is logistic: a weight a fact, a piecewise-linear
curve a measure, both shrunk towards zero (ridge), fitted by Newton's method. A fact that too few lines have gets no weight.
`--check` fits four fifths, prints how well the rest is judged, and writes nothing.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.address_calibration import brier, calibration_error, judged, made_lines

from songda.address.score import FACTS, LIMITS, MEASURES

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "src" / "songda" / "address" / "score.toml"
HEAD = "# Log-odds that the canonical line is right"
Floats = NDArray[np.float64]

_KNOTS = 6
_RIDGE = 3.0
#: A fact must be present, and absent, in so many lines.
_LEAST = 40


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


def written(weight: Floats, facts: list[str], bends: list[Floats], *, lines: int, seed: int, share: float) -> str:
    """The model as TOML. A curve is told without its mean height, which goes to the start."""
    heights = np.split(weight[len(facts) : -1], np.cumsum([len(at) for at in bends])[:-1])
    start = float(weight[-1])
    curves = []
    for name, at, add in zip(MEASURES, bends, heights, strict=True):
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
            *(f"{name} = {each:.3f}" for name, each in zip(facts, weight, strict=False)),
            *curves,
            "",
        ]
    )


def _numbers(values: Floats) -> str:
    return "[" + ", ".join(f"{value:.3f}" for value in values) + "]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    started = time.perf_counter()
    lines, before, _ = made_lines(options.lines, seed=options.seed)
    found = judged(lines, before)
    facts, measures, limits = np.split(found.evidence, (len(FACTS), len(FACTS) + len(MEASURES)))
    read = limits[LIMITS.index("no_address")] == 0
    facts, measures, right = facts[:, read], measures[:, read], found.right[read]
    often = facts.sum(axis=1)
    used = [i for i in range(len(FACTS)) if _LEAST <= often[i] <= facts.shape[1] - _LEAST]
    bends = [knots(measure) for measure in measures]
    design = np.column_stack([facts[used].T, *(tent(each, at) for each, at in zip(measures, bends, strict=True))])
    print(
        f"{len(right):,} lines, {right.mean():.1%} right, {design.shape[1] + 1} weights, {time.perf_counter() - started:.0f} s"
    )
    if options.check:
        cut = len(right) * 4 // 5
        weight = fit(design[:cut], right[:cut])
        sure = 1 / (1 + np.exp(-(design[cut:] @ weight[:-1] + weight[-1])))
        error, score = calibration_error(sure, right[cut:]), brier(sure, right[cut:])
        print(f"held back {len(sure):,}: expected calibration error {error:.4f}, Brier score {score:.4f}")
        return
    weight = fit(design, right)
    head = OUT.read_text(encoding="utf-8").partition(HEAD)[0]
    names = [FACTS[i] for i in used]
    model = written(weight, names, bends, lines=len(right), seed=options.seed, share=float(right.mean()))
    OUT.write_text(head + model, encoding="utf-8")
    print(f"{OUT.relative_to(ROOT)}: {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
