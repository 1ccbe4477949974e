"""The four files of an exchange by files: posting list and withdrawal list out, acknowledgement and tracking in.

CSV with a header, UTF-8 (incoming also GB18030), one line a letter or event, every line ended. Columns: docs/carriers.md.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import orjson

from songda.base import days
from songda.base.texts import decoded
from songda.carriers.errors import BadExchangeFile
from songda.carriers.order import Order
from songda.carriers.tracking import Event, Trace, read_item

if TYPE_CHECKING:
    from songda.carriers.posting_files import FileContract

_PARTY = ("name", "phone", "prov", "city", "county", "address", "postcode")
_POSTING = (
    *("list", "customer_no", "product", "order_no", "waybill_no", "created_at", "weight_g", "item", "batch_no"),
    *(f"{side}_{name}" for side in ("sender", "receiver") for name in _PARTY),
)
_WITHDRAWAL = ("list", "order_no", "waybill_no", "reason")
_ACKNOWLEDGED = ("list", "sha256", "order_no", "waybill_no", "status", "code")
_TRACKED = ("waybill_no", "time", "code", "office", "office_name", "deliver_code", "attempt_code", "text")
#: Status of an acknowledged line.
STATUSES = frozenset({"accepted", "rejected", "withdrawn", "kept"})
#: Our columns → the names under which the carrier's own events are read.
_FIELDS = {
    "time": "opTime",
    "office": "opOrgCode",
    "office_name": "opOrgName",
    "deliver_code": "deliverCode",
    "attempt_code": "attemptDeliveryCode",
    "text": "opDesc",
}


class Verdict(NamedTuple):
    """What the carrier says of one line."""

    order_no: str
    waybill_no: str
    status: str
    code: str


def posting_list(orders: Sequence[Order], *, name: str, contract: FileContract) -> bytes:
    """The letters that we shall hand over."""
    rows = []
    for order in orders:
        row = [
            name,
            contract.customer_no,
            contract.product,
            order.order_no,
            order.waybill_no or "",
            f"{order.created_at.astimezone(days.SHANGHAI):%Y-%m-%d %H:%M:%S}",
            str(order.weight_g),
            order.item_line,
            order.batch_no,
        ]
        for party in (order.sender, order.receiver):
            row += [party.name, party.mobile or party.phone, party.prov, party.city, party.county, party.address]
            row.append(party.postcode)
        rows.append(row)
    return _written(_POSTING, rows)


def withdrawal_list(lines: Iterable[tuple[str, str]], *, name: str, reason: str) -> bytes:
    """Letters of a former list that will not come: (order number, waybill)."""
    return _written(_WITHDRAWAL, [[name, order_no, waybill_no, reason] for order_no, waybill_no in lines])


def read_acknowledgement(content: bytes, *, sent: Mapping[str, str]) -> list[Verdict]:
    """What the carrier says of our lines. `sent`: list → SHA-256 of what we sent.

    Raises BadExchangeFile for another list or hash than ours: what the carrier then holds is not what we sent.
    """
    verdicts = []
    for number, row in enumerate(_read(content, _ACKNOWLEDGED), start=2):
        if sent.get(row["list"]) is None:
            raise BadExchangeFile(reason=f"line {number}: unknown list")
        if row["sha256"].lower() != sent[row["list"]]:
            raise BadExchangeFile(reason=f"line {number}: hash differs from the list sent")
        if row["status"] not in STATUSES:
            raise BadExchangeFile(reason=f"line {number}: unknown status")
        verdicts.append(Verdict(row["order_no"], row["waybill_no"], row["status"], row["code"][:40]))
    return verdicts


def read_tracking(content: bytes, *, prefix: str) -> tuple[tuple[Trace, ...], int]:
    """Traces by waybill, and how many lines told no event. Raises BadExchangeFile."""
    words: dict[str, list[bytes]] = {}
    events: dict[str, list[Event]] = {}
    malformed = 0
    for row in _read(content, _TRACKED):
        told = orjson.dumps({"code_prefix": prefix, **{name: row[name] for name in _TRACKED}})
        event = read_line(orjson.loads(told), waybill_no=row["waybill_no"], addressee=None)
        if event is None or not row["waybill_no"] or not row["code"]:
            malformed += 1
            continue
        words.setdefault(row["waybill_no"], []).append(told)
        events.setdefault(row["waybill_no"], []).append(event)
    traces = tuple(
        Trace(waybill_no=number, known=True, events=tuple(events[number]), words=tuple(words[number]))
        for number in words
    )
    return traces, malformed


def read_line(item: Mapping[str, str], *, waybill_no: str, addressee: str | None) -> Event | None:
    """The event of one line of a tracking file; None without a readable time."""
    named = {theirs: item.get(ours, "") for ours, theirs in _FIELDS.items()}
    code = f"{item.get('code_prefix', '')}{item.get('code', '')}"
    return read_item({**named, "opCode": code}, waybill_no=waybill_no, addressee=addressee)


def _written(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue().encode()


def _read(content: bytes, columns: Sequence[str]) -> list[dict[str, str]]:
    text = decoded(content)
    if text is None:
        raise BadExchangeFile(reason="neither UTF-8 nor GB18030")
    try:
        reader = csv.DictReader(io.StringIO(text), strict=True)
        if missing := set(columns) - set(reader.fieldnames or ()):
            raise BadExchangeFile(reason=f"no column {min(missing)}")
        rows = list(reader)
    except csv.Error:
        raise BadExchangeFile(reason="not CSV") from None
    if number := next((n for n, row in enumerate(rows, start=2) if None in row or None in row.values()), None):
        raise BadExchangeFile(reason=f"line {number}: other fields than the header")
    return [{name: (row[name] or "").strip() for name in columns} for row in rows]
