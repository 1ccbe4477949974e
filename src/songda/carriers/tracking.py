"""Tracking events as the carrier sends them, read once and stripped of personal data on the way in.

    trace = parse_trace(text, waybill_no="9812345678906", addressee=name)
    trace.known, trace.events

An `Event` holds nothing personal: courier names and phones are masked in `desc`, operators are dropped, and of the
signer only the relation remains ("家人") and whether the name given was the addressee's. The raw text is kept beside
it for the sealed evidence. Formats: 040001 (query) and 040002 (push), 《中小电商企业接口规范 V2.7》.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

import orjson

from songda.base.days import SHANGHAI
from songda.carriers.answer import SUCCESS, read_object
from songda.carriers.contract import ContractConfig
from songda.carriers.errors import BadEnvelope, BadPush, NoAnswer
from songda.carriers.tracking_text import read_signer, redact_desc

#: 00000 with an empty list and this text: the number is not one of this customer's items.
NOT_OURS = "当前邮件无客户信息"

#: Fields by which stored words are known as the carrier's: of its interface, and of its tracking files.
CARRIERS_OWN = frozenset({"opTime", "code_prefix"})

Reader = Callable[..., "Event | None"]
EventKey = tuple[str, datetime, str, str]

_LONGEST_DESC, _LONGEST_CODE, _LONGEST_NAME = 500, 16, 100
#: Years of instants that can be meant; platforms write the first or last day of their calendar where they know none.
_YEARS = range(2000, 2200)
#: Nothing that a carrier means, and what a database does not take.
_CONTROLS = dict.fromkeys([*range(32), 127], " ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    waybill_no: str
    #: When it happened, aware; the carrier writes Shanghai wall time.
    op_time: datetime
    op_code: str
    #: 8-digit code of the office, "" when the carrier left it out.
    office: str = ""
    office_name: str = ""
    office_prov: str = ""
    office_city: str = ""
    #: 妥投代码 of a 704 and 未妥投代码 of a 705, "" when not given (pushes have neither).
    deliver_code: str = ""
    attempt_code: str = ""
    #: Carrier's text with names and phones masked.
    desc: str = ""
    #: Who signed, by the text: a word of tracking_signers.csv, or "".
    signer: str = ""
    #: Whether the name of the signer in the text is the addressee's; None when not to be told.
    name_match: bool | None = None
    #: Our own running number of arrival; it orders events of one second.
    arrival: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Answer to one query. `known` and no events: ordered, nothing happened yet. Not `known`: never ordered by us."""

    waybill_no: str
    known: bool
    events: tuple[Event, ...] = ()
    #: Items of the list that could not be read (no time).
    malformed: int = 0
    #: The teller's own words, event by event, readable by `read_words`; personal, to be sealed.
    words: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    #: The carrier's running number of this push: the key of idempotency.
    serial_no: str
    waybill_no: str
    #: The decrypted event as it came, readable by `read_words`; personal, to be sealed.
    raw: bytes = field(repr=False)


def parse_trace(text: str, *, waybill_no: str, message: str = "", addressee: str | None = None) -> Trace:
    """Reads `retBody` and `retMsg` of 040001. Raises NoAnswer when the text is not a list of events of `waybill_no`."""
    items = read_object(text).get("responseItems") if text else []
    if items is None:
        items = []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise NoAnswer(reason="no_list_of_events", sent=True)
    if any(_text(item, "waybillNo", "traceNo") not in {"", waybill_no} for item in items):
        raise NoAnswer(reason="other_waybill_no", sent=True)
    known = bool(items) or NOT_OURS not in message
    return trace_of(items, read_item, waybill_no=waybill_no, known=known, addressee=addressee)


def trace_of(
    items: Sequence[dict[str, Any]],
    reader: Reader,
    *,
    waybill_no: str,
    known: bool = True,
    addressee: str | None = None,
    retold: bool = False,
) -> Trace:
    """The trace of a list of somebody's events, each read by `reader`, which gives None for what has no time.

    `retold`: by somebody else than the carrier, who may not write an event as the carrier writes its own.
    """
    readable = [item for item in items if not (retold and CARRIERS_OWN.intersection(item))]
    events = [reader(item, waybill_no=waybill_no, addressee=addressee) for item in readable]
    return Trace(
        waybill_no=waybill_no,
        known=known,
        events=tuple(event for event in events if event is not None),
        malformed=events.count(None) + len(items) - len(readable),
        words=tuple(map(orjson.dumps, readable)),
    )


def parse_push(body: bytes, contract: ContractConfig) -> Push:
    """Opens one push (040002), JSON or form. Raises BadPush, or BadEnvelope when it does not decrypt with our key.

    That it decrypts is the only proof of origin the format has: the door must also know the sender's network address,
    client certificate or a secret path. The event is read when its addressee is known: a push is opened for each one.
    """
    fields = push_fields(body)
    if fields.get("method") != "040002":
        raise BadPush(reason="method")
    if fields.get("senderNo") != contract.sender_no:
        raise BadPush(reason="sender_no")
    serial_no, sealed = fields.get("serialNo"), fields.get("logitcsInterface")
    if not isinstance(serial_no, str) or not serial_no or not isinstance(sealed, str):
        raise BadPush(reason="missing_field")
    raw = contract.envelope().open_push(sealed)
    try:
        item = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise BadEnvelope(reason="not_json") from None
    waybill_no = _text(item, "waybillNo", "traceNo") if isinstance(item, dict) else ""
    if not waybill_no or _instant(_text(item, "opTime")) is None:
        raise BadPush(reason="event")
    return Push(serial_no=serial_no, waybill_no=waybill_no, raw=raw)


def push_ack(push: Push, contract: ContractConfig) -> dict[str, str]:
    """What the pusher wants to read once the event is stored."""
    return {
        "serialNo": push.serial_no,
        "code": SUCCESS,
        "codeMessage": "成功",
        "senderNo": contract.sender_no,
    }


def event_key(event: Event) -> EventKey:
    """Equal for the repetitions of one event."""
    return event.waybill_no, event.op_time, event.op_code, event.office


def told_event(*, waybill_no: str, time: str, code: str, text: str, place: str, addressee: str | None) -> Event | None:
    """An event that an aggregator tells in his own fields; None without a readable time."""
    op_time = _instant(time)
    if op_time is None:
        return None
    desc = _clean(text)[:_LONGEST_DESC]
    signer = read_signer(desc, addressee=addressee)
    return Event(
        waybill_no=waybill_no,
        op_time=op_time,
        op_code=_clean(code)[:_LONGEST_CODE],
        office_name=redact_desc(_clean(place)[:_LONGEST_NAME]),
        desc=redact_desc(desc, names=() if addressee is None else (addressee,)),
        signer=signer.relation,
        name_match=signer.name_match,
    )


def push_fields(body: bytes) -> dict[str, Any]:
    """The fields of a push, JSON or form. Raises BadPush."""
    # The platform's Java sample posts JSON, its PHP sample a form; the declared content type is not reliable.
    if body.lstrip()[:1] == b"{":
        try:
            fields = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise BadPush(reason="json") from None
        return fields if isinstance(fields, dict) else {}
    try:
        return dict(parse_qsl(body.decode("ascii"), max_num_fields=32))
    except ValueError:
        raise BadPush(reason="form") from None


def read_item(item: dict[str, Any], *, waybill_no: str, addressee: str | None) -> Event | None:
    """One event of the carrier's own, as queries and pushes tell it; None without a readable time."""
    op_time = _instant(_text(item, "opTime"))
    if op_time is None:
        return None
    desc = _text(item, "opDesc")[:_LONGEST_DESC]
    signer = read_signer(desc, addressee=addressee)
    return Event(
        waybill_no=waybill_no,
        op_time=op_time,
        op_code=_text(item, "opCode")[:_LONGEST_CODE],
        office=_text(item, "opOrgCode")[:_LONGEST_CODE],
        office_name=_text(item, "opOrgName")[:_LONGEST_NAME],
        office_prov=_text(item, "opOrgProvName")[:_LONGEST_NAME],
        office_city=_text(item, "opOrgCity")[:_LONGEST_NAME],
        deliver_code=_text(item, "deliverCode")[:_LONGEST_CODE],
        attempt_code=_text(item, "attemptDeliveryCode")[:_LONGEST_CODE],
        desc=redact_desc(desc, names=() if addressee is None else (addressee,)),
        signer=signer.relation,
        name_match=signer.name_match,
    )


def _instant(text: str) -> datetime | None:
    """An aware instant; without a zone it is Shanghai wall time. None for what is none, or at the ends of a calendar."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    if instant.year not in _YEARS:
        return None
    return instant.replace(tzinfo=SHANGHAI) if instant.tzinfo is None else instant.astimezone(SHANGHAI)


def _text(item: dict[str, Any], *names: str) -> str:
    """The first of the fields that says something, as text."""
    for name in names:
        value = item.get(name)
        if value is not None and value != "":
            return _clean(str(value))
    return ""


def _clean(text: str) -> str:
    return text.translate(_CONTROLS).strip()
