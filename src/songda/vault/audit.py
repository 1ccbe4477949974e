"""The audit log as a hash chain: who did what to which object, in an order that nobody can change unseen.

>>> import dataclasses
>>> first = AuditEntry(1, "2026-11-24T09:00:00+08:00", "lawyer:7", "letter.approved", "bat_01kb", {"letters": 120})
>>> head = link(GENESIS, first)
>>> verify([(first, head)]).breaks
()
>>> verify([(dataclasses.replace(first, actor="lawyer:8"), head)]).breaks
(Break(seq=1, kind='changed'),)

Each row's hash covers its entry and the hash before it. The chain alone cannot notice that all of it was computed afresh: a
seal can. It is an entry of the chain, made once a day, that holds an institution's signature over everything before it; whoever
changes the log under it would have to sign anew. A seal may be stamped: an entry after it then holds what an authority that is
none of ours says of its time, and not even the holder of the key can make it anew. What no seal covers yet, and a tail cut off
together with its seals, only a copy kept elsewhere can tell.

Entries hold ids, counts and codes, never personal data. This module only computes; the table is the store's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

#: The hash before the first entry.
GENESIS = "0" * 64
#: Action of the entries that are seals; their object is the institution whose key signed.
SEALED = "audit.sealed"
#: Action of the entries that hold a trusted timestamp (RFC 3161) of a seal.
STAMPED = "audit.stamped"

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
class Break:
    """One place at which the log is not what was written.

    kind: changed (this entry or its hash) | removed (entries from `seq` on, up to the next one present) | reordered
    (out of sequence or twice) | forged (this seal is nobody's signature over what stands before it; this timestamp is
    not of the seal that it names).
    """

    seq: int
    kind: str


#: Holder of the key (the entry's object), what is sealed, signature in hex → whether it is the holder's. Never raises.
Genuine = Callable[[str, bytes, str], bool]
#: What was stamped, the authority's answer (base64) → when it says so (ISO 8601); None: it says nothing of it. Never raises.
StampedAt = Callable[[bytes, str], str | None]


@dataclass(frozen=True, slots=True)
class Verdict:
    entries: int
    #: Hash of the last entry.
    head: str
    breaks: tuple[Break, ...]
    #: Number of the last entry under a genuine seal, and the day of that seal; 0: no seal covers anything.
    sealed: int
    sealed_on: str | None
    #: Number of the last entry under a seal with a genuine timestamp, and its instant; 0: none.
    stamped: int = 0
    stamped_at: str | None = None


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


def _follows(previous: str, entry: AuditEntry, stored: str) -> bool:
    try:
        return link(previous, entry) == stored
    except TypeError:
        # A detail of a kind that was never written.
        return False


def seal_statement(holder: str, day: str, seq: int, head: str) -> bytes:
    """What an institution signs: at the end of `day` the chain ended with the entry `seq`, whose hash was `head`."""
    return f"songda.audit.seal/1\n{holder}\n{day}\n{seq}\n{head}".encode()


def stamp_statement(seq: int, hash_: str) -> bytes:
    """What an authority stamps of the seal with this number and hash."""
    return f"songda.audit.stamp/1\n{seq}\n{hash_}".encode()


def verify(
    rows: Iterable[tuple[AuditEntry, str]], *, genuine: Genuine | None = None, stamped_at: StampedAt | None = None
) -> Verdict:
    """Reads `rows` (entry and stored hash, in the order of the log) once and tells every break.

    Without `genuine` the signatures of seals are not looked at, and nothing counts as sealed; without `stamped_at` their
    timestamps are not, and nothing counts as stamped.
    """
    breaks: list[Break] = []
    count, last_seq, last_hash, sealed, sealed_on = 0, 0, GENESIS, 0, None
    seals, stamped, instant = dict[int, str](), 0, None
    for entry, stored in rows:
        count += 1
        if entry.seq <= last_seq:
            breaks.append(Break(entry.seq, "reordered"))
            continue
        if entry.seq > last_seq + 1:
            # What this row was linked to is gone, so its own link cannot be checked.
            breaks.append(Break(last_seq + 1, "removed"))
        elif not _follows(last_hash, entry, stored):
            breaks.append(Break(entry.seq, "changed"))
        if entry.action == SEALED and genuine is not None:
            day, signature = str(entry.details.get("day")), str(entry.details.get("signature"))
            # A seal stands right behind what it seals.
            if genuine(entry.object_id, seal_statement(entry.object_id, day, entry.seq - 1, last_hash), signature):
                sealed, sealed_on = entry.seq - 1, day
            else:
                breaks.append(Break(entry.seq, "forged"))
        if entry.action == SEALED:
            seals[entry.seq] = stored
        if entry.action == STAMPED and stamped_at is not None:
            told = _stamped(entry, seals, stamped_at)
            if told is None:
                breaks.append(Break(entry.seq, "forged"))
            else:
                stamped, instant = told[0] - 1, told[1]
        last_seq, last_hash = entry.seq, stored
    return Verdict(count, last_hash, tuple(breaks), sealed, sealed_on, stamped, instant)


def _stamped(entry: AuditEntry, seals: Mapping[int, str], stamped_at: StampedAt) -> tuple[int, str] | None:
    """Number of the seal that the entry stamps, and when; None when it stamps none."""
    seq, token = entry.details.get("seal"), entry.details.get("token")
    if not isinstance(seq, int) or not isinstance(token, str) or seq not in seals:
        return None
    at = stamped_at(stamp_statement(seq, seals[seq]), token)
    return None if at is None else (seq, at)
