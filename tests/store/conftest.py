"""Every test of the store runs on SQLite and on a real PostgreSQL server (fixture of tests/conftest.py)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from songda.base.settings import Settings
from songda.store import open_database


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
