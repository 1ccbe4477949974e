"""Events: what a tenant is told about its letters, written in the transaction of the transition that they tell of.

    note_events(connection, "letter", ["ltr_…"], source="active", reason="settled", at=now)       # called by `move`
    number_events(connection)
    read_events(connection, tenant_id, after=0, limit=100)                                        # in their order

An event has two orders. `seq` is drawn while its transaction is open, so a reader who remembers the highest one would miss
what commits later; `position` is given afterwards, by one writer at a time, to what is committed, and is the cursor of the
feed. What follows from another event is written after it was committed: the events of a letter keep their order.
No column says anything about a person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement as Expression
from sqlalchemy import Connection, Integer, String, cast, func, insert, literal, null, select, text, update

from songda.store import tables
from songda.store.rows import chunks

#: Changes that are told, by the state that they lead to. What happens to an attempt inside the house is not.
TOLD: Mapping[str, frozenset[str]] = {
    "letter": frozenset(
        ("rejected", "held", "not_sent", "ready", "approved", "active", "withdrawn", "closed"),
    ),
    "attempt": frozenset(
        ("locked", "posted", "carried", "silent", "reported", "settled", "no_place", "dropped", "failed", "recalled")
    ),
}
#: `object.state`, and the change of a result that was told before.
EVENT_TYPES = tuple(
    sorted([f"{object}.{state}" for object, states in TOLD.items() for state in states] + ["letter.revised"])
)

_e, _l, _a = tables.event.c, tables.letter.c, tables.attempt.c


@dataclass(frozen=True, slots=True)
class Event:
    """A change of a letter or of one of its attempts."""

    #: The cursor: greater than that of every event told before.
    position: int
    id: str
    #: One of EVENT_TYPES.
    type: str
    at: datetime
    letter_id: str
    letter_no: str | None
    batch_id: str
    #: State before.
    source: str
    #: Code of the transition's reason.
    reason: str
    #: Number of the attempt; None: about the letter.
    n: int | None
    #: Grade of proof, final for settled attempts and closed letters, else provisional.
    grade: str | None
    #: Of the letter's result.
    revision: int


def note_events(
    connection: Connection, object: str, ids: Sequence[str], *, source: str, target: str, reason: str, at: datetime
) -> None:
    """Writes down that the things `ids` of table `object` went from `source` to `target` just now in this transaction."""
    if target not in TOLD.get(object, ()):
        return
    type_ = "letter.revised" if (object, source, target) == ("letter", "closed", "closed") else f"{object}.{target}"
    if object == "letter":
        id_ = _l.id
        query = select(
            *_common(id_, _l.version, type_, source, reason, at), cast(null(), Integer), _l.grade, _l.revision
        )
    else:
        id_ = _a.id
        grade = func.coalesce(_a.grade, _a.provisional_grade)
        query = select(*_common(id_, _a.version, type_, source, reason, at), _a.n, grade, _l.revision)
        query = query.join(tables.letter, _l.id == _a.letter_id)
    names = ["id", "tenant_id", "letter_id", "type", "source", "reason", "at", "n", "grade", "revision"]
    # One statement a chunk, in the order of the ids: letters of one transaction have no order among themselves.
    for part in chunks(ids):
        rows = query.where(id_.in_(part)).order_by(id_)
        connection.execute(insert(tables.event).from_select(names, rows))


def _common(
    id_: Expression[str], version: Expression[int], type_: str, source: str, reason: str, at: datetime
) -> list[Expression[Any]]:
    instant = literal(at.astimezone(UTC), tables.event.c.at.type)
    return [
        # No full stop: it parts the fields of what a webhook signs.
        literal("evt_") + id_ + literal("_") + cast(version, String),
        _l.tenant_id,
        _l.id,
        literal(type_),
        literal(source),
        literal(reason),
        instant,
    ]


def number_events(connection: Connection) -> None:
    """Gives positions to the events that have none and are committed; writers of the same moment queue."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(7315413)"))
    if connection.scalar(select(_e.seq).where(_e.position.is_(None)).limit(1)) is None:
        return
    last = connection.scalar(select(func.max(_e.position))) or 0
    rank = func.row_number().over(order_by=_e.seq)
    waiting = select(_e.seq.label("seq"), (rank + last).label("position")).where(_e.position.is_(None)).subquery()
    connection.execute(update(tables.event).values(position=waiting.c.position).where(_e.seq == waiting.c.seq))


def read_events(
    connection: Connection, tenant_id: str, *, after: int, limit: int, types: Sequence[str] | None = None
) -> list[Event]:
    """At most `limit` numbered events of the tenant behind position `after`, in their order; of `types` only, if given."""
    names = ("id", "type", "at", "letter_id", "source", "reason", "n", "grade", "revision")
    query = (
        select(_e.position, *(_e[name] for name in names), _l.letter_no, _l.batch_id)
        .join(tables.letter, _l.id == _e.letter_id)
        .where(_e.tenant_id == tenant_id, _e.position > after)
        .order_by(_e.position)
        .limit(limit)
    )
    if types is not None:
        query = query.where(_e.type.in_(types))
    return [_event(row) for row in connection.execute(query)]


def count_events(connection: Connection, tenant_id: str, *, after: int, types: Sequence[str] | None) -> int:
    """Numbered events of the tenant behind position `after`; of `types` only, if given."""
    query = select(func.count()).where(_e.tenant_id == tenant_id, _e.position > after)
    return connection.scalar(query if types is None else query.where(_e.type.in_(types))) or 0


def last_position(connection: Connection, tenant_id: str) -> int:
    """Position of the tenant's newest numbered event; 0: none."""
    return connection.scalar(select(func.max(_e.position)).where(_e.tenant_id == tenant_id)) or 0


def _event(row: Any) -> Event:
    return Event(
        position=row.position,
        id=row.id,
        type=row.type,
        at=row.at if row.at.tzinfo else row.at.replace(tzinfo=UTC),
        letter_id=row.letter_id,
        letter_no=row.letter_no,
        batch_id=row.batch_id,
        source=row.source,
        reason=row.reason,
        n=row.n,
        grade=row.grade,
        revision=row.revision,
    )
