from datetime import timedelta
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


def test_3_the_same_file_from_another_institution_is_independent(house: House, case_file: Path) -> None:
    """3. Same key from another tenant: independent. (The key is the file's hash; of the API's calls: later.)"""
    one, other = house.tenant(name="one"), house.tenant(name="other")
    assert received(house, one, case_file) != received(house, other, case_file)
    assert counts(house) | {"address_record": 0} == {"batch": 2, "person": 12, "case": 12, "address_record": 0}
    with house.engine.connect() as connection:
        for name in ("person", "case"):
            t = tables.metadata.tables[name].c
            rows = connection.execute(select(t.id, t.lookup, t.tenant_id)).all()
            # Not even the blind index of a number says that both know the same person.
            assert len({row.lookup for row in rows}) == len(rows) == 12
            assert {row.tenant_id for row in rows} == {one.id, other.id}


def test_4_a_file_that_comes_again_on_another_day_is_still_recognised(house: House, case_file: Path) -> None:
    """4. Key re-used after 25 h: still recognised. (The key is the file's hash; of the API's calls: later.)"""
    tenant = house.tenant()
    first = received(house, tenant, case_file)
    before = counts(house)
    for days_later in (2, 400):
        on = DAY + timedelta(days=days_later)
        again, _ = stage.open_batch(house.engine, tenant, case_file, as_of=on, drill=True)
        assert again == first
    renamed = case_file.rename(case_file.with_name("again.xlsx"))
    assert received(house, tenant, renamed) == first
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
