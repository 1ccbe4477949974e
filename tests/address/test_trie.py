"""The double-array trie against a dictionary."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from songda.address.compiled import trie

KEYS = st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=6).map(tuple), unique=True, max_size=40)


def find(nodes: np.ndarray, key: tuple[int, ...]) -> int:
    node = 0
    for symbol in key:
        node = trie.step(nodes, node, symbol)
        if node < 0:
            return -1
    return int(nodes[node, trie.VALUE])


@settings(deadline=None)  # the first call compiles
@given(KEYS, KEYS)
def test_it_holds_its_keys_and_no_others(keys: list[tuple[int, ...]], others: list[tuple[int, ...]]) -> None:
    built = trie.build([np.array(key) for key in keys], alphabet=6)
    known = {key: i for i, key in enumerate(keys)}
    for key in (*keys, *others):
        assert find(built, key) == known.get(key, -1)
