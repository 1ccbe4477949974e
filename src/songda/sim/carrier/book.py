"""The stand-in's memory: orders, items, their planned events and the virtual clock; optionally kept over a restart.

With a state folder every change is one line of an append-only file, written before it is answered; receivers in it are
sealed. A restart reads the file again and asks the courier again for the events.

Without a subscription to pushes the courier is asked when somebody first looks at an item, so that the hand-over of a
whole day's letters takes no longer than reading their numbers.
"""

from __future__ import annotations

import base64
import hashlib
import heapq
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from songda.base import days
from songda.sim.carrier.chains import scripted
from songda.sim.carrier.contract import SimContract, aware
from songda.sim.carrier.events import Courier, PlannedEvent, ShippedLetter

#: `receiptFlag` values whose proof travels back as an item of its own.
_TRAVELLING_RECEIPTS = frozenset({"6", "7", "8"})
_RECEIVER = ("name", "mobile", "prov", "city", "county", "address")


@dataclass(slots=True)
class Item:
    """One waybill."""

    waybill_no: str
    order_no: str
    more: tuple[str, ...]
    receiver: tuple[str, ...] = field(repr=False)
    weight_g: int
    cancelled: bool = False
    handed_over_at: datetime | None = None
    #: Sorted by the instant at which they begin to show; None: the courier has not been asked.
    events: list[PlannedEvent] | None = None


class NoSuchNumber(ValueError):
    """The customer sent a waybill number of his own that the carrier will not take; the argument says why."""


class Book:
    def __init__(
        self, contract: SimContract, courier: Courier, state_dir: Path | None, state_key: bytes | None = None
    ) -> None:
        self._contract = contract
        self._courier = courier
        self.now = contract.starts_at or days.now()
        self.items: dict[str, Item] = {}
        self.by_order: dict[str, list[Item]] = {}
        #: Orders answered again without a second waybill.
        self.repeats = 0
        self._due: list[tuple[datetime, int, Item, PlannedEvent]] = []
        self._ticks = itertools.count()
        self._next_number = int(contract.allots_from)
        self._seal = AESGCM(hashlib.sha256(state_key or contract.key.encode()).digest())
        self._log: int | None = None
        if state_dir is not None:
            state_dir.mkdir(parents=True, exist_ok=True)
            path = state_dir / "carrier.jsonl"
            self._replay(path)
            self._log = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
            self._write({"op": "clock", "now": self.now.isoformat()})

    def order(self, order: dict[str, Any]) -> Item:
        """Takes a well-formed order. Raises NoSuchNumber."""
        order_no, wanted = order["logisticsOrderNo"], order.get("waybillNo") or None
        former = self.by_order.get(order_no)
        if former and self._contract.orders_idempotent:
            self.repeats += 1
            self._write({"op": "repeat"})
            return former[0]
        number = self._checked(wanted) if wanted else self._allot()
        more = (self._allot(),) if order.get("receiptFlag") in _TRAVELLING_RECEIPTS else ()
        receiver = tuple(order["receiver"].get(name) or "" for name in _RECEIVER)
        item = Item(number, order_no, more, receiver, int(order.get("weight") or 0))
        self._enter(item)
        self._write(
            {"op": "order", "no": order_no, "waybill": number, "more": more, "g": item.weight_g}
            | {"next": self._next_number, "sealed": self._sealed(receiver)}
        )
        return item

    def cancel(self, item: Item) -> None:
        item.cancelled = True
        self._write({"op": "cancel", "waybill": item.waybill_no})

    def hand_over(self, waybill_nos: list[str], at: datetime) -> list[str]:
        """The physical act: the carrier takes the items. Returns the numbers it knows nothing of (or cancelled)."""
        strange = []
        for number in waybill_nos:
            item = self.items.get(number)
            if item is None or item.cancelled:
                strange.append(number)
            elif item.handed_over_at is None:
                self._ship(item, at)
        self._write({"op": "hand_over", "waybills": waybill_nos, "at": at.isoformat()})
        return strange

    def advance(self, to: datetime) -> list[tuple[Item, PlannedEvent]]:
        """Moves the clock forward (never back); the events that have begun to show since, in that order."""
        if to > self.now:
            self.now = to
            self._write({"op": "clock", "now": to.isoformat()})
        shown = []
        while self._due and self._due[0][0] <= self.now:
            _, _, item, event = heapq.heappop(self._due)
            shown.append((item, event))
        return shown

    def shown(self, item: Item) -> Iterator[PlannedEvent]:
        return itertools.takewhile(lambda event: event.appears_at <= self.now, self._planned(item))

    def stats(self) -> dict[str, Any]:
        doubled = sorted(order_no for order_no, items in self.by_order.items() if len(items) > 1)
        return {
            "now": self.now.isoformat(),
            "orders": len(self.by_order),
            "waybills": len(self.items),
            "duplicates": len(self.items) - len(self.by_order),
            "double_ordered": doubled[:100],
            "repeats": self.repeats,
            "cancelled": sum(item.cancelled for item in self.items.values()),
            "handed_over": sum(item.handed_over_at is not None for item in self.items.values()),
        }

    def _enter(self, item: Item) -> None:
        self.items[item.waybill_no] = item
        self.by_order.setdefault(item.order_no, []).append(item)

    def _ship(self, item: Item, at: datetime) -> None:
        item.handed_over_at = at
        if self._contract.push_url:
            for event in self._planned(item):
                heapq.heappush(self._due, (event.appears_at, next(self._ticks), item, event))

    def _planned(self, item: Item) -> list[PlannedEvent]:
        """The events of an item's way; none before the hand-over."""
        if item.events is None and item.handed_over_at is not None:
            letter = ShippedLetter(
                waybill_no=item.waybill_no,
                order_no=item.order_no,
                handed_over_at=item.handed_over_at,
                **dict(zip(_RECEIVER, item.receiver, strict=True)),
            )
            # A magic mobile goes before whatever courier delivers.
            way = scripted(letter)
            item.events = sorted(self._courier(letter) if way is None else way, key=lambda event: event.appears_at)
            item.receiver = ()
        return item.events or []

    def _checked(self, number: str) -> str:
        bounds = self._contract.number_range
        if bounds is None or not bounds[0] <= number <= bounds[1] or len(number) != len(bounds[0]):
            raise NoSuchNumber("number outside the customer's range")
        if number in self.items:
            raise NoSuchNumber("number already in use")
        return number

    def _allot(self) -> str:
        number, self._next_number = self._next_number, self._next_number + 1
        return str(number)

    def _write(self, line: dict[str, Any]) -> None:
        if self._log is not None:
            os.write(self._log, orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def _sealed(self, receiver: tuple[str, ...]) -> str:
        nonce = os.urandom(12)
        return base64.b64encode(nonce + self._seal.encrypt(nonce, orjson.dumps(receiver), None)).decode()

    def _opened(self, sealed: str) -> tuple[str, ...]:
        data = base64.b64decode(sealed)
        return tuple(orjson.loads(self._seal.decrypt(data[:12], data[12:], None)))

    def _replay(self, path: Path) -> None:
        if not path.exists():
            return
        with path.open("rb") as lines:
            for line in lines:
                # Only the last line can be cut off, by a kill in the middle of its write.
                if not line.endswith(b"\n"):
                    with path.open("r+b") as log:
                        log.truncate(path.stat().st_size - len(line))
                    break
                try:
                    self._again(orjson.loads(line))
                except InvalidTag:
                    raise ValueError("the state folder is sealed with another key") from None

    def _again(self, line: dict[str, Any]) -> None:
        match line["op"]:
            case "order":
                receiver = self._opened(line["sealed"])
                self._enter(Item(line["waybill"], line["no"], tuple(line["more"]), receiver, line["g"]))
                self._next_number = line["next"]
            case "repeat":
                self.repeats += 1
            case "cancel":
                self.items[line["waybill"]].cancelled = True
            case "hand_over":
                at = aware(line["at"])
                for number in line["waybills"]:
                    item = self.items.get(number)
                    if item is not None and not item.cancelled and item.handed_over_at is None:
                        self._ship(item, at)
            case "clock":
                self.now = aware(line["now"])
                while self._due and self._due[0][0] <= self.now:
                    heapq.heappop(self._due)
