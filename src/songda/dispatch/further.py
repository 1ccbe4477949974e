"""Further attempts: the same letter to another door, never to the same one twice.

    next_attempts(engine, {letter_id: (address_record_id, place)}, key=key, at=now)

An attempt's id is derived from letter and number, so that a repetition meets what it made before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, select

from songda.base import ids
from songda.dispatch.ends import ENDED, read_tries
from songda.dispatch.stopping import STOP_REQUESTED
from songda.store import chunks, insert_missing, move, tables
from songda.vault import DataKey

#: Day in the ids of further attempts: their number tells them apart, not the day on which they were planned.
LASTING = date(2020, 1, 1)
#: Letters in one transaction.
_CHUNK = 1000

_l = tables.letter.c


@dataclass(frozen=True, slots=True)
class _Further:
    letter_id: str
    version: int
    n: int
    address_record_id: str
    place: str


def next_attempts(
    engine: Engine, places: Mapping[str, tuple[str, str]], *, key: DataKey, at: datetime
) -> dict[str, str]:
    """Plans the next attempt of each letter (letter id → address record, place); returns letter id → attempt id.

    Raises ValueError, before anything of that chunk is written, for a place that was tried before, a letter whose last
    attempt is not over, one that is not active and one that must not be tried again.
    """
    made: dict[str, str] = {}
    for part in chunks(sorted(places), _CHUNK):
        with engine.begin() as connection:
            made |= _plan(connection, {letter: places[letter] for letter in part}, key=key, at=at)
    return made


def attempt_id(key: DataKey, letter_id: str, n: int) -> str:
    return ids.derive("att", LASTING, key.id_secret(), letter_id, n)


def _plan(
    connection: Connection, places: Mapping[str, tuple[str, str]], *, key: DataKey, at: datetime
) -> dict[str, str]:
    letters = connection.execute(
        select(_l.id, _l.version, _l.state, _l.flags).where(_l.id.in_(list(places))).order_by(_l.id)
    ).all()
    if missing := places.keys() - {letter.id for letter in letters}:
        raise ValueError(f"no such letter: {min(missing)}")
    tries = read_tries(connection, list(places))
    made = {letter.id: attempt_id(key, letter.id, tries[letter.id][-1].n) for letter in letters if tries.get(letter.id)}
    further = [
        _further(letter, tries.get(letter.id, ()), *places[letter.id])
        for letter in letters
        if not _stands(tries.get(letter.id, ()), made.get(letter.id), places[letter.id])
    ]
    made |= {each.letter_id: attempt_id(key, each.letter_id, each.n) for each in further}
    rows = [
        {
            "id": made[each.letter_id],
            "letter_id": each.letter_id,
            "n": each.n,
            "state": "planned",
            "version": 0,
            "address_record_id": each.address_record_id,
            "place": each.place,
        }
        for each in further
    ]
    insert_missing(connection, tables.attempt, rows)
    for n in sorted({each.n for each in further}):
        move(
            connection,
            "letter",
            [(each.letter_id, each.version) for each in further if each.n == n],
            source="active",
            target="active",
            actor="dispatch",
            reason="next_attempt",
            at=at,
        )
    return made


def _stands(tries: Sequence[Any], derived: str | None, place: tuple[str, str]) -> bool:
    """Whether this very attempt was planned before and is not over yet."""
    if not tries or tries[-1].id != derived or tries[-1].state in ENDED:
        return False
    return (tries[-1].address_record_id, tries[-1].place) == place


def _further(letter: Any, tries: Sequence[Any], address_record_id: str, place: str) -> _Further:
    if letter.state != "active" or STOP_REQUESTED in letter.flags:
        raise ValueError(f"no further attempt for letter {letter.id}: {letter.state}, flags {letter.flags}")
    if not tries or tries[-1].state not in ENDED:
        raise ValueError(f"the last attempt of letter {letter.id} is not over")
    if any(place == each.place or address_record_id == each.address_record_id for each in tries):
        raise ValueError(f"letter {letter.id} has been to this place before")
    return _Further(letter.id, letter.version, tries[-1].n + 1, address_record_id, place)
