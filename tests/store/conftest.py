"""Every test of the store runs on SQLite and on a real PostgreSQL server that the suite starts for itself."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from songda.base.settings import Settings
from songda.store import open_database


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
    server.terminate()
    server.wait(30)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
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
