"""The stand-in's process: reads what it shall be from standard input, says its port, serves until its parent dies.

Started by `StandIn`; `python -m songda.sim.carrier.server` is not meant for hands.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from songda.sim.carrier.aggregators import Aggregators
from songda.sim.carrier.book import Book
from songda.sim.carrier.contract import PATHS, SimContract, Start
from songda.sim.carrier.control import Control
from songda.sim.carrier.door import Door
from songda.sim.carrier.events import Courier
from songda.sim.carrier.faults import Menu


class _Connection(H11Protocol):
    """uvicorn's protocol that also lets the application see its connection, so that a fault can reset it."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


def application(
    contract: SimContract,
    courier: Courier,
    *,
    base_url: str,
    state_dir: Path | None = None,
    state_key: bytes | None = None,
    seed: int = 0,
) -> ASGIApp:
    """The whole stand-in as one ASGI application, reachable at `base_url`."""
    book, menu = Book(contract, courier, state_dir, state_key), Menu(seed)
    door = Door(contract, book, menu, base_url=base_url)
    aggregators = Aggregators(contract, book, menu)
    control = Starlette(routes=[*Control(contract, book, door, menu, aggregators).routes(), *aggregators.routes()])

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        await (door if scope["type"] == "http" and scope["path"] in PATHS else control)(scope, receive, send)

    return front


async def _serve(start: Start) -> None:
    listener = socket.create_server(("127.0.0.1", start.port), backlog=256)
    # Small answers after small requests: without this, delayed acknowledgements cost 40 ms a call.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    app = application(
        start.contract,
        start.courier,
        base_url=base_url,
        state_dir=start.state_dir,
        state_key=start.state_key,
        seed=start.seed,
    )
    config = uvicorn.Config(
        app,
        http=_Connection,
        loop="asyncio",
        lifespan="off",
        log_level="error",
        access_log=False,
        # The door tells the carrier's own time.
        date_header=False,
        timeout_keep_alive=60,
    )
    server = uvicorn.Server(config)
    print(listener.getsockname()[1], flush=True)  # noqa: T201 - the parent reads the port here
    await asyncio.gather(server.serve(sockets=[listener]), _until_orphaned(server, start.parent))


async def _until_orphaned(server: uvicorn.Server, parent: int) -> None:
    # Watching the parent's id instead of PR_SET_PDEATHSIG: that signal also comes when only the starting thread ends.
    while not server.should_exit:
        if os.getppid() != parent:
            os._exit(0)
        await asyncio.sleep(0.25)


def main() -> None:
    start = pickle.load(sys.stdin.buffer)  # noqa: S301 - written by the parent process, see StandIn
    asyncio.run(_serve(start))


if __name__ == "__main__":
    main()
