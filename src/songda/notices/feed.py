"""The feed: a tenant's events in one order, from a cursor on; a webhook's body is one entry of it, byte for byte the same.

{"id": "evt_ltr_…_7", "type": "letter.closed", "timestamp": "2026-12-03T01:00:00Z", "cursor": 4711,
 "data": {"letter_id": "ltr_…", "letter_no": "LH2026-000123", "batch_id": "bat_…", "attempt": null, "from": "active",
          "to": "closed", "reason": "proven", "grade": "A1", "revision": 0}}
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from songda.store import Event, last_position, number_events, read_events, tables

#: Events of one page at most.
MOST = 1000
#: Reasons of transitions that say something about a person; they are told as this one.
_OF_A_PERSON = frozenset(("deceased", "wrong_person", "two_names", "name_confirmed", "refused", "person"))
_WITHHELD = "in_the_record"


@dataclass(frozen=True, slots=True)
class Page:
    events: tuple[dict[str, Any], ...]
    #: Where the next page begins.
    next: int
    #: Whether there is one by now.
    more: bool


def as_json(event: Event) -> dict[str, Any]:
    """What the tenant sees of an event: ids, codes and instants."""
    return {
        "id": event.id,
        "type": event.type,
        "timestamp": event.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "cursor": event.position,
        "data": {
            "letter_id": event.letter_id,
            "letter_no": event.letter_no,
            "batch_id": event.batch_id,
            "attempt": event.n,
            "from": event.source,
            "to": "closed" if event.type == "letter.revised" else event.type.partition(".")[2],
            "reason": _told(event.reason),
            "grade": event.grade,
            "revision": event.revision,
        },
    }


def _told(reason: str) -> str:
    """The code of a reason without what follows its colon (`stop:hardship` → `stop`), or that it is not told."""
    head = reason.partition(":")[0]
    return _WITHHELD if head in _OF_A_PERSON else head


def read_page(engine: Engine, tenant_id: str, *, after: int, limit: int) -> Page:
    """At most `limit` (1 to MOST) events behind the cursor `after`; 0 begins with the first one ever."""
    with engine.begin() as connection:
        number_events(connection)
        events = read_events(connection, tenant_id, after=after, limit=limit + 1)
    shown = events[:limit]
    return Page(
        events=tuple(as_json(event) for event in shown),
        next=shown[-1].position if shown else after,
        more=len(events) > limit,
    )


def cursor_before(connection: Connection, tenant_id: str, at: datetime) -> int:
    """The cursor behind which everything that happened from `at` on is read."""
    number_events(connection)
    e = tables.event.c
    first = select(func.min(e.position)).where(e.tenant_id == tenant_id, e.at >= at.astimezone(UTC))
    position = connection.scalar(first)
    return last_position(connection, tenant_id) if position is None else position - 1
