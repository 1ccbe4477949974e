"""What dispatch asks of a carrier, whoever he is: China Post over HTTP (`ChinaPost`), or anyone by files (`PostingFiles`).

A carrier that answers hours later raises, or gives, `Awaited`: it has the order, and a query by our own number settles it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from songda.carriers.aggregator import Tracker
from songda.carriers.errors import NoAnswer
from songda.carriers.order import Cancelled, Order, Ordered, Refused
from songda.carriers.tracking import Trace


class Terms(Protocol):
    """What the contract promises about orders."""

    @property
    def number_range(self) -> tuple[str, str] | None:
        """First and last of the numbers handed out to us in advance; None: the carrier allots numbers."""
        ...

    @property
    def orders_idempotent(self) -> bool:
        """Whether an order repeated under the same order number is one order."""
        ...


class Carrier(Tracker, Protocol):
    def order_many(
        self, orders: Iterable[Order], *, threads: int = 4
    ) -> Iterator[tuple[str, Ordered | Refused | NoAnswer]]:
        """(order number, what came of it) for each order, each sent at most once."""
        ...

    def cancel(self, *, order_no: str, waybill_no: str, reason: str) -> Cancelled | Refused:
        """Cancels an order not yet handed over. Raises NoAnswer."""
        ...

    def trace(self, waybill_no: str) -> Trace | Refused:
        """What is known of one waybill. Raises NoAnswer."""
        ...
