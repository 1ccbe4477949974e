"""Dispatch: ordering waybills, each once; posting; following; saying what became of every letter.

    report = order_waybills(engine, batch_id=batch, key=key, post=post, contract=contract, sender=firm, at=now)
    handed = hand_over(engine, run_id=run, at=now)               # posted
    follow(engine, tenant_id=tenant, key=key, post=post, at=now)       # facts, also by receive_push
    settle(engine, tenant_id=tenant, at=now)                     # states and grades
    with engine.connect() as connection:
        ends = letters_at_end(connection, tenant_id=tenant)
    next_attempts(engine, places, key=key, at=now)
    close_letters(engine, [(end, "max_attempts") for end in ends], at=now)
    stop(engine, tenant_id=tenant, scope="person", object_id=person, reason="paid", at=now)

Before a call leaves the house its intent is committed under our own order number; an intent without an answer is
settled by a query, by the contract's promise of idempotency or by a person, never by a blind repeat. What the carrier
says is stored as facts before it is understood, and every outcome is a fold over them. One process works on a batch at
a time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from songda.dispatch.at_the_door import door_ends
    from songda.dispatch.cancelling import CancelReport, cancel_waybills
    from songda.dispatch.courier_advice import Advice, Situation, Try, advise, call_rules, may_call, place_of, place_zh
    from songda.dispatch.courier_items import Item, items_at, offices_reached
    from songda.dispatch.courier_reports import answered_before, new_report_id, reportable, take_report
    from songda.dispatch.courier_words import Report, Reporter, read_report
    from songda.dispatch.deadlines import Deadlines, load_deadlines
    from songda.dispatch.diverting import Divert, divert, taken_out, unanswered
    from songda.dispatch.doubtful import DoubtfulOrder, doubtful_orders, settle_order
    from songda.dispatch.ends import AtEnd, close_letters, letters_at_end
    from songda.dispatch.errors import (
        NumberRangeUsedUp,
        OtherWaybill,
        PiecesInThePile,
        PiecesWithoutWaybill,
        RunNotBalanced,
        RunNotReady,
        UnknownOrder,
        UnknownStop,
        UnknownWaybill,
        WaybillTaken,
    )
    from songda.dispatch.exchanging import FilesTaken, take_tracking_files
    from songda.dispatch.facts import Told, lock_attempts, store_events
    from songda.dispatch.following import FollowReport, follow
    from songda.dispatch.further import next_attempts
    from songda.dispatch.grades import best_grade
    from songda.dispatch.handover import HandOver, hand_over
    from songda.dispatch.intents import Resolved, resolve_intents
    from songda.dispatch.ordering import OrderReport, order_waybills
    from songda.dispatch.outcomes import last_said
    from songda.dispatch.pulling import end_attempts, hold_letters, set_aside, take_out_strays
    from songda.dispatch.pushes import receive_push, receive_pushes
    from songda.dispatch.reconciling import reconcile
    from songda.dispatch.returns import read_scan, scan_words, scanned_events
    from songda.dispatch.reviews import Doubt, accept_outcomes, doubts_of
    from songda.dispatch.settling import Settled, settle
    from songda.dispatch.shadowing import Change, parked_codes, shadow
    from songda.dispatch.stopping import STOP_REQUESTED, Answer, Pulled, flag_stopped, pull_pieces, stop_letters
    from songda.dispatch.stops import STOP, Stopped, in_force, lift, stop, stopped_letters, stops_on
    from songda.dispatch.subscribing import Subscribed, subscribe
    from songda.dispatch.sweeping import Swept, sweep
    from songda.dispatch.tasks import DELETION_OVERDUE, REPLACEMENT_UNPAID, WEBHOOK_DISABLED, keep_tasks

_HOMES = {
    "cancelling": ("CancelReport", "cancel_waybills"),
    "courier_advice": ("Advice", "Situation", "Try", "advise", "call_rules", "may_call", "place_of", "place_zh"),
    "courier_items": ("Item", "items_at", "offices_reached"),
    "courier_reports": ("answered_before", "new_report_id", "reportable", "take_report"),
    "courier_words": ("Report", "Reporter", "read_report"),
    "deadlines": ("Deadlines", "load_deadlines"),
    "diverting": ("Divert", "divert", "taken_out", "unanswered"),
    "doubtful": ("DoubtfulOrder", "doubtful_orders", "settle_order"),
    "at_the_door": ("door_ends",),
    "ends": ("AtEnd", "close_letters", "letters_at_end"),
    "errors": (
        "NumberRangeUsedUp",
        "OtherWaybill",
        "PiecesInThePile",
        "PiecesWithoutWaybill",
        "RunNotBalanced",
        "RunNotReady",
        "UnknownOrder",
        "UnknownStop",
        "UnknownWaybill",
        "WaybillTaken",
    ),
    "exchanging": ("FilesTaken", "take_tracking_files"),
    "facts": ("Told", "lock_attempts", "store_events"),
    "following": ("FollowReport", "follow"),
    "further": ("next_attempts",),
    "grades": ("best_grade",),
    "handover": ("HandOver", "hand_over"),
    "intents": ("Resolved", "resolve_intents"),
    "ordering": ("OrderReport", "order_waybills"),
    "outcomes": ("last_said",),
    "pulling": ("end_attempts", "hold_letters", "set_aside", "take_out_strays"),
    "pushes": ("receive_push", "receive_pushes"),
    "reconciling": ("reconcile",),
    "returns": ("read_scan", "scan_words", "scanned_events"),
    "reviews": ("Doubt", "accept_outcomes", "doubts_of"),
    "settling": ("Settled", "settle"),
    "shadowing": ("Change", "parked_codes", "shadow"),
    "stopping": ("STOP_REQUESTED", "Answer", "Pulled", "flag_stopped", "pull_pieces", "stop_letters"),
    "stops": ("STOP", "Stopped", "in_force", "lift", "stop", "stopped_letters", "stops_on"),
    "subscribing": ("Subscribed", "subscribe"),
    "sweeping": ("Swept", "sweep"),
    "tasks": ("DELETION_OVERDUE", "REPLACEMENT_UNPAID", "WEBHOOK_DISABLED", "keep_tasks"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "DELETION_OVERDUE",
    "REPLACEMENT_UNPAID",
    "STOP",
    "STOP_REQUESTED",
    "WEBHOOK_DISABLED",
    "Advice",
    "Answer",
    "AtEnd",
    "CancelReport",
    "Change",
    "Deadlines",
    "Divert",
    "Doubt",
    "DoubtfulOrder",
    "FilesTaken",
    "FollowReport",
    "HandOver",
    "Item",
    "NumberRangeUsedUp",
    "OrderReport",
    "OtherWaybill",
    "PiecesInThePile",
    "PiecesWithoutWaybill",
    "Pulled",
    "Report",
    "Reporter",
    "Resolved",
    "RunNotBalanced",
    "RunNotReady",
    "Settled",
    "Situation",
    "Stopped",
    "Subscribed",
    "Swept",
    "Told",
    "Try",
    "UnknownOrder",
    "UnknownStop",
    "UnknownWaybill",
    "WaybillTaken",
    "accept_outcomes",
    "advise",
    "answered_before",
    "best_grade",
    "call_rules",
    "cancel_waybills",
    "close_letters",
    "divert",
    "door_ends",
    "doubtful_orders",
    "doubts_of",
    "end_attempts",
    "flag_stopped",
    "follow",
    "hand_over",
    "hold_letters",
    "in_force",
    "items_at",
    "keep_tasks",
    "last_said",
    "letters_at_end",
    "lift",
    "load_deadlines",
    "lock_attempts",
    "may_call",
    "new_report_id",
    "next_attempts",
    "offices_reached",
    "order_waybills",
    "parked_codes",
    "place_of",
    "place_zh",
    "pull_pieces",
    "read_report",
    "read_scan",
    "receive_push",
    "receive_pushes",
    "reconcile",
    "reportable",
    "resolve_intents",
    "scan_words",
    "scanned_events",
    "set_aside",
    "settle",
    "settle_order",
    "shadow",
    "stop",
    "stop_letters",
    "stopped_letters",
    "stops_on",
    "store_events",
    "subscribe",
    "sweep",
    "take_out_strays",
    "take_report",
    "take_tracking_files",
    "taken_out",
    "unanswered",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
