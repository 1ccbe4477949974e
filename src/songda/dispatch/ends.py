"""Letters whose attempt is over: what was proven, and closing those that get no further attempt.

ends = letters_at_end(connection, tenant_id=tenant)      # the planner picks from these who gets another place
close_letters(engine, [(end, "max_attempts") for end in ends if …], at=now)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, exists, select

from songda.base.days import business_day
from songda.dispatch.grades import best_grade
from songda.dispatch.outcomes import last_said
from songda.dispatch.revising import best_grades
from songda.store import chunks, move, tables

#: States in which an attempt is over.
ENDED = frozenset({"settled", "no_place", "failed", "recalled", "dropped"})
#: Letters closed in one transaction.
_CHUNK = 1000

_a, _l = tables.attempt.c, tables.letter.c


@dataclass(frozen=True, slots=True)
class AtEnd:
    """An active letter whose last attempt is over."""

    letter_id: str
    version: int
    person_id: str
    #: Number and state of the last attempt.
    n: int
    state: str
    #: Grade of the last attempt, and the best over all attempts; None where nothing settled.
    last_grade: str | None
    grade: str | None
    #: Attempts that left the house.
    posted: int
    #: Of the letter and of the last outcome; the state of the attempt too when it ended without being settled.
    flags: tuple[str, ...]
    #: (address record, place) of every attempt, in their order; no further one may go to one of these places.
    tried: tuple[tuple[str, str], ...]


def letters_at_end(connection: Connection, *, tenant_id: str) -> list[AtEnd]:
    """The tenant's active letters whose last attempt is over, in the order of their ids."""
    ended, going = tables.attempt.alias(), tables.attempt.alias()
    query = select(_l.id, _l.version, _l.person_id, _l.flags).where(
        _l.tenant_id == tenant_id,
        _l.state == "active",
        exists().where(ended.c.letter_id == _l.id, ended.c.state.in_(ENDED)),
        ~exists().where(going.c.letter_id == _l.id, going.c.state.not_in(ENDED)),
    )
    over = connection.execute(query.order_by(_l.id)).all()
    attempts = read_tries(connection, [letter.id for letter in over])
    said = last_said(connection, [attempts[letter.id][-1].id for letter in over])
    return [_at_end(letter, attempts[letter.id], said.get(attempts[letter.id][-1].id)) for letter in over]


def close_letters(engine: Engine, ends: Collection[tuple[AtEnd, str]], *, at: datetime) -> int:
    """Closes the letters with the best proof that they have by now; returns how many. Those closed already are left.

    Each comes with the reason why no attempt follows: proven, may_have_reached, max_attempts …

    Raises Conflict when a letter changed since it was read; the letters of earlier chunks are then closed.
    """
    closed = 0
    for part in chunks(sorted(ends, key=lambda pair: pair[0].letter_id), _CHUNK):
        with engine.begin() as connection:
            closed += _close(connection, part, at=at)
    return closed


def read_tries(connection: Connection, letter_ids: Sequence[str]) -> dict[str, list[Any]]:
    """Attempts of each letter, in their order: id, n, state, grade, address_record_id, place, posted_on."""
    found: dict[str, list[Any]] = defaultdict(list)
    columns = (_a.id, _a.letter_id, _a.n, _a.state, _a.grade, _a.address_record_id, _a.place, _a.posted_on)
    for part in chunks(letter_ids):
        for row in connection.execute(select(*columns).where(_a.letter_id.in_(part)).order_by(_a.letter_id, _a.n)):
            found[row.letter_id].append(row)
    return dict(found)


def _at_end(letter: Any, tries: Sequence[Any], said: Any) -> AtEnd:
    last = tries[-1]
    flags = {*letter.flags, *(said.flags if said is not None else ())}
    if last.state != "settled":
        flags.add(last.state)
    return AtEnd(
        letter_id=letter.id,
        version=letter.version,
        person_id=letter.person_id,
        n=last.n,
        state=last.state,
        last_grade=last.grade,
        grade=best_grade(attempt.grade for attempt in tries),
        posted=sum(attempt.posted_on is not None for attempt in tries),
        flags=tuple(sorted(flags)),
        tried=tuple((attempt.address_record_id, attempt.place) for attempt in tries),
    )


def _close(connection: Connection, ends: Sequence[tuple[AtEnd, str]], *, at: datetime) -> int:
    letter_ids = [end.letter_id for end, _ in ends]
    done = set(connection.scalars(select(_l.id).where(_l.id.in_(letter_ids), _l.state == "closed")))
    going: dict[str, list[AtEnd]] = defaultdict(list)
    for end, why in ends:
        if end.letter_id not in done:
            going[why].append(end)
    # Read again: a late fact may have revised an attempt since the letters were looked at.
    grades = best_grades(connection, letter_ids)
    return sum(
        move(
            connection,
            "letter",
            [(end.letter_id, end.version) for end in group],
            source="active",
            target="closed",
            actor="dispatch",
            reason=why,
            at=at,
            values=[
                {"grade": grades.get(end.letter_id), "flags": list(end.flags), "closed_on": business_day(at)}
                for end in group
            ],
        )
        for why, group in sorted(going.items())
    )
