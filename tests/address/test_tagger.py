"""Decoding against all ways through a short text; the packed table against the facts that went in."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songda.address import tag
from songda.address.compiled.tagger import COUNT, HALF, LABELS, NEVER, STATES, WIDTH, emit, viterbi
from songda.address.compiled.tokens import LONGEST
from songda.address.standardizing import load_weights, shipped_weights
from songda.address.training.fit import new_model
from songda.address.training.lines import prepare
from songda.address.training.model import Model, pack, predict

FEW = 3


def best_way(scores: np.ndarray, before: int, begin: np.ndarray, go_on: np.ndarray) -> int:
    """Score of the best way behind a token of label `before`, by trying every sequence of B- and I-states of the first FEW labels."""
    states = [*range(FEW), *(HALF + y for y in range(FEW))]
    best = None
    for way in product(states, repeat=len(scores)):
        total, label_before = 0, before
        for t, state in enumerate(way):
            label = state % HALF
            if state >= HALF and label != label_before:
                break
            total += int(go_on[label] if state >= HALF else begin[label_before, label])
            total += int(scores[t, state])
            label_before = label
        else:
            best = total if best is None else max(best, total)
    assert best is not None
    return best


@settings(deadline=None)  # the first call compiles
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.sampled_from([0, 1, COUNT]))
def test_the_kernel_finds_the_best_way(seed: int, tokens: int, before: int) -> None:
    rng = np.random.default_rng(seed)
    scores = np.full((tokens, WIDTH), NEVER // 2, np.int16)
    for y in range(FEW):
        scores[:, [y, HALF + y]] = rng.integers(-3000, 3000, size=(tokens, 2))
    begin, go_on = rng.integers(-300, 300, (COUNT + 1, HALF), np.int16), rng.integers(-300, 300, HALF, np.int16)
    begin[:, COUNT:], go_on[COUNT:] = NEVER, NEVER
    states = np.zeros(tokens, np.int8)
    found = viterbi(
        scores,
        tokens,
        before,
        begin,
        go_on,
        np.zeros((tokens, WIDTH), np.int16),
        *np.zeros((2, HALF), np.int16),
        states,
    )
    assert found == best_way(scores, before, begin, go_on)
    follows = [before, *(state % COUNT for state in states)]
    assert all(state < COUNT or follows[t] == state % COUNT for t, state in enumerate(states))


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_longest_text_does_not_overflow(seed: int) -> None:
    """Sums stay within 16 bits: the way found has the score that its states add up to."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(-3175, 3176, (LONGEST, WIDTH), np.int16)
    begin, go_on = rng.integers(-400, 400, (COUNT + 1, HALF), np.int16), rng.integers(-400, 400, HALF, np.int16)
    begin[:, COUNT:], go_on[COUNT:] = NEVER, NEVER
    scores[:, [*range(COUNT, HALF), *range(HALF + COUNT, WIDTH)]] = 0
    states = np.zeros(LONGEST, np.int8)
    found = viterbi(
        scores,
        LONGEST,
        COUNT,
        begin,
        go_on,
        np.zeros((LONGEST, WIDTH), np.int16),
        *np.zeros((2, HALF), np.int16),
        states,
    )
    total, before = 0, COUNT
    for t, state in enumerate(states.tolist()):
        label = state % COUNT
        total += int(go_on[label] if state >= COUNT else begin[before, label])
        total += int(scores[t, label if state < COUNT else HALF + label])
        before = label
    assert found == total


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
    steps = np.zeros((1, WIDTH), np.int16)
    emit(keys, 1, weights, np.zeros(6, np.int64), steps)
    scores = steps * weights.step[0]
    expected = model.emission[7] + model.emission[4000]
    if 12345 in known:
        expected = expected + model.emission[np.searchsorted(known, 12345)]
    assert (
        np.abs(np.concatenate([scores[0, :COUNT], scores[0, HALF : HALF + COUNT]]) - expected).max()
        <= 1.5 * weights.step[0]
    )


def test_weights_that_the_kernels_cannot_trust_are_refused(tmp_path: Path) -> None:
    good = shipped_weights()
    for wrong in (
        good._replace(emission=good.emission[:100]),
        good._replace(table=good.table[:100]),
        good._replace(begin=good.begin.astype(np.float32)),
    ):
        np.savez(tmp_path / "tagger.npz", **wrong._asdict())
        with pytest.raises(ValueError, match="another make"):
            load_weights(tmp_path)
    np.savez(tmp_path / "tagger.npz", **good._asdict())
    assert load_weights(tmp_path).table.shape == good.table.shape


def test_a_model_without_facts_packs_and_decodes() -> None:
    lines = prepare([("延安路", [("延安路", "road")])])
    assert predict(new_model(prepare([])), lines).shape == lines.states.shape


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
