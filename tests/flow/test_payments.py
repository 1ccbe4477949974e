"""What is paid is booked once; letters that demand it are held or stopped, wherever they are."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from bank import letters, opened, proposed, rows_of, signed
from hypothesis import given
from hypothesis import strategies as st

from songda.base import days
from songda.base.money import yuan
from songda.flow.assemble import assemble
from songda.flow.payment_file import EXAMPLE, NotAPaymentFile, PaymentLine, read_payments
from songda.flow.payments import OTHER_PAYMENT, UNKNOWN_CASE, book
from songda.flow.produce import produce
from songda.flow.run import House, Watch, take_in
from songda.sim.case_rows import AT, DAY, case_row, write_rows
from songda.store import tables

ROW = case_row(1, 1)
LATER = days.add_days(DAY, 1)


def taken_in(house: House, folder: Path, *rows: dict[str, str], on: date = DAY, name: str = "cases.csv") -> str:
    path = write_rows(folder / name, *(rows or (ROW,)))
    return take_in(house, path, as_of=on, drill=False, at=days.at(on, 17), watch=Watch())[0]


def paid(amount_fen: int, *, on: date = LATER, reference: str = "HK1", case: str = ROW["案件编号"]) -> PaymentLine:
    return PaymentLine(2, case, on, amount_fen, reference)


def owed(house: House) -> int:
    c = tables.case.c
    ((principal, interest, penalty, fees),) = rows_of(house, c.principal_fen, c.interest_fen, c.penalty_fen, c.fees_fen)
    return sum(part or 0 for part in (principal, interest, penalty, fees))


def give(house: House, *lines: PaymentLine) -> Any:
    return book(house.engine, house.tenant, lines, by="ops-7", at=days.at(LATER, 12))


def test_a_payment_is_booked_once_and_its_file_may_come_again(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        taken_in(house, tmp_path)
        first = give(house, paid(100_00), paid(200_00, reference="HK2"))
        assert (first.new, first.known, first.refused, first.settled) == (2, 0, (), 0)
        again = give(house, paid(100_00), paid(200_00, reference="HK2"))
        assert (again.new, again.known) == (0, 2)
        other = give(house, paid(150_00), paid(1, case="AJ-NOBODY", reference="HK3"))
        assert other.refused == ((2, OTHER_PAYMENT), (2, UNKNOWN_CASE))
        assert sorted(rows_of(house, tables.payment.c.amount_fen)) == [(100_00,), (200_00,)]
        assert rows_of(house, tables.audit.c.details, action="payments.booked") == [
            ({"new": 2, "known": 0, "refused": 0},)
        ]


def test_what_is_paid_in_part_holds_the_letter_until_the_file_states_the_amounts_anew(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        batch = taken_in(house, tmp_path)
        give(house, paid(100_00))
        proposal = proposed(house, batch, on=LATER)
        assert (proposal.letters, [each.reasons for each in proposal.exceptions]) == ((), [("C04",)])
        # Paid before the day of the amounts: they have it in them already.
        with house.engine.begin() as connection:
            connection.execute(tables.payment.delete())
        give(house, paid(100_00, on=days.add_days(DAY, -30), reference="HK9"))
        assert len(proposed(house, batch, on=LATER).letters) == 1


def test_what_is_paid_after_the_approval_holds_the_letter_at_the_lock(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        batch = taken_in(house, tmp_path)
        signed(house, batch)
        produce(house.engine, house.tenant, batch, home=tmp_path, workers=1, at=AT)
        give(house, paid(1))
        assert assemble(house.engine, house.tenant, batch, on=LATER, at=days.at(LATER, 17), home=tmp_path) is None
        (letter,) = letters(house, batch)
        assert (letter.state, letter.reasons) == ("held", ["C04"])


@pytest.mark.parametrize("more", [0, 1])
def test_paid_in_full_it_is_stopped_and_a_crash_before_the_stop_is_mended(tmp_path: Path, more: int) -> None:
    with opened(tmp_path) as house:
        batch = taken_in(house, tmp_path)
        whole = owed(house) + more
        give(house, paid(whole - 1 - more))
        assert [each.state for each in letters(house, batch)] == ["ready"]
        done = give(house, paid(1 + more, reference="HK2"))
        assert (done.settled, sum(done.letters.values())) == (1, 1)
        assert [each.state for each in letters(house, batch)] == ["withdrawn"]
        assert rows_of(house, tables.stop_order.c.reason) == [("paid",)]
        # Once is enough; and a stop that a crash has kept from being given is given the next time.
        assert give(house, paid(1 + more, reference="HK2")).settled == 0
        with house.engine.begin() as connection:
            connection.execute(tables.stop_order.delete())
        assert give(house, paid(1 + more, reference="HK2")).settled == 1


def test_a_reversal_takes_its_amount_back(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        batch = taken_in(house, tmp_path)
        give(house, paid(100_00), paid(-100_00, reference="HK2"))
        assert len(proposed(house, batch, on=LATER).letters) == 1


def test_no_payment_touches_another_institutions_case(tmp_path: Path) -> None:
    from dataclasses import replace

    with opened(tmp_path) as house:
        taken_in(house, tmp_path)
        other = replace(house.tenant, id="ten_other", key=house.tenant.key)
        # The ids of cases follow from the tenant's own secret; with another one they are nobody's.
        done = book(house.engine, other, [paid(1, case="AJ-OTHER")], by="ops-7", at=AT)
        assert done.refused == ((2, UNKNOWN_CASE),)


def test_the_example_is_read() -> None:
    lines = read_payments(EXAMPLE.encode("utf-8-sig"), today=date(2026, 11, 26))
    assert [line.amount_fen for line in lines] == [500_00, 1200_00, -500_00]
    assert [line.line for line in lines] == [2, 3, 4]


HEAD = "案件编号,还款日期,还款金额,流水号,类型\n"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("案件编号,还款日期\n", "缺少列 还款金额、流水号"),
        (HEAD + ",2026-11-25,1,A,\n", "第 2 行没有案件编号"),
        (HEAD + "A,2026-11-25,1,,\n", "第 2 行没有流水号"),
        (HEAD + "A,25.11.2026,1,A,\n", "第 2 行的还款日期应写成"),
        (HEAD + "A,2026-11-27,1,A,\n", "第 2 行的还款日期在今天之后"),
        (HEAD + "A,2026-11-25,1.005,A,\n", "第 2 行的还款金额不是"),
        (HEAD + "A,2026-11-25,-5,A,\n", "第 2 行的还款金额须大于零"),
        (HEAD + "A,2026-11-25,1,A,退款\n", "第 2 行的类型应为"),
        (HEAD + "A,2026-11-25,1,A,\nB,2026-11-25,1,A,\n", "第 3 行的流水号与第 2 行相同"),
        (HEAD + f"{'A' * 101},2026-11-25,1,A,\n", "第 2 行的案件编号过长"),
    ],
)
def test_a_faulty_file_is_refused_whole_and_says_where(text: str, fault: str) -> None:
    with pytest.raises(NotAPaymentFile) as caught:
        read_payments(text.encode(), today=date(2026, 11, 26))
    assert fault in caught.value.message_zh
    with pytest.raises(NotAPaymentFile, match="faults"):
        read_payments(b"\xff\xfe\x00\x81", today=date(2026, 11, 26))


@given(st.lists(st.tuples(st.integers(1, 10**12), st.booleans()), max_size=20))
def test_amounts_come_back_to_the_fen(bookings: list[tuple[int, bool]]) -> None:
    rows = [f'A,2026-11-25,"{yuan(fen)}",R{n},{"冲正" if back else "还款"}' for n, (fen, back) in enumerate(bookings)]
    lines = read_payments((HEAD + "\n".join(rows)).encode(), today=date(2026, 11, 26))
    assert [line.amount_fen for line in lines] == [-fen if back else fen for fen, back in bookings]


@given(st.binary(max_size=300))
def test_whatever_comes_is_read_or_refused(data: bytes) -> None:
    with suppress(NotAPaymentFile):
        for line in read_payments(HEAD.encode() + data, today=date(2026, 11, 26)):
            assert line.amount_fen
            assert line.paid_on <= date(2026, 11, 26)
