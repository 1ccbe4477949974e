"""What became of a letter, told once more from everybody's own words and the table of codes that lie in the bundle.

The functions are those by which the house reads and grades (`songda.carriers.read_words`, `fold`); only the table is the
bundle's. What the house made of the words is never believed: words that nobody can read count for nothing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib import resources
from typing import Any, Final

import orjson

from songda.carriers import BadTrackingTable, Event, Outcome, fold, read_words
from songda.carriers import Mapping as Codes
from songda.carriers.tracking_mapping import read_mapping
from songda.carriers.tracking_text import SignerWord
from songda.dispatch import read_report, read_scan
from songda.evidence.errors import BadBundle

#: Fields in which the tellers name their waybill.
_NUMBERS = ("waybillNo", "traceNo", "waybill_no", "waybill", "scanned")
#: Code of an event whose words nobody can read: in no table, so that it is told and does not count.
UNREADABLE: Final = "原文无法解读"
#: Files of a bundle that say what codes and words of the carrier mean: as shipped, and the installation's own rows.
SHIPPED: Final = ("tracking_codes.csv", "tracking_facts.toml", "tracking_signers.csv")
OWN: Final = "tracking_own.csv"


@dataclass(frozen=True, slots=True)
class Heard:
    """One event as it was told, and as the house read it."""

    waybill_no: str
    #: Our running number of arrival; it orders events of one second.
    arrival: int
    words: bytes = field(repr=False)
    #: Fields of `songda.carriers.Event` but waybill and arrival, as the record has them.
    parts: Mapping[str, Any] = field(repr=False)


def shipped_tables() -> dict[str, bytes]:
    """The tables by which this version grades, to go into a bundle."""
    home = resources.files("songda.carriers")
    return {name: home.joinpath(name).read_bytes() for name in SHIPPED}


def read_tables(tables: Mapping[str, bytes]) -> Codes:
    """The mapping that the tables of a bundle hold. Raises BadBundle."""
    try:
        codes, facts, signers = (tables[name].decode("utf-8") for name in SHIPPED)
        own = tables.get(OWN, b"").decode("utf-8")
        words = {
            row["word"]: SignerWord(row["word"], row["deliver_code"], row["allowed"] == "1", row["vague"] == "1")
            for row in csv.DictReader(io.StringIO(signers))
        }
        return replace(read_mapping(codes=codes, facts=facts, own=own), signers=words)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, csv.Error, BadTrackingTable):
        raise BadBundle(reason="轨迹代码表无法解读") from None


def refold(
    heard: Iterable[Heard],
    *,
    mapping: Codes,
    handed_over: Mapping[str, datetime],
    addressee: str,
    address_basis: str | None,
    product: str | None,
    as_of: datetime,
) -> dict[str, Outcome]:
    """Waybill → outcome, for every waybill that was handed over or of which something was heard.

    Raises BadBundle for words about another waybill, and for words that do not say what the record says they do.
    """
    events = [replace(_read(each, addressee), arrival=each.arrival) for each in heard]
    return {
        waybill: fold(
            [event for event in events if event.waybill_no == waybill],
            mapping=mapping,
            handed_over_at=handed_over.get(waybill),
            as_of=as_of,
            address_basis=address_basis,
            product=product,
        )
        for waybill in sorted({*handed_over, *(event.waybill_no for event in events)})
    }


def _read(heard: Heard, addressee: str) -> Event:
    """The words read again: the carrier's, an aggregator's, or those of a report or a scan that the house took itself."""
    if _numbers(heard.words) - {heard.waybill_no}:
        raise BadBundle(reason="有原始轨迹属于另一件邮件")
    code, op_time = heard.parts["op_code"], datetime.fromisoformat(heard.parts["op_time"])
    told = (
        read_words(heard.words, waybill_no=heard.waybill_no, addressee=addressee),
        read_report(heard.words, addressee=addressee),
        *read_scan(heard.words),
    )
    readable = [event for event in told if event is not None]
    if not readable:
        return Event(waybill_no=heard.waybill_no, op_time=op_time, op_code=UNREADABLE)
    event = next((event for event in readable if (event.op_code, event.op_time) == (code, op_time)), None)
    if event is None:
        raise BadBundle(reason="有原始轨迹与记录中的代码或时间不符")
    return event


def _numbers(words: bytes) -> set[str]:
    """The waybills that the words name."""
    try:
        item = orjson.loads(words)
    except orjson.JSONDecodeError:
        return set()
    if not isinstance(item, dict):
        return set()
    return {str(item[name]).strip() for name in _NUMBERS if item.get(name) not in (None, "")}
