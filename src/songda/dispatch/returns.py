"""Letters that came back closed, as the scanner tells of them: the facts of one scan, and the words that are kept of it.

events = scanned_events("9800000000006", "unknown", day)         # post:unknown
read_scan(scan_words("9800000000006", "unknown", day)) == tuple(events)
"""

from __future__ import annotations

from datetime import date, timedelta

import orjson

from songda.base import days
from songda.carriers import Event

_REFUSED = "refused"


def scanned_events(waybill_no: str, reason: str, day: date) -> tuple[Event, ...]:
    """What a scan says. `reason`: code behind `post:` in tracking_codes.csv; a refusal and the return after it are two facts.

    As at the first minutes of the day, so that a file that comes twice says the same.
    """
    codes = [_REFUSED, "returned"] if reason == _REFUSED else [reason]
    first = days.at(day, 0)
    return tuple(
        Event(waybill_no=waybill_no, op_time=first + timedelta(minutes=minute), op_code=f"post:{code}")
        for minute, code in enumerate(codes)
    )


def scan_words(waybill_no: str, reason: str, day: date) -> bytes:
    """What was scanned, to be sealed as the facts' own words."""
    said = {"scanned": waybill_no, "reason": reason, "returned_on": day.isoformat()}
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


def read_scan(words: bytes) -> tuple[Event, ...]:
    """The facts that the words of a scan tell; none when they are no scan's."""
    try:
        said = orjson.loads(words)
        return scanned_events(str(said["scanned"]), str(said["reason"]), date.fromisoformat(said["returned_on"]))
    except (ValueError, TypeError, KeyError):
        return ()
