"""Rules for every test: loopback only, and under CI a test that needs PostgreSQL or Chromium may not be skipped."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


class NetworkRefused(AssertionError):
    """A test tried to reach a host beyond this machine."""


@pytest.fixture(autouse=True, scope="session")
def _loopback_only() -> Iterator[None]:
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = address[0]
            if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
                raise NetworkRefused(f"tests reach loopback only, not {host}")
        real(self, address)

    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", connect)
    yield
    patch.undo()


@pytest.fixture(scope="session")
def test_data() -> Path:
    folder = os.environ.get("SONGDA_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("SONGDA_TEST_DATA names no folder: tests on real texts need it")
    return Path(folder)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    needed = {"postgres", "chromium"} & {mark.name for mark in item.iter_markers()}
    if os.environ.get("CI") and report.skipped and needed and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped under CI although {needed} must be there: {report.longrepr}"
    return report
