"""A drill plays days that have not come: where real letters are under way, it would settle them by a stand-in's word."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import insert, update

from songda.base import days
from songda.flow.post import Carrier
from songda.flow.run import DrillBesideRealLetters, House, Watch, post_and_follow
from songda.sim.case_rows import AT, DAY
from songda.store import tables

PLAYED = Carrier(contract=None, post=None, drill=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("state", ["held", "active"])
def test_a_drill_touches_no_real_letter(database: Any, tmp_path: Any, state: str) -> None:
    with database.begin() as connection:
        connection.execute(insert(tables.tenant), {"id": "ten_1", "name": "t", "data_key": b"", "created_at": AT})
        batch = {"id": "bat_1", "tenant_id": "ten_1", "file_sha256": "0" * 64, "as_of": DAY, "state": "decided"}
        connection.execute(insert(tables.batch), batch | {"version": 0, "rows": 1, "figures": {}, "drill": False})
        person = {"id": "per_1", "tenant_id": "ten_1", "lookup": "l" * 20, "sealed": b"", "state": "active"}
        connection.execute(insert(tables.person), person | {"version": 0})
        letter = {"id": "ltr_1", "tenant_id": "ten_1", "batch_id": "bat_1", "person_id": "per_1", "state": state}
        letter |= {"kind": "lawyer_letter", "amount_fen": 1, "reasons": [], "flags": [], "version": 0}
        connection.execute(insert(tables.letter), letter)
    key = SimpleNamespace(signing_seed=lambda: bytes(32))
    profile = SimpleNamespace(timestamp=SimpleNamespace(url=None, certificate=None))
    tenant = SimpleNamespace(id="ten_1", key=key, profile=profile)
    house = House(database, tenant, tmp_path, workers=1)  # type: ignore[arg-type]
    later = days.at(days.add_days(DAY, 60), 17)
    with pytest.raises(DrillBesideRealLetters) as caught:
        post_and_follow(house, [], carrier=PLAYED, on=later.date(), at=later, watch=Watch())
    assert caught.value.data == {"count": 1}
    assert "另立一个机构" in caught.value.remedy
    with database.begin() as connection:
        connection.execute(update(tables.batch).values(drill=True))
    # Nothing real is there: it goes on.
    post_and_follow(house, [], carrier=PLAYED, on=DAY, at=AT, watch=Watch())
