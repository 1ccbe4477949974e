"""Closed letters whose proof changed after all: the letter stays closed and is revised, never silently."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from songda.dispatch.grades import best_grade
from songda.store import chunks, move, tables

_a, _l = tables.attempt.c, tables.letter.c


def best_grades(connection: Connection, letter_ids: Sequence[str]) -> dict[str, str | None]:
    """Letter → best grade over its attempts."""
    grades: dict[str, list[str | None]] = defaultdict(list)
    for part in chunks(letter_ids):
        for letter_id, grade in connection.execute(select(_a.letter_id, _a.grade).where(_a.letter_id.in_(part))):
            grades[letter_id].append(grade)
    return {letter_id: best_grade(found) for letter_id, found in grades.items()}


def revise_letters(connection: Connection, flags: Mapping[str, Iterable[str]], *, at: datetime) -> int:
    """Revises those closed letters (letter id → flags of the attempt that changed) whose best grade is another now."""
    letter_ids = sorted(flags)
    grades = best_grades(connection, letter_ids)
    rows, values = [], []
    for part in chunks(letter_ids):
        query = select(_l.id, _l.version, _l.grade, _l.flags, _l.revision).where(_l.id.in_(part), _l.state == "closed")
        for row in connection.execute(query):
            if grades.get(row.id) != row.grade:
                rows.append((row.id, row.version))
                values.append(
                    {
                        "grade": grades.get(row.id),
                        "flags": sorted({*row.flags, *flags[row.id]}),
                        "revision": row.revision + 1,
                    }
                )
    return move(
        connection,
        "letter",
        rows,
        source="closed",
        target="closed",
        actor="system",
        reason="late_fact",
        at=at,
        values=values,
    )
