"""A real browser for the tests: Debian's Chromium, driven over its DevTools pipe, so that no driver binary is needed.

Protocol: https://chromedevtools.github.io/devtools-protocol/ (JSON, each message ended by a zero byte;
descriptor 3 takes commands, 4 gives answers and events).
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

# Lets the tests import what lies beside them, and the house whose doors they look at.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "web")]

from web_house import office  # noqa: E402 - only now in reach

__all__ = ["browser", "office"]

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-default-apps"),
    *(
        "--disable-extensions",
        "--disable-dev-shm-usage",
        "--remote-debugging-pipe",
        "--use-fake-device-for-media-stream",
    ),
)
TIMEOUT_S = 60.0


@dataclass
class Tab:
    """One page at one size: what it asked of the network, and what it complained about."""

    browser: Browser
    session: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    #: Navigations that have been loaded to their end.
    loaded: set[str] = field(default_factory=set)
    #: Whether answers that `Fetch.enable` holds back are thrown away.
    lose_answers: bool = False

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self.browser.call(method, params, session=self.session)

    def open(self, url: str) -> None:
        # The load of this very navigation: that of the empty page before it may be reported late.
        answer = self.call("Page.navigate", url=url)
        assert "errorText" not in answer, f"{url}: {answer['errorText']}"
        self.browser.wait(lambda: answer["loaderId"] in self.loaded)
        # Reports of violations arrive after the load event: one round trip later all of them are here.
        self.evaluate("new Promise(done => setTimeout(done, 100))")

    def evaluate(self, expression: str) -> Any:
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def on(self, method: str, params: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Page.lifecycleEvent" and params["name"] == "load":
            self.loaded.add(params["loaderId"])
        elif method == "Log.entryAdded" and params["entry"]["level"] in {"error", "warning"}:
            self.complaints.append(params["entry"]["text"])
        elif method == "Audits.issueAdded" and params["issue"]["code"] == "ContentSecurityPolicyIssue":
            self.complaints.append(json.dumps(params["issue"]["details"]))
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(params["exceptionDetails"]["text"])
        elif method == "Fetch.requestPaused":
            fail = {"requestId": params["requestId"], "errorReason": "ConnectionReset"}
            go_on = {"requestId": params["requestId"]}
            self.browser.send(
                *("Fetch.failRequest", fail) if self.lose_answers else ("Fetch.continueRequest", go_on),
                session=self.session,
            )


class Browser:
    def __init__(self, program: str, profile: Path) -> None:
        their_in, self._out = os.pipe()
        self._in, their_out = os.pipe()
        arguments = [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{their_in} 4>&{their_out}', "chromium", *arguments],
            pass_fds=(their_in, their_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(their_in)
        os.close(their_out)
        self._buffer, self._next = b"", 0
        self._answers: dict[int, dict[str, Any]] = {}
        self._tabs: dict[str, Tab] = {}

    def tab(self, *, width: int, height: int = 900, scheme: str = "light", context: str | None = None) -> Tab:
        """An empty tab of this size in CSS pixels; `context` is a phone of its own, with storage of its own."""
        where = {} if context is None else {"browserContextId": context}
        target = self.call("Target.createTarget", {"url": "about:blank", **where})["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        tab = self._tabs[session] = Tab(self, session)
        for domain in ("Page", "Network", "Runtime", "Log", "Audits"):
            tab.call(f"{domain}.enable")
        tab.call("Page.setLifecycleEventsEnabled", enabled=True)
        tab.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        return tab

    def send(self, method: str, params: dict[str, Any], *, session: str | None = None) -> int:
        """Sends a command and returns its number; nobody waits for the answer."""
        self._next += 1
        message = {"id": self._next, "method": method, "params": params, **({"sessionId": session} if session else {})}
        os.write(self._out, json.dumps(message).encode() + b"\0")
        return self._next

    def offline(self, context: str, offline: bool) -> None:
        """Takes the line from the service workers of a phone, or gives it back; tabs have theirs taken one by one."""
        infos = self.call("Target.getTargets", {})["targetInfos"]
        for info in infos:
            if info["type"] == "service_worker" and info.get("browserContextId") == context:
                session = self.call("Target.attachToTarget", {"targetId": info["targetId"], "flatten": True})[
                    "sessionId"
                ]
                self.call("Network.enable", {}, session=session)
                line = {"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
                self.call("Network.emulateNetworkConditions", line, session=session)

    def call(self, method: str, params: dict[str, Any], *, session: str | None = None) -> dict[str, Any]:
        number = self.send(method, params, session=session)
        self.wait(lambda: number in self._answers)
        answer = self._answers.pop(number)
        assert "error" not in answer, f"{method}: {answer['error']}"
        result: dict[str, Any] = answer["result"]
        return result

    def wait(self, ready: Any) -> None:
        deadline = time.monotonic() + TIMEOUT_S
        while not ready():
            readable, _, _ = select.select([self._in], [], [], max(0.0, deadline - time.monotonic()))
            assert readable, "Chromium did not answer in time"
            received = os.read(self._in, 1 << 16)
            assert received, "Chromium ended"
            *messages, self._buffer = (self._buffer + received).split(b"\0")
            for message in messages:
                self._take(json.loads(message))

    def _take(self, message: dict[str, Any]) -> None:
        if "id" in message:
            self._answers[message["id"]] = message
        elif message.get("sessionId") in self._tabs:
            self._tabs[message["sessionId"]].on(message["method"], message["params"])

    def close(self) -> None:
        os.close(self._out)
        os.close(self._in)
        self.process.terminate()
        self.process.wait(timeout=20)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip(f"no Chromium on this machine (looked for {', '.join(PROGRAMS)})")
    browser = Browser(program, tmp_path_factory.mktemp("chromium"))
    try:
        yield browser
    finally:
        browser.close()
