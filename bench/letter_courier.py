"""Couriers of a world whose telling is disturbed on purpose, and what is true of each letter they carry.

Each kind of disturbance strikes `SHARE` of the waybills, drawn from the number. What is true is derived from the visits
of the world's courier and written to a file of its own: neither the fold nor the mapping of the product is asked.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from songda.sim.carrier import PlannedEvent, ShippedLetter
from songda.sim.world import load

#: Of the waybills, for each kind.
SHARE = 0.05

Way = list[PlannedEvent]


class DisturbedCourier:
    """Delivers as the world in the folder `truth` does; tells it with disturbances. One line a waybill goes to `told`."""

    def __init__(self, truth: Path, told: Path) -> None:
        self._truth, self._told = truth, told
        self._world: Callable[[ShippedLetter], Way] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return DisturbedCourier, (self._truth, self._told)

    def __call__(self, letter: ShippedLetter) -> Way:
        if self._world is None:
            self._world = load(self._truth).courier()
        draw = random.Random(hashlib.sha256(letter.waybill_no.encode()).digest())
        place = int(draw.random() / SHARE)
        kind = [*KINDS][place] if place < len(KINDS) else None
        way = sorted(self._world(letter), key=lambda event: event.op_time)
        way = KINDS[kind](way, draw) if kind else way
        line = {"waybill": letter.waybill_no, "kind": kind or "", **true_end(way)}
        with self._told.open("ab") as file:
            os.write(file.fileno(), json.dumps(line).encode() + b"\n")
        return way


def true_end(way: Way) -> dict[str, Any]:
    """How the way ended and what that proves by itself, before the basis of the address is asked.

    `b1`, `b2`: whether the address may raise the grade (compliance: bank card interpretation; agreed addresses).
    """
    kept = _without_corrected(way)
    tries = [event for event in kept if event.op_code == "705"]
    refused = any(event.attempt_code == "7" for event in tries)
    last = kept[-1] if kept else None
    match last and (last.op_code, last.deliver_code or last.attempt_code):
        case ("704", "10"):
            return {"end": "signed", "grade": "A1", "b1": False, "b2": False}
        case ("704", "20"):
            family = "家人" in (last.desc if last else "")
            return {"end": "signed", "grade": "A2" if family else "C", "b1": not family, "b2": False}
        case ("704", "60" | "70"):
            return {"end": "signed", "grade": "C", "b1": True, "b2": False}
        case ("748", _):
            return {"end": "signed", "grade": "C", "b1": True, "b2": True}
        case ("711", _):
            # A try that found nobody in, and none that speaks against the address.
            fair = bool(tries) and all(event.attempt_code == "4" for event in tries)
            return {"end": "returned", "grade": "D" if refused else "E", "b1": fair and not refused, "b2": False}
        case ("705", "13"):
            return {"end": "lost", "grade": "F", "b1": False, "b2": False}
        case _:
            return {"end": "silent", "grade": "F", "b1": False, "b2": False}


def _without_corrected(way: Way) -> Way:
    kept: Way = []
    once = dict.fromkeys(replace(event, visible_at=None) for event in way)
    for event in sorted(once, key=lambda event: event.op_time):
        if (voided := {"742": "702", "743": "704", "744": "705"}.get(event.op_code)) is not None:
            del kept[max(n for n, other in enumerate(kept) if other.op_code == voided)]
        else:
            kept.append(event)
    return kept


def _index(way: Way, *codes: str) -> int | None:
    """Of the last event with one of the codes."""
    return max((n for n, event in enumerate(way) if event.op_code in codes), default=None)


def _told_wrong(way: Way, draw: random.Random, wrong: str, qualifier: str, correction: str) -> Way:
    """Ten minutes before the result another one is told and taken back."""
    at = _index(way, "704", "705")
    if at is None or way[at].attempt_code == "13":
        return way
    code, result = wrong, way[at]
    deliver, attempt = (qualifier, "") if code == "704" else ("", qualifier)
    false = replace(
        result,
        op_time=result.op_time - timedelta(minutes=10),
        op_code=code,
        op_name="",
        desc="",
        deliver_code=deliver,
        attempt_code=attempt,
        visible_at=None,
    )
    void = replace(
        false, op_time=result.op_time - timedelta(minutes=5), op_code=correction, deliver_code="", attempt_code=""
    )
    return [*way[:at], false, void, *way[at:]]


def _voided_tour(way: Way, draw: random.Random) -> Way:
    at = _index(way, "702")
    if at is None:
        return way
    tour = way[at]
    false = replace(tour, op_time=tour.op_time - timedelta(minutes=20), visible_at=None)
    void = replace(tour, op_time=tour.op_time - timedelta(minutes=10), op_code="742", desc="", visible_at=None)
    return [*way[:at], false, void, *way[at:]]


def _returned_after_signed(way: Way, draw: random.Random) -> Way:
    if not way or way[-1].op_code != "704":
        return way
    last = way[-1]
    days = draw.randint(1, 5)
    plain = replace(last, deliver_code="", desc="", visible_at=None)
    back = replace(plain, op_time=last.op_time + timedelta(days=days), op_code="741")
    home = replace(plain, op_time=last.op_time + timedelta(days=days + 4), op_code="711")
    return [*way, back, home]


def _lost(way: Way, draw: random.Random) -> Way:
    at = _index(way, "306")
    if at is None:
        return way
    office = way[at]
    gone = replace(office, op_time=office.op_time + timedelta(days=2), op_code="705", attempt_code="13", desc="")
    return [*way[: at + 1], replace(gone, visible_at=None)]


def _twice(way: Way, draw: random.Random) -> Way:
    later = [replace(event, visible_at=event.appears_at + timedelta(minutes=draw.randint(1, 600))) for event in way]
    return [*way, *later]


def _late(way: Way, draw: random.Random) -> Way:
    return [replace(event, visible_at=event.op_time + timedelta(hours=draw.randint(0, 30))) for event in way]


def _backwards(way: Way, draw: random.Random) -> Way:
    """Everything shows when all is over, the last first and each twice."""
    if not way:
        return way
    over = max(event.appears_at for event in way)
    shown = [replace(event, visible_at=over + timedelta(minutes=n)) for n, event in enumerate(reversed(way))]
    return shown + [replace(event, visible_at=over + timedelta(hours=1, minutes=n)) for n, event in enumerate(shown)]


KINDS: dict[str, Callable[[Way, random.Random], Way]] = {
    "every event twice": _twice,
    "late and out of order": _late,
    "all at the end, backwards, twice": _backwards,
    "742: a tour voided": _voided_tour,
    "743: a signature voided": lambda way, draw: _told_wrong(way, draw, "704", "10", "743"),
    "744: a failed try voided": lambda way, draw: _told_wrong(way, draw, "705", "2", "744"),
    "signed, then returned": _returned_after_signed,
    "lost": _lost,
    "silence": lambda way, draw: [],
}
