"""The whole way, stage by stage, on a case file of a few rows."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import place_courier
import pytest
from bank import PASSWORD, PRIVATE, letters, opened, proposed, rows_of, signed, taken_in
from sqlalchemy import func, select

from songda.base import days
from songda.cli.drill import join, open_stand_in
from songda.flow.approve import approve
from songda.flow.compose import Wanted, compose
from songda.flow.outputs import decisions_csv
from songda.flow.press import read_manifest
from songda.flow.proposal import DailyCapacityReached
from songda.flow.run import House, Watch, make_runs, post_and_follow
from songda.sim.case_rows import AT, DAY, FIRST_PLACE, SECOND_PLACE, VAGUE_PLACE, case_row, id_number, write_rows
from songda.store import tables

#: What the dearest letter costs that the budget reckons with (products.toml).
PRICE_FEN = 2000


def reasons(house: House, batch_id: str) -> dict[int, list[str]]:
    """Amount of the letter (one of its kind in these tests) → why it is where it is."""
    found = {letter.amount_fen: [letter.state, *letter.reasons] for letter in letters(house, batch_id)}
    assert len(found) == len(letters(house, batch_id))
    return found


def sized(count: int, *, first: int = 0, **changes: Any) -> list[dict[str, str]]:
    """Debtors who owe 20 000, 21 000, 22 000 … yuan."""
    return [
        case_row(person, person, 剩余本金=str(20000 + 1000 * person), 放款金额="60000", **changes)
        for person in range(first, first + count)
    ]


# Reading and deciding


def test_13_the_same_file_again_is_the_same_batch_and_nothing_new(tmp_path: Path) -> None:
    file = write_rows(tmp_path / "cases.csv", *sized(3), case_row(4, 4, 金额截止日=""))
    with opened(tmp_path) as house:

        def counts() -> dict[str, int]:
            with house.engine.connect() as connection:
                return {
                    name: connection.scalar(select(func.count()).select_from(table)) or 0
                    for name, table in tables.metadata.tables.items()
                    if name != "audit"
                }

        batch = taken_in(house, file)
        before, stood = counts(), letters(house, batch)
        assert before["letter"] == 3 + 1 - before["rejected_row"]
        assert taken_in(house, file) == batch
        assert taken_in(house, file.rename(tmp_path / "renamed.csv"), DAY + timedelta(days=1)) == batch
        assert counts() == before
        assert letters(house, batch) == stood


def test_the_capacity_of_a_day_is_shared_by_its_batches(tmp_path: Path) -> None:
    with opened(tmp_path, ("max_letters_per_day = 100000", "max_letters_per_day = 3")) as house:
        first = taken_in(house, write_rows(tmp_path / "1.csv", *sized(2)))
        second = taken_in(house, write_rows(tmp_path / "2.csv", *sized(3, first=2)))
        assert Counter(each.state for each in letters(house, first)) == {"ready": 2}
        # The largest amount takes the place that is left.
        assert reasons(house, second) == {
            2_400_000: ["ready", "chosen"],
            2_300_000: ["not_sent", "over_capacity"],
            2_200_000: ["not_sent", "over_capacity"],
        }
        third = taken_in(house, write_rows(tmp_path / "3.csv", *sized(2, first=5)))
        assert {each.state for each in letters(house, third)} == {"not_sent"}
        assert taken_in(house, tmp_path / "1.csv") == first
        assert Counter(each.state for each in letters(house, first)) == {"ready": 2}
        # Another day has a capacity of its own.
        other = taken_in(house, write_rows(tmp_path / "4.csv", case_row(7, 7)), DAY + timedelta(days=1))
        assert [each.state for each in letters(house, other)] == ["ready"]


@pytest.mark.parametrize(("per_day", "second_day"), [(3, 0), (4, 1)])
def test_letters_that_waited_for_the_lawyer_take_their_place_in_the_day(
    tmp_path: Path, per_day: int, second_day: int
) -> None:
    next_day = DAY + timedelta(days=1)
    with opened(tmp_path, ("max_letters_per_day = 100000", f"max_letters_per_day = {per_day}")) as house:
        first = taken_in(house, write_rows(tmp_path / "1.csv", *sized(3)))
        second = taken_in(house, write_rows(tmp_path / "2.csv", *sized(3, first=3)), next_day)
        assert len(letters(house, first)) == len(letters(house, second)) == 3
        signed(house, first, next_day)
        if second_day:
            assert (len(proposed(house, second, next_day).letters), proposed(house, second, next_day).waiting) == (1, 2)
            signed(house, second, next_day)
        with pytest.raises(DailyCapacityReached):
            proposed(house, second, next_day)
        t = tables.letter.c
        assert len(rows_of(house, t.id, letter_date=next_day, state="approved")) == per_day
        signed(house, second, next_day + timedelta(days=1))
        assert {each.state for each in letters(house, second)} == {"approved"}


@pytest.mark.parametrize(("left_fen", "ready"), [(0, 2), (-1, 1), (PRICE_FEN - 1, 2), (PRICE_FEN, 3)])
def test_the_budget_ends_the_list_at_the_fen(tmp_path: Path, left_fen: int, ready: int) -> None:
    budget = 2 * PRICE_FEN + left_fen
    with opened(tmp_path, ("max_fen_per_run = 1000000000", f"max_fen_per_run = {budget}")) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", *sized(4)))
        found = reasons(house, batch)
        sent = [amount for amount, why in found.items() if why[0] == "ready"]
        assert sorted(sent, reverse=True) == sorted(found, reverse=True)[:ready]
        assert {tuple(why) for amount, why in found.items() if amount not in sent} == {("not_sent", "over_budget")}


def test_cases_of_one_debtor_are_lines_of_one_letter_and_roles_are_not_mixed(tmp_path: Path) -> None:
    mine = [
        case_row(0, 1, 剩余本金="20000.10", 放款金额="60000"),
        case_row(0, 2, 剩余本金="300.05", 利息="1.23", 罚息="0.07", 费用="0", 放款金额="400"),
        case_row(0, 3, 剩余本金="5000", 收件人身份="担保人", 地址1归属="担保人"),
    ]
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", *mine, case_row(1, 4, 剩余本金="7000")))
        found = {each.amount_fen: each for each in letters(house, batch)}
        assert set(found) == {2_000_010 + 30_135, 500_000, 700_000}
        merged, guarantee = found[2_000_010 + 30_135], found[500_000]
        assert merged.person_id == guarantee.person_id
        assert (merged.role, guarantee.role) == ("debtor", "guarantor")
        assert {each.state for each in found.values()} == {"ready"}
        signed(house, batch)
        (lawyer,) = house.tenant.profile.lawyers
        record = tables.letter.c.address_record_id
        ((address,),) = rows_of(house, record, id=merged.id)
        with house.engine.connect() as connection:
            wanted = [Wanted(merged.id, 1, address)]
            (draft,) = compose(connection, house.tenant, wanted, lawyer=lawyer, on=DAY, drill=True)
        assert draft.content is not None
        assert [line.total_fen for line in draft.content.lines] == [2_000_010, 30_135]
        assert draft.content.total_fen == merged.amount_fen


def test_every_letter_that_is_not_sent_says_why_in_chinese(tmp_path: Path) -> None:
    rows = [
        *sized(4),
        case_row(4, 4, 剩余本金="900"),
        case_row(5, 5, 有无争议="是"),
        case_row(6, 6, places=(VAGUE_PLACE,)),
        case_row(7, 7, 剩余本金="30000"),
        case_row(7, 8, 剩余本金="31000", 姓名="另一人"),
    ]
    limits = (
        ("max_fen_per_run = 1000000000", f"max_fen_per_run = {2 * PRICE_FEN}"),
        ("max_letters_per_day = 100000", "max_letters_per_day = 3"),
    )
    with opened(tmp_path, *limits) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", *rows))
        found = Counter(reason for each in letters(house, batch) for reason in each.reasons)
        assert {"below_minimum", "over_budget", "over_capacity", "address_not_deliverable", "name_conflict"} <= set(
            found
        )
        proposal = proposed(house, batch)
        number = proposal.letters[0].letter_no
        approve(
            house.engine,
            house.tenant,
            proposal,
            private_key=PRIVATE,
            password=PASSWORD,
            at=AT,
            pulled={number: "律师认为金额存疑"},
        )
        unsent = [each for each in letters(house, batch) if each.state in ("not_sent", "held")]
        last: dict[str, dict[str, str]] = {}
        rows_said = csv.DictReader(io.StringIO(decisions_csv(house.engine, house.tenant, batch)))
        for row in sorted(rows_said, key=lambda row: ["accept", "approve"].index(row["环节"])):
            last[row["对象"]] = row
        assert {each.state for each in unsent} == {"not_sent", "held"}
        for letter in unsent:
            row = last[letter.id]
            assert row["结论"] == letter.state
            assert row["理由代码"] == " ".join(letter.reasons) != ""
            assert row["理由"] not in ("", row["理由代码"])
            assert all("\u4e00" <= why[0] <= "\u9fff" for why in row["理由"].split("；")), row["理由"]
        assert not [row for row in last.values() if "另一人" in str(row)]


# Two names under one ID number


def two_names(tmp_path: Path) -> tuple[Path, Path]:
    """The case of a debtor, and a second file in which another name bears the same ID number."""
    first = write_rows(tmp_path / "1.csv", case_row(0, 0), case_row(1, 1))
    second = write_rows(tmp_path / "2.csv", case_row(2, 2, 身份证号=id_number(0)), case_row(3, 3))
    return first, second


def held_for_the_name(house: House, batch: str) -> None:
    found = letters(house, batch)
    assert Counter(each.state for each in found if "name_conflict" in each.reasons) == {"held": 1}
    assert len(found) == 2
    assert "同一证件号对应两个姓名" in decisions_csv(house.engine, house.tenant, batch)


def test_two_names_under_one_id_number_are_held(tmp_path: Path) -> None:
    rows = [case_row(0, 0), case_row(2, 2, 身份证号=id_number(0)), case_row(3, 3)]
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", *rows))
        held_for_the_name(house, batch)
        signed(house, batch)
        held_for_the_name(house, batch)
        assert Counter(each.state for each in letters(house, batch)) == {"held": 1, "approved": 1}


def test_a_second_name_that_comes_before_the_lawyer_signs_holds_the_letter(tmp_path: Path) -> None:
    first, second = two_names(tmp_path)
    with opened(tmp_path) as house:
        batch = taken_in(house, first)
        assert {each.state for each in letters(house, batch)} == {"ready"}
        taken_in(house, second)
        signed(house, batch)
        held_for_the_name(house, batch)


def test_a_second_name_that_comes_after_the_lawyer_signed_holds_the_letter(tmp_path: Path) -> None:
    first, second = two_names(tmp_path)
    with opened(tmp_path) as house, open_stand_in(house, seed=1) as post, join(post) as carrier:
        batch = taken_in(house, first)
        signed(house, batch)
        taken_in(house, second)
        make_runs(house, batch, carrier=carrier, on=DAY, at=AT, watch=Watch())
        held_for_the_name(house, batch)
        assert post.stats()["orders"] == 1


# Printing, posting, following


@dataclass(frozen=True)
class Played:
    house: House
    batch: str
    #: Numbers of the waybills that were handed over.
    taken: list[str]
    stats: dict[str, Any]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Five debtors; what goes to the first place comes back, what goes to the second is signed for."""
    folder, taken = tmp_path_factory.mktemp("house"), list[str]()
    rows = [case_row(n, n, places=(FIRST_PLACE, FIRST_PLACE, SECOND_PLACE)) for n in range(3)]
    rows += [case_row(3, 3, places=(FIRST_PLACE,)), case_row(4, 4, places=(SECOND_PLACE,))]
    with pytest.MonkeyPatch.context() as patch, opened(folder) as house:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))
        with (
            open_stand_in(house, seed=1, courier=place_courier.courier, starts_at=days.at(DAY, 8)) as post,
            join(post) as joined,
        ):

            def take(waybills: Sequence[str], at: datetime) -> None:
                taken.extend(waybills)
                assert joined.take is not None
                joined.take(waybills, at)

            carrier = replace(joined, take=take)
            batch = taken_in(house, write_rows(folder / "cases.csv", *rows))
            signed(house, batch)
            for number in range(0, 80, 8):
                on = DAY + timedelta(days=number)
                at = days.at(on, 17)
                post.advance(to=at)
                make_runs(house, batch, carrier=carrier, on=on, at=at, watch=Watch())
                post_and_follow(house, [batch], carrier=carrier, on=on, at=at, watch=Watch())
            stats = post.stats()
        yield Played(house, batch, taken, stats)


def attempts(played: Played) -> dict[str, list[Any]]:
    n = tables.attempt.c
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows_of(played.house, n.letter_id, n.n, n.place, n.address_record_id, n.state, n.grade, n.posted_on):
        found[row.letter_id].append(row)
    return {letter: sorted(rows, key=lambda row: row.n) for letter, rows in found.items()}


def test_a_second_attempt_goes_to_another_place(played: Played) -> None:
    again = [rows for rows in attempts(played).values() if len(rows) > 1]
    assert len(again) == 3
    for rows in again:
        first, second = rows
        assert (first.n, second.n) == (1, 2)
        assert first.place != second.place
        assert first.address_record_id != second.address_record_id
        assert first.grade in ("E", "F")
        assert second.grade == "A1"
        assert second.posted_on > first.posted_on
    assert len(attempts(played)) == 5


def test_what_came_back_from_the_only_place_is_not_sent_there_again(played: Played) -> None:
    lone = {rows[0].grade for rows in attempts(played).values() if len(rows) == 1}
    assert lone in ({"A1", "E"}, {"A1", "F"})
    assert len(played.taken) == 5 + 3


def test_the_manifests_list_the_pieces_that_were_posted(played: Played) -> None:
    r, p = tables.run.c, tables.piece.c
    runs = rows_of(played.house, r.id, r.state, r.pieces, r.manifest_sha256, batch_id=played.batch)
    assert len(runs) == 2
    listed: list[tuple[str, str]] = []
    for run in runs:
        manifest = read_manifest(played.house.home, run.id)
        assert manifest.run_sha256 == run.manifest_sha256
        assert manifest.drill
        assert (run.state, run.pieces) == ("reconciled", len(manifest.pieces))
        assert sum(file.pieces for file in manifest.files) == len(manifest.pieces)
        listed += [(piece.piece_id, piece.waybill_no) for piece in manifest.pieces]
    pieces = rows_of(played.house, p.id, p.waybill_no)
    assert sorted(listed) == sorted((piece.id, piece.waybill_no) for piece in pieces)
    assert sorted(number for _, number in listed) == sorted(played.taken)
    assert (played.stats["handed_over"], played.stats["duplicates"]) == (len(listed), 0)


def test_every_letter_has_come_to_its_end(played: Played) -> None:
    assert {each.state for each in letters(played.house, played.batch)} == {"closed"}
    b = tables.batch.c
    assert rows_of(played.house, b.state, id=played.batch) == [("done",)]
