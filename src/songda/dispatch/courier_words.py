"""What a report from the door says, as words that are kept and as the fact that they tell; no database.

    words = words_of(report, reporter)
    read_report(words, addressee="赵示例") == event_of(report, reporter, addressee="赵示例")

Whoever checks a bundle of evidence computes the fact anew from the words, on a machine that has no database.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

import orjson

from songda.base.days import SHANGHAI
from songda.carriers import Event

_SELF = "本人"


class Reporter(NamedTuple):
    #: courier: the office's team; app: the carrier's own program.
    teller: Literal["courier", "app"]
    #: 8-digit code of the office.
    office: str
    #: Id of the one who holds the link or the key.
    holder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    #: Given by the device that reports, once for each report.
    client_id: str
    waybill_no: str
    happened_at: datetime
    #: Code of courier_outcomes.toml.
    outcome: str
    #: Word of courier_outcomes.toml; only of a signature.
    relation: str = ""
    signer_name: str = field(default="", repr=False)
    #: Of the photo of the slip as it came in.
    slip_sha256: str | None = None


def event_of(report: Report, reporter: Reporter, *, addressee: str | None) -> Event:
    own = report.relation == _SELF and report.signer_name and addressee
    return Event(
        waybill_no=report.waybill_no,
        op_time=report.happened_at.astimezone(SHANGHAI).replace(microsecond=0),
        op_code=f"{reporter.teller}:{report.outcome}",
        office=reporter.office,
        signer=report.relation,
        name_match="".join(report.signer_name.split()) == "".join((addressee or "").split()) if own else None,
    )


def words_of(report: Report, reporter: Reporter) -> bytes:
    """What was reported, to be sealed as the fact's own words."""
    said = {
        "reported_by": reporter.teller,
        "holder": reporter.holder,
        "office": reporter.office,
        **said_of(report),
    }
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


def read_report(words: bytes, *, addressee: str | None) -> Event | None:
    """The fact that the stored words of a report tell; None when they are no report's."""
    try:
        said = orjson.loads(words)
        report = Report(
            client_id=said["report"],
            waybill_no=said["waybill"],
            happened_at=datetime.fromisoformat(said["happened_at"]),
            outcome=said["outcome"],
            relation=said["relation"],
            signer_name=said["signer_name"],
            slip_sha256=said["slip_sha256"],
        )
        return event_of(report, Reporter(said["reported_by"], said["office"], said["holder"]), addressee=addressee)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def said_of(report: Report) -> dict[str, Any]:
    """The report alone, whoever brought it."""
    return {
        "report": report.client_id,
        "waybill": report.waybill_no,
        "happened_at": report.happened_at.astimezone(SHANGHAI).isoformat(),
        "outcome": report.outcome,
        "relation": report.relation,
        "signer_name": report.signer_name,
        "slip_sha256": report.slip_sha256,
    }
