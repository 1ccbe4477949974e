"""A house of the invented institution, and the steps that a person takes in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from songda.base import days
from songda.base.settings import Settings
from songda.flow.approve import approve
from songda.flow.proposal import Proposal, propose
from songda.flow.run import House, Watch, take_in
from songda.flow.tenants import import_tenant
from songda.letters import new_lawyer_key
from songda.sim.case_rows import AT, DAY
from songda.store import open_database, tables
from songda.vault import LocalMasterKey

PASSWORD = "only-for-tests"
PRIVATE, PUBLIC = new_lawyer_key(PASSWORD)


@contextmanager
def opened(folder: Path, *changes: tuple[str, str]) -> Iterator[House]:
    """A house of the invented institution with `changes` to its profile."""
    url = f"sqlite:///{folder / 'songda.db'}"
    engine = open_database(
        Settings(home=folder, database_url=url, master_key=None, master_key_file=folder / "k", workers=1)
    )
    text = resources.files("songda.sim").joinpath("tenant.toml").read_text(encoding="utf-8")
    usual = (
        ("@public_key@", PUBLIC.decode()),
        ("@endpoint@", "https://carrier.invalid/open"),
        ("@sender_no@", "1100000000000"),
        ("@product@", "1"),
    )
    for old, new in (*usual, *changes):
        assert old in text, old
        text = text.replace(old, new)
    master = LocalMasterKey(bytes(range(32)))
    tenant = import_tenant(engine, master, name="bank", profile_toml=text, at=AT, actor="test")
    yield House(engine, tenant, folder, workers=1)
    engine.dispose()


def taken_in(house: House, path: Path, on: date = DAY) -> str:
    return take_in(house, path, as_of=on, drill=True, at=days.at(on, 17), watch=Watch())[0]


def proposed(house: House, batch_id: str, on: date = DAY) -> Proposal:
    return propose(house.engine, house.tenant, batch_id, lawyer_name=None, on=on)


def signed(house: House, batch_id: str, on: date = DAY) -> None:
    proposal, at = proposed(house, batch_id, on), days.at(on, 17)
    approve(house.engine, house.tenant, proposal, private_key=PRIVATE, password=PASSWORD, at=at)


def rows_of(house: House, *columns: Any, **where: Any) -> list[Any]:
    query = select(*columns).where(*(columns[0].table.c[name] == value for name, value in where.items()))
    with house.engine.connect() as connection:
        return list(connection.execute(query))


def letters(house: House, batch_id: str) -> list[Any]:
    """The letters of a batch in the order of its file; ids are random and say nothing of it."""
    t, c = tables.letter.c, tables.case.c
    row = select(func.min(c.row_no)).where(c.person_id == t.person_id, c.batch_id == batch_id).scalar_subquery()
    query = select(t.id, t.state, t.reasons, t.amount_fen, t.letter_no, t.role, t.person_id)
    with house.engine.connect() as connection:
        return list(connection.execute(query.where(t.batch_id == batch_id).order_by(row, t.role, t.id)))
