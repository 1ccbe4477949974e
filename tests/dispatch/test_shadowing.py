"""Another table of codes, run beside the one in force over facts in a real database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from posted import BOTH, TENANT, after

from songda.carriers import load_mapping, load_own_mapping, shipped_codes
from songda.dispatch import parked_codes, shadow

HEAD = shipped_codes().splitlines()[0] + "\n"
TRANSIT = ((0, 19, "203"), (1, 3, "954"), (2, 7, "306"))


@pytest.fixture
def other(tmp_path: Path) -> Any:
    own = tmp_path / "own.csv"
    own.write_text(
        HEAD + "V_704,,signed_unclear,,fine,妥投,附件三,carrier,\n704,70,left_somewhere,,fine,x,t,one,\n", "utf-8"
    )
    return load_own_mapping(own)


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_53_a_shadow_run_lists_what_would_change_and_writes_nothing(house: Any, other: Any) -> None:
    house.posted(4)
    house.tell(1, *TRANSIT, (2, 11, "704:10"))
    house.tell(2, *TRANSIT, (2, 11, "704:70"))
    house.tell(3, *TRANSIT, (2, 11, "V_704"))
    house.settle(6)
    before = [house.attempt(number) for number in (1, 2, 3, 4)]
    decisions = len(house.rows("decision", "id"))

    changes = list(shadow(house.database, tenant_id=TENANT, mapping=load_mapping(), other=other, at=after(6)))
    assert [(c.letter_id, c.state, c.before, c.after) for c in changes] == [
        ("ltr_002", "settled", "signed:C", "stored:C"),
        ("ltr_003", "carried", "at_office:-", "signed:C"),
    ]
    assert (changes[1].parked_before, changes[1].parked_after) == (("unknown_code:V_704",), ())
    assert [house.attempt(number) for number in (1, 2, 3, 4)] == before
    assert len(house.rows("decision", "id")) == decisions


def test_52_unknown_codes_are_counted_and_a_replay_under_the_new_table_settles_them(house: Any, other: Any) -> None:
    house.posted(3)
    for number in (1, 2):
        house.tell(number, *TRANSIT, (2, 11, "V_704"))
    house.tell(3, *TRANSIT)
    house.settle(3)
    assert parked_codes(house.database, tenant_id=TENANT, mapping=load_mapping(), at=after(3)) == {"V_704": 2}
    assert house.settle(3, mapping=other).reported == 2
    assert parked_codes(house.database, tenant_id=TENANT, mapping=other, at=after(3)) == {}
    assert house.tasks("events_parked") == [("dropped", "unknown_code:V_704")] * 2


def test_the_same_table_changes_nothing(house: Any) -> None:
    house.posted(1)
    house.tell(1, *TRANSIT, (2, 11, "704:20"))
    same = load_mapping()
    assert list(shadow(house.database, tenant_id=TENANT, mapping=same, other=same, at=after(6))) == []


def test_another_tenants_letters_are_not_looked_at(house: Any, other: Any) -> None:
    house.posted(1)
    house.tell(1, *TRANSIT, (2, 11, "V_704"))
    assert list(shadow(house.database, tenant_id="ten_2", mapping=load_mapping(), other=other, at=after(6))) == []
