"""A tagger in full precision: packed as it is read, and how well it labels lines."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from songda.address.compiled.kernel import allocating_kernel
from songda.address.compiled.tagger import (
    BUCKETS,
    COUNT,
    HALF,
    NEVER,
    WIDTH,
    Weights,
    bucket_of,
    emit,
    print_of,
    viterbi,
)
from songda.address.training.lines import Lines


def rows_of(keys: NDArray[np.uint32], known: NDArray[np.uint32]) -> NDArray[np.int32]:
    """Row of every fact, -1 for those that are not among the sorted `known`."""
    if not len(known):
        return np.full(keys.shape, -1, np.int32)
    at = np.searchsorted(known, keys.ravel())
    at[at == len(known)] = 0
    return np.where(known[at] == keys.ravel(), at, -1).astype(np.int32).reshape(keys.shape)


class Model(NamedTuple):
    """A tagger in full precision: the facts that have a row, and the weights."""

    known: NDArray[np.uint32]
    emission: NDArray[np.float32]
    begin: NDArray[np.float32]
    go_on: NDArray[np.float32]


def pack(model: Model) -> Weights:
    """The model as it is shipped and read: weights in 8 bits, facts by fingerprint. At most 65,535 facts; of three in a bucket the
    least weighty is left out (some in a thousand)."""
    step = float(np.abs(model.emission).max(initial=0)) / 127 or 1.0
    emission = np.zeros((len(model.known) + 1, WIDTH), np.int8)
    emission[1:, :COUNT] = np.rint(model.emission[:, :COUNT] / step)
    emission[1:, HALF : HALF + COUNT] = np.rint(model.emission[:, COUNT:] / step)
    begin, go_on = np.full((COUNT + 1, HALF), NEVER, np.int16), np.full(HALF, NEVER, np.int16)
    begin[:, :COUNT] = np.rint(np.maximum(model.begin / step, NEVER))
    go_on[:COUNT] = np.rint(np.maximum(model.go_on / step, NEVER))
    table = np.zeros((BUCKETS, 2), np.uint32)
    _insert(table, model.known, np.argsort(-np.abs(model.emission).max(axis=1), kind="stable"))
    return Weights(table, emission, np.array([step], np.float32), begin, go_on)


@allocating_kernel
def _insert(table: NDArray[np.uint32], known: NDArray[np.uint32], order: NDArray[np.int64]) -> None:
    for i in order:
        bucket = bucket_of(known[i])
        entry = print_of(known[i]) << 16 | (i + 1)
        if table[bucket, 0] == 0:
            table[bucket, 0] = entry
        elif table[bucket, 1] == 0 and table[bucket, 0] >> 16 != print_of(known[i]):
            table[bucket, 1] = entry


def predict(model: Model, lines: Lines) -> NDArray[np.int8]:
    """Best state of every token of `lines`."""
    states = lines.said.copy()
    _decode(lines.keys, lines.starts, lines.heads, pack(model), states)
    return states


@allocating_kernel
def _decode(
    keys: NDArray[np.uint32],
    starts: NDArray[np.int64],
    heads: NDArray[np.int64],
    weights: Weights,
    states: NDArray[np.int8],
) -> None:
    longest = 1
    for line in range(len(starts) - 1):
        longest = max(longest, starts[line + 1] - starts[line])
    scores, best = np.zeros((longest, WIDTH), np.int16), np.zeros((longest, WIDTH), np.int16)
    top, into = np.zeros(HALF, np.int16), np.zeros(HALF, np.int16)
    rows = np.zeros(keys.shape[1] + 3, np.int64)
    for line in range(len(starts) - 1):
        first = starts[line] + heads[line]
        tokens = starts[line + 1] - first
        if tokens > 0:
            before = states[first - 1] % COUNT if heads[line] else COUNT
            emit(keys[first : first + tokens], tokens, weights, rows, scores)
            viterbi(
                scores, tokens, before, weights.begin, weights.go_on, best, top, into, states[first : first + tokens]
            )


def spans_of(states: NDArray[np.int8], starts: NDArray[np.int64]) -> list[set[tuple[int, int, int]]]:
    """Spans (first token, end, label) of each line."""
    found = []
    for line in range(len(starts) - 1):
        spans: list[list[int]] = []
        for t, state in enumerate(states[starts[line] : starts[line + 1]].tolist()):
            if state < COUNT or not spans:
                spans.append([t, t + 1, state % COUNT])
            else:
                spans[-1][1] = t + 1
        found.append({(a, b, c) for a, b, c in spans})
    return found


def span_f1(model: Model, lines: Lines) -> float:
    """Micro F1 of exact spans."""
    truth, found = spans_of(lines.states, lines.starts), spans_of(predict(model, lines), lines.starts)
    right = sum(len(a & b) for a, b in zip(truth, found, strict=True))
    return 2 * right / max(1, sum(map(len, truth)) + sum(map(len, found)))
