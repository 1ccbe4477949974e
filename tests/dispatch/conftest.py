"""A small batch of invented people in a real database, a stand-in carrier on loopback, and a desk that joins the two."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import stamina
from sqlalchemy import Engine, insert, select

from songda.base import days
from songda.base.settings import Settings
from songda.carriers import ChinaPost, ContractConfig, Party, open_http
from songda.dispatch import OrderReport, order_waybills
from songda.sim.carrier import SimContract, StandIn
from songda.store import open_database, tables
from songda.vault import DataKey, LocalMasterKey, new_data_key, open_data_key

BATCH, RUN, TENANT = "bat_1", "run_1", "ten_1"
NOON = days.at(date(2026, 11, 24), 12)
SENDER = Party(
    name="青石律师事务所",
    prov="上海市",
    city="上海市",
    county="黄浦区",
    address="测试路1号",
    phone="021-55550000",
    postcode="200001",
)


# Lets the tests import what lies beside them.
sys.path.insert(0, str(Path(__file__).parent))


def _program(name: str) -> str | None:
    newest = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return str(newest[0]) if newest else shutil.which(name)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL prefix of a throw-away server on loopback (PostgreSQL refuses to run as root, so root hands it to `postgres`)."""
    initdb, postgres = _program("initdb"), _program("postgres")
    if not (initdb and postgres):
        pytest.skip("PostgreSQL is not installed: sudo apt-get install postgresql")
    folder = Path("/tmp") / f"songda-pg-dispatch-{os.getpid()}"
    folder.mkdir(mode=0o700)
    become: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
        become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = folder / "data"
    make = [*become, initdb, "-D", data, "-U", "songda", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(make, check=True, capture_output=True)
    settings = ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
    server = subprocess.Popen(
        [*become, postgres, "-D", data, "-p", str(port), "-k", folder, *settings],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    ready = [_program("pg_isready") or "pg_isready", "-h", "127.0.0.1", "-p", str(port), "-t", "1"]
    for _ in range(120):
        if subprocess.run(ready, check=False, capture_output=True).returncode == 0:
            break
        assert server.poll() is None, "PostgreSQL ended at once"
        subprocess.run(["sleep", "0.25"], check=True)
    else:
        pytest.fail("PostgreSQL did not start")
    yield f"postgresql+psycopg://songda@127.0.0.1:{port}"
    server.terminate()
    server.wait(30)
    shutil.rmtree(folder, ignore_errors=True)


def new_database(server: str, nodeid: str) -> str:
    """URL of an empty database for one test."""
    import psycopg

    name = f"t{hashlib.sha256(nodeid.encode()).hexdigest()[:16]}"
    with psycopg.connect(f"{server.replace('+psycopg', '')}/postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    return f"{server}/{name}"


@pytest.fixture(autouse=True)
def _no_waiting_between_tries() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1):
        yield


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """SQLite, or what the test's `database` parameter says (see `posted.BOTH`)."""
    url = f"sqlite:///{tmp_path / 'songda.db'}"
    if getattr(request, "param", "sqlite") == "postgresql":
        url = new_database(request.getfixturevalue("postgres_server"), request.node.nodeid)
    settings = Settings(home=tmp_path, database_url=url, master_key=None, master_key_file=tmp_path / "key", workers=1)
    engine = open_database(settings)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def wrapped_key() -> bytes:
    return new_data_key(LocalMasterKey(bytes(range(32))))


@pytest.fixture(scope="session")
def key(wrapped_key: bytes) -> DataKey:
    return open_data_key(LocalMasterKey(bytes(range(32))), wrapped_key)


@dataclass(frozen=True)
class Desk:
    """The dispatch desk of one tenant, with whatever carrier its test wants."""

    database: Engine
    key: DataKey
    stand_in: StandIn
    post: ChinaPost
    contract: ContractConfig

    def order(self, **changes: Any) -> OrderReport:
        settings: dict[str, Any] = {
            "batch_id": BATCH,
            "key": self.key,
            "post": self.post,
            "contract": self.contract,
            "sender": SENDER,
            "at": NOON,
            "threads": 2,
        }
        return order_waybills(self.database, **settings | changes)

    def column(self, table: str, *names: str) -> list[Any]:
        """Columns of all rows, in the order of ids."""
        t = tables.metadata.tables[table]
        (first,) = t.primary_key.columns
        with self.database.connect() as connection:
            rows = connection.execute(select(*(t.c[name] for name in names)).order_by(first)).all()
        return [row[0] if len(names) == 1 else tuple(row) for row in rows]

    def change(self, table: str, where: str | None = None, **values: Any) -> None:
        t = tables.metadata.tables[table]
        (first,) = t.primary_key.columns
        with self.database.begin() as connection:
            update = t.update().values(**values)
            connection.execute(update if where is None else update.where(first == where))

    @property
    def duplicates(self) -> int:
        found: int = self.stand_in.stats()["duplicates"]
        return found


@pytest.fixture
def open_desk(database: Engine, key: DataKey) -> Iterator[Callable[..., Desk]]:
    """`open_desk(number_range=…)`: a stand-in of that contract, and a desk that works with it."""
    with ExitStack() as stack:

        def start(*, client: dict[str, Any] | None = None, courier: Any = None, **contract: Any) -> Desk:
            extra = {} if courier is None else {"courier": courier}
            sim = SimContract(starts_at=NOON, **contract)
            stand_in = stack.enter_context(StandIn(sim, **extra))
            config = ContractConfig(**{"timeout_s": 1.0} | stand_in.settings() | (client or {}))
            http = stack.enter_context(open_http(config))
            return Desk(database, key, stand_in, ChinaPost(config, http), config)

        yield start


@pytest.fixture
def fill(database: Engine, key: DataKey) -> Callable[..., None]:
    """`fill(3)`: a batch of three letters about three people, printed into one open run."""

    def write(count: int, *, letter: dict[str, Any] | None = None) -> None:
        with database.begin() as connection:
            _frame(connection, count)
            for number in range(1, count + 1):
                _letter(connection, key, number, letter or {})

    return write


def _frame(connection: Any, count: int) -> None:
    connection.execute(insert(tables.tenant), {"id": TENANT, "name": "t", "data_key": b"", "created_at": NOON})
    connection.execute(
        insert(tables.batch),
        {"id": BATCH, "tenant_id": TENANT, "file_sha256": "0" * 64, "as_of": NOON.date(), "state": "decided"}
        | {"rows": count, "figures": {}},
    )
    connection.execute(
        insert(tables.run),
        {"id": RUN, "tenant_id": TENANT, "batch_id": BATCH, "number": 1, "day": NOON.date(), "state": "open"}
        | {"pieces": count},
    )


def _letter(connection: Any, key: DataKey, number: int, changes: dict[str, Any]) -> None:
    no = f"{number:03d}"
    person, case, address = f"per_{no}", f"cas_{no}", f"adr_{no}"
    record = {
        "name": f"柳如烟{chr(0x4E00 + number)}",
        "id_number": "",
        "phones": [f"139{number:08d}"],
        "addresses": {
            address: {
                "text": "",
                "province": "浙江省",
                "city": "杭州市",
                "district": "西湖区",
                "town": None,
                "standard": f"浙江省杭州市西湖区文一路{number}号2幢3单元401室",
                "label": [],
                "postcode": "310012",
            }
        },
    }
    sealed = key.seal(json.dumps(record).encode(), context=f"person:{person}")
    life = {"version": 0}
    rows: list[tuple[str, dict[str, Any]]] = [
        ("person", {"id": person, "lookup": no * 10, "sealed": sealed, "state": "active", "tenant_id": TENANT}),
        (
            "case",
            {"id": case, "tenant_id": TENANT, "batch_id": BATCH, "person_id": person, "row_no": number}
            | {"lookup": no * 10, "sealed": b"", "product": "consumer_loan"},
        ),
        (
            "address_record",
            {"id": address, "person_id": person, "case_id": case, "ordinal": 1, "origin": "debtor_update"},
        ),
        (
            "letter",
            {"id": f"ltr_{no}", "tenant_id": TENANT, "batch_id": BATCH, "person_id": person, "kind": "lawyer_letter"}
            | {"letter_no": f"QS2026-{no}", "state": "active", "amount_fen": 100, "reasons": [], "flags": []}
            | changes,
        ),
        ("letter_case", {"letter_id": f"ltr_{no}", "case_id": case}),
        (
            "attempt",
            {"id": f"att_{no}", "letter_id": f"ltr_{no}", "n": 1, "state": "locked", "address_record_id": address}
            | {"place": "p", "weight_g": 18},
        ),
        (
            "piece",
            {"id": f"pie_{no}", "attempt_id": f"att_{no}", "run_id": RUN, "copy": 1, "seq": number, "state": "queued"}
            | {"order_no": f"att_{no}-1"},
        ),
    ]
    for table, row in rows:
        target = tables.metadata.tables[table]
        connection.execute(insert(target), (life if "version" in target.c else {}) | row)


@pytest.fixture
def house(database: Engine, key: DataKey, fill: Callable[..., None]) -> Any:
    """The desk after printing: letters in their envelopes, no carrier needed."""
    from posted import House

    return House(database, key, fill)
