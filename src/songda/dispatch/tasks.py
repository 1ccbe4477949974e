"""Tasks: what only a person can settle. One open task a thing and kind, however often the cause is met."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, select

from songda.base import ids
from songda.base.days import business_day
from songda.store import chunks, move, tables

#: The order has no answer and the carrier cannot be asked.
ORDER_UNRESOLVED = "order_unresolved"
#: The carrier, or our own check, refused the order.
ORDER_REFUSED = "order_refused"
#: A waybill exists for a piece that will never be posted: cancel it at the carrier.
WAYBILL_UNUSED = "waybill_unused"
#: The outcome is doubtful; done = it may settle as the fold says.
OUTCOME_REVIEW = "outcome_review"
#: Nothing heard for days: ask the carrier.
CARRIER_SILENT = "carrier_silent"
#: Events that the mapping does not know, or that cannot be true.
EVENTS_PARKED = "events_parked"

_t = tables.task.c


def open_tasks(connection: Connection, kind: str, reasons: Mapping[str, str], *, at: datetime) -> None:
    """Opens a task for each thing of `reasons` (object id → reason code) that has no open one of this kind."""
    if not reasons:
        return
    standing = _with_state(connection, kind, reasons.keys(), "open")
    rows = [
        {
            "id": ids.new("tsk"),
            "kind": kind,
            "object_id": object_id,
            "state": "open",
            "version": 0,
            "reason": reason[:200],
            "opened_on": business_day(at),
        }
        for object_id, reason in reasons.items()
        if object_id not in standing
    ]
    if rows:
        connection.execute(insert(tables.task), rows)


def close_tasks(
    connection: Connection, kind: str, objects: Collection[str], *, actor: str, reason: str, at: datetime
) -> None:
    """Marks the open tasks of this kind about `objects` as done."""
    for part in chunks(list(objects)):
        query = select(_t.id, _t.version).where(_t.kind == kind, _t.state == "open", _t.object_id.in_(part))
        rows = [(row.id, row.version) for row in connection.execute(query)]
        move(connection, "task", rows, source="open", target="done", actor=actor, reason=reason, at=at)


def settled(connection: Connection, kind: str, objects: Sequence[str]) -> set[str]:
    """Those of `objects` about which a task of this kind was done and none is open."""
    done = _with_state(connection, kind, objects, "done")
    return done - _with_state(connection, kind, objects, "open")


def _with_state(connection: Connection, kind: str, objects: Collection[str], state: str) -> set[str]:
    found: set[str] = set()
    for part in chunks(list(objects)):
        query = select(_t.object_id).where(_t.kind == kind, _t.state == state, _t.object_id.in_(part))
        found |= set(connection.execute(query).scalars())
    return found
