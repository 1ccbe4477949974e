"""What the stand-in's customer has been promised, and every behaviour that the platform's document leaves open."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from songda.base import days
from songda.sim.carrier.events import Courier

#: Paths of production and sandbox on the real host.
PATHS = ("/amp-prod-api/f/amp/api/open", "/amp-prod-api/f/amp/api/test")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimContract:
    """Nothing here is secret: the stand-in only ever serves invented people on the loopback interface."""

    sender_no: str = "1100000000000"
    authorization: str = field(default=base64.b64encode(b"stand-in account").decode(), repr=False)
    #: None: an old account, which signs with its authorization.
    sign_key: str | None = field(default=base64.b64encode(b"stand-in signkey").decode(), repr=False)
    biz_product_no: str = "1"
    #: 15-digit sellable product for estimates.
    product_code: str = "112104302300991"
    #: Numbers handed out to the customer in advance; other numbers of his are refused.
    number_range: tuple[str, str] | None = None
    #: First number that the carrier allots itself.
    allots_from: str = "9800000000006"
    #: Same order number twice: one order (True), or a second waybill (False). Unknown of the real platform.
    orders_idempotent: bool = False
    #: Largest difference of `timeStamp` from the clock, either way; None: not checked.
    time_window_s: int | None = 600
    #: The clock against which `timeStamp` is held.
    time_stamp_clock: Literal["wall", "virtual"] = "wall"
    #: Where tracking events are pushed (040002); None: no subscription.
    push_url: str | None = None
    #: Push body: the Java receiver reads JSON, the PHP one a form.
    push_as: Literal["json", "form"] = "json"
    #: Where the virtual clock begins; None: the wall clock at the first start.
    starts_at: datetime | None = None
    #: Postage of a letter: the first `first_weight_g`, and each further kilogram begun. Invented.
    first_weight_g: int = 500
    first_fen: int = 2000
    further_fen: int = 600

    #: The account at 快递100 (customer, key) and 快递鸟 (EBusinessID, AppKey) beside the carrier.
    aggregator_customer: str = "STANDIN"
    aggregator_key: str = field(default="stand-in aggregator key", repr=False)
    #: 快递100: seconds of the virtual clock within which a second question locks a number (504); last digits of a phone
    #: without which nothing is told (408).
    aggregator_lock_s: int = 1800
    aggregator_phone_tail: str = ""
    #: Where 快递鸟 pushes (stated in the account there, not in the call).
    bird_push_url: str | None = None

    @property
    def key(self) -> str:
        return self.sign_key or self.authorization

    def settings(self, base_url: str) -> dict[str, Any]:
        """The client's settings that match this contract, by the names of a tenant's carrier profile."""
        return {
            "endpoint": base_url + PATHS[0],
            "sender_no": self.sender_no,
            "authorization": self.authorization,
            "sign_key": self.sign_key,
            "biz_product_no": self.biz_product_no,
            "product_code": self.product_code,
            "number_range": self.number_range,
            "orders_idempotent": self.orders_idempotent,
        }

    def account(self, base_url: str, kind: str) -> dict[str, Any]:
        """The client's settings of an account at an aggregator: `kuaidi100` or `kdniao`."""
        kuaidi = kind == "kuaidi100"
        return {
            "kind": kind,
            "customer": self.aggregator_customer,
            "key": self.aggregator_key,
            "company": "ems" if kuaidi else "EMS",
            "endpoint": base_url + ("/poll/query.do" if kuaidi else "/Ebusiness/EbusinessOrderHandle.aspx"),
            "subscribe_endpoint": base_url + ("/poll" if kuaidi else "/api/dist"),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """All that a server process is told by the one that starts it."""

    contract: SimContract
    courier: Courier
    #: Where orders are kept over a restart; None: in memory only.
    state_dir: Path | None
    #: Seals the receivers in there; None: the contract's key does.
    state_key: bytes | None = field(default=None, repr=False)
    port: int
    #: Process id at whose end the server ends too.
    parent: int
    #: Seed of the faults' draws.
    seed: int


def aware(text: str) -> datetime:
    """An instant of a control call; without a zone it is Shanghai time."""
    instant = datetime.fromisoformat(text)
    return instant.replace(tzinfo=days.SHANGHAI) if instant.tzinfo is None else instant.astimezone(days.SHANGHAI)
