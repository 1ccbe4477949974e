"""Whether a letter goes to another place, and the reason that is kept when it does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bank import letters, opened, rows_of, signed, taken_in
from sqlalchemy import insert, update

from songda.dispatch import STOP_REQUESTED, AtEnd, stop
from songda.flow.further import another_place
from songda.flow.run import House
from songda.sim.case_rows import AT, FIRST_PLACE, SECOND_PLACE, case_row, write_rows
from songda.store import tables

#: Spellings of FIRST_PLACE, whose door is 100.
SAME = (
    "广州市越秀区龙腾街３９２号紫薇小区三栋二单元100",
    "广东广州越秀龙腾街392号紫薇小区3幢2单元100房",
    "广东省广州市越秀区龙腾街三百九十二号紫薇小区3号楼2单元100室",
)
#: Places that may be FIRST_PLACE, told less precisely.
VAGUER = ("广东省广州市越秀区龙腾街392号紫薇小区3号楼2单元", "广东省广州市越秀区龙腾街392号紫薇小区")
#: Former names of districts with the names that they bear now.
RENAMED = (
    ("浙江省杭州市下城区延安路295号2单元{door}室", "浙江省杭州市拱墅区延安路295号二单元{door}"),
    ("北京市宣武区右安门内大街12号院3号楼{door}室", "北京市西城区右安门内大街12号院3号楼{door}室"),
)


def ended(house: House, letter: Any, **changes: Any) -> AtEnd:
    """The letter after a first attempt at the first of its addresses that ended without proof."""
    a = tables.address_record.c
    records = sorted(rows_of(house, a.ordinal, a.id, a.place, person_id=letter.person_id))
    end = AtEnd(
        letter_id=letter.id,
        version=0,
        person_id=letter.person_id,
        n=1,
        state="settled",
        last_grade="E",
        grade="E",
        posted=1,
        flags=(),
        tried=((records[0].id, records[0].place),),
    )
    return replace(end, **changes)


def approve_everything(house: House, letter: Any) -> None:
    """The approval covers every address of the letter's person, in the order of the file."""
    t, a = tables.letter.c, tables.address_record.c
    (row,) = rows_of(house, t.approval_id, t.template_sha256, t.content_sha256, id=letter.id)
    known = {each.address_record_id for each in rows_of(house, tables.approved.c.address_record_id)}
    records = sorted(rows_of(house, a.ordinal, a.id, person_id=letter.person_id))
    with house.engine.begin() as connection:
        for each in records:
            if each.id not in known:
                line = {"approval_id": row.approval_id, "letter_id": letter.id, "n": 10 + each.ordinal}
                line |= {"address_record_id": each.id, "basis": "contract"}
                line |= {"template_sha256": row.template_sha256, "content_sha256": row.content_sha256}
                connection.execute(insert(tables.approved), line)


def looked_at(tmp_path: Path, *places: str, **changes: Any) -> tuple[str | None, int | None, list[list[str]]]:
    """Why the letter to these places is not tried again; or the ordinal of the address to which it goes; kept reasons."""
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", case_row(0, 0, places=places)))
        signed(house, batch)
        (letter,) = letters(house, batch)
        approve_everything(house, letter)
        end = ended(house, letter, **changes)
        with house.engine.begin() as connection:
            found, over = another_place(connection, house.tenant, [end], at=AT)
        a, d = tables.address_record.c, tables.decision.c
        ordinals = {each.id: each.ordinal for each in rows_of(house, a.id, a.ordinal)}
        kept = [row.reasons for row in rows_of(house, d.reasons, object_id=letter.id, stage="further")]
        return over.get(letter.id), ordinals[found[letter.id][0]] if found else None, kept


def test_another_place_is_tried_and_the_decision_kept(tmp_path: Path) -> None:
    assert looked_at(tmp_path, FIRST_PLACE, SECOND_PLACE) == (None, 2, [["other_place"]])


@pytest.mark.parametrize("spelt", SAME)
def test_15_the_same_place_in_another_spelling_is_not_tried(tmp_path: Path, spelt: str) -> None:
    """15. Two spellings of one place count as the same for the second attempt."""
    why, went, kept = looked_at(tmp_path, FIRST_PLACE, spelt)
    assert (why, went) == ("place_the_same", None)
    assert kept == [["place_the_same"]]


def test_16_another_room_of_the_building_is_another_place(tmp_path: Path) -> None:
    """16. Same building, other room is different …"""
    assert looked_at(tmp_path, FIRST_PLACE, FIRST_PLACE.replace("{door}", "999"))[:2] == (None, 2)


@pytest.mark.parametrize("vaguer", VAGUER)
def test_16_the_same_place_told_less_precisely_is_not_tried(tmp_path: Path, vaguer: str) -> None:
    """16. … room missing against room given is the same place, less precise: no second attempt."""
    assert looked_at(tmp_path, FIRST_PLACE, vaguer)[:2] == ("place_the_same", None)


@pytest.mark.parametrize(("former", "today"), RENAMED)
def test_17_a_place_under_its_former_district_is_the_same(tmp_path: Path, former: str, today: str) -> None:
    """17. Place renamed or merged: old and new name are equal."""
    assert looked_at(tmp_path, former, today)[:2] == ("place_the_same", None)


def test_22_when_every_source_gives_the_first_place_there_is_no_second_letter(tmp_path: Path) -> None:
    """22. All sources give the first place: no second letter, reason "same"."""
    assert looked_at(tmp_path, FIRST_PLACE, SAME[0], VAGUER[0]) == ("place_the_same", None, [["place_the_same"]])


def test_the_first_place_that_is_new_is_taken(tmp_path: Path) -> None:
    assert looked_at(tmp_path, FIRST_PLACE, SAME[0], SECOND_PLACE)[:2] == (None, 3)


def test_no_other_place_is_a_reason_of_its_own(tmp_path: Path) -> None:
    assert looked_at(tmp_path, FIRST_PLACE)[:2] == ("no_other_place", None)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"last_grade": "A1", "grade": "A1"}, "proven"),
        ({"last_grade": "B2", "grade": "B2"}, "proven"),
        ({"last_grade": "C", "grade": "C"}, "may_have_reached"),
        ({"last_grade": "D", "grade": "D"}, "may_have_reached"),
        ({"flags": (STOP_REQUESTED,)}, "stopped"),
        ({"flags": ("deceased",)}, "deceased"),
        ({"posted": 2, "n": 2}, "max_attempts"),
        ({"state": "recalled"}, "failed_before_posting"),
    ],
)
def test_why_there_is_no_second_letter(tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    assert looked_at(tmp_path, FIRST_PLACE, SECOND_PLACE, **changes) == (why, None, [[why]])


def test_59_who_refused_the_first_letter_gets_no_second(tmp_path: Path) -> None:
    """59. Refused at attempt 1: by default no second letter, even when it was returned (grade E) in the end."""
    assert looked_at(tmp_path, FIRST_PLACE, SECOND_PLACE, flags=("refused",))[:2] == ("refused", None)


def test_an_attempt_that_never_left_is_not_counted(tmp_path: Path) -> None:
    # The second of the numbers, the first that was posted.
    assert looked_at(tmp_path, FIRST_PLACE, SECOND_PLACE, n=2, posted=1)[:2] == (None, 2)


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [("state", "paid", "S05"), ("dispute_open", True, "S01"), ("debtor_state", "deceased", "S02")],
)
def test_nothing_is_tried_again_once_somebody_has_paid_disputed_or_died(
    tmp_path: Path, column: str, value: Any, rule: str
) -> None:
    with opened(tmp_path) as house:
        row = case_row(0, 0, places=(FIRST_PLACE, SECOND_PLACE))
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", row))
        signed(house, batch)
        (letter,) = letters(house, batch)
        end = ended(house, letter)
        with house.engine.begin() as connection:
            connection.execute(update(tables.case).values({column: value}))
            found, over = another_place(connection, house.tenant, [end], at=AT)
        d = tables.decision.c
        assert (found, over) == ({}, {letter.id: "stopped"})
        assert rows_of(house, d.reasons, object_id=letter.id, stage="further") == [(["stopped", rule],)]


def test_nothing_is_tried_again_under_a_standing_stop(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        row = case_row(0, 0, places=(FIRST_PLACE, SECOND_PLACE))
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", row))
        signed(house, batch)
        (letter,) = letters(house, batch)
        order = {"tenant_id": house.tenant.id, "scope": "person", "object_id": letter.person_id}
        stop(house.engine, **order, reason="answered", at=AT)
        end = ended(house, letter)
        with house.engine.begin() as connection:
            found, over = another_place(connection, house.tenant, [end], at=AT)
        assert (found, over) == ({}, {letter.id: "stopped"})
