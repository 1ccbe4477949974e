"""Dispatch: ordering waybills, each once.

    report = order_waybills(engine, batch_id=batch, key=key, post=post, contract=contract, sender=firm, at=now)
    report.ordered, report.refused, report.unresolved, report.waiting

Before a call leaves the house its intent is committed under our own order number; an intent without an answer is
settled by a query, by the contract's promise of idempotency or by a person, never by a blind repeat. One process works
on a batch at a time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from songda.dispatch.errors import NumberRangeUsedUp, RunNotBalanced, RunNotReady, UnknownOrder, UnknownWaybill
    from songda.dispatch.intents import Resolved, resolve_intents, settle_order
    from songda.dispatch.ordering import OrderReport, order_waybills

_HOMES = {
    "errors": ("NumberRangeUsedUp", "RunNotBalanced", "RunNotReady", "UnknownOrder", "UnknownWaybill"),
    "intents": ("Resolved", "resolve_intents", "settle_order"),
    "ordering": ("OrderReport", "order_waybills"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "NumberRangeUsedUp",
    "OrderReport",
    "Resolved",
    "RunNotBalanced",
    "RunNotReady",
    "UnknownOrder",
    "UnknownWaybill",
    "order_waybills",
    "resolve_intents",
    "settle_order",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
