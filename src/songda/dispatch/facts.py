"""What the carrier said, stored before it is understood: appended only, each telling once, nobody named.

    store_events(connection, key=key, told=[Told(attempt_id, event, raw)], received_at=now)

A telling is an event and what it adds to the outcome. The same event told again adds nothing and is left out; told with
more (a query brings the delivery code that a push lacks) it is a fact of its own, and the fold believes the richer one.
`event` holds codes, office and relation of the signer; the carrier's own words lie sealed in `raw`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, bindparam, or_, select, update

from songda.base import ids
from songda.carriers import Event, redact_desc
from songda.dispatch.instants import read, stored
from songda.store import chunks, insert_missing, tables
from songda.vault import DataKey

_f, _a = tables.fact.c, tables.attempt.c

#: What the column holds of an event besides waybill and code; left out where it says nothing.
_CODES = ("office", "deliver_code", "attempt_code", "signer")
#: Before every day on which anybody may settle.
AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
#: Names that offices give themselves.
_NAMES = ("office_name", "office_prov", "office_city")

_LOOK_AGAIN = (
    update(tables.attempt)
    .where(_a.id.in_(bindparam("attempts", expanding=True)), or_(_a.look_at.is_(None), _a.look_at != AT_ONCE))
    .values(look_at=AT_ONCE)
)
_WHOSE = (
    select(_a.id, tables.letter.c.person_id)
    .join(tables.letter, tables.letter.c.id == _a.letter_id)
    .where(_a.id.in_(bindparam("attempts", expanding=True)))
)
_STANDING = select(_f.attempt_id, _f.event_key, _f.arrival).where(
    _f.attempt_id.in_(bindparam("attempts", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Told:
    """One event about one attempt, as it arrived."""

    attempt_id: str
    event: Event
    #: The carrier's own words; personal.
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fact:
    """One stored telling."""

    event: Event
    key: str


def store_events(connection: Connection, *, key: DataKey, told: Iterable[Told], received_at: datetime) -> int:
    """Appends what is new of `told`, in that order; returns how much that was."""
    told = list(told)
    attempts = sorted({entry.attempt_id for entry in told})
    lock_attempts(connection, attempts)
    whose = _persons(connection, attempts)
    keys = key.of_persons(set(whose.values()))
    seen, arrivals = _standing(connection, attempts)
    rows: list[dict[str, Any]] = []
    for entry in told:
        event_key = fact_key(entry.event)
        if (entry.attempt_id, event_key) in seen:
            continue
        seen.add((entry.attempt_id, event_key))
        arrivals[entry.attempt_id] += 1
        fact_id, person_id = ids.new("fct"), whose[entry.attempt_id]
        own = keys.get(person_id)
        rows.append(
            {
                "id": fact_id,
                "attempt_id": entry.attempt_id,
                "event_key": event_key,
                "op_time": stored(entry.event.op_time),
                "received_at": stored(received_at),
                "arrival": arrivals[entry.attempt_id],
                "event": _parts(entry.event),
                "office": entry.event.office or None,
                # Of somebody who was erased, only the coded event is kept; a hash of the words would let a guess be tried.
                "raw": own.seal(entry.raw, context=f"fact:{fact_id}") if own else key.tombstone(person_id),
                "raw_sha256": sha256(entry.raw).hexdigest() if own else "",
            }
        )
    insert_missing(connection, tables.fact, rows)
    look_again(connection, {row["attempt_id"] for row in rows})
    return len(rows)


def _persons(connection: Connection, attempts: Sequence[str]) -> dict[str, str]:
    """Attempt → the person to whom its letter goes."""
    found: dict[str, str] = {}
    for part in chunks(attempts):
        found |= {row.id: row.person_id for row in connection.execute(_WHOSE, {"attempts": part})}
    return found


def look_again(connection: Connection, attempt_ids: Collection[str]) -> None:
    """There is news of the attempts: the next settling folds them, whatever the day."""
    for part in chunks(sorted(attempt_ids)):
        connection.execute(_LOOK_AGAIN, {"attempts": part})


def fact_key(event: Event) -> str:
    """Equal for tellings of one event that say the same about its outcome."""
    parts = (
        event.waybill_no,
        event.op_time.astimezone(UTC).isoformat(),
        event.op_code,
        event.office,
        event.deliver_code,
        event.attempt_code,
        event.signer,
        str(event.name_match),
    )
    return sha256("\x1f".join(parts).encode()).hexdigest()


def lock_attempts(connection: Connection, attempt_ids: Collection[str]) -> None:
    """Holds the attempts until the transaction ends, so that no fact slips in between a fold and its outcome.

    Everybody takes them in the order of their ids, and before any of their pieces: nobody waits in a circle. SQLite has
    one writer anyway.
    """
    if connection.dialect.name != "postgresql":
        return
    for part in chunks(sorted(attempt_ids)):
        connection.execute(select(_a.id).where(_a.id.in_(part)).order_by(_a.id).with_for_update()).all()


def read_facts(connection: Connection, attempt_ids: Sequence[str]) -> dict[str, list[Fact]]:
    """The facts of each attempt that has any."""
    found: dict[str, list[Fact]] = defaultdict(list)
    for part in chunks(attempt_ids):
        query = select(_f.attempt_id, _f.op_time, _f.arrival, _f.event, _f.event_key).where(_f.attempt_id.in_(part))
        for attempt_id, op_time, arrival, event, event_key in connection.execute(query):
            found[attempt_id].append(Fact(Event(op_time=read(op_time), arrival=arrival, **event), event_key))
    return found


def known_words(connection: Connection, attempt_ids: Collection[str]) -> set[tuple[str, str]]:
    """(attempt, hash of the carrier's words) of what is stored: words met again need not be read again."""
    return {
        (row.attempt_id, row.raw_sha256)
        for part in chunks(sorted(attempt_ids))
        for row in connection.execute(select(_f.attempt_id, _f.raw_sha256).where(_f.attempt_id.in_(part)))
    }


def _parts(event: Event) -> dict[str, Any]:
    parts: dict[str, Any] = {"waybill_no": event.waybill_no, "op_code": event.op_code}
    parts |= {name: value for name in _CODES if (value := getattr(event, name))}
    # A courier's number among them would be a number in clear.
    parts |= {name: redact_desc(value) for name in _NAMES if (value := getattr(event, name))}
    return parts if event.name_match is None else parts | {"name_match": event.name_match}


def _standing(connection: Connection, attempt_ids: Sequence[str]) -> tuple[set[tuple[str, str]], dict[str, int]]:
    """(attempt, event key) of what is stored, and the last running number of each attempt."""
    seen: set[tuple[str, str]] = set()
    arrivals: dict[str, int] = defaultdict(int)
    for part in chunks(attempt_ids):
        for attempt_id, event_key, arrival in connection.execute(_STANDING, {"attempts": part}):
            seen.add((attempt_id, event_key))
            arrivals[attempt_id] = max(arrivals[attempt_id], arrival)
    return seen, arrivals
