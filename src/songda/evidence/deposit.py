"""What of a print run is stamped, and how one letter proves that it was in it.

    statement = run_statement(run_id=run, day="2026-11-24", manifest_sha256=…, rows=rows)      # this is stamped
    proof = run_proof(rows, 7, …)                                                # this lies in the bundle of letter 7
    check_proof(proof)                                                           # the statement again, or BadBundle

A row is what the manifest of the run says of one piece: letter and waybill number, hash of the PDF of record, hash of the
printed pages. The proof shows the letter's own row and hashes of others, from which nobody can tell what was in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from songda.evidence.errors import BadBundle
from songda.evidence.hashing import canonical
from songda.evidence.merkle import audit_path, root_by_path, tree_root

_PURPOSE = "songda run root v1"


def run_statement(*, run_id: str, day: str, manifest_sha256: str, rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The bytes that are stamped for a run of `rows` in their order."""
    return _statement(run_id, day, manifest_sha256, size=len(rows), root=tree_root(_leaves(run_id, rows)).hex())


def run_proof(
    rows: Sequence[Mapping[str, Any]], index: int, *, run_id: str, day: str, manifest_sha256: str
) -> dict[str, Any]:
    """That row `index` (from 0) belongs to the run, as JSON."""
    leaves = _leaves(run_id, rows)
    return {
        "run_id": run_id,
        "day": day,
        "manifest_sha256": manifest_sha256,
        "index": index,
        "size": len(rows),
        "row": dict(rows[index]),
        "path": [node.hex() for node in audit_path(leaves, index)],
        "root": tree_root(leaves).hex(),
    }


def check_proof(proof: Mapping[str, Any]) -> bytes:
    """The statement that `proof` leads to. Raises BadBundle when it leads elsewhere."""
    (leaf,) = _leaves(proof["run_id"], [proof["row"]])
    path = [bytes.fromhex(node) for node in proof["path"]]
    root = root_by_path(leaf, index=proof["index"], size=proof["size"], path=path)
    if root is None or root.hex() != proof["root"]:
        raise BadBundle(reason="函件不在它所称的打印批次之中（默克尔证明不成立）")
    return _statement(proof["run_id"], proof["day"], proof["manifest_sha256"], size=proof["size"], root=proof["root"])


def _leaves(run_id: str, rows: Sequence[Mapping[str, Any]]) -> list[bytes]:
    return [canonical({"run_id": run_id, **row}) for row in rows]


def _statement(run_id: str, day: str, manifest_sha256: str, *, size: int, root: str) -> bytes:
    return canonical(
        {
            "purpose": _PURPOSE,
            "run_id": run_id,
            "day": day,
            "manifest_sha256": manifest_sha256,
            "size": size,
            "root": root,
        }
    )
