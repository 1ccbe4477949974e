"""Literal spans of an address: a linear-chain CRF over tokens, its weights in one table, decoded by Viterbi.

States are B-label and I-label of `LABELS`; inside a span the label cannot change.
Lafferty, McCallum, Pereira: Conditional Random Fields (2001).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from songda.address.compiled.kernel import kernel

LABELS = (
    "country",
    "prov",
    "city",
    "district",
    "devzone",
    "town",
    "community",
    "road",
    "roadno",
    "subroad",
    "subroadno",
    "poi",
    "subpoi",
    "houseno",
    "cellno",
    "floorno",
    "roomno",
    "person",
    "assist",
    "redundant",
    "otherinfo",
)
COUNT = len(LABELS)
#: States: B then I of every label.
STATES = 2 * COUNT
#: The labels filled up to whole vectors, a row of weights to one cache line; in rows of weights and scores B stands at the label,
#: I at HALF + label.
HALF = 32
WIDTH = 2 * HALF


#: Buckets of two facts each in the table of facts, as a power of two; the other bits of a hashed fact are its fingerprint.
_BUCKET_BITS = 17
BUCKETS = 1 << _BUCKET_BITS


class Weights(NamedTuple):
    #: [BUCKETS, 2]: fingerprint of a fact and, below it, its row in 16 bits each; 0 is free. Another fact bears the same fingerprint once
    #: in 32,000 cases and then counts as this one.
    table: NDArray[np.uint32]
    #: Row → weight of each state, in steps of `step`; row 0 is that of no fact.
    emission: NDArray[np.int8]
    step: NDArray[np.float32]
    #: [label before, or COUNT at the start][label that begins], in steps too; `NEVER` behind the labels.
    begin: NDArray[np.int16]
    #: [label that goes on].
    go_on: NDArray[np.int16]


#: Score of what cannot be. Scores of a token are kept at most zero, so that sums of two such stay within 16 bits.
NEVER = -8000


@kernel
def bucket_of(key: int) -> int:
    return np.int64(key) & (BUCKETS - 1)


@kernel
def print_of(key: int) -> int:
    return (np.int64(key) >> _BUCKET_BITS) | 0x8000


@kernel
def emit(
    keys: NDArray[np.uint32],
    tokens: int,
    weights: Weights,
    rows: NDArray[np.int64],
    scores: NDArray[np.int16],
) -> None:
    """Scores of all states for each of `tokens` rows of facts.

    Without branches: a fact that has no row is the row of zeros, so that all look-ups of a token are under way at once. `rows` is scratch
    for its facts and three more.
    """
    facts = keys.shape[1]
    table, emission = weights.table, weights.emission
    for f in range(facts, facts + 3):
        rows[f] = 0
    for t in range(tokens):
        for f in range(facts):
            key = keys[t, f]
            wanted, bucket = print_of(key), bucket_of(key)
            one, two = np.int64(table[bucket, 0]), np.int64(table[bucket, 1])
            rows[f] = (one & 0xFFFF if one >> 16 == wanted else 0) | (two & 0xFFFF if two >> 16 == wanted else 0)
        for y in range(WIDTH):
            scores[t, y] = 0
        # Four rows at a time: one pass over the totals for each would cost more than the sums.
        for i in range(0, facts, 4):
            a, b, c, d = rows[i], rows[i + 1], rows[i + 2], rows[i + 3]
            for y in range(WIDTH):
                scores[t, y] += (
                    np.int16(emission[a, y])
                    + np.int16(emission[b, y])
                    + np.int16(emission[c, y])
                    + np.int16(emission[d, y])
                )


#: Distance of a second reading where there is nothing to decode.
_SURE = 20.0


@kernel
def doubt(
    best: NDArray[np.int16], weights: Weights, states: NDArray[np.int8], first: int, tokens: int
) -> tuple[float, float]:
    """(distance of the second best reading from the best one, sum of the odds of readings that part from it at one place).

    Of the `tokens` states from `first` on. `best` as `viterbi` left it: where the way back chose, what the second choice loses is
    what the best reading that parts from the chosen one there loses. Hagenauer, Hoeher: A Viterbi Algorithm with Soft-Decision
    Outputs (1989).
    """
    if tokens == 0:
        return _SURE, 0.0
    begin, step = weights.begin, weights.step[0]
    last = tokens - 1
    now = column_of(states[first + last])
    own, other, odds = np.int32(best[last, now]), np.int32(4 * NEVER), np.float32(0.0)
    for y in range(WIDTH):
        if y != now:
            other = max(other, np.int32(best[last, y]))
    least = own - other
    odds += np.exp(-step * (own - other))
    for t in range(last, 0, -1):
        before = column_of(states[first + t - 1])
        own, other = np.int32(best[t - 1, before]), np.int32(4 * NEVER)
        y = states[first + t]
        if y < COUNT:
            own += begin[before if before < HALF else before - HALF, y]
            for x in range(COUNT):
                if x != before:
                    other = max(other, np.int32(best[t - 1, x]) + begin[x, y])
                if HALF + x != before:
                    other = max(other, np.int32(best[t - 1, HALF + x]) + begin[x, y])
        else:
            other = np.int32(best[t - 1, HALF + before if before < HALF else before - HALF])
        least = min(least, own - other)
        odds += np.exp(-step * (own - other))
    return step * least, odds


@kernel
def column_of(state: int) -> int:
    """Where a state stands in a row of scores."""
    return state if state < COUNT else state - COUNT + HALF


@kernel
def viterbi(
    scores: NDArray[np.int16],
    tokens: int,
    before: int,
    begin: NDArray[np.int16],
    go_on: NDArray[np.int16],
    best: NDArray[np.int16],
    top: NDArray[np.int16],
    into: NDArray[np.int16],
    states: NDArray[np.int8],
) -> int:
    """Best states of `tokens` rows of `scores` (B at the label, I at HALF + label): written to `states`; returns their score.

    `before`: label of the token before the first one, whose span may go on, COUNT for none. `begin` is [COUNT + 1, HALF], `go_on` [HALF];
    in the columns behind the labels they are NEVER. `best` (tokens x WIDTH) receives the score of the best way to each state, less that of
    the best of all; the way back is found from it, so that the loop forth is one maximum. `top` and `into` [HALF] are scratch.
    """
    total = 0
    for y in range(HALF):
        best[0, y] = np.int16(scores[0, y] + begin[before, y])
        best[0, HALF + y] = 2 * NEVER
    if before < COUNT:
        best[0, HALF + before] = np.int16(go_on[before] + scores[0, HALF + before])
    for t in range(1, tokens):
        peak = np.int16(2 * NEVER)
        for x in range(HALF):
            b, i = best[t - 1, x], best[t - 1, HALF + x]
            top[x] = b if b > i else i
        for x in range(COUNT):
            peak = top[x] if top[x] > peak else peak
        for x in range(HALF):
            top[x] = np.int16(top[x] - peak)
            best[t - 1, x] = np.int16(best[t - 1, x] - peak)
            best[t - 1, HALF + x] = np.int16(best[t - 1, HALF + x] - peak)
            into[x] = 2 * NEVER
        total += peak
        for x in range(0, COUNT, 3):
            one, two, three = top[x], top[x + 1], top[x + 2]
            for y in range(HALF):
                reach = np.int16(one + begin[x, y])
                value = np.int16(two + begin[x + 1, y])
                reach = value if value > reach else reach
                value = np.int16(three + begin[x + 2, y])
                reach = value if value > reach else reach
                into[y] = reach if reach > into[y] else into[y]
        for y in range(HALF):
            best[t, y] = np.int16(into[y] + scores[t, y])
        for y in range(HALF):
            best[t, HALF + y] = np.int16(np.int16(top[y] + go_on[y]) + scores[t, HALF + y])
    last, s = tokens - 1, 0
    for y in range(WIDTH):
        if best[last, y] > best[last, s]:
            s = y
    total += best[last, s]
    for t in range(last, 0, -1):
        states[t] = s if s < HALF else s - HALF + COUNT
        y = s
        if s < HALF:
            x, reach = 0, np.int32(8 * NEVER)
            for i in range(COUNT):
                b, c = best[t - 1, i], best[t - 1, HALF + i]
                value = np.int32(b if b > c else c) + begin[i, y]
                if value > reach:
                    x, reach = i, value
            y = x
        else:
            y = s - HALF
        s = y if best[t - 1, y] >= best[t - 1, HALF + y] else HALF + y
    states[0] = s if s < HALF else s - HALF + COUNT
    return total
