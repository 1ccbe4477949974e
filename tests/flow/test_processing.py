"""The record of entrusted processing says on which terms, by whom and how much; and nobody's name."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest
from bank import opened, taken_in

from program import Desk
from songda.flow.processing import record
from songda.flow.reveal import reveal
from songda.sim.case_rows import AT, DAY, case_row, write_rows


def test_it_counts_what_was_done_and_names_no_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = case_row(1, 1)
    with opened(tmp_path) as house:
        taken_in(house, write_rows(tmp_path / "cases.csv", own, case_row(2, 2)))
        reveal(house.engine, house.tenant, case_no=own["案件编号"], field="name", purpose="delivery", by="ops-7", at=AT)
        found = record(house.engine, house.tenant, on=DAY)
        assert (found["volume"]["persons"], found["volume"]["cases"], found["volume"]["letters_posted"]) == (2, 2, 0)
        assert found["actions"] == {"person.revealed": 1}
        assert [each["role"] for each in found["processors"]] == ["law_firm", "carrier", "outsourcer"]
        assert found["terms"]["kinds"]
        assert own["姓名"] not in json.dumps(found, ensure_ascii=False)
        # Another institution of the house learns nothing of what was done for this one.
        other = record(house.engine, replace(house.tenant, id="ten_other"), on=DAY)
        assert other["actions"] == {}
        assert (other["volume"]["persons"], other["volume"]["cases"]) == (0, 0)
    monkeypatch.setenv("SONGDA_MASTER_KEY", base64.b64encode(bytes(range(32))).decode())
    desk = Desk(tmp_path)
    assert desk.json("tenant", "processing") == found | {"on": desk.json("tenant", "processing")["on"]}
    assert "为委托人制作并寄送催收函件" in desk.songda("tenant", "processing")
