"""What a caller asks before the act, and the words of the desk: channels, modes, outcomes.

>>> plain_number("+86 164-0000 0001")
'16400000001'
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

Channel = Literal["call", "ai_call", "sms", "letter"]
Mode = Literal["interactive", "informing"]
Purpose = Literal["demand", "inform", "assignment_notice", "ask_contact_info", "ask_relay", "answer"]
Outcome = Literal["interactive", "informing", "unanswered", "not_dialled", "sent", "not_sent"]

#: A robot's call counts like a person's (GB/T 45251: 含智能语音).
CALLS = frozenset(("call", "ai_call"))

#: Channel → the gate at which its rules are asked. A letter of somebody else's making is not seen here, only decided on.
GATES: Mapping[str, str] = {"call": "lock", "ai_call": "lock", "sms": "lock", "letter": "accept"}

_OF_CALL = frozenset(("interactive", "informing", "unanswered", "not_dialled"))
_OF_TEXT = frozenset(("sent", "not_sent"))
#: Channel → what may be reported of it.
OUTCOMES: Mapping[str, frozenset[str]] = {"call": _OF_CALL, "ai_call": _OF_CALL, "sms": _OF_TEXT, "letter": _OF_TEXT}

#: Channel → how long a permit may be used, never beyond its window or its day; and how long after that it may be reported.
VALID: Mapping[str, timedelta] = {
    "call": timedelta(minutes=10),
    "ai_call": timedelta(minutes=10),
    "sms": timedelta(minutes=10),
    "letter": timedelta(days=1),
}
REPORT: Mapping[str, timedelta] = {
    "call": timedelta(hours=2),
    "ai_call": timedelta(hours=2),
    "sms": timedelta(hours=2),
    "letter": timedelta(days=3),
}

#: The actor that is nobody's outsourcer.
INSTITUTION = "institution"


@dataclass(frozen=True, slots=True)
class Ask:
    """May this person be reached now? Nothing has a default that would answer for the caller."""

    #: Given by the caller, once for each act; asked again under it, the answer is the same.
    key: str
    #: INSTITUTION, or the id of an outsourcer in the record of entrusted processing.
    actor: str
    channel: Channel
    purpose: Purpose
    #: Which case: its number at the institution, or its id.
    case_no: str | None = field(default=None, repr=False)
    case_id: str | None = None
    #: The number, or which one of the file: the debtor's n-th, or the case's n-th contact, from 1.
    number: str | None = field(default=None, repr=False)
    phone: int | None = None
    contact: int | None = None
    mode: Mode | None = None
    #: What will be said, or the text to be sent. It is read and not kept.
    script: str | None = field(default=None, repr=False)
    #: What the caller answers for; None: not stated.
    identifies_self: bool | None = None
    recording: bool | None = None
    no_extra_fee: bool | None = None


def plain_number(text: str) -> str:
    """Digits of a telephone number without the country's code, so that one number has one blind index."""
    digits = re.sub(r"[^\d]", "", unicodedata.normalize("NFKC", text))
    return re.sub(r"^(?:00)?86(?=1\d{10}$)", "", digits)
