"""The audit log as a hash chain: who did what to which object, in an order that nobody can change unseen.

>>> import dataclasses
>>> first = AuditEntry(1, "2026-11-24T09:00:00+08:00", "lawyer:7", "letter.approved", "bat_01kb", {"letters": 120})
>>> head = link(GENESIS, first)
>>> verify([(first, head)])
[]
>>> verify([(dataclasses.replace(first, actor="lawyer:8"), head)])
[Break(seq=1, kind='changed')]

Each row's hash covers its entry and the hash before it. The chain alone cannot notice that its tail was cut off or
that all of it was computed afresh: an anchor (HMAC over sequence number and head under a key that the database does
not hold) can, and does so against the database's own administrator if anchors are also kept elsewhere: printed in
reports, sent to the institution, time-stamped.

Entries hold ids, counts and codes, never personal data. This module only computes; the table is the store's.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

#: The hash before the first entry.
GENESIS = "0" * 64

Detail = str | int | bool | None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    #: 1, 2, 3, … without a gap.
    seq: int
    #: ISO 8601 with offset.
    at: str
    #: Account or process, e.g. "lawyer:usr_01kb…", "system:flow".
    actor: str
    #: What happened, e.g. "letter.approved".
    action: str
    object_id: str
    #: Counts, codes, hashes and ids. No floats (they have no one spelling), no personal data.
    details: Mapping[str, Detail]


@dataclass(frozen=True, slots=True)
class Anchor:
    seq: int
    #: Hash of the row `seq`.
    head: str
    #: HMAC-SHA256 over both, hex.
    mac: str


@dataclass(frozen=True, slots=True)
class Break:
    """One place at which the log is not what was written.

    kind: changed (this entry or its hash) | removed (entries from `seq` on, up to the next one present) | reordered
    (out of sequence or twice) | truncated (`seq` is the anchored end, the log ends before it) | rewritten (an anchored
    head differs) | forged (the anchor's own MAC).
    """

    seq: int
    kind: str


def link(previous_hash: str, entry: AuditEntry) -> str:
    """Hash of the row that holds `entry` after the row with `previous_hash`: SHA-256, hex. Raises TypeError for a
    detail of another type.
    """
    for name, value in entry.details.items():
        if not isinstance(name, str) or not isinstance(value, str | int | bool | None):
            raise TypeError(
                f"audit detail {name!r}: expected text, whole number, true/false or None, found {type(value).__name__}"
            )
    canonical = json.dumps(
        [entry.seq, entry.at, entry.actor, entry.action, entry.object_id, dict(entry.details)],
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=True,
    )
    return hashlib.sha256(f"songda.audit/1\n{previous_hash}\n{canonical}".encode()).hexdigest()


def anchor(head_hash: str, seq: int, key: bytes) -> Anchor:
    """Fixes the log as it is at row `seq`. `key`: `DataKey.audit_secret()`."""
    return Anchor(seq, head_hash, _mac(head_hash, seq, key))


def verify(
    rows: Iterable[tuple[AuditEntry, str]], *, anchors: Sequence[Anchor] = (), key: bytes | None = None
) -> list[Break]:
    """Every break in `rows` (entry and stored hash, in the order of the log), empty if there is none; reads the rows
    once.

    With `anchors` (and the `key` that made them) also notices a log that was cut short or computed afresh. Raises
    ValueError for anchors without a key: unchecked anchors would prove nothing.
    """
    if anchors and key is None:
        raise ValueError("anchors can only be checked with the key that made them")
    breaks: list[Break] = []
    genuine: dict[int, set[str]] = {}
    for found in anchors:
        if key is not None and hmac.compare_digest(found.mac, _mac(found.head, found.seq, key)):
            genuine.setdefault(found.seq, set()).add(found.head)
        else:
            breaks.append(Break(found.seq, "forged"))

    last_seq, last_hash = 0, GENESIS
    for entry, stored in rows:
        if entry.seq <= last_seq:
            breaks.append(Break(entry.seq, "reordered"))
            continue
        if entry.seq > last_seq + 1:
            # What this row was linked to is gone, so its own link cannot be checked.
            breaks.append(Break(last_seq + 1, "removed"))
        elif link(last_hash, entry) != stored:
            breaks.append(Break(entry.seq, "changed"))
        if any(head != stored for head in genuine.get(entry.seq, ())):
            breaks.append(Break(entry.seq, "rewritten"))
        last_seq, last_hash = entry.seq, stored
    breaks += [Break(seq, "truncated") for seq in sorted(genuine) if seq > last_seq]
    return breaks


def _mac(head_hash: str, seq: int, key: bytes) -> str:
    return hmac.new(key, f"songda.audit.anchor/1\n{seq}\n{head_hash}".encode(), hashlib.sha256).hexdigest()
