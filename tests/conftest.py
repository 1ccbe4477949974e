"""Rules for every test: loopback only, and under CI a test that needs PostgreSQL or Chromium may not be skipped."""

from __future__ import annotations

import ipaddress
import os
import shutil
import signal
import socket
import subprocess
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


@pytest.fixture(autouse=True, scope="session")
def _no_home_of_a_developer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An imported edition of the divisions would change how addresses are read."""
    patch = pytest.MonkeyPatch()
    patch.setenv("SONGDA_HOME", str(tmp_path_factory.mktemp("home")))
    yield
    patch.undo()


@pytest.fixture(scope="session")
def test_data() -> Path:
    folder = os.environ.get("SONGDA_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("SONGDA_TEST_DATA names no folder: tests on real texts need it")
    return Path(folder)


def _program(name: str) -> str | None:
    newest = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return str(newest[0]) if newest else shutil.which(name)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL prefix of a throw-away server on loopback (PostgreSQL refuses to run as root, so root hands it to `postgres`)."""
    initdb, postgres, createdb = _program("initdb"), _program("postgres"), _program("createdb")
    if not (initdb and postgres and createdb):
        pytest.skip("PostgreSQL is not installed: sudo apt-get install postgresql")
    folder = Path("/tmp") / f"songda-pg-{os.getpid()}"
    folder.mkdir(mode=0o700)
    become: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
        become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = folder / "data"
    subprocess.run(
        [*become, initdb, "-D", data, "-U", "songda", "-A", "trust", "-E", "UTF8"], check=True, capture_output=True
    )
    server = subprocess.Popen(
        [*become, postgres, "-D", data, "-p", str(port), "-k", folder, "-c", "listen_addresses=127.0.0.1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    ready = [_program("pg_isready") or "pg_isready", "-h", "127.0.0.1", "-p", str(port), "-t", "1"]
    for _ in range(60):
        if subprocess.run(ready, check=False, capture_output=True).returncode == 0:
            break
        assert server.poll() is None, "PostgreSQL ended at once"
        subprocess.run(["sleep", "0.5"], check=True)
    else:
        pytest.fail("PostgreSQL did not start")
    yield f"postgresql+psycopg://songda@127.0.0.1:{port}"
    # At once: a checkpoint of all the databases of the tests takes long on a busy disk, and nobody needs it.
    server.send_signal(signal.SIGQUIT)
    server.wait(30)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    needed = {"postgres", "chromium"} & {mark.name for mark in item.iter_markers()}
    if os.environ.get("CI") and report.skipped and needed and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped under CI although {needed} must be there: {report.longrepr}"
    return report


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """An engine over an empty ledger, once on SQLite and once on PostgreSQL."""
    from songda.base.settings import Settings
    from songda.store import open_database

    url = f"sqlite:///{tmp_path / 'songda.db'}"
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_server")
        name = f"t{abs(hash(request.node.nodeid)):x}"
        import psycopg

        with psycopg.connect(f"{server.replace('+psycopg', '')}/postgres", autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name}")
        url = f"{server}/{name}"
    engine = open_database(
        Settings(home=tmp_path, database_url=url, master_key=None, master_key_file=tmp_path / "key", workers=1)
    )
    yield engine
    engine.dispose()
