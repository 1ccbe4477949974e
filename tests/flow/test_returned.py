"""Closed envelopes that came back become facts: the letter ends as returned, a refusal as a refusal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from bank import letters, opened, rows_of, signed, taken_in

from songda.base import days
from songda.cli.drill import join, open_stand_in
from songda.flow.returned import ANSWERS_ZH, NotAReturnsFile, take_returned
from songda.flow.run import House, Watch, make_runs, post_and_follow
from songda.sim.case_rows import DAY, case_row, write_rows
from songda.store import tables

HEAD = "邮件号,退回原因,退回日期\r\n"
LATER = DAY + timedelta(days=9)


@dataclass
class Back:
    house: House
    batch: str
    waybills: list[str]

    def take(self, *lines: str) -> list[tuple[str, str]]:
        data = (HEAD + "\r\n".join(lines)).encode("gb18030")
        answers = take_returned(self.house.engine, self.house.tenant, data, at=days.at(LATER, 15))
        return [(each.code, each.address) for each in answers]


@pytest.fixture(scope="module")
def back(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Back]:
    """Four letters that were posted, of which the carrier never tells anything more; three come back."""
    folder = tmp_path_factory.mktemp("house")
    rows = [case_row(n, n, 剩余本金=str(20000 + n), 放款金额="60000") for n in range(4)]
    with (
        opened(folder) as house,
        open_stand_in(house, seed=1, starts_at=days.at(DAY, 8)) as post,
        join(post) as carrier,
    ):
        batch = taken_in(house, write_rows(folder / "cases.csv", *rows))
        signed(house, batch)
        at = days.at(DAY, 17)
        make_runs(house, batch, carrier=carrier, on=DAY, at=at, watch=Watch())
        post_and_follow(house, [batch], carrier=carrier, on=DAY, at=at, watch=Watch())
        p = tables.piece.c
        back = Back(house, batch, [row.waybill_no for row in rows_of(house, p.waybill_no, state="handed_over")])
        gone, refused, unclaimed, _ = back.waybills
        assert back.take(
            f"{gone},查无此人,{LATER}", f"{refused},拒收,{LATER}", f"{unclaimed.lower()},逾期未领,{LATER}"
        ) == [("taken", "bad"), ("taken", "good"), ("taken", "open")]
        # The stand-in stays silent: its clock stands still.
        post_and_follow(house, [batch], carrier=carrier, on=LATER, at=days.at(LATER, 17), watch=Watch())
        yield back


def test_what_came_back_settles_as_returned_and_a_refusal_as_refused(back: Back) -> None:
    n, p = tables.attempt.c, tables.piece.c
    attempt_of = {row.waybill_no: row.attempt_id for row in rows_of(back.house, p.waybill_no, p.attempt_id)}
    grades = {row.id: (row.state, row.grade) for row in rows_of(back.house, n.id, n.state, n.grade)}
    gone, refused, unclaimed, other = (grades[attempt_of[number]] for number in back.waybills)
    assert (gone, refused, unclaimed) == (("settled", "E"), ("settled", "D"), ("settled", "E"))
    assert other[0] != "settled"
    assert len(letters(back.house, back.batch)) == 4


def test_a_file_may_come_twice(back: Back) -> None:
    gone, refused, *_ = back.waybills
    again = back.take(f"{gone},查无此人,{LATER}", f"{refused},拒收,{LATER}")
    assert again == [("repeated", "bad"), ("repeated", "good")]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("12 34,查无此人,{day}", "no_number"),
        ("9999999999999,查无此人,{day}", "unknown_number"),
        ("{number},不想要,{day}", "reason"),
        ("{number},查无此人,昨天", "no_date"),
        ("{number},查无此人,2026-11-24", "date"),
        ("{number},查无此人,2027-01-01", "date"),
    ],
)
def test_a_line_that_cannot_be_taken_says_which_column_and_why(back: Back, line: str, code: str) -> None:
    assert back.take(line.format(number=back.waybills[3], day=LATER)) == [(code, "")]
    assert "未登记" in ANSWERS_ZH[code]


def test_a_file_without_its_columns_is_refused(back: Back) -> None:
    with pytest.raises(NotAReturnsFile, match="退回原因"):
        take_returned(back.house.engine, back.house.tenant, "邮件号\n1\n".encode(), at=days.at(LATER))
