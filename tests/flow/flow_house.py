"""An invented tenant on a database of its own, and a case file of invented people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib import resources
from pathlib import Path

import pytest
from sqlalchemy import Engine

from songda.base import days
from songda.base.settings import Settings
from songda.flow.tenants import Tenant, import_tenant
from songda.intake import write_template
from songda.store import open_database
from songda.vault import LocalMasterKey, MasterKey

DAY = date(2026, 11, 24)
AT = days.at(DAY)


@dataclass
class House:
    engine: Engine
    master: MasterKey
    folder: Path

    def tenant(self, *changes: tuple[str, str], name: str = "drill") -> Tenant:
        text = resources.files("songda.sim").joinpath("tenant.toml").read_text(encoding="utf-8")
        for old, new in (
            ("@endpoint@", "https://carrier.invalid/open"),
            ("@sender_no@", "1"),
            ("@product@", "1"),
            *changes,
        ):
            assert old in text, old
            text = text.replace(old, new)
        return import_tenant(self.engine, self.master, name=name, profile_toml=text, at=AT, actor="test")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    url = f"sqlite:///{tmp_path / 'songda.db'}"
    engine = open_database(
        Settings(home=tmp_path, database_url=url, master_key=None, master_key_file=tmp_path / "k", workers=1)
    )
    yield House(engine, LocalMasterKey(bytes(range(32))), tmp_path)
    engine.dispose()


@pytest.fixture
def case_file(tmp_path: Path) -> Path:
    write_template(tmp_path / "cases.xlsx")
    return tmp_path / "cases.xlsx"
