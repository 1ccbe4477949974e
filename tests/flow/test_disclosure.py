"""What is kept about a person is told to whoever may open it, and to nobody on the way; why, to the operator without a name."""

from __future__ import annotations

import json
from pathlib import Path

import pyrage
import pytest
from bank import letters, opened, rows_of, signed, taken_in

from songda.flow.disclosure import disclose, explain
from songda.flow.handoff import BadRecipient
from songda.flow.stop import UnknownCase, stop_letter
from songda.sim.case_rows import AT, case_row, write_rows
from songda.store import tables


def test_everything_about_one_person_is_sealed_to_one_key(tmp_path: Path) -> None:
    own, other = case_row(0, 0), case_row(1, 1)
    identity = pyrage.x25519.Identity.generate()
    to = tmp_path / "told.json.age"
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", own, other))
        signed(house, batch)
        first, _ = letters(house, batch)
        stop_letter(house.engine, house.tenant, first.letter_no, reason="paid", by="ops-7", at=AT)
        asked = {"case_no": own["案件编号"], "to": to, "by": "dpo-1", "at": AT}
        with pytest.raises(UnknownCase):
            disclose(house.engine, house.tenant, **asked | {"case_no": "AN-0", "recipient": str(identity.to_public())})
        with pytest.raises(BadRecipient):
            disclose(house.engine, house.tenant, **asked, recipient="age1nobody")
        assert not to.exists()
        counts = disclose(house.engine, house.tenant, **asked, recipient=str(identity.to_public()))
        a = tables.audit.c
        assert rows_of(house, a.actor, a.details, action="person.disclosed") == [("dpo-1", counts)]
        told = json.loads(pyrage.decrypt(to.read_bytes(), [identity]))
        why = explain(house.engine, house.tenant, case_no=own["案件编号"])
    assert to.stat().st_mode & 0o777 == 0o600
    text = json.dumps(told, ensure_ascii=False)
    # All that the file said, and nothing of anybody else.
    for said in (own["姓名"], own["身份证号"], own["案件编号"], first.letter_no, "paid"):
        assert said in text
    assert told["person"]["addresses"]
    assert {each["kind"] for each in told["predictions"]} == {"address", "vitality", "sending"}
    for strange in (other["姓名"], other["身份证号"], other["案件编号"]):
        assert strange not in text
    assert own["姓名"].encode() not in to.read_bytes()
    # Why, by gate; without anybody's name.
    (letter,) = why
    assert [decision["stage"] for decision in letter["decisions"]] == ["accept", "approve", "stop"]
    assert own["姓名"] not in json.dumps(why, ensure_ascii=False)
