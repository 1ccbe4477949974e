"""Control calls of the stand-in, all under /sim/: its clock, the physical hand-over, faults and counts.

None of them belongs to the carrier's interface, and no client of the carrier may use them.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any
from urllib.parse import quote_plus

import httpx
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from songda.base import days
from songda.sim.carrier.aggregators import Aggregators
from songda.sim.carrier.book import Book, Item
from songda.sim.carrier.contract import SimContract, aware
from songda.sim.carrier.door import Door
from songda.sim.carrier.events import PlannedEvent
from songda.sim.carrier.faults import Fault, Kind, Menu
from songda.sim.carrier.label import label_pdf
from songda.sim.carrier.operations import pushed_object
from songda.sim.carrier.wire import Wire

#: Pushes under way at once, and how often one is tried at one turn of the clock. The real policy is unknown.
_PARALLEL, _TRIES = 8, 3


class Control:
    def __init__(self, contract: SimContract, book: Book, door: Door, menu: Menu, aggregators: Aggregators) -> None:
        self._contract = contract
        self._book = book
        self._door = door
        self._menu = menu
        self._aggregators = aggregators
        self._pusher = Pusher(contract, menu)

    def routes(self) -> list[Route]:
        return [
            Route("/sim/clock", self._clock, methods=["GET", "POST"]),
            Route("/sim/hand_over", self._hand_over, methods=["POST"]),
            Route("/sim/faults", self._faults, methods=["GET", "POST", "DELETE"]),
            Route("/sim/orders", self._orders, methods=["GET"]),
            Route("/label/{waybill_no}.pdf", self._label, methods=["GET"]),
        ]

    async def _clock(self, request: Request) -> Response:
        if request.method == "GET":
            return _json({"now": self._book.now.isoformat()})
        due = self._book.advance(aware(orjson.loads(await request.body())["now"]))
        pushed = await self._pusher.push(due)
        second_hand = await self._aggregators.push()
        return _json(
            {"now": self._book.now.isoformat(), "pushed": pushed, "unpushed": len(self._pusher.waiting)}
            | {"pushed_by_aggregators": second_hand}
        )

    async def _hand_over(self, request: Request) -> Response:
        call = orjson.loads(await request.body())
        at = aware(call["at"])
        strange = self._book.hand_over(list(call["waybills"]), at)
        return _json({"handed_over": len(call["waybills"]) - len(strange), "unknown": strange})

    async def _faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._menu.clear()
        elif request.method == "POST":
            call = orjson.loads(await request.body())
            try:
                faults = [Fault(**entry) for entry in (call if isinstance(call, list) else [call])]
            except (TypeError, ValueError) as error:
                return _json({"error": str(error)}, status=400)
            for fault in faults:
                self._menu.add(fault)
        return _json({"faults": self._menu.listed(), "struck": self._menu.struck})

    async def _orders(self, request: Request) -> Response:
        return _json(self._book.stats() | {"calls": self._door.calls, "struck": self._menu.struck})

    async def _label(self, request: Request) -> Response:
        item = self._book.items.get(request.path_params["waybill_no"])
        if item is None:
            return Response(status_code=404)
        return Response(label_pdf(item.waybill_no, kind="129"), media_type="application/pdf")


class Pusher:
    """Tells a subscriber of events (040002); what it does not acknowledge is tried again at the next turn."""

    def __init__(self, contract: SimContract, menu: Menu) -> None:
        self._contract = contract
        self._menu = menu
        self._wire = Wire(contract.key)
        self._random = random.Random(0)
        self._serial = 0
        self.waiting: list[dict[str, str]] = []

    async def push(self, due: list[tuple[Item, PlannedEvent]]) -> int:
        """Pushes what is due and what still waits; returns how many were acknowledged."""
        if self._contract.push_url is None:
            return 0
        calls, self.waiting = self.waiting + self._calls(due), []
        if not calls:
            return 0
        gate = asyncio.Semaphore(_PARALLEL)
        async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
            taken = await asyncio.gather(*(self._one(http, gate, call) for call in calls))
        self.waiting = [call for call, was_taken in zip(calls, taken, strict=True) if not was_taken]
        return sum(taken)

    def _calls(self, due: list[tuple[Item, PlannedEvent]]) -> list[dict[str, str]]:
        calls, shuffled = [], False
        for item, event in due:
            kinds = {fault.kind for fault in self._menu.strike(api_code="040002")}
            shuffled = shuffled or Kind.PUSH_SHUFFLED in kinds
            if Kind.PUSH_NEVER in kinds:
                continue
            call = self._call(item, event)
            # A repetition keeps its serial number: it is the same push, sent again.
            calls += [call, call] if Kind.PUSH_TWICE in kinds else [call]
        if shuffled:
            self._random.shuffle(calls)
        return calls

    def _call(self, item: Item, event: PlannedEvent) -> dict[str, str]:
        self._serial += 1
        return {
            "senderNo": self._contract.sender_no,
            "method": "040002",
            "msgType": "0",
            "version": "v1.0.0",
            "timeStamp": f"{days.now():%Y-%m-%d %H:%M:%S}",
            "serialNo": f"{item.waybill_no}{self._serial:010d}",
            "logitcsInterface": self._wire.wrap_push(orjson.dumps(pushed_object(item, event))),
        }

    async def _one(self, http: httpx.AsyncClient, gate: asyncio.Semaphore, call: dict[str, str]) -> bool:
        if self._contract.push_as == "json":
            body, kind = orjson.dumps(call), "application/json"
        else:
            body = "&".join(f"{name}={quote_plus(value)}" for name, value in call.items()).encode()
            kind = "application/x-www-form-urlencoded"
        for _ in range(_TRIES):
            async with gate:
                try:
                    answer = await http.post(
                        self._contract.push_url or "", content=body, headers={"Content-Type": kind}
                    )
                    ack = orjson.loads(answer.content)
                except (httpx.HTTPError, orjson.JSONDecodeError):
                    continue
            if isinstance(ack, dict) and ack.get("code") == "00000" and ack.get("serialNo") == call["serialNo"]:
                return True
        return False


def _json(body: dict[str, Any], *, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status_code=status, media_type="application/json")
