"""Planning: to which address of a person a letter goes, whether it goes at all, and on which day it is printed.

>>> from datetime import date
>>> import polars as pl
>>> from songda.planning import choose_address
>>> records = pl.DataFrame({
...     "letter": ["a", "a", "a"], "record": ["r1", "r2", "r3"], "place": [1, 1, 2], "eligible": [True, True, True],
...     "recorded_on": [date(2021, 5, 1), date(2020, 5, 1), date(2025, 5, 1)], "completeness": [0.9, 1.0, 1.0]})
>>> choose_address(records).select("record", "agreeing").rows()
[('r1', 2)]

All of it is pure: letters in, letters out, with the reason of every decision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from songda.planning.choice import CHOICE_VERSION, choose_address, rank_addresses
    from songda.planning.send import SEND_VERSION, Limits, decide_send
    from songda.planning.slots import LANES, SLOT_VERSION, Capacity, Slot, Used, Waiting, plan, shares

_HOME_OF = {
    "CHOICE_VERSION": "choice",
    "choose_address": "choice",
    "rank_addresses": "choice",
    "SEND_VERSION": "send",
    "Limits": "send",
    "decide_send": "send",
    "LANES": "slots",
    "SLOT_VERSION": "slots",
    "Capacity": "slots",
    "Slot": "slots",
    "Used": "slots",
    "Waiting": "slots",
    "plan": "slots",
    "shares": "slots",
}

__all__ = [
    "CHOICE_VERSION",
    "LANES",
    "SEND_VERSION",
    "SLOT_VERSION",
    "Capacity",
    "Limits",
    "Slot",
    "Used",
    "Waiting",
    "choose_address",
    "decide_send",
    "plan",
    "rank_addresses",
    "shares",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
