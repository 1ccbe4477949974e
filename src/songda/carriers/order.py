"""An order to carry one letter, and what a carrier may say to it. Nothing here belongs to one carrier.

Names, phones and addresses are kept out of every `repr`, so that no log line or traceback can show them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class ReturnReceipt(StrEnum):
    """What comes back to the sender as proof (`receiptFlag`, carrier's values)."""

    NONE = "1"
    #: 回执, a slip.
    SLIP = "2"
    SMS = "3"
    #: 电子返单.
    ELECTRONIC = "5"
    #: 格式(实物)返单.
    FORM = "6"
    #: 自备返单.
    OWN_FORM = "7"
    #: 反向返单.
    REVERSE = "8"


def item_line(letter_no: str) -> str:
    """内件品名 of a letter: true, neutral, with its number (rule E03)."""
    return f"函件 第{letter_no}号 1份"


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Sender or receiver. `address` goes on after province, city and county, which are full standard names."""

    name: str = field(repr=False)
    prov: str
    city: str
    county: str
    address: str = field(repr=False)
    mobile: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    postcode: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    #: Our own number of this order: attempt and counter. The only key by which we may ever repeat it.
    order_no: str
    sender: Party
    receiver: Party
    #: 内件品名: true and neutral, e.g. 函件 第LH2026-000123号 1份.
    item_line: str
    weight_g: int
    created_at: datetime
    #: A number of our pre-allocated range, or None to let the carrier allot one.
    waybill_no: str | None = None
    return_receipt: ReturnReceipt = ReturnReceipt.NONE
    #: Whether the receiver's number is a virtual one.
    virtual_number: bool = False
    #: 批次, our print run.
    batch_no: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """The carrier took the order."""

    order_no: str
    waybill_no: str
    #: Further numbers of the same order: the return slip's, for a receipt that travels.
    more_waybill_nos: tuple[str, ...] = ()
    #: 四段码 / 分拣码, the largest print on the label.
    route_code: str = ""
    #: 集包地.
    package_code: str = ""
    package_name: str = ""
    #: 大头笔.
    mark_code: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The carrier said no. A business answer: the same call gets the same answer, so it is never retried."""

    code: str
    message: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    order_no: str
    waybill_no: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A label as PDF, or the address where the carrier keeps it."""

    waybill_no: str
    pdf: bytes | None = field(default=None, repr=False)
    url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PickupRange:
    """A second opinion on an address: can the carrier work there? `status` keeps the carrier's value."""

    status: str
    reachable: bool
    #: The address says too little to be placed (8 no result, 9 precision too low).
    too_vague: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedAddress:
    """How the carrier reads an address; "" for what it does not find. Codes are the carrier's."""

    prov: str
    city: str
    county: str
    address: str = field(repr=False)
    prov_code: str
    city_code: str
    county_code: str
    district_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Postage:
    total_fen: int
    #: Weight that the carrier charges, grams, when it says so.
    charged_weight_g: int | None = None
