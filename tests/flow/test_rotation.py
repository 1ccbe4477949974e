"""Rotation of a house's keys: while four processes read and write nothing fails, and the old keys end as useless."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bank import letters, opened, rows_of, signed, taken_in
from sqlalchemy import LargeBinary, insert, select, update

from program import Desk
from songda.base.settings import Settings
from songda.flow.press import POSTING_LIST, file_context, open_file, record_reader
from songda.flow.produce import produce
from songda.flow.resealing import PLACES, reseal
from songda.flow.rotation import OldKeyNeeded, rotate_data_key, rotate_master_key
from songda.flow.run_key import destroy_run_key, new_run_key, run_key
from songda.flow.slips import read_slip, store_slip
from songda.flow.tenants import open_tenant
from songda.sim.case_rows import AT, case_row, write_rows
from songda.store import tables
from songda.vault import (
    DataKey,
    LocalMasterKey,
    Unsealable,
    WrongMasterKey,
    key_versions,
    load_master_key,
    new_data_key,
    open_data_key,
    write_sealed,
)

MASTER = LocalMasterKey(bytes(range(32)))
HOUR = timedelta(hours=1)
WRITER = Path(__file__).with_name("key_writer.py")


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


def rotate(house: Any, clock: Clock, **more: Any) -> Any:
    given = {"name": "bank", "grace": HOUR, "actor": "ops", "clock": clock} | more
    return rotate_data_key(house.engine, MASTER, house.home, **given)


def wrapped_now(house: Any) -> bytes:
    return bytes(rows_of(house, tables.tenant.c.data_key)[0].data_key)


def test_every_binary_column_is_known_to_the_rotation() -> None:
    # A model's trees are in the clear: nothing of any person is in them.
    known = {(place.table.name, place.column) for place in PLACES} | {("tenant", "data_key"), ("model", "body")}
    columns = [column for table in tables.metadata.tables.values() for column in table.columns]
    assert known == {(each.table.name, each.name) for each in columns if isinstance(each.type, LargeBinary)}
    for place in PLACES:
        assert set(place.keys) <= set(place.table.c.keys())


@pytest.fixture
def printed(tmp_path: Path) -> Iterator[Any]:
    with opened(tmp_path) as house:
        bad = case_row(3, 3) | {"身份证号": "1"}
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", case_row(1, 1), case_row(2, 2), bad))
        signed(house, batch)
        assert produce(house.engine, house.tenant, batch, home=tmp_path, workers=1, at=AT).rendered == 2
        yield house, letters(house, batch), batch


def files_of_all_kinds(house: Any, batch: str) -> None:
    key, home, tenant = house.tenant.key, house.home, house.tenant
    life = {"version": 0, "state": "open"}
    run = {
        "id": "run_1",
        "tenant_id": tenant.id,
        "batch_id": batch,
        "number": 1,
        "day": date(2026, 11, 24),
        "pieces": 0,
    }
    with house.engine.begin() as connection:
        connection.execute(insert(tables.run), [run | life, run | life | {"id": "run_2", "number": 2}])
    (home / "runs" / "run_1").mkdir(parents=True)
    for each in ("run_1", "run_2"):
        new_run_key(tenant, each, home)
    destroy_run_key("run_2", home)
    with (home / "cases.csv").open("rb") as source:
        path = home / "runs" / "run_1" / POSTING_LIST
        write_sealed(path, source, key=key, context=file_context("run_1", POSTING_LIST))
    for path, context in (
        (home / "exchange" / f"{tenant.id}.key", "exchange-key"),
        (home / "imprints" / tenant.id / "aa.bin", "imprint:aa"),
        (home / "signatures" / tenant.id / "ff.key", "signing-key:ff"),
    ):
        path.parent.mkdir(parents=True)
        path.write_bytes(key.seal(b"kept", context=context))
    attempt = rows_of(house, tables.attempt.c.id, tables.attempt.c.segment)[0]
    signatures = (home / "letters" / attempt.segment).with_suffix(".sig")
    signatures.write_bytes(key.seal(b"kept", context=f"signatures:{attempt.segment}"))


def sealed_files(home: Path) -> list[bytes]:
    skip = {"songda.db", "songda.db-wal", "songda.db-shm", "cases.csv"}
    return [each.read_bytes() for each in home.rglob("*") if each.is_file() and each.name not in skip]


def test_everything_of_a_house_opens_after_a_rotation_and_nothing_by_the_old_key(printed: Any) -> None:
    house, _, batch = printed
    files_of_all_kinds(house, batch)
    before, clock = wrapped_now(house), Clock()
    old = open_data_key(MASTER, before)
    derived = (old.id_secret(), old.token("x"), old.blind_index("a", "b"), old.signing_seed(), old.audit_secret())
    old_head = old.seal(b"", context="")[:4]
    begun = rotate(house, clock, suite="SM4-GCM")
    assert (begun.begun, begun.destroyed) == (True, False)
    # 2 person keys, profile, approval, refused row; segment, signatures, three keys, run key, posting list.
    assert (begun.rows, begun.files) == (5, 7)
    assert key_versions(MASTER, wrapped_now(house)) == [1, 2]
    clock.now += timedelta(minutes=30)
    again = rotate(house, clock)
    assert (again.begun, again.rows, again.files, again.destroyed) == (False, 0, 0, False)
    assert again.destroy_from == begun.destroy_from
    clock.now += timedelta(minutes=31)
    assert rotate(house, clock).destroyed
    assert key_versions(MASTER, wrapped_now(house)) == [2]

    tenant = open_tenant(house.engine, MASTER, name="bank")
    key = tenant.key
    assert derived == (
        *(key.id_secret(), key.token("x"), key.blind_index("a", "b"), key.signing_seed(), key.audit_secret()),
    )
    n = tables.attempt.c
    for row in rows_of(house, n.id.label("attempt_id"), n.segment, n.offset, n.length, n.model_length):
        assert record_reader(tenant, house.home)(row).startswith(b"%PDF")
    posting = b"".join(open_file(tenant, "run_1", POSTING_LIST, home=house.home))
    assert posting == (house.home / "cases.csv").read_bytes()
    assert run_key(tenant, "run_1", house.home).version == 1
    assert not (house.home / "runs" / "run_2" / "run.key").exists()
    for place in PLACES:
        rows = rows_of(house, *(place.table.c[name] for name in (*place.keys, place.column)))
        for row in rows:
            if (sealed := row._mapping[place.column]) is not None:
                assert sealed[:4] != old_head
                key.unseal(sealed, context=place.context(row))
                with pytest.raises(Unsealable):
                    old.unseal(sealed, context=place.context(row))
    assert sealed_files(house.home)
    assert not any(data.startswith(old_head) for data in sealed_files(house.home))
    # Whoever held the key all the time goes on.
    assert house.tenant.key.unseal(key.seal(b"x", context="c"), context="c") == b"x"
    assert before not in (house.home / "songda.db").read_bytes()
    audit = [row.action for row in rows_of(house, tables.audit.c.action) if "key" in row.action]
    assert audit == ["data_key.rotated", "data_key.destroyed"]


def test_what_is_found_late_puts_the_end_off(printed: Any) -> None:
    house, _, batch = printed
    late, clock = open_data_key(MASTER, wrapped_now(house)), Clock()
    rotate(house, clock)
    sealed = late.seal(b"late", context=f"rejected:{batch}:99")
    with house.engine.begin() as connection:
        row = {"batch_id": batch, "row_no": 99, "codes": [], "sealed": sealed}
        connection.execute(insert(tables.rejected_row), row)
    clock.now += 2 * HOUR
    found = rotate(house, clock)
    assert (found.rows, found.destroyed) == (1, False)
    clock.now += HOUR
    assert rotate(house, clock).destroyed


def test_a_damaged_record_keeps_the_old_key_alive_and_is_told_of(printed: Any) -> None:
    house, _, batch = printed
    row = rows_of(house, tables.rejected_row.c.row_no, tables.rejected_row.c.sealed)[0]
    bad = update(tables.rejected_row).where(tables.rejected_row.c.row_no == row.row_no)
    with house.engine.begin() as connection:
        connection.execute(bad.values(sealed=row.sealed[:-1] + bytes([row.sealed[-1] ^ 1])))
    clock = Clock()
    with pytest.raises(OldKeyNeeded, match=f"rejected_row:{batch}:{row.row_no}"):
        rotate(house, clock)
    clock.now += 2 * HOUR
    with pytest.raises(OldKeyNeeded):
        rotate(house, clock)
    assert key_versions(MASTER, wrapped_now(house)) == [1, 2]
    with house.engine.begin() as connection:
        connection.execute(bad.values(sealed=row.sealed))
    assert not rotate(house, clock).destroyed
    clock.now += HOUR
    assert rotate(house, clock).destroyed


def test_an_erasure_meanwhile_is_not_undone(printed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    house, (letter, _), _ = printed
    own = tables.person_key.c
    real = DataKey.seal

    def erased_first(key: DataKey, plain: bytes, *, context: str) -> bytes:
        # Between reading and writing of the rotation.
        if context == f"person.key:{letter.person_id}":
            with house.engine.begin() as connection:
                gone = update(tables.person_key).where(own.person_id == letter.person_id)
                connection.execute(gone.values(wrapped=b""))
        return real(key, plain, context=context)

    monkeypatch.setattr(DataKey, "seal", erased_first)
    rotate(house, Clock())
    assert rows_of(house, own.wrapped, person_id=letter.person_id)[0].wrapped == b""


def test_a_tenants_rotation_leaves_another_tenant_alone(printed: Any) -> None:
    house, *_ = printed
    other, clock = new_data_key(MASTER), Clock()
    sealed = open_data_key(MASTER, other).seal(b"x", context="tenant:ten_2")
    row = {"id": "ten_2", "name": "two", "data_key": other, "profile": sealed, "created_at": AT}
    with house.engine.begin() as connection:
        connection.execute(insert(tables.tenant), row)
    rotate(house, clock)
    clock.now += HOUR
    assert rotate(house, clock).destroyed
    kept = rows_of(house, tables.tenant.c.data_key, tables.tenant.c.profile, id="ten_2")[0]
    assert (kept.data_key, kept.profile) == (other, sealed)


def test_a_slip_under_the_persons_own_key_needs_nothing(printed: Any) -> None:
    house, (letter, _), _ = printed
    path = store_slip(house.home, house.tenant.key.of_person(letter.person_id), "crp_aa", b"jpeg")
    before = path.read_bytes()
    rotate(house, Clock())
    assert path.read_bytes() == before
    assert read_slip(house.home, house.tenant.key, "crp_aa") == b"jpeg"


# Four processes at work


def settings_of(engine: Any, folder: Path) -> Settings:
    url = engine.url.render_as_string(hide_password=False)
    file = folder / "keys" / "master.key"
    return Settings(home=folder, database_url=url, master_key=None, master_key_file=file, workers=1)


def populated(engine: Any, settings: Settings, rows: int) -> str:
    """A tenant with a batch and refused rows; its id."""
    from flow_house import House as Flow

    flow = Flow(engine, load_master_key(settings), settings.home)
    tenant = flow.tenant(name="bank")
    batch = {"id": "bat_1", "tenant_id": tenant.id, "file_sha256": "0", "as_of": AT.date(), "state": "received"}
    sealed = [
        {
            "batch_id": "bat_1",
            "row_no": n,
            "codes": [],
            "sealed": tenant.key.seal(b"row", context=f"rejected:bat_1:{n}"),
        }
        for n in range(rows)
    ]
    with engine.begin() as connection:
        connection.execute(insert(tables.batch), batch | {"version": 0})
        connection.execute(insert(tables.rejected_row), sealed)
    return tenant.id


def writers(settings: Settings, fresh: float, count: int = 4) -> list[subprocess.Popen[str]]:
    folder = settings.master_key_file.parent
    started = [
        subprocess.Popen(
            [sys.executable, str(WRITER), settings.database_url, str(folder / "master.key"), str(fresh), str(n + 1)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(count)
    ]
    for each in started:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n", each.communicate()[1]
    return started


def ended(settings: Settings, started: list[subprocess.Popen[str]]) -> list[Any]:
    (settings.master_key_file.parent / "stop").touch()
    answers = [each.communicate(timeout=60) for each in started]
    assert [each.returncode for each in started] == [0] * len(started), answers
    return [json.loads(out) for out, _ in answers]


def test_four_writers_and_a_rotation_of_both_keys_without_an_error(database: Any, tmp_path: Path) -> None:
    settings = settings_of(database, tmp_path)
    tenant_id = populated(database, settings, 2000)
    master = load_master_key(settings)
    old_file = settings.master_key_file.read_bytes()
    with database.connect() as connection:
        old_wrapped = bytes(connection.execute(select(tables.tenant.c.data_key)).scalar_one())
    old = open_data_key(master, old_wrapped)
    started, grace = writers(settings, fresh=0.5), timedelta(seconds=3)
    given: dict[str, Any] = {"grace": grace, "actor": "ops", "clock": lambda: datetime.now(UTC)}
    deadline = time.monotonic() + 90
    done = rotate_data_key(database, master, tmp_path, name="bank", **given)
    exchanged = rotate_master_key(database, master, settings.master_key_file, **given)
    assert done.rows > 2000
    while not (done.destroyed and exchanged.destroyed):
        assert time.monotonic() < deadline
        time.sleep(0.5)
        if not done.destroyed:
            done = rotate_data_key(database, master, tmp_path, name="bank", **given)
        if not exchanged.destroyed:
            exchanged = rotate_master_key(database, master, settings.master_key_file, **given)
    # The writers go on a little with the new keys alone: by what they tell, they did.
    time.sleep(0.5)
    told = ended(settings, started)
    assert all(each["version"] == 2 and each["written"] and each["read"] for each in told)

    assert len(settings.master_key_file.read_bytes().split()) == 1
    with database.connect() as connection:
        wrapped = bytes(connection.execute(select(tables.tenant.c.data_key)).scalar_one())
        rows = connection.execute(select(tables.rejected_row)).all()
        keys = connection.execute(select(tables.person_key)).all()
    assert len(rows) == 2000 + sum(each["written"] for each in told) // 2
    # The old file opens nothing, and neither does the old data key.
    with pytest.raises(WrongMasterKey):
        open_data_key(load_master_key(_of_text(tmp_path, old_file)), wrapped)
    now = open_data_key(load_master_key(settings), wrapped)
    for row in rows:
        context = f"rejected:bat_1:{row.row_no}"
        assert now.unseal(row.sealed, context=context) == b"row"
        with pytest.raises(Unsealable):
            old.unseal(row.sealed, context=context)
    for row in keys:
        assert now.open_person_key(row.person_id, row.wrapped)
        with pytest.raises(Unsealable):
            old.open_person_key(row.person_id, row.wrapped)
    assert reseal(database, now, tmp_path, tenant_id).nothing


def _of_text(home: Path, text: bytes) -> Settings:
    return Settings(home, "sqlite://", text.decode(), home / "none", 1)


ROTATION = """
import sys; from datetime import *; from pathlib import Path
from songda.base.settings import Settings
from songda.flow.rotation import rotate_data_key
from songda.store import open_database
from songda.vault import load_master_key
url, home = sys.argv[1], Path(sys.argv[2])
settings = Settings(home, url, None, home / "keys" / "master.key", 1)
engine = open_database(settings)
print("ready", flush=True)
rotate_data_key(engine, load_master_key(settings, create=False), home, name="bank", grace=timedelta(hours=1),
    actor="ops", clock=lambda: datetime.now(UTC))
"""


def test_a_killed_rotation_is_carried_on(database: Any, tmp_path: Path) -> None:
    settings = settings_of(database, tmp_path)
    populated(database, settings, 6000)
    master, kills = load_master_key(settings), 0
    for wait in (0.0, 0.02, 0.1, 0.2):
        command = [sys.executable, "-c", ROTATION, settings.database_url, str(tmp_path)]
        program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert program.stdout is not None
        program.stdout.readline()
        time.sleep(wait)
        program.send_signal(signal.SIGKILL)
        kills += program.wait() == -signal.SIGKILL
    assert kills
    clock = Clock()
    given: dict[str, Any] = {"name": "bank", "grace": HOUR, "actor": "ops", "clock": clock}
    rotate_data_key(database, master, tmp_path, **given)
    clock.now += 2 * HOUR
    assert rotate_data_key(database, master, tmp_path, **given).destroyed
    with database.connect() as connection:
        wrapped = bytes(connection.execute(select(tables.tenant.c.data_key)).scalar_one())
        rows = connection.execute(select(tables.rejected_row)).all()
    assert key_versions(master, wrapped) == [2]
    key = open_data_key(master, wrapped)
    assert all(key.unseal(row.sealed, context=f"rejected:bat_1:{row.row_no}") == b"row" for row in rows)
    assert len(rows) == 6000


def test_from_the_command_line(tmp_path: Path) -> None:
    home = tmp_path / "home"
    settings = Settings(home, f"sqlite:///{home / 'songda.db'}", None, home / "keys" / "master.key", 1)
    from songda.store import open_database

    engine = open_database(settings)
    populated(engine, settings, 10)
    engine.dispose()
    desk = Desk(home)
    told = desk.json("secrets", "rotate", "data-key", "--suite", "SM4-GCM", "--by", "ops-7")
    assert (told["key"], told["rows"], told["destroyed"]) == ("2", 11, False)
    assert "旧密钥暂留" in desk.songda("secrets", "rotate", "data-key")
    assert "旧密钥暂留" in desk.songda("secrets", "rotate", "master-key")
    hour_ago = time.time() - 3700
    os.utime(settings.master_key_file, (hour_ago, hour_ago))
    assert "旧密钥已销毁" in desk.songda("secrets", "rotate", "master-key")
    assert desk.json("secrets", "show", "api")["secrets"]
    desk.songda("secrets", "rotate", "data-key", "--suite", "DES", rc=64)
    desk.songda("secrets", "rotate", "data-key", "--grace-minutes", "1", rc=64)
