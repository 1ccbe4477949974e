"""Trackers that tell at second hand what carriers do: the account, and what their clients share.

    account = AggregatorAccount(kind="kuaidi100", customer=…, key=…, company="ems")
    with open_aggregator(account) as tracker:
        tracker.trace("9812345678906")          # Trace | Refused, or raises NoAnswer

They stand in for the carrier's own tracking while that does not answer. Their codes carry a prefix (`kd100:301`), and
the fold lets them count only for the time of which the carrier itself has said nothing (tracking_facts.toml).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from songda.carriers.endpoint import endpoint_fault
from songda.carriers.errors import BadContract, NoAnswer
from songda.carriers.fan_out import fan_out
from songda.carriers.order import Refused
from songda.carriers.tracking import Trace

#: Endpoints of the published interfaces: query, and subscription to pushes.
ENDPOINTS = {
    "kuaidi100": ("https://poll.kuaidi100.com/poll/query.do", "https://poll.kuaidi100.com/poll"),
    "kdniao": (
        "https://api.kdniao.com/Ebusiness/EbusinessOrderHandle.aspx",
        "https://api.kdniao.com/api/dist",
    ),
}


class Tracker(Protocol):
    """Whoever can be asked what became of waybills: a carrier, or an aggregator."""

    def trace_many(
        self, waybill_nos: Iterable[str], *, threads: int = 4
    ) -> Iterator[tuple[str, Trace | Refused | NoAnswer]]:
        """(number, what came of asking for it), as answers come."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregatorAccount:
    """Raises BadContract for a setting that cannot be used. Secrets stay out of `repr`."""

    kind: Literal["kuaidi100", "kdniao"]
    #: 快递100: customer; 快递鸟: EBusinessID.
    customer: str
    #: 快递100: key; 快递鸟: AppKey.
    key: str = field(repr=False)
    #: The aggregator's code of the carrier: `ems` and `youzhengguonei`, or `EMS` and `YZPY`.
    company: str
    #: URL of the query and of the subscription; None: the published ones.
    endpoint: str | None = None
    subscribe_endpoint: str | None = None
    #: RequestType of 快递鸟 queries: 1002 free, 8002 paid.
    request_type: str = "8002"
    #: 快递100: salt of the pushes' signature; None: no pushes are accepted.
    salt: str | None = field(default=None, repr=False)
    #: Last digits of the sender's phone, for carriers whose numbers are only told to those who know them.
    phone_tail: str = ""
    timeout_s: float = 15.0
    query_attempts: int = 3
    calls_per_s: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in ENDPOINTS:
            raise BadContract(setting="fallback.kind", reason=f"应为 {'、'.join(ENDPOINTS)} 之一")
        for setting in ("customer", "key", "company"):
            if not getattr(self, setting):
                raise BadContract(setting=f"fallback.{setting}", reason="不能为空")
        for setting, url in (("endpoint", self.query_url), ("subscribe_endpoint", self.subscribe_url)):
            if fault := endpoint_fault(url):
                raise BadContract(setting=f"fallback.{setting}", reason=fault)

    @property
    def query_url(self) -> str:
        return self.endpoint or ENDPOINTS[self.kind][0]

    @property
    def subscribe_url(self) -> str:
        return self.subscribe_endpoint or ENDPOINTS[self.kind][1]


class Aggregator(Tracker, Protocol):
    def trace(self, waybill_no: str) -> Trace | Refused:
        """Events so far. No event yet and a number that nobody knows look the same here. Raises NoAnswer."""
        ...

    def subscribe(self, waybill_no: str, *, callback_url: str) -> Refused | None:
        """Asks for pushes about the number to `callback_url`; None: taken. Raises NoAnswer."""
        ...


@contextmanager
def open_aggregator(account: AggregatorAccount, *, connections: int = 4) -> Iterator[Aggregator]:
    """A client of the account's kind over a pool of its own, while the block runs."""
    from songda.carriers.kdniao import Kdniao
    from songda.carriers.kuaidi100 import Kuaidi100
    from songda.carriers.transport import open_pool

    with open_pool(timeout_s=account.timeout_s, connections=connections) as http:
        yield Kuaidi100(account, http) if account.kind == "kuaidi100" else Kdniao(account, http)


def is_number(value: object) -> bool:
    """Whether a push names a waybill by what can be one."""
    return isinstance(value, str) and value.isascii() and value.isalnum()


def trace_each(
    tracker: Aggregator, waybill_nos: Iterable[str], *, threads: int
) -> Iterator[tuple[str, Trace | Refused | NoAnswer]]:
    """`trace` for each number in `threads` threads, as answers come."""

    def one(waybill_no: str) -> tuple[str, Trace | Refused | NoAnswer]:
        try:
            return waybill_no, tracker.trace(waybill_no)
        except NoAnswer as error:
            return waybill_no, error

    return fan_out(one, waybill_nos, threads=threads)
