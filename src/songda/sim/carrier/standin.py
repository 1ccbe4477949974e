"""Starting and steering the stand-in carrier from a test, a benchmark or the command line."""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import subprocess
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from songda.base.errors import SongdaError
from songda.sim.carrier.chains import courier as default_courier
from songda.sim.carrier.contract import PATHS, SimContract, Start
from songda.sim.carrier.events import Courier

#: Letters in one control call: bounds its duration.
_CHUNK = 2000


class StandInFailed(SongdaError):
    zh = "模拟承运商未能启动（{reason}）"
    remedy = "请检查端口与状态目录后重试"
    exit_code = 69


class StandIn:
    """The stand-in carrier in a process of its own on 127.0.0.1, while the `with` block runs.

    With `state_dir` orders survive `kill` and `start`: an order number that meets its former self is then still seen.
    Receivers in that folder are sealed with `state_key`, which reaches the process through a pipe and is written
    nowhere; whoever starts again, in this process or another, gives the same key. Without one the contract's key seals,
    and that of the default contract stands in the source.
    `courier` must be picklable by name (a module's function, or an instance of a module's class).
    """

    def __init__(
        self,
        contract: SimContract | None = None,
        *,
        courier: Courier = default_courier,
        state_dir: Path | None = None,
        state_key: bytes | None = None,
        port: int = 0,
        seed: int = 0,
    ) -> None:
        self.contract = contract or SimContract()
        self._courier = courier
        self._state_dir = state_dir
        self._state_key = state_key
        self._port = port
        self._seed = seed
        self._process: subprocess.Popen[bytes] | None = None
        self._http = httpx.Client(timeout=600, trust_env=False)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._http.close()

    def start(self) -> None:
        """Starts the process, on the same port as before. Raises StandInFailed."""
        start = Start(
            contract=self.contract,
            courier=self._courier,
            state_dir=self._state_dir,
            state_key=self._state_key,
            port=self._port,
            parent=os.getpid(),
            seed=self._seed,
        )
        self._process = subprocess.Popen(
            [sys.executable, "-m", "songda.sim.carrier.server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(pickle.dumps(start))
        self._process.stdin.close()
        ready, _, _ = select.select([self._process.stdout], [], [], 60)
        line = self._process.stdout.readline() if ready else b""
        if not line:
            self.kill()
            raise StandInFailed(reason="no port")
        self._port = int(line)

    def kill(self) -> None:
        """Ends the process at once (SIGKILL), as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None

    def wait(self) -> None:
        """Returns when the process has ended, or at Ctrl-C."""
        if self._process is not None:
            with contextlib.suppress(KeyboardInterrupt):
                self._process.wait()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        """The carrier's endpoint, for the client's contract."""
        return self.base_url + PATHS[0]

    def settings(self) -> dict[str, Any]:
        """Settings of a client's contract that this stand-in accepts."""
        return self.contract.settings(self.base_url)

    def account(self, kind: str) -> dict[str, Any]:
        """Settings of an account at the aggregator `kind` (kuaidi100, kdniao) that this stand-in accepts."""
        return self.contract.account(self.base_url, kind)

    def advance(self, to: datetime) -> dict[str, Any]:
        """Moves the virtual clock forward; events due by then show, and are pushed before this returns."""
        return self._post("/sim/clock", {"now": to.isoformat()})

    def hand_over(self, waybills: Iterable[str], at: datetime) -> list[str]:
        """Gives the items to the carrier at the instant `at`; returns the numbers that it does not know."""
        numbers, unknown = list(waybills), []
        for first in range(0, len(numbers), _CHUNK):
            call = {"waybills": numbers[first : first + _CHUNK], "at": at.isoformat()}
            unknown += self._post("/sim/hand_over", call)["unknown"]
        return unknown

    def fault(self, kind: str, **settings: Any) -> None:
        """Orders a fault from the menu (songda.sim.carrier.faults), e.g. `fault("reset_after", count=1)`."""
        self._post("/sim/faults", {"kind": kind, **settings})

    def clear_faults(self) -> None:
        self._http.delete(self.base_url + "/sim/faults").raise_for_status()

    def stats(self) -> dict[str, Any]:
        """Counts: orders, waybills, duplicates (order numbers that got a second waybill), repeats, calls, …"""
        answer = self._http.get(self.base_url + "/sim/orders").raise_for_status()
        stats: dict[str, Any] = answer.json()
        return stats

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._http.post(self.base_url + path, json=body).raise_for_status()
        result: dict[str, Any] = answer.json()
        return result
