"""A double-array trie: one look at one row a step, built once, shared by every text.

    >>> import numpy as np
    >>> nodes = build([np.array([1, 2]), np.array([1, 2, 3])], alphabet=3)
    >>> nodes[step(nodes, step(nodes, 0, 1), 2), VALUE]
    0

Keys are sequences of symbols 1, 2, … (0 is no symbol and never matches). A node's successor under symbol c is `base[node] +
c` if its `check` is the node.
Aoe, An Efficient Implementation of Trie Structures (1992).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from songda.address.compiled.kernel import allocating_kernel, kernel

Int32 = NDArray[np.int32]


#: Columns of a node: offset of its successors, the node before it, number of the key that ends there (-1 for none).
BASE, BEFORE, VALUE = range(3)


def build(keys: Sequence[NDArray[np.integer]], *, alphabet: int) -> Int32:
    """Nodes of the trie of distinct `keys`; key i has the value i. Node 0 is the root.

    The symbols of the keys, and those of every text that is looked up, are at most `alphabet`.
    """
    order = sorted(range(len(keys)), key=lambda i: keys[i].tolist())
    lengths = np.array([len(keys[i]) for i in order], np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    symbols = np.concatenate([keys[i] for i in order]).astype(np.int32) if keys else np.zeros(0, np.int32)
    base, before, value = _build(symbols, starts, np.array(order, np.int32))
    # A power of two wide, so that no node lies on two cache lines; rows behind the last spare the check of the bounds.
    nodes = np.full((len(base) + alphabet + 1, 4), -1, np.int32)
    nodes[: len(base), BASE], nodes[: len(base), BEFORE], nodes[: len(base), VALUE] = base, before, value
    nodes[:, BASE] = np.maximum(nodes[:, BASE], 0)
    return nodes


@kernel
def step(nodes: Int32, node: int, symbol: int) -> int:
    """The node reached from `node` under `symbol`, -1 when there is none."""
    target = nodes[node, BASE] + symbol
    return target if symbol > 0 and nodes[target, BEFORE] == node else -1


@allocating_kernel
def _build(symbols: Int32, starts: NDArray[np.int64], order: Int32) -> tuple[Int32, Int32, Int32]:
    count = len(starts) - 1
    alphabet = 1
    for symbol in symbols:
        alphabet = max(alphabet, symbol + 1)
    size = len(symbols) * 2 + alphabet + 16
    base = np.zeros(size, np.int32)
    check = np.full(size, -1, np.int32)
    value = np.full(size, -1, np.int32)
    check[0] = 0
    # The queue holds (node, first key, behind the last key, depth) of every node whose children are not placed yet.
    queue = np.zeros((len(symbols) + 2, 4), np.int64)
    queue[0, 1], queue[0, 2] = 0, count
    head, tail, free, top = 0, 1, 1, 1
    children = np.zeros(alphabet, np.int32)
    begins = np.zeros(alphabet + 1, np.int64)
    while head < tail:
        node, first, last, depth = queue[head]
        head += 1
        found = 0
        for key in range(first, last):
            if starts[key + 1] - starts[key] == depth:
                value[node] = order[key]
                continue
            symbol = symbols[starts[key] + depth]
            if found == 0 or children[found - 1] != symbol:
                children[found] = symbol
                begins[found] = key
                found += 1
        if found == 0:
            continue
        begins[found] = last
        while check[free] != -1:
            free += 1
        offset = max(free - children[0], 1)
        while True:
            fits = True
            for i in range(found):
                if check[offset + children[i]] != -1:
                    fits = False
                    break
            if fits:
                break
            offset += 1
        base[node] = offset
        for i in range(found):
            target = offset + children[i]
            check[target] = node
            top = max(top, target + 1)
            queue[tail, 0], queue[tail, 1], queue[tail, 2], queue[tail, 3] = target, begins[i], begins[i + 1], depth + 1
            tail += 1
    return base[:top].copy(), check[:top].copy(), value[:top].copy()
