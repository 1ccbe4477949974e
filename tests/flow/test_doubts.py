"""A person's word about an outcome that nobody may believe unseen."""

from __future__ import annotations

from pathlib import Path

import pytest
from bank import letters, opened, rows_of, taken_in
from sqlalchemy import insert, select

from songda.dispatch import tasks
from songda.flow.doubts import NotInDoubt, accept, open_doubts
from songda.sim.case_rows import AT, case_row, write_rows
from songda.store import tables


def test_an_accepted_outcome_is_kept_in_the_audit_log_with_whoever_answers_for_it(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", case_row(0, 0), case_row(1, 1)))
        doubtful, clear = letters(house, batch)
        with house.engine.begin() as connection:
            record = connection.scalar(
                select(tables.letter.c.address_record_id).where(tables.letter.c.id == doubtful.id)
            )
            attempt = {"id": "att_1", "letter_id": doubtful.id, "n": 1, "state": "reported", "version": 0, "place": "p"}
            connection.execute(insert(tables.attempt), attempt | {"address_record_id": record})
            tasks.open_tasks(connection, tasks.OUTCOME_REVIEW, {"att_1": "signed:C signer_unchecked"}, at=AT)
        numbers = [doubtful.letter_no, clear.letter_no]
        with pytest.raises(NotInDoubt):
            accept(house.engine, house.tenant, numbers, by="ops-7", at=AT)
        (done,) = accept(house.engine, house.tenant, [doubtful.letter_no] * 2, by="ops-7", at=AT)
        assert (done.letter_no, done.outcome, done.flags) == (doubtful.letter_no, "signed:C", ("signer_unchecked",))
        k, a = tables.task.c, tables.audit.c
        assert rows_of(house, k.state, object_id="att_1") == [("done",)]
        assert rows_of(house, a.actor, a.details, action="outcome.accepted") == [
            ("ops-7", {"outcome": "signed:C", "flags": "signer_unchecked"})
        ]
        with house.engine.connect() as connection:
            assert open_doubts(connection, house.tenant) == []
        with pytest.raises(NotInDoubt):
            accept(house.engine, house.tenant, [doubtful.letter_no], by="ops-7", at=AT)
