"""Literal spans of an address: a linear-chain CRF over tokens, its weights in one table, decoded by Viterbi.

States are B-label and I-label of `LABELS`; inside a span the label cannot change. A fact that training never saw twice has
no row and costs one look-up.
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
#: The labels filled up to whole vectors; in rows of weights and scores B stands at the label, I at HALF + label.
HALF = 24
WIDTH = 2 * HALF


#: Slots of the table of facts, as a power of two; the other bits of a hashed fact are its fingerprint.
_SLOT_BITS = 18
SLOTS = 1 << _SLOT_BITS


class Weights(NamedTuple):
    #: Open addressing over SLOTS slots: fingerprint of the fact (0: free), and its row. Another fact bears the same
    #: fingerprint once in 16,000
    #: cases and then counts as this one: half the memory, and the table stays in the cache.
    print: NDArray[np.uint16]
    row: NDArray[np.uint16]
    #: Row → weight of each state, in steps of `step`.
    emission: NDArray[np.int8]
    step: NDArray[np.float32]
    #: [label before, or COUNT at the start][label that begins].
    begin: NDArray[np.float32]
    #: [label that goes on].
    go_on: NDArray[np.float32]


@kernel
def slot_of(key: int) -> int:
    return np.int64(key) & (SLOTS - 1)


@kernel
def print_of(key: int) -> int:
    return (np.int64(key) >> _SLOT_BITS) + 1


@kernel
def row_of(prints: NDArray[np.uint16], rows: NDArray[np.uint16], key: int) -> int:
    """Row of a fact, -1 when it has none."""
    slot, wanted = slot_of(key), print_of(key)
    while prints[slot] != 0:
        if prints[slot] == wanted:
            return np.int64(rows[slot])
        slot = (slot + 1) & (SLOTS - 1)
    return -1


@kernel
def emit(
    keys: NDArray[np.uint32],
    tokens: int,
    weights: Weights,
    rows: NDArray[np.int32],
    first: NDArray[np.int32],
    total: NDArray[np.int16],
    scores: NDArray[np.float32],
) -> None:
    """Scores of all states for each of `tokens` rows of facts. Look-ups of a token are made together, so that the memory
    works on all of them at once.
    """
    facts = keys.shape[1]
    prints, numbers, emission, step = weights.print, weights.row, weights.emission, weights.step[0]
    for t in range(tokens):
        for f in range(facts):
            first[f] = prints[slot_of(keys[t, f])]
        found = 0
        for f in range(facts):
            if first[f] == 0:
                continue
            key = keys[t, f]
            if first[f] == print_of(key):
                rows[found] = numbers[slot_of(key)]
                found += 1
            else:
                row = row_of(prints, numbers, key)
                if row >= 0:
                    rows[found] = row
                    found += 1
        for y in range(WIDTH):
            total[y] = 0
        # Four rows at a time: one pass over the totals for each would cost more than the sums.
        i = 0
        while i + 3 < found:
            a, b, c, d = rows[i], rows[i + 1], rows[i + 2], rows[i + 3]
            for y in range(WIDTH):
                total[y] += (
                    np.int16(emission[a, y])
                    + np.int16(emission[b, y])
                    + np.int16(emission[c, y])
                    + np.int16(emission[d, y])
                )
            i += 4
        while i < found:
            a = rows[i]
            for y in range(WIDTH):
                total[y] += emission[a, y]
            i += 1
        for y in range(WIDTH):
            scores[t, y] = total[y] * step


@kernel
def doubt(
    best: NDArray[np.float32], begin: NDArray[np.float32], states: NDArray[np.int8], tokens: int
) -> tuple[float, float]:
    """(distance of the second best reading from the best one, sum of the odds of readings that part from it at one place).

    `best` as `viterbi` left it: where the way back chose, what the second choice loses is what the best reading that parts
    from the chosen one there loses. Hagenauer, Hoeher: A Viterbi Algorithm with Soft-Decision Outputs (1989).
    """
    last = tokens - 1
    now = states[last] if states[last] < COUNT else states[last] - COUNT + HALF
    own, other, odds = best[last, now], np.float32(-2e9), np.float32(0.0)
    for y in range(WIDTH):
        if y != now:
            other = best[last, y] if best[last, y] > other else other
    least = own - other
    odds += np.exp(other - own)
    for t in range(last, 0, -1):
        before = states[t - 1] if states[t - 1] < COUNT else states[t - 1] - COUNT + HALF
        own, other = best[t - 1, before], np.float32(-2e9)
        y = states[t]
        if y < COUNT:
            own += begin[before if before < HALF else before - HALF, y]
            for x in range(COUNT):
                b, i = best[t - 1, x] + begin[x, y], best[t - 1, HALF + x] + begin[x, y]
                b = np.float32(-2e9) if x == before else b
                i = np.float32(-2e9) if HALF + x == before else i
                other = b if b > other else other
                other = i if i > other else other
        else:
            other = best[t - 1, HALF + before if before < HALF else before - HALF]
        least = own - other if own - other < least else least
        odds += np.exp(other - own)
    return least, odds


@kernel
def viterbi(
    scores: NDArray[np.float32],
    tokens: int,
    begin: NDArray[np.float32],
    go_on: NDArray[np.float32],
    best: NDArray[np.float32],
    top: NDArray[np.float32],
    into: NDArray[np.float32],
    states: NDArray[np.int8],
) -> float:
    """Best states of `tokens` rows of `scores` (B at the label, I at HALF + label): written to `states`; returns their score.

    `begin` is [COUNT + 1, HALF], `go_on` [HALF]; in the columns behind the labels they are far below zero. `best` (tokens x WIDTH) receives
    the score of the best way to each state; the way back is found from it, so that the loop forth is one maximum. `top` and `into`
    [HALF] are scratch.
    """
    for y in range(HALF):
        best[0, y] = scores[0, y] + begin[COUNT, y]
        best[0, HALF + y] = np.float32(-1e9)
    for t in range(1, tokens):
        for x in range(HALF):
            b, i = best[t - 1, x], best[t - 1, HALF + x]
            top[x] = b if b > i else i
        for y in range(HALF):
            into[y] = np.float32(-2e9)
        for x in range(0, COUNT, 3):
            one, two, three = top[x], top[x + 1], top[x + 2]
            for y in range(HALF):
                reach = one + begin[x, y]
                value = two + begin[x + 1, y]
                reach = value if value > reach else reach
                value = three + begin[x + 2, y]
                reach = value if value > reach else reach
                into[y] = reach if reach > into[y] else into[y]
        for y in range(HALF):
            best[t, y] = into[y] + scores[t, y]
        for y in range(HALF):
            best[t, HALF + y] = top[y] + go_on[y] + scores[t, HALF + y]
    last, s = tokens - 1, 0
    for y in range(WIDTH):
        if best[last, y] > best[last, s]:
            s = y
    score = best[last, s]
    for t in range(last, 0, -1):
        states[t] = s if s < HALF else s - HALF + COUNT
        y = s
        if s < HALF:
            x, reach = 0, np.float32(-2e9)
            for i in range(COUNT):
                b, c = best[t - 1, i], best[t - 1, HALF + i]
                value = (b if b > c else c) + begin[i, y]
                if value > reach:
                    x, reach = i, value
            y = x
        else:
            y = s - HALF
        s = y if best[t - 1, y] >= best[t - 1, HALF + y] else HALF + y
    states[0] = s if s < HALF else s - HALF + COUNT
    return score
