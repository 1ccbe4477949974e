"""A carrier by files: posting lists go out, acknowledgements and tracking files come in, through one folder.

    contract = FileContract(folder=Path("/exchange"), customer_no="K100", product="挂号信", number_range=(…, …))
    carrier = PostingFiles(contract)
    carrier.order_many(orders)            # Awaited each, until the acknowledgement says Ordered or Refused
    for file in carrier.tracking_files(): ...       # events of one file; `carrier.taken(file)` once they are stored

What carries the folder to the carrier (SFTP, a synchronised share) is not ours. The two sides keep apart by renaming: a
file is written under a hidden name and appears whole. Every file is taken once, by its SHA-256, which the exchange's own
ledger (`exchange.db`, no persons in it) keeps. Formats: docs/carriers.md.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from songda.base import days
from songda.carriers.errors import Awaited, BadContract, BadExchangeFile, NoAnswer
from songda.carriers.exchange import Exchange
from songda.carriers.order import Cancelled, Order, Ordered, Refused
from songda.carriers.posting_formats import (
    posting_list,
    read_acknowledgement,
    read_tracking,
    withdrawal_list,
)
from songda.carriers.tracking import Trace
from songda.carriers.waybill import waybill_numbers

#: Names of incoming files; anything else is somebody's mistake and is not opened.
_ACKNOWLEDGEMENT, _TRACKING = (re.compile(rf"{kind}-[A-Za-z0-9_-]{{1,80}}\.csv") for kind in ("ack", "track"))


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContract:
    """Raises BadContract for a setting that cannot be used."""

    #: Folder of the exchange: `out/` to the carrier, `in/` from it.
    folder: Path
    customer_no: str
    #: The carrier's word for the product, written on each line.
    product: str
    #: First and last of the numbers handed out to us in advance: a list without answers needs numbers of ours.
    number_range: tuple[str, str]
    #: What the carrier's own tracking codes are prefixed with in our table; "" where it uses China Post's.
    code_prefix: str = ""

    def __post_init__(self) -> None:
        for setting in ("customer_no", "product"):
            if not getattr(self, setting):
                raise BadContract(setting=setting, reason="不能为空")
        if not re.fullmatch(r"|[a-z0-9]{1,8}:", self.code_prefix):
            raise BadContract(setting="code_prefix", reason="应为小写字母或数字加冒号，如 abc:")
        try:
            waybill_numbers(*self.number_range)
        except (TypeError, ValueError):
            raise BadContract(setting="number_range", reason="号段首尾不成一段") from None

    @property
    def orders_idempotent(self) -> bool:
        """An order number that stands on a list is never listed again: the exchange's ledger sees to it."""
        return True


@dataclass(frozen=True, slots=True)
class TrackingFile:
    """One tracking file that was not taken yet, read."""

    name: str
    sha256: str
    traces: tuple[Trace, ...]
    #: Lines that could not be read.
    malformed: int


class PostingFiles:
    """One contract over one folder. One process writes to it at a time. Close it when done.

    Raises OSError when the folder cannot be used.
    """

    def __init__(self, contract: FileContract) -> None:
        self._contract = contract
        self._exchange = Exchange(contract.folder)

    def close(self) -> None:
        self._exchange.close()

    def order_many(
        self, orders: Iterable[Order], *, threads: int = 1
    ) -> Iterator[tuple[str, Ordered | Refused | NoAnswer]]:
        """Puts the orders that stand on no list yet on one; answers what is acknowledged by now. `threads` is not used."""
        self._acknowledgements()
        every = list(orders)
        fresh = [order for order in every if self._exchange.line(order.order_no) is None]
        if fresh:
            numbers = {order.order_no: order.waybill_no for order in fresh}
            if missing := next((order_no for order_no, number in numbers.items() if not number), None):
                raise ValueError(f"order {missing} has no number of ours")
            self._exchange.send(
                "posting",
                lambda name: posting_list(fresh, name=name, contract=self._contract),
                lines={order_no: number or "" for order_no, number in numbers.items()},
                at=days.now(),
            )
        for order in every:
            yield order.order_no, self._answer(order.order_no)

    def cancel(self, *, order_no: str, waybill_no: str, reason: str) -> Cancelled | Refused:
        """Asks once for the withdrawal of a line; raises Awaited until the carrier has answered."""
        self._acknowledgements()
        line = self._exchange.line(order_no)
        if line is None or line.waybill_no != waybill_no:
            return Refused(code="not_listed", message="")
        if line.withdrawal == "withdrawn" or line.state == "rejected":
            return Cancelled(order_no=order_no, waybill_no=waybill_no)
        if line.withdrawal.startswith("kept:"):
            return Refused(code=line.withdrawal.removeprefix("kept:"), message="")
        if not line.withdrawal:
            self._exchange.send(
                "withdrawal",
                lambda name: withdrawal_list([(order_no, waybill_no)], name=name, reason=reason),
                withdraws=[order_no],
                at=days.now(),
            )
        raise Awaited

    def trace(self, waybill_no: str) -> Trace | Refused:
        """Whether the carrier has taken the number; events come by `tracking_files`. Raises Awaited before it answers."""
        self._acknowledgements()
        return self._known(waybill_no)

    def trace_many(
        self, waybill_nos: Iterable[str], *, threads: int = 1
    ) -> Iterator[tuple[str, Trace | Refused | NoAnswer]]:
        self._acknowledgements()
        for number in waybill_nos:
            try:
                yield number, self._known(number)
            except Awaited as error:
                yield number, error

    def tracking_files(self) -> Iterator[TrackingFile]:
        """The tracking files that were not taken yet, in the order of their names; unreadable ones are put aside."""
        for path, content, digest in self._exchange.incoming(_TRACKING):
            try:
                traces, malformed = read_tracking(content, prefix=self._contract.code_prefix)
            except BadExchangeFile as error:
                self._exchange.refuse(path, digest, error.reason, at=days.now())
                continue
            yield TrackingFile(path.name, digest, traces, malformed)

    def taken(self, file: TrackingFile, *, at: datetime) -> None:
        """The events of the file are stored for good: its hash is kept, the file, which may name persons, is removed."""
        self._exchange.take(file.name, file.sha256, "tracking", keep=False, at=at)

    def _acknowledgements(self) -> None:
        for path, content, digest in self._exchange.incoming(_ACKNOWLEDGEMENT):
            try:
                verdicts = read_acknowledgement(content, sent=self._exchange.sent_lists())
            except BadExchangeFile as error:
                self._exchange.refuse(path, digest, error.reason, at=days.now())
                continue
            self._exchange.take(path.name, digest, "acknowledgement", keep=True, at=days.now(), verdicts=verdicts)

    def _answer(self, order_no: str) -> Ordered | Refused | NoAnswer:
        line = self._exchange.line(order_no)
        if line is None or line.state == "listed":
            return Awaited()
        if line.state == "rejected":
            return Refused(code=line.code or "rejected", message="")
        return Ordered(order_no=order_no, waybill_no=line.waybill_no)

    def _known(self, waybill_no: str) -> Trace:
        line = self._exchange.line_of(waybill_no)
        if line is not None and line.state == "listed":
            raise Awaited
        return Trace(waybill_no=waybill_no, known=line is not None and line.state == "accepted")


@contextlib.contextmanager
def open_posting_files(contract: FileContract) -> Iterator[PostingFiles]:
    """The exchange of one contract, while the block runs."""
    carrier = PostingFiles(contract)
    try:
        yield carrier
    finally:
        carrier.close()
