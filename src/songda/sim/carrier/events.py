"""What the carrier is handed and what it will tell: the two values between a simulated world and the stand-in carrier.

A courier is any picklable `Callable[[ShippedLetter], list[PlannedEvent]]`. It is called once a waybill, at hand-over,
and again with the same letter after a restart of the stand-in: equal letters must get equal events.

>>> from songda.base import days
>>> from datetime import date
>>> PlannedEvent(op_time=days.at(date(2026, 11, 24), 18), op_code="203").appears_at.hour
18
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedLetter:
    """One item in the carrier's hands. The receiver is as the order wrote it: an invented person."""

    waybill_no: str
    #: `logisticsOrderNo` of the order.
    order_no: str
    name: str = field(repr=False)
    mobile: str = field(repr=False)
    #: Names of province, city and county; `address` goes on without them.
    prov: str
    city: str
    county: str
    address: str = field(repr=False)
    #: The instant at which the carrier took the item over.
    handed_over_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedEvent:
    """One tracking event that will happen. Empty text means that the carrier leaves the field out."""

    #: When it happens (aware). Answers write it as Shanghai wall time without a zone, as the carrier does.
    op_time: datetime
    op_code: str
    op_name: str = ""
    desc: str = ""
    office_code: str = ""
    office_name: str = ""
    office_prov: str = ""
    office_city: str = ""
    #: 妥投代码 of a 704, 未妥投代码 of a 705.
    deliver_code: str = ""
    attempt_code: str = ""
    operator_no: str = ""
    operator_name: str = ""
    #: When queries and pushes begin to show it; None: at `op_time`. A later instant makes it arrive late and out of
    #: order.
    visible_at: datetime | None = None

    @property
    def appears_at(self) -> datetime:
        return self.op_time if self.visible_at is None else max(self.op_time, self.visible_at)


Courier = Callable[[ShippedLetter], list[PlannedEvent]]
