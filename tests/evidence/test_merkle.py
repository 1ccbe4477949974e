"""The tree of RFC 6962: known roots, and a path that proves one leaf and no other."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songda.evidence.merkle import audit_path, root_by_path, tree_root

#: Inputs and roots of the reference implementation's own test (certificate-transparency, merkletree/merkle_tree_test.cc).
LEAVES = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
LEAVES.append(bytes.fromhex("606162636465666768696a6b6c6d6e6f"))
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


@pytest.mark.parametrize("size", sorted(ROOTS))
def test_known_roots(size: int) -> None:
    assert tree_root(LEAVES[:size]).hex() == ROOTS[size]


def test_the_tree_of_nothing_is_the_hash_of_nothing() -> None:
    assert tree_root([]) == sha256(b"").digest()
    with pytest.raises(IndexError):
        audit_path([], 0)


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=70), st.data())
def test_every_leaf_has_a_path_to_the_root(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    path = audit_path(leaves, index)
    assert root_by_path(leaves[index], index=index, size=len(leaves), path=path) == tree_root(leaves)


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=40, unique=True), st.data())
def test_no_other_leaf_place_or_path_leads_there(leaves: list[bytes], data: st.DataObject) -> None:
    size, root = len(leaves), tree_root(leaves)
    index = data.draw(st.integers(0, size - 1))
    path = audit_path(leaves, index)
    other = data.draw(st.integers(-2, size + 2).filter(lambda place: place != index))
    assert root_by_path(leaves[index], index=other, size=size, path=path) != root
    assert root_by_path(leaves[index] + b"x", index=index, size=size, path=path) != root
    assert root_by_path(leaves[index], index=index, size=size, path=[*path, root]) is None
    if path:
        assert root_by_path(leaves[index], index=index, size=size, path=path[1:]) != root


def test_a_node_never_passes_for_a_leaf() -> None:
    left, right = (sha256(b"\x00" + leaf).digest() for leaf in (b"a", b"b"))
    assert tree_root([left + right]) != tree_root([b"a", b"b"])
