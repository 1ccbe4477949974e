"""What waits for a person is listed by what people know it by, and written off where only a person knows."""

from __future__ import annotations

from pathlib import Path

import pytest
from bank import letters, opened, rows_of, taken_in
from sqlalchemy import insert, select

from songda.dispatch import tasks as dispatch_tasks
from songda.flow import recipients, signatures, stamps
from songda.flow.tasks import EndsWithItsCause, UnknownTask, finish, kinds, open_tasks
from songda.sim.case_rows import AT, case_row, write_rows
from songda.store import tables


def test_every_kind_that_is_opened_has_its_words_and_what_to_do() -> None:
    opened_kinds = {value for name, value in vars(dispatch_tasks).items() if name.isupper() and isinstance(value, str)}
    assert opened_kinds | {signatures.UNSIGNED, stamps.UNSTAMPED, recipients.RECIPIENT_ANSWERED} <= set(kinds())
    assert all(kind.zh and kind.remedy for kind in kinds().values())


def test_tasks_are_told_by_letter_waybill_and_run_and_only_those_a_person_knows_are_written_off(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", case_row(0, 0)))
        (letter,) = letters(house, batch)
        own = {"state": "posted", "version": 0}
        with house.engine.begin() as connection:
            own_letter, t = tables.letter.c, tables.task.c
            record = connection.scalar(select(own_letter.address_record_id).where(own_letter.id == letter.id))
            attempt = own | {"id": "att_1", "letter_id": letter.id, "n": 1, "place": "p", "address_record_id": record}
            connection.execute(insert(tables.attempt), attempt)
            run = own | {"tenant_id": house.tenant.id, "batch_id": batch, "number": 7, "day": AT.date(), "pieces": 1}
            connection.execute(insert(tables.run), run | {"id": "run_1"})
            piece = own | {"id": "pce_1", "attempt_id": "att_1", "copy": 1, "order_no": "1-1", "waybill_no": "98"}
            connection.execute(insert(tables.piece), piece)
            # Three of the house, two of somebody else.
            for object_id in ("pce_1", "run_1", house.tenant.id, "ten_other", "ltr_other"):
                dispatch_tasks.open_tasks(connection, dispatch_tasks.WAYBILL_UNUSED, {object_id: "unused"}, at=AT)
            dispatch_tasks.open_tasks(connection, dispatch_tasks.OUTCOME_REVIEW, {"att_1": "signed:C x"}, at=AT)
        with house.engine.connect() as connection:
            found = open_tasks(connection, house.tenant)
            (doubt,) = open_tasks(connection, house.tenant, kind="outcome_review")
        unused = [(each.letter_no, each.waybill_no, each.run_number) for each in found if each is not doubt][:3]
        assert set(unused) == {(letter.letter_no, "98", None), (None, None, 7), (None, None, None)}
        assert (doubt.letter_no, doubt.since, doubt.reason) == (letter.letter_no, AT.date(), "signed:C x")
        unknown = rows_of(house, t.id, object_id="ltr_other")[0][0]
        for wrong, error in ((doubt.id, EndsWithItsCause), (unknown, UnknownTask)):
            with pytest.raises(error):
                finish(house.engine, house.tenant, [found[0].id, wrong], by="ops-7", at=AT)
        assert rows_of(house, t.state) == [("open",)] * 6
        ours = [each.id for each in found if each.kind == "waybill_unused"]
        assert len(finish(house.engine, house.tenant, [*ours, *ours], by="ops-7", at=AT)) == 3
        a = tables.audit.c
        details = {"kind": "waybill_unused", "reason": "unused"}
        assert rows_of(house, a.actor, a.details, action="task.done") == [("ops-7", details)] * 3
        with house.engine.connect() as connection:
            assert [each.id for each in open_tasks(connection, house.tenant)] == [doubt.id]
