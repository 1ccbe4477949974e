"""What another table of tracking codes would change, told before it is put in force; nothing is written.

    for change in shadow(engine, tenant_id=tenant, mapping=in_force, other=proposed, at=now):
        change.letter_id, change.before, change.after        # "ltr_…", "in_transit:-", "signed:C"
    parked_codes(engine, tenant_id=tenant, mapping=in_force, at=now)      # {"V_704": 12}

Both tables fold the same stored facts at the same instant, so that only the table makes the difference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, select

from songda.carriers import Mapping as Codes
from songda.dispatch.deadlines import Deadlines, load_deadlines
from songda.dispatch.facts import Fact, read_facts
from songda.dispatch.folding import Basis, fold_attempt
from songda.dispatch.outcomes import Said, said_by
from songda.dispatch.standing import handed_over, in_hand, read_bases
from songda.store import chunks, tables

_a = tables.attempt.c


@dataclass(frozen=True, slots=True)
class Change:
    """One attempt about which the other table says something else."""

    letter_id: str
    attempt_id: str
    #: State of the attempt; a change of a settled one would be a revision.
    state: str
    #: Sub-state and grade: `signed:A1`, `tried_failed:-`.
    before: str
    after: str
    flags_before: tuple[str, ...]
    flags_after: tuple[str, ...]
    #: Reasons and codes of the events that are parked: `unknown_code:V_704`.
    parked_before: tuple[str, ...]
    parked_after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Heard:
    """An attempt with everything that a fold of it needs."""

    id: str
    letter_id: str
    state: str
    facts: Sequence[Fact]
    basis: Basis


def shadow(
    engine: Engine,
    *,
    tenant_id: str,
    mapping: Codes,
    other: Codes,
    at: datetime,
    deadlines: Deadlines | None = None,
) -> Iterator[Change]:
    """The attempts under way, or settled within the revision window, that `other` would see otherwise than `mapping`."""
    waits = deadlines or load_deadlines()
    for each in _heard(engine, tenant_id, waits, at=at):
        before, after = (_said(each, codes, waits, at=at) for codes in (mapping, other))
        if (before.text, before.flags, before.parked) != (after.text, after.flags, after.parked):
            yield Change(
                each.letter_id,
                each.id,
                each.state,
                before.text,
                after.text,
                before.flags,
                after.flags,
                before.parked,
                after.parked,
            )


def parked_codes(
    engine: Engine, *, tenant_id: str, mapping: Codes, at: datetime, deadlines: Deadlines | None = None
) -> Counter[str]:
    """Codes that the table does not know → attempts that heard them."""
    waits = deadlines or load_deadlines()
    return Counter(
        code
        for each in _heard(engine, tenant_id, waits, at=at)
        for reason, _, code in (parked.partition(":") for parked in _said(each, mapping, waits, at=at).parked)
        if reason == "unknown_code"
    )


def _heard(engine: Engine, tenant_id: str, waits: Deadlines, *, at: datetime) -> Iterator[_Heard]:
    with engine.connect() as connection:
        for part in chunks(in_hand(connection, tenant_id, at=at, deadlines=waits)):
            yield from _read(connection, part)


def _read(connection: Connection, ids: Sequence[str]) -> Iterator[_Heard]:
    facts = read_facts(connection, ids)
    handed = handed_over(connection, ids)
    bases = read_bases(connection, ids, handed)
    for row in connection.execute(select(_a.id, _a.letter_id, _a.state).where(_a.id.in_(ids)).order_by(_a.id)).all():
        if row.id in handed:
            yield _Heard(row.id, row.letter_id, row.state, facts.get(row.id, ()), bases[row.id])


def _said(each: _Heard, codes: Codes, waits: Deadlines, *, at: datetime) -> Said:
    return said_by(fold_attempt(each.facts, each.basis, mapping=codes, deadlines=waits, as_of=at))
