"""One hash over many things, and for each thing a short proof that it was among them: the Merkle tree of RFC 6962 §2.1.

>>> leaves = [b"a", b"b", b"c"]
>>> root_by_path(b"c", index=2, size=3, path=audit_path(leaves, 2)) == tree_root(leaves)
True

Leaves and nodes are hashed under different prefixes, so that no node can pass for a leaf.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """Merkle tree hash of `leaves` in their order; of none, the hash of nothing."""
    if not leaves:
        return sha256(b"").digest()
    return _root([_leaf(leaf) for leaf in leaves])


def audit_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes that lead from leaf `index` to the root, from the bottom up. Raises IndexError."""
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    return _path([_leaf(leaf) for leaf in leaves], index)


def root_by_path(leaf: bytes, *, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root to which `path` leads from `leaf`; None when no tree of `size` leaves has a path of that form."""
    if not 0 <= index < size:
        return None
    node, place, last = _leaf(leaf), index, size - 1
    # RFC 9162 §2.1.3.2, which RFC 6962 leaves to the reader.
    for sibling in path:
        if last == 0:
            return None
        if place & 1 or place == last:
            node = _node(sibling, node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = _node(node, sibling)
        place, last = place >> 1, last >> 1
    return node if last == 0 else None


def _leaf(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def _root(hashes: Sequence[bytes]) -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    split = _split(len(hashes))
    return _node(_root(hashes[:split]), _root(hashes[split:]))


def _path(hashes: Sequence[bytes], index: int) -> list[bytes]:
    if len(hashes) == 1:
        return []
    split = _split(len(hashes))
    if index < split:
        return [*_path(hashes[:split], index), _root(hashes[split:])]
    return [*_path(hashes[split:], index - split), _root(hashes[:split])]


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1
