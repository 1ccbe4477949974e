"""What became of a letter, told once more from the carrier's own words and the table of codes that lie in the bundle.

The functions are those by which the house grades its letters (`songda.carriers.fold`); only the table is the bundle's.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib import resources
from typing import Any, Final

from songda.carriers import BadTrackingTable, Event, NoAnswer, Outcome, fold, parse_trace
from songda.carriers import Mapping as Codes
from songda.carriers.tracking_mapping import read_mapping
from songda.carriers.tracking_text import SignerWord
from songda.evidence.errors import BadBundle

#: Reason of NoAnswer for words about a waybill that was not asked about.
_OTHERS = "other_waybill_no"
#: Files of a bundle that say what codes and words of the carrier mean: as shipped, and the installation's own rows.
SHIPPED: Final = ("tracking_codes.csv", "tracking_facts.toml", "tracking_signers.csv")
OWN: Final = "tracking_own.csv"


@dataclass(frozen=True, slots=True)
class Heard:
    """One event as the carrier sent it, and as the house read it."""

    waybill_no: str
    #: Our running number of arrival; it orders events of one second.
    arrival: int
    words: bytes = field(repr=False)
    #: Fields of `songda.carriers.Event` but waybill and arrival; used where `words` are in no format that is read here.
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

    Raises BadBundle for words about another waybill.
    """
    events = [event for each in heard for event in _read(each, addressee)]
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


def _read(heard: Heard, addressee: str) -> list[Event]:
    """The carrier's words read again; what another teller wrote in his own format, as the house read it."""
    try:
        text = f'{{"responseItems":[{heard.words.decode()}]}}'
        events = parse_trace(text, waybill_no=heard.waybill_no, addressee=addressee).events
    except UnicodeDecodeError:
        events = ()
    except NoAnswer as error:
        if error.data["reason"] == _OTHERS:
            raise BadBundle(reason="有原始轨迹属于另一件邮件") from None
        events = ()
    if not events:
        parts = {**heard.parts, "op_time": datetime.fromisoformat(heard.parts["op_time"])}
        events = (Event(waybill_no=heard.waybill_no, **parts),)
    return [replace(event, arrival=heard.arrival) for event in events]
