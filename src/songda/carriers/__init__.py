"""Carriers: ordering letters, following them, and saying what their tracking events mean.

    contract = ContractConfig(endpoint=…, sender_no=…, authorization=…, sign_key=…, biz_product_no="1")
    with open_http(contract) as http:
        ChinaPost(contract, http).order(order)     # Ordered | Refused, or raises NoAnswer

    outcome = fold(trace.events, mapping=load_mapping(), handed_over_at=posted_at)
    outcome.state, outcome.grade                    # "signed", "A1"

Orders, results and events belong to no one carrier; China Post / EMS is the first that speaks them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from songda.carriers.aggregator import Aggregator, AggregatorAccount, Tracker, open_aggregator
    from songda.carriers.carrier import Carrier, Terms
    from songda.carriers.chinapost import ChinaPost, open_http
    from songda.carriers.contract import ContractConfig
    from songda.carriers.envelope import Envelope
    from songda.carriers.errors import (
        Awaited,
        BadContract,
        BadEnvelope,
        BadExchangeFile,
        BadPush,
        BadTrackingTable,
        ClockSkew,
        LineCut,
        NoAnswer,
    )
    from songda.carriers.order import (
        Cancelled,
        Label,
        Order,
        Ordered,
        ParsedAddress,
        Party,
        PickupRange,
        Postage,
        Refused,
        ReturnReceipt,
        item_line,
    )
    from songda.carriers.posting_files import FileContract, PostingFiles, TrackingFile, open_posting_files
    from songda.carriers.push import Pushed, read_push, read_words
    from songda.carriers.tracking import Event, EventKey, Push, Trace, event_key, parse_push, parse_trace, push_ack
    from songda.carriers.tracking_fold import Outcome, Parked, fold
    from songda.carriers.tracking_mapping import (
        Mapping,
        load_mapping,
        load_own_mapping,
        meaning,
        shipped_codes,
        to_fact,
    )
    from songda.carriers.tracking_text import redact_desc
    from songda.carriers.waybill import is_waybill, waybill_fault, waybill_numbers

# httpx and cryptography load with the first name that needs them, so that `songda --help` stays quick.
_HOMES = {
    "aggregator": ("Aggregator", "AggregatorAccount", "Tracker", "open_aggregator"),
    "carrier": ("Carrier", "Terms"),
    "chinapost": ("ChinaPost", "open_http"),
    "contract": ("ContractConfig",),
    "envelope": ("Envelope",),
    "errors": (
        "Awaited",
        "BadContract",
        "BadEnvelope",
        "BadExchangeFile",
        "BadPush",
        "BadTrackingTable",
        "ClockSkew",
        "LineCut",
        "NoAnswer",
    ),
    "order": (
        "Cancelled",
        "Label",
        "Order",
        "Ordered",
        "ParsedAddress",
        "Party",
        "PickupRange",
        "Postage",
        "Refused",
        "ReturnReceipt",
        "item_line",
    ),
    "posting_files": ("FileContract", "PostingFiles", "TrackingFile", "open_posting_files"),
    "push": ("Pushed", "read_push", "read_words"),
    "tracking": ("Event", "EventKey", "Push", "Trace", "event_key", "parse_push", "parse_trace", "push_ack"),
    "tracking_fold": ("Outcome", "Parked", "fold"),
    "tracking_mapping": ("Mapping", "load_mapping", "load_own_mapping", "meaning", "shipped_codes", "to_fact"),
    "tracking_text": ("redact_desc",),
    "waybill": ("is_waybill", "waybill_fault", "waybill_numbers"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Aggregator",
    "AggregatorAccount",
    "Awaited",
    "BadContract",
    "BadEnvelope",
    "BadExchangeFile",
    "BadPush",
    "BadTrackingTable",
    "Cancelled",
    "Carrier",
    "ChinaPost",
    "ClockSkew",
    "ContractConfig",
    "Envelope",
    "Event",
    "EventKey",
    "FileContract",
    "Label",
    "LineCut",
    "Mapping",
    "NoAnswer",
    "Order",
    "Ordered",
    "Outcome",
    "Parked",
    "ParsedAddress",
    "Party",
    "PickupRange",
    "Postage",
    "PostingFiles",
    "Push",
    "Pushed",
    "Refused",
    "ReturnReceipt",
    "Terms",
    "Trace",
    "Tracker",
    "TrackingFile",
    "event_key",
    "fold",
    "is_waybill",
    "item_line",
    "load_mapping",
    "load_own_mapping",
    "meaning",
    "open_aggregator",
    "open_http",
    "open_posting_files",
    "parse_push",
    "parse_trace",
    "push_ack",
    "read_push",
    "read_words",
    "redact_desc",
    "shipped_codes",
    "to_fact",
    "waybill_fault",
    "waybill_numbers",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
