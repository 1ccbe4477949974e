"""Fit the tagger to labelled addresses: conditional likelihood by AdaGrad, one row of weights a fact that occurs twice.

A user's own lines are mixed with generated ones, so that a few hundred are enough; the shipped weights come from the same function
(scripts/train_tagger.py). Lafferty, McCallum, Pereira (2001); Duchi, Hazan, Singer, Adaptive Subgradient Methods (2011).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from songda.address.compiled.kernel import allocating_kernel
from songda.address.compiled.tagger import (
    COUNT,
    STATES,
)
from songda.address.training.lines import Labelled, Lines, prepare, read_labelled
from songda.address.training.model import Model, pack, rows_of, span_f1


@allocating_kernel
def _epoch(
    facts_: NDArray[np.int32],
    states: NDArray[np.int8],
    starts: NDArray[np.int64],
    heads: NDArray[np.int64],
    order: NDArray[np.int64],
    weight: NDArray[np.float32],
    emission: NDArray[np.float32],
    begin: NDArray[np.float32],
    go_on: NDArray[np.float32],
    square: NDArray[np.float32],
    begin_square: NDArray[np.float32],
    go_square: NDArray[np.float32],
    rate: float,
    decay: float,
    drop: float,
) -> float:
    """One pass: returns the mean negative log-likelihood a token. `drop` is the share of facts hidden in each line (a regulariser)."""
    total, seen = 0.0, 0
    longest = 0
    for i in range(len(starts) - 1):
        longest = max(longest, starts[i + 1] - starts[i])
    score = np.zeros((longest, STATES), np.float32)
    alpha_b = np.zeros((longest, COUNT))
    alpha_i = np.zeros((longest, COUNT))
    beta_b = np.zeros((longest, COUNT))
    beta_i = np.zeros((longest, COUNT))
    grad = np.zeros((longest, STATES), np.float32)
    begin_grad = np.zeros((COUNT + 1, COUNT), np.float32)
    go_grad = np.zeros(COUNT, np.float32)
    exp_begin = np.zeros((COUNT + 1, COUNT))
    exp_go = np.zeros(COUNT)
    scale = np.zeros(longest)
    hidden = np.zeros((longest, facts_.shape[1]), np.bool_)
    for line in order:
        first = starts[line] + heads[line]
        tokens = starts[line + 1] - first
        if tokens == 0:
            continue
        before = states[first - 1] % COUNT if heads[line] else COUNT
        for t in range(tokens):
            for y in range(STATES):
                score[t, y] = 0
            for f in range(facts_.shape[1]):
                row = facts_[first + t, f]
                hidden[t, f] = row < 0 or np.random.random() < drop
                if not hidden[t, f]:
                    for y in range(STATES):
                        score[t, y] += emission[row, y]
            top = score[t, 0]
            for y in range(STATES):
                top = max(top, score[t, y])
            for y in range(STATES):
                score[t, y] = np.exp(score[t, y] - top)
        for x in range(COUNT + 1):
            for y in range(COUNT):
                exp_begin[x, y] = np.exp(begin[x, y])
                begin_grad[x, y] = 0
        for y in range(COUNT):
            exp_go[y] = np.exp(go_on[y])
            go_grad[y] = 0
        # Forward and backward in probabilities, scaled to one at each token.
        norm = 0.0
        for y in range(COUNT):
            alpha_b[0, y] = exp_begin[before, y] * score[0, y]
            alpha_i[0, y] = exp_go[y] * score[0, COUNT + y] if y == before else 0.0
            norm += alpha_b[0, y] + alpha_i[0, y]
        scale[0] = norm
        for y in range(COUNT):
            alpha_b[0, y] /= norm
            alpha_i[0, y] /= norm
        for t in range(1, tokens):
            norm = 0.0
            for y in range(COUNT):
                alpha_b[t, y] = 0
            for x in range(COUNT):
                both = alpha_b[t - 1, x] + alpha_i[t - 1, x]
                if both > 1e-12:
                    for y in range(COUNT):
                        alpha_b[t, y] += both * exp_begin[x, y]
                alpha_i[t, x] = both * exp_go[x] * score[t, COUNT + x]
            for y in range(COUNT):
                alpha_b[t, y] *= score[t, y]
                norm += alpha_b[t, y] + alpha_i[t, y]
            scale[t] = norm
            for y in range(COUNT):
                alpha_b[t, y] /= norm
                alpha_i[t, y] /= norm
        for y in range(COUNT):
            beta_b[tokens - 1, y] = 1
            beta_i[tokens - 1, y] = 1
        for t in range(tokens - 2, -1, -1):
            for x in range(COUNT):
                value = exp_go[x] * score[t + 1, COUNT + x] * beta_i[t + 1, x]
                for y in range(COUNT):
                    value += exp_begin[x, y] * score[t + 1, y] * beta_b[t + 1, y]
                beta_b[t, x] = value / scale[t + 1]
                beta_i[t, x] = beta_b[t, x]
        for t in range(tokens):
            for y in range(COUNT):
                grad[t, y] = -alpha_b[t, y] * beta_b[t, y]
                grad[t, COUNT + y] = -alpha_i[t, y] * beta_i[t, y]
            gold = states[first + t]
            total -= np.log(max(1e-12, -grad[t, gold]))
            grad[t, gold] += 1
            label = gold % COUNT
            if t == 0:
                if gold < COUNT:
                    begin_grad[before, label] += 1
                else:
                    go_grad[label] += 1
                for y in range(COUNT):
                    begin_grad[before, y] -= alpha_b[0, y] * beta_b[0, y]
                    go_grad[y] -= alpha_i[0, y] * beta_i[0, y]
            else:
                if gold < COUNT:
                    begin_grad[states[first + t - 1] % COUNT, label] += 1
                else:
                    go_grad[label] += 1
                for x in range(COUNT):
                    both = (alpha_b[t - 1, x] + alpha_i[t - 1, x]) / scale[t]
                    if both > 1e-12:
                        for y in range(COUNT):
                            begin_grad[x, y] -= both * exp_begin[x, y] * score[t, y] * beta_b[t, y]
                        go_grad[x] -= both * exp_go[x] * score[t, COUNT + x] * beta_i[t, x]
        seen += tokens
        share = weight[line]
        for t in range(tokens):
            for f in range(facts_.shape[1]):
                if hidden[t, f]:
                    continue
                row = facts_[first + t, f]
                for y in range(STATES):
                    g = share * grad[t, y] - decay * emission[row, y]
                    square[row, y] += g * g
                    emission[row, y] += rate * g / np.sqrt(square[row, y])
        for x in range(COUNT + 1):
            for y in range(COUNT):
                g = share * begin_grad[x, y]
                if g != 0:
                    begin_square[x, y] += g * g
                    begin[x, y] += rate * g / np.sqrt(begin_square[x, y])
        for y in range(COUNT):
            g = share * go_grad[y]
            if g != 0:
                go_square[y] += g * g
                go_on[y] += rate * g / np.sqrt(go_square[y])
    return total / max(seen, 1)


@allocating_kernel
def _seed(value: int) -> None:
    np.random.seed(value)


def new_model(lines: Lines, *, at_least: int = 2) -> Model:
    """Weights of zero for every fact that occurs `at_least` times."""
    known, times = np.unique(lines.keys.ravel(), return_counts=True)
    known = known[(times >= at_least) & (known > 0)]
    return Model(
        known,
        np.zeros((len(known), STATES), np.float32),
        np.zeros((COUNT + 1, COUNT), np.float32),
        np.zeros(COUNT, np.float32),
    )


def train(
    model: Model, lines: Lines, *, weight: NDArray[np.float32], epochs: int, seed: int, rate: float = 0.1, decay: float = 1e-5,
    drop: float = 0.3, report: Any = None,
) -> None:  # fmt: skip
    """Fit `model` in place to `lines`; `weight` is each line's share. `report(epoch, loss)` is called after each pass."""
    table = rows_of(lines.keys, model.known)
    squares = np.full_like(model.emission, 0.1), np.full_like(model.begin, 0.1), np.full_like(model.go_on, 0.1)
    rng = np.random.default_rng(seed)
    _seed(seed)
    for epoch in range(epochs):
        order = rng.permutation(len(lines.starts) - 1)
        loss = _epoch(
            table, lines.states, lines.starts, lines.heads, order, weight,
            model.emission, model.begin, model.go_on, *squares, rate, decay, drop,
        )  # fmt: skip
        if report:
            report(epoch, loss)


def prune(model: Model, rows: int) -> Model:
    """The `rows` facts that weigh most."""
    keep = np.sort(np.argsort(-np.abs(model.emission).max(axis=1), kind="stable")[:rows])
    return model._replace(known=model.known[keep], emission=model.emission[keep])


#: Facts that keep their row: more bring nothing that a test shows, and the table stays in the cache.
ROWS = 40_000


def fit(
    files: Sequence[Path], *, out: Path, seed: int = 0, generated: int = 60_000, share: float = 0.3, epochs: int = 10, report: Any = None
) -> dict[str, Any]:  # fmt: skip
    """Train a tagger on the lines of `files` and on `generated` made ones (each counting `share` of a real one); write `out`/tagger.npz.

    Returns what the model card says: lines by source, facts, span F1 on every tenth line held back in a first run. Raises
    ValueError when a line does not
    parse. The shipped weights are never touched: `songda address parse --weights FOLDER` uses these.
    """
    from songda.address.training.generate import generate

    own = {str(path.name): read_labelled(path) for path in files}
    lines = [line for each in own.values() for line in each]
    if not lines:
        raise ValueError("no labelled lines in the files")
    made = generate(generated, seed=seed)
    order = np.random.default_rng(seed).permutation(len(lines))
    held, rest = [lines[i] for i in order[::10]], [lines[i] for i in np.delete(order, np.s_[::10])]
    half = max(1, epochs // 2)
    trial = _fit_model(rest, made[: len(made) // 2], share=share, epochs=half, seed=seed, report=None)
    score = span_f1(trial, prepare(held))
    model = _fit_model(lines, made, share=share, epochs=epochs, seed=seed, report=report)
    out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out / "tagger.npz", **pack(model)._asdict())
    card = {
        "lines": len(lines),
        "files": {name: len(each) for name, each in own.items()},
        "generated": generated,
        "share_of_a_generated_line": share,
        "epochs": epochs,
        "seed": seed,
        "rows": len(model.known),
        "held_back_lines": len(held),
        "held_back_span_f1": round(score, 4),
    }
    (out / "card.json").write_text(json.dumps(card, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return card


def _fit_model(
    lines: list[Labelled], made: list[Labelled], *, share: float, epochs: int, seed: int, report: Any
) -> Model:
    prepared = prepare([*lines, *made])
    weight = np.full(len(prepared.starts) - 1, share, np.float32)
    weight[: len(prepare(lines).starts) - 1] = 1
    model = new_model(prepared)
    train(model, prepared, weight=weight, epochs=epochs, seed=seed, report=report)
    model = prune(model, ROWS)
    train(model, prepared, weight=weight, epochs=max(1, epochs // 3), seed=seed + 1)
    return model
