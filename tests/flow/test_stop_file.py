"""Stops by the file: all lines are looked at before the first is carried out, and each is answered."""

from __future__ import annotations

from pathlib import Path

import pytest
from bank import letters, opened, taken_in

from songda.cli.stops import StopReason
from songda.dispatch import Stopped
from songda.dispatch.stops import REASONS
from songda.flow.errors import UnknownLetter
from songda.flow.stop import UnknownCase, standing_stops
from songda.flow.stop_file import REASONS_ZH, NotAStopFile, StopLine, give, read_stops
from songda.sim.case_rows import AT, case_row, write_rows
from songda.web.stops import StopAsk


def test_every_reason_has_its_word_and_is_known_at_every_door() -> None:
    assert set(REASONS_ZH.values()) == set(REASONS) == set(StopReason)
    asked = StopAsk.model_fields["reason"].annotation
    assert set(asked.__args__) == set(REASONS)  # type: ignore[union-attr]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_lines_name_a_letter_or_a_case_with_a_reason(encoding: str) -> None:
    text = "函号,案件编号,原因,全部\nLH2026-000001,,已还款,是\n,,,\n,AJ-1,bankruptcy,\n"
    assert read_stops(text.encode(encoding)) == [
        StopLine(2, "LH2026-000001", "", "paid", debtor=True),
        StopLine(4, "", "AJ-1", "bankruptcy", debtor=False),
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("函号\nA", "缺少列"),
        ("原因\npaid", "缺少列"),
        ("函号,案件编号,原因\nA,B,paid\nA,,paid", "第 2 行须有函号或案件编号"),
        ("函号,原因\nA,paid\n,paid", "第 3 行须有函号或案件编号"),
        ("函号,原因\nA,因为", "第 2 行的原因不认识"),
        ("案件编号,原因,全部\nA,paid,是", "第 2 行的“全部”"),
        ("函号,原因\n" + "A,x\n" * 30, "共 30 处"),
    ],
)
def test_a_file_with_a_faulty_line_is_refused_whole(text: str, fault: str) -> None:
    with pytest.raises(NotAStopFile) as told:
        read_stops(text.encode())
    assert fault in told.value.message_zh


def test_each_line_is_carried_out_or_answered_with_its_error(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", case_row(0, 0), case_row(1, 1)))
        first, _ = letters(house, batch)
        case_no = case_row(1, 1)["案件编号"]
        text = f"函号,案件编号,原因,全部\n{first.letter_no},,paid,\nLH1,,paid,\n,{case_no},破产,\n,AJ-0,paid,\n"
        lines = read_stops(text.encode())
        said = [give(house.engine, house.tenant, line, by="ops-7", at=AT) for line in lines]
        assert [type(each) for each in said] == [Stopped, UnknownLetter, Stopped, UnknownCase]
        with house.engine.connect() as connection:
            standing = standing_stops(connection, house.tenant)
        # Of a bankrupt nothing is demanded any more, whatever case was named.
        assert [(each.scope, each.reason) for each in standing] == [("letter", "paid"), ("person", "bankruptcy")]
