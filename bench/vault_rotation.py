"""Both keys of a house are changed while four processes read and write: what fails, how long it takes, what is left under the old ones.

    .venv/bin/python bench/vault_rotation.py [--records 20000] [--writers 4] [--grace 60] [--database URL] [--out vault_rotation.json]

Half of the records are wrapped keys of persons, half are refused rows. The writers (tests/flow/key_writer.py) add one of each in a
transaction, committed to the disk, then open twenty of what lies there, and so on; they hold their keys for half a minute, as every
process of the house does. The rotation of data key and master key is repeated until both old keys are destroyed. Then every record
is opened by the new key, and tried with the old one. A writer that met an error has ended with it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert, select

from songda.base.settings import Settings
from songda.flow.rotation import rotate_data_key, rotate_master_key
from songda.flow.tenants import import_tenant, open_tenant
from songda.store import open_database, tables
from songda.vault import (
    DataKey,
    MasterKey,
    Unsealable,
    WrongMasterKey,
    load_master_key,
    open_data_key,
)

WRITER = Path(__file__).resolve().parents[1] / "tests" / "flow" / "key_writer.py"
DAY = date(2026, 11, 24)
_AT_ONCE, _FRESH_S = 5000, 30.0
_r, _k = tables.rejected_row.c, tables.person_key.c


def main() -> None:
    given = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        file = home / "keys" / "master.key"
        settings = Settings(home, given.database or f"sqlite:///{home / 'songda.db'}", None, file, 1)
        engine = open_database(settings)
        try:
            figures = _measured(engine, settings, given)
        finally:
            engine.dispose()
    print(json.dumps(figures, indent=1))
    if given.out:
        given.out.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    if figures["errors"] or figures["left_under_the_old_key"] or figures["opened_by_the_old_key"]:
        raise SystemExit("something failed, or the old key is not useless")


def _measured(engine: Engine, settings: Settings, given: Any) -> dict[str, Any]:
    master, home = load_master_key(settings), settings.home
    _populated(engine, master, given.records)
    with engine.connect() as connection:
        old_wrapped = bytes(connection.execute(select(tables.tenant.c.data_key)).scalar_one())
    old, old_file = open_data_key(master, old_wrapped), settings.master_key_file.read_bytes()
    print("populated", flush=True)

    started, began = _writers(settings, given.writers), time.monotonic()
    more: dict[str, Any] = {
        "grace": timedelta(seconds=given.grace),
        "actor": "bench",
        "clock": lambda: datetime.now(UTC),
    }
    data = rotate_data_key(engine, master, home, name="bank", **more)
    resealed, first = data.rows, time.monotonic() - began
    print(f"first call: {resealed} records in {first:.1f} s", flush=True)
    whole = rotate_master_key(engine, master, settings.master_key_file, **more)
    while not (data.destroyed and whole.destroyed):
        time.sleep(5)
        if not data.destroyed:
            data = rotate_data_key(engine, master, home, name="bank", **more)
            resealed += data.rows
        if not whole.destroyed:
            whole = rotate_master_key(engine, master, settings.master_key_file, **more)
    lasted = time.monotonic() - began
    # A little on, with the new keys alone.
    time.sleep(5)
    told, errors = _ended(settings, started)

    opened, left, by_old = _looked_through(engine, open_tenant(engine, master, name="bank").key, old)
    try:
        environ = Settings(home, settings.database_url, old_file.decode(), home / "none", 1)
        open_tenant(engine, load_master_key(environ), name="bank")
        old_file_opens = True
    except WrongMasterKey:
        old_file_opens = False
    return {
        "database": engine.dialect.name,
        "records": given.records,
        "writers": given.writers,
        "errors": errors,
        "written_meanwhile": sum(each["written"] for each in told),
        "opened_meanwhile": sum(each["read"] for each in told),
        "slowest_step_of_a_writer_ms": max(each["slowest_ms"] for each in told),
        "sealed_anew": resealed,
        "seconds_of_sealing_anew": round(first, 1),
        "sealed_anew_per_s": round(resealed / first),
        "grace_s": given.grace,
        "seconds_until_the_old_keys_were_destroyed": round(lasted, 1),
        "opened_by_the_new_key": opened,
        "left_under_the_old_key": left,
        "opened_by_the_old_key": by_old,
        "old_master_key_file_opens_the_house": int(old_file_opens),
    }


def _populated(engine: Engine, master: MasterKey, records: int) -> None:
    text = resources.files("songda.sim").joinpath("tenant.toml").read_text("utf-8")
    for name, value in (("endpoint", "https://c.invalid"), ("sender_no", "1"), ("product", "1"), ("public_key", "")):
        text = text.replace(f"@{name}@", value)
    at = datetime(2026, 11, 24, tzinfo=UTC)
    tenant = import_tenant(engine, master, name="bank", profile_toml=text, at=at, actor="bench")
    batch = {"id": "bat_1", "tenant_id": tenant.id, "file_sha256": "0", "as_of": DAY, "state": "received", "version": 0}
    with engine.begin() as connection:
        connection.execute(insert(tables.batch), batch)
    for first in range(0, records // 2, _AT_ONCE):
        numbers = range(first, min(first + _AT_ONCE, records // 2))
        rows = [
            {"batch_id": "bat_1", "row_no": n, "codes": []}
            | {"sealed": tenant.key.seal(bytes(400), context=f"rejected:bat_1:{n}")}
            for n in numbers
        ]
        names = [f"per_{n:08d}" for n in numbers]
        keys: list[dict[str, Any]] = [{"person_id": each, "wrapped": tenant.key.new_person_key(each)} for each in names]
        persons = [
            {
                "id": each["person_id"],
                "tenant_id": tenant.id,
                "lookup": each["person_id"],
                "state": "active",
                "version": 0,
            }
            | {"sealed": tenant.key.open_person_key(**each).seal(b"person", context=f"person:{each['person_id']}")}
            for each in keys
        ]
        with engine.begin() as connection:
            for table, some in ((tables.rejected_row, rows), (tables.person_key, keys), (tables.person, persons)):
                connection.execute(insert(table), some)


def _writers(settings: Settings, count: int) -> list[subprocess.Popen[str]]:
    file = settings.master_key_file
    started = [
        subprocess.Popen(
            [sys.executable, str(WRITER), settings.database_url, str(file), str(_FRESH_S), str(n + 1)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(count)
    ]
    for each in started:
        if each.stdout is None or each.stdout.readline() != "ready\n":
            raise SystemExit(f"a writer did not start: {each.communicate()[1]}")
    return started


def _ended(settings: Settings, started: list[subprocess.Popen[str]]) -> tuple[list[Any], int]:
    (settings.master_key_file.parent / "stop").touch()
    answers = [each.communicate(timeout=120) for each in started]
    for _, error in answers:
        if error:
            print(error, file=sys.stderr)
    return [json.loads(out) for out, _ in answers if out], sum(each.returncode != 0 for each in started)


def _looked_through(engine: Engine, key: DataKey, old: DataKey) -> tuple[int, int, int]:
    """How many records the new key opens, how many stand under another version, how many the old one opens."""
    opened = left = by_old = 0
    head = key.seal(b"", context="")[:4]
    for sealed, context in _records(engine):
        key.unseal(sealed, context=context)
        opened += 1
        left += sealed[:4] != head
        try:
            old.unseal(sealed, context=context)
            by_old += 1
        except Unsealable:
            pass
    return opened, left, by_old


def _records(engine: Engine) -> Iterator[tuple[bytes, str]]:
    with engine.execution_options(read_only=True).connect() as connection:
        for row in connection.execution_options(yield_per=5000).execute(select(_r.batch_id, _r.row_no, _r.sealed)):
            yield row.sealed, f"rejected:{row.batch_id}:{row.row_no}"
        for key in connection.execution_options(yield_per=5000).execute(select(_k.person_id, _k.wrapped)):
            yield key.wrapped, f"person.key:{key.person_id}"


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--grace", type=float, default=60.0, help="seconds")
    parser.add_argument("--database", help="SQLAlchemy URL of an empty database; default: SQLite")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
