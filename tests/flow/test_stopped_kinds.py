"""Letters of several kinds looked at together: each by the rules of its own kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bank import opened
from sqlalchemy import insert

from songda.flow.stopped import who_is_stopped
from songda.sim.case_rows import DAY
from songda.store import tables


def letter(connection: Any, tenant_id: str, number: int, *, kind: str, state: str) -> str:
    person, case, of_letter = f"per_{number}", f"cas_{number}", f"ltr_{number}"
    own = {"tenant_id": tenant_id, "version": 0}
    rows: list[tuple[str, dict[str, Any]]] = [
        ("person", own | {"id": person, "lookup": f"{number:020}", "sealed": b"", "state": "active"}),
        (
            "case",
            {"id": case, "tenant_id": tenant_id, "batch_id": "bat_1", "person_id": person, "row_no": number}
            | {"lookup": f"{number:020}", "sealed": b"", "state": state, "role": "debtor", "dispute_open": False}
            | {"debtor_state": "normal", "debtor_flags": []},
        ),
        (
            "letter",
            own
            | {"id": of_letter, "batch_id": "bat_1", "person_id": person, "kind": kind, "state": "active"}
            | {"amount_fen": 1, "reasons": [], "flags": []},
        ),
        ("letter_case", {"letter_id": of_letter, "case_id": case}),
    ]
    for table, row in rows:
        columns = tables.metadata.tables[table].c
        connection.execute(insert(tables.metadata.tables[table]), {k: v for k, v in row.items() if k in columns})
    return of_letter


@pytest.mark.parametrize("court_first", [True, False])
def test_a_paid_case_is_stopped_and_a_document_without_entrustment_too(tmp_path: Path, court_first: bool) -> None:
    court, paid, going = (1, 2, 3) if court_first else (3, 1, 2)
    with opened(tmp_path) as house, house.engine.begin() as connection:
        batch = {"id": "bat_1", "tenant_id": house.tenant.id, "file_sha256": "0" * 64, "as_of": DAY}
        batch |= {"state": "decided", "version": 0, "rows": 3, "figures": {}, "drill": False}
        connection.execute(insert(tables.batch), batch)
        ids = [
            letter(connection, house.tenant.id, court, kind="court_forward", state="open"),
            letter(connection, house.tenant.id, paid, kind="lawyer_letter", state="paid"),
            letter(connection, house.tenant.id, going, kind="lawyer_letter", state="open"),
        ]
        stopped = who_is_stopped(connection, house.tenant, ids, on=DAY)
    assert {each: rules for each, (rules, _) in stopped.items()} == {ids[0]: ["L08"], ids[1]: ["S05"]}
