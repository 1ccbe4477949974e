"""Names of addressees, opened in memory for one comparison: is the signer's name in the carrier's text theirs?"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, bindparam, select

from songda.dispatch.receiver import open_person
from songda.store import chunks, tables
from songda.vault import DataKey, PersonErased

_n = tables.person.c
_SEALED = select(_n.id, _n.sealed).where(_n.id.in_(bindparam("persons", expanding=True)))


def addressees(connection: Connection, person_ids: Collection[str], *, key: DataKey) -> dict[str, str | None]:
    """Person id → name, None where the record holds none, or the person was erased. Raises Unsealable."""
    names: dict[str, str | None] = {}
    for part in chunks(sorted(person_ids)):
        key.of_persons(part)
        rows = connection.execute(_SEALED, {"persons": part})
        names |= {row.id: _name(key, row.id, row.sealed) for row in rows}
    return names


def _name(key: DataKey, person_id: str, sealed: bytes) -> str | None:
    # What is told of a letter late must not keep what is told of others from being stored.
    try:
        return open_person(key, person_id, sealed).get("name") or None
    except PersonErased:
        return None
