"""Decoding against all ways through a short text; the packed table against the facts that went in."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from songda.address import tag
from songda.address.compiled.tagger import COUNT, HALF, LABELS, STATES, WIDTH, emit, viterbi
from songda.address.training.fit import Model, pack

FEW = 3


def best_way(scores: np.ndarray, begin: np.ndarray, go_on: np.ndarray) -> float:
    """Score of the best way, by trying every sequence of B- and I-states of the first FEW labels."""
    states = [*range(FEW), *(HALF + y for y in range(FEW))]
    best = -np.inf
    for way in product(states, repeat=len(scores)):
        total, before = 0.0, COUNT
        for t, state in enumerate(way):
            label = state % HALF
            if state >= HALF and label != before:
                total = -np.inf
                break
            total += go_on[label] if state >= HALF else begin[before, label]
            total += scores[t, state]
            before = label
        best = max(best, total)
    return best


@settings(deadline=None)  # the first call compiles
@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_the_kernel_finds_the_best_way(seed: int, tokens: int) -> None:
    rng = np.random.default_rng(seed)
    scores = np.full((tokens, WIDTH), -1e6, np.float32)
    for y in range(FEW):
        scores[:, [y, HALF + y]] = rng.normal(size=(tokens, 2))
    begin, go_on = rng.normal(size=(COUNT + 1, HALF)).astype(np.float32), rng.normal(size=HALF).astype(np.float32)
    states = np.zeros(tokens, np.int8)
    found = viterbi(
        scores, tokens, begin, go_on, np.zeros((tokens, WIDTH), np.float32), *np.zeros((2, HALF), np.float32), states
    )
    assert abs(found - best_way(scores, begin, go_on)) < 1e-3
    assert all(state < COUNT or (t and states[t - 1] % COUNT == state % COUNT) for t, state in enumerate(states))


def test_packed_weights_are_the_models() -> None:
    rng = np.random.default_rng(1)
    known = np.unique(rng.integers(1, 2**32, 5000, dtype=np.uint32))
    shape = (COUNT + 1, COUNT)
    model = Model(
        known,
        rng.normal(size=(len(known), STATES)).astype(np.float32),
        np.zeros(shape, np.float32),
        np.zeros(COUNT, np.float32),
    )
    weights = pack(model)
    keys = np.array([[known[7], known[4000], 12345]], np.uint32)
    scores = np.zeros((1, WIDTH), np.float32)
    emit(keys, 1, weights, np.zeros(3, np.int32), np.zeros(3, np.int64), np.zeros(WIDTH, np.int16), scores)
    expected = model.emission[7] + model.emission[4000]
    if 12345 in known:
        expected = expected + model.emission[np.searchsorted(known, 12345)]
    assert (
        np.abs(np.concatenate([scores[0, :COUNT], scores[0, HALF : HALF + COUNT]]) - expected).max()
        <= 1.5 * weights.step[0]
    )


def test_spans_cover_the_text_in_order() -> None:
    text = "浙江省 杭州市西湖区文三路18号 （某某大厦）3楼"
    spans = tag([text])[0]
    assert "".join(span.text for span in spans) == text.replace(" ", "")
    assert all(text[span.start : span.end].replace(" ", "") == span.text for span in spans)
    assert all(span.label in LABELS for span in spans)
    assert [(span.text, span.label) for span in spans][:4] == [
        ("浙江省", "prov"), ("杭州市", "city"), ("西湖区", "district"), ("文三路", "road")]  # fmt: skip


def test_nothing_has_no_spans() -> None:
    assert tag(["", None, "   "]) == [[], [], []]
