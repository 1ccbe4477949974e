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
#: The carrier does not know the waybill of a letter that it got.
WAYBILL_UNKNOWN = "waybill_unknown"
#: The holidays of a coming year are in no table (about the tenant; the reason is the year).
CALENDAR_MISSING = "calendar_missing"
#: A receiver of webhooks takes nothing any more; done by `songda webhooks enable` (about the webhook; the reason is why).
WEBHOOK_DISABLED = "webhook_disabled"

#: No account bears a piece in place of one that the carrier has lost (about the attempt): the next run asks again.
REPLACEMENT_UNPAID = "replacement_unpaid"

#: The factory has not said yet that it has deleted the files of a run that is over (about the run).
DELETION_OVERDUE = "deletion_overdue"
#: An envelope lies at the factory that must not go: take it out of the pile (done = it is out).
DIVERT = "divert"
#: A stop order came when the carrier had the letter: ask for its interception.
INTERCEPT = "intercept"
#: Something waits longer than its life allows.
OVERDUE = "overdue"

_t = tables.task.c
_LONGEST_REASON = 200


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
            "reason": reason[:_LONGEST_REASON],
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


def keep_tasks(
    connection: Connection,
    kind: str,
    reasons: Mapping[str, str],
    *,
    among: Collection[str],
    actor: str,
    at: datetime,
) -> set[str]:
    """Brings the tasks of this kind about the things `among` in line with `reasons` (object id → reason).

    Open tasks with no reason any more, or with another one, are dropped; what was done about the same reason stays done.
    Returns the things of `reasons` about whose reason a task was done.
    """
    wanted = {object_id: reason[:_LONGEST_REASON] for object_id, reason in reasons.items()}
    done: set[str] = set()
    standing: set[str] = set()
    idle: list[tuple[str, int]] = []
    for part in chunks(sorted(among)):
        query = select(_t.id, _t.version, _t.object_id, _t.state, _t.reason).where(
            _t.kind == kind, _t.state.in_(("open", "done")), _t.object_id.in_(part)
        )
        for row in connection.execute(query):
            if wanted.get(row.object_id) == row.reason:
                (done if row.state == "done" else standing).add(row.object_id)
            elif row.state == "open":
                idle.append((row.id, row.version))
    move(connection, "task", idle, source="open", target="dropped", actor=actor, reason="no_longer_so", at=at)
    fresh = {object_id: reason for object_id, reason in wanted.items() if object_id not in done | standing}
    open_tasks(connection, kind, fresh, at=at)
    return done


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
