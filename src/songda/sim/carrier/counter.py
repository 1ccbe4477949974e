"""A post-office counter that works by files: the other side of an exchange folder (docs/carriers.md).

    counter = Counter(folder)
    counter.acknowledge()                                   # every list that lies in out/, line by line
    counter.hand_over(["XA00000000001"], at=posted_at)      # the physical act; returns the numbers it does not know
    counter.tell(to=posted_at + timedelta(days=3))          # a tracking file of what has begun to show since

Written from the formats and not from the product's code. Letters end as a courier says, and magic mobiles order their
outcome; 19900009001 is rejected by the acknowledgement.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from songda.base import days
from songda.sim.carrier.chains import courier as mixed
from songda.sim.carrier.chains import scripted
from songda.sim.carrier.events import Courier, PlannedEvent, ShippedLetter
from songda.sim.carrier.faults import ordered_fault

_RECEIVER = ("name", "prov", "city", "county", "address")


class Counter:
    """Keeps what it knows in memory; the folder is all that it shares with its customer."""

    def __init__(self, folder: Path, *, courier: Courier = mixed, encoding: str = "utf-8") -> None:
        self._out, self._in = folder / "out", folder / "in"
        self._courier = courier
        self._encoding = encoding
        #: Waybill → its line on a list.
        self._lines: dict[str, dict[str, str]] = {}
        self._ways: dict[str, list[PlannedEvent]] = {}
        self._told_to: datetime | None = None
        self._files = 0

    def acknowledge(self) -> int:
        """Takes the lists away and answers them in one file; returns how many lines that were."""
        rows: list[list[str]] = []
        for path in sorted(self._out.glob("*.csv")):
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            for line in csv.DictReader(io.StringIO(content.decode("utf-8"))):
                judge = self._withdrawn if path.name.startswith("withdrawal-") else self._taken
                rows.append([path.name, digest, line["order_no"], line["waybill_no"], *judge(line)])
            path.unlink()
        if rows:
            self._send("ack", ("list", "sha256", "order_no", "waybill_no", "status", "code"), rows)
        return len(rows)

    def hand_over(self, waybill_nos: Iterable[str], at: datetime) -> list[str]:
        """Takes the items; returns the numbers that stand on no list that was accepted."""
        strange = []
        for number in waybill_nos:
            line = self._lines.get(number)
            if line is None:
                strange.append(number)
            elif number not in self._ways:
                self._ways[number] = self._way(line, at)
        return strange

    def tell(self, to: datetime) -> int:
        """One file of the events that have begun to show since the last one, up to `to`; returns how many."""
        since, self._told_to = self._told_to, to
        rows = [
            self._row(number, event)
            for number, way in sorted(self._ways.items())
            for event in way
            if event.appears_at <= to and (since is None or event.appears_at > since)
        ]
        if rows:
            columns = ("waybill_no", "time", "code", "office", "office_name", "deliver_code", "attempt_code", "text")
            self._send("track", columns, rows)
        return len(rows)

    def _taken(self, line: dict[str, str]) -> tuple[str, str]:
        fault = ordered_fault(line["receiver_phone"])
        if fault is not None and fault.kind == "refuse":
            return "rejected", fault.code
        self._lines[line["waybill_no"]] = line
        return "accepted", ""

    def _withdrawn(self, line: dict[str, str]) -> tuple[str, str]:
        if line["waybill_no"] in self._ways:
            return "kept", "K01"
        self._lines.pop(line["waybill_no"], None)
        return "withdrawn", ""

    def _way(self, line: dict[str, str], at: datetime) -> list[PlannedEvent]:
        receiver: dict[str, Any] = {name: line[f"receiver_{name}"] for name in _RECEIVER}
        letter = ShippedLetter(
            waybill_no=line["waybill_no"],
            order_no=line["order_no"],
            mobile=line["receiver_phone"],
            handed_over_at=at,
            **receiver,
        )
        ordered = scripted(letter)
        return self._courier(letter) if ordered is None else ordered

    @staticmethod
    def _row(number: str, event: PlannedEvent) -> list[str]:
        time = f"{event.op_time.astimezone(days.SHANGHAI):%Y-%m-%d %H:%M:%S}"
        codes = [event.op_code, event.office_code, event.office_name, event.deliver_code, event.attempt_code]
        return [number, time, *codes, event.desc]

    def _send(self, kind: str, columns: Iterable[str], rows: Iterable[list[str]]) -> None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(columns)
        writer.writerows(rows)
        self._files += 1
        partial = self._in / f".{kind}.tmp"
        partial.write_bytes(text.getvalue().encode(self._encoding))
        partial.rename(self._in / f"{kind}-{self._files:06d}.csv")
