"""A process that reads and writes sealed records until it is told to end: `key_writer.py URL MASTER_FILE SECONDS_FRESH NUMBER`.

It takes in rejected rows and persons with keys of their own, and opens what it and the others have written. At the end it says how
much of each, as JSON; an error ends it.
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path

from sqlalchemy import insert, select

from songda.base import ids
from songda.base.settings import Settings
from songda.flow.tenants import open_tenant
from songda.store import hold_person_keys, open_database, tables
from songda.vault import keys, load_master_key


def main() -> None:
    url, file, fresh, number = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    keys._KEPT_S = fresh
    settings = Settings(home=file.parent, database_url=url, master_key=None, master_key_file=file, workers=1)
    engine, chance = open_database(settings), random.Random(number)
    tenant = open_tenant(engine, load_master_key(settings, create=False), name="bank")
    with engine.connect() as connection:
        batch = connection.scalar(select(tables.batch.c.id).where(tables.batch.c.tenant_id == tenant.id).limit(1))
    written = read = 0
    slowest = 0.0
    print("ready", flush=True)
    stop = file.parent / "stop"
    while not stop.exists():
        began = time.monotonic()
        with engine.begin() as connection:
            row_no = 1_000_000 * number + written
            sealed = tenant.key.seal(b"row", context=f"rejected:{batch}:{row_no}")
            row = {"batch_id": batch, "row_no": row_no, "codes": [], "sealed": sealed}
            connection.execute(insert(tables.rejected_row), row)
            person_id = ids.new("per")
            wrapped = hold_person_keys(connection, [person_id], make=tenant.key.new_person_key)[person_id]
            own = tenant.key.open_person_key(person_id, wrapped)
            sealed = own.seal(b"person", context=f"person:{person_id}")
            person = {"id": person_id, "tenant_id": tenant.id, "lookup": person_id, "sealed": sealed}
            connection.execute(insert(tables.person), person | {"state": "active", "version": 0})
        written += 1
        with engine.execution_options(read_only=True).connect() as connection:
            r, p = tables.rejected_row.c, tables.person.c
            rows = connection.execute(select(r).where(r.batch_id == batch).order_by(r.row_no.desc()).limit(200)).all()
            persons = connection.execute(select(p.id, p.sealed).where(p.tenant_id == tenant.id).limit(200)).all()
        for each in chance.sample(rows, min(10, len(rows))):
            tenant.key.unseal(each.sealed, context=f"rejected:{batch}:{each.row_no}")
        for each in chance.sample(persons, min(10, len(persons))):
            tenant.key.forget_person(each.id)
            tenant.key.unseal(each.sealed, context=f"person:{each.id}")
        read += 20
        slowest = max(slowest, time.monotonic() - began)
    told = {"written": 2 * written, "read": read, "version": tenant.key.version, "slowest_ms": round(1000 * slowest)}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
