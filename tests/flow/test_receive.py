from pathlib import Path
from typing import Any

import pytest
from flow_house import AT, DAY, House
from sqlalchemy import func, select

from songda.flow import receive as stage
from songda.flow.sealed import open_person
from songda.flow.tenants import Tenant
from songda.store import tables


def received(house: House, tenant: Tenant, path: Path) -> str:
    batch_id, sheet = stage.open_batch(house.engine, tenant, path, as_of=DAY, drill=True)
    stage.receive(house.engine, tenant, path, batch_id=batch_id, sheet=sheet, at=AT)
    return batch_id


def counts(house: House) -> dict[str, int]:
    with house.engine.connect() as connection:
        return {
            name: connection.scalar(select(func.count()).select_from(tables.metadata.tables[name])) or 0
            for name in ("batch", "person", "case", "address_record")
        }


def test_a_case_file_becomes_sealed_persons_and_cases(house: House, case_file: Path) -> None:
    tenant = house.tenant()
    batch_id = received(house, tenant, case_file)
    assert counts(house)["case"] == 6
    with house.engine.connect() as connection:
        batch = connection.execute(select(tables.batch).where(tables.batch.c.id == batch_id)).one()
        person = connection.execute(select(tables.person)).first()
    assert batch.state == "received"
    assert batch.figures["cases"] == 6
    assert person is not None
    record = open_person(tenant.key, person.id, person.sealed)
    assert len(record["id_number"]) == 18
    assert record["addresses"]


def test_the_same_file_again_changes_nothing(house: House, case_file: Path) -> None:
    tenant = house.tenant()
    first = received(house, tenant, case_file)
    before = counts(house)
    assert received(house, tenant, case_file) == first
    assert counts(house) == before


def test_nothing_readable_about_a_person_stands_in_the_database(house: House, case_file: Path) -> None:
    tenant = house.tenant()
    received(house, tenant, case_file)
    with house.engine.connect() as connection:
        people = [open_person(tenant.key, row.id, row.sealed) for row in connection.execute(select(tables.person))]
    house.engine.dispose()
    written = b"".join(path.read_bytes() for path in house.folder.glob("songda.db*"))
    for person in people:
        needles = [person["name"], person["id_number"], *person["phones"]]
        needles += [address["text"] for address in person["addresses"].values()]
        assert not [needle for needle in needles if needle.encode() in written]


def test_12_a_run_that_broke_off_goes_on_where_it_stopped(
    house: House, case_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = received(house, house.tenant(name="whole"), case_file)
    tenant = house.tenant(name="broken")
    real = stage.read_cases

    def small_chunks(*arguments: Any, **options: Any) -> Any:
        return real(*arguments, chunk_rows=2, **options)

    def breaks_off(*arguments: Any, **options: Any) -> Any:
        for number, chunk in enumerate(small_chunks(*arguments, **options)):
            if number == 2:
                raise KeyboardInterrupt
            yield chunk

    monkeypatch.setattr(stage, "read_cases", breaks_off)
    with pytest.raises(KeyboardInterrupt):
        received(house, tenant, case_file)
    monkeypatch.setattr(stage, "read_cases", small_chunks)
    batch_id = received(house, tenant, case_file)
    with house.engine.connect() as connection:
        rows = dict(connection.execute(select(tables.batch.c.id, tables.batch.c.figures)).all())  # type: ignore[arg-type]
    assert rows[batch_id] == rows[whole]
