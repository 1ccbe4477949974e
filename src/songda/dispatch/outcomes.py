"""What the fold said about an attempt, written down each time it says something else or knows more.

One row of `decision` (stage "outcome") a fold: outcome `signed:A1`, the flags, what was parked, the version of the
mapping, how many facts it saw and when the decisive one happened. The last row tells whether an attempt has to be
folded again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, func, insert, select

from songda.base import ids
from songda.base.days import business_day
from songda.carriers import Outcome
from songda.store import chunks, tables

STAGE = "outcome"
_PARKED = "parked:"

_d = tables.decision.c


@dataclass(frozen=True, slots=True)
class Said:
    #: Sub-state and grade: `signed:A1`, `tried_failed:-`.
    text: str
    flags: tuple[str, ...]
    #: Reasons why events were parked.
    parked: tuple[str, ...]
    facts: int
    mapping: str
    #: Instant of the decisive event.
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Folded:
    """An outcome and the facts it was folded from."""

    outcome: Outcome
    #: Event keys of the facts, sorted.
    keys: tuple[str, ...]


def text_of(outcome: Outcome) -> str:
    return f"{outcome.state}:{outcome.grade or '-'}"


def last_said(connection: Connection, attempt_ids: Sequence[str]) -> dict[str, Said]:
    """The last row about each attempt that has one."""
    found = {}
    for part in chunks(attempt_ids):
        # Ids are ordered by the time of their making.
        last = select(func.max(_d.id)).where(_d.stage == STAGE, _d.object_id.in_(part)).group_by(_d.object_id)
        query = select(_d.object_id, _d.outcome, _d.reasons, _d.versions).where(_d.id.in_(last))
        for object_id, text, reasons, versions in connection.execute(query):
            parked = tuple(r.removeprefix(_PARKED) for r in reasons if r.startswith(_PARKED))
            flags = tuple(reason for reason in reasons if not reason.startswith(_PARKED))
            at = None if versions["at"] is None else datetime.fromisoformat(versions["at"])
            found[object_id] = Said(text, flags, parked, versions["facts"], versions["mapping"], at)
    return found


def write_said(
    connection: Connection, folded: Mapping[str, Folded], before: Mapping[str, Said], *, at: datetime
) -> None:
    """Adds a row for each fold (attempt id → outcome) that said something else than the row before, or saw more."""
    rows = []
    for attempt_id, fold in folded.items():
        said = said_by(fold)
        if before.get(attempt_id) == said:
            continue
        rows.append(
            {
                "id": ids.new("dec"),
                "object_id": attempt_id,
                "stage": STAGE,
                "outcome": said.text,
                "inputs_sha256": sha256("".join(fold.keys).encode()).hexdigest(),
                "versions": {
                    "mapping": said.mapping,
                    "facts": said.facts,
                    "at": None if said.at is None else said.at.isoformat(),
                },
                "reasons": [*said.flags, *(f"{_PARKED}{reason}" for reason in said.parked)],
                "on_day": business_day(at),
            }
        )
    if rows:
        connection.execute(insert(tables.decision), rows)


def said_by(fold: Folded) -> Said:
    outcome = fold.outcome
    # What is parked is told by reason and code; when it happened and where stands in the facts.
    parked = tuple(sorted({f"{entry.reason}:{entry.key[2]}" for entry in outcome.parked}))
    return Said(text_of(outcome), outcome.flags, parked, len(fold.keys), outcome.mapping_version, outcome.at)
