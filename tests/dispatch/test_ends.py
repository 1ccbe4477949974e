"""Letters whose attempt is over: closed with their best proof, or sent to another door."""

from __future__ import annotations

from typing import Any

import pytest
from posted import BATCH, BOTH, TENANT, after
from sqlalchemy import insert

from songda.dispatch import (
    AtEnd,
    best_grade,
    close_letters,
    hand_over,
    letters_at_end,
    next_attempts,
    pull_pieces,
    taken_out,
)
from songda.store import Conflict, tables

TRANSIT = [(0, 18, "203"), (2, 6, "306"), (2, 9, "702")]
RETURNED = [*TRANSIT, (2, 11, "705:3"), (3, 9, "708"), (5, 10, "711")]
SIGNED = [*TRANSIT, (2, 11, "704:10")]


def ends(house: Any) -> list[AtEnd]:
    with house.database.connect() as connection:
        return letters_at_end(connection, tenant_id=TENANT)


#: Why no attempt follows.
WHY = "max_attempts"


def settled(house: Any, *chains: list[Any]) -> None:
    """A letter a chain, each settled; letters beyond them are posted and unheard of."""
    house.posted(len(chains))
    for number, chain in enumerate(chains, start=1):
        house.tell(number, *chain)
    house.settle(2)
    house.settle(6)


def second_door(house: Any, number: int, place: str = "q") -> tuple[str, str]:
    """Another address record of the person."""
    record = f"adr_9{number:02d}"
    with house.database.begin() as connection:
        connection.execute(
            insert(tables.address_record),
            {"id": record, "person_id": f"per_{number:03d}", "case_id": f"cas_{number:03d}", "ordinal": 2}
            | {"origin": "contract"},
        )
    return record, place


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_letters_at_their_end_say_what_was_proven_and_where_they_went(house: Any) -> None:
    settled(house, SIGNED, RETURNED, TRANSIT)
    signed, returned = ends(house)
    assert signed == AtEnd(
        letter_id="ltr_001",
        version=0,
        person_id="per_001",
        n=1,
        state="settled",
        last_grade="A1",
        grade="A1",
        posted=1,
        flags=(),
        tried=(("adr_001", "p"),),
    )
    assert (returned.letter_id, returned.grade) == ("ltr_002", "E")


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_letters_are_closed_once_with_grade_flags_and_day(house: Any) -> None:
    settled(house, SIGNED, [*TRANSIT, (2, 11, "705:7")], TRANSIT)
    found = ends(house)
    assert close_letters(house.database, [(end, WHY) for end in found], at=after(6)) == 2
    assert close_letters(house.database, [(end, WHY) for end in found], at=after(7)) == 0
    day = after(6).date()
    assert house.rows("letter", "state", "grade", "flags", "closed_on") == [
        ("closed", "A1", [], day),
        ("closed", "D", ["refused"], day),
        ("active", None, [], None),
    ]
    assert ends(house) == []


def test_a_letter_that_changed_since_it_was_read_is_not_closed(house: Any) -> None:
    settled(house, SIGNED)
    found = ends(house)
    house.change("letter", version=7)
    with pytest.raises(Conflict):
        close_letters(house.database, [(end, WHY) for end in found], at=after(6))


def test_a_letter_is_closed_with_the_proof_of_this_moment(house: Any) -> None:
    settled(house, SIGNED)
    found = ends(house)
    house.tell(1, (6, 9, "741"))
    house.settle(6, 20)
    close_letters(house.database, [(end, WHY) for end in found], at=after(6))
    assert house.rows("letter", "grade") == ["E"]


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_a_second_attempt_is_planned_once_and_never_at_a_former_place(house: Any) -> None:
    settled(house, RETURNED, RETURNED)
    places = {"ltr_001": second_door(house, 1), "ltr_002": second_door(house, 2)}
    made = next_attempts(house.database, places, key=house.key, at=after(6))
    assert next_attempts(house.database, places, key=house.key, at=after(7)) == made
    rows = {row[0]: row[1:] for row in house.rows("attempt", "id", "letter_id", "n", "state", "place")}
    assert rows[made["ltr_001"]] == ("ltr_001", 2, "planned", "q")
    assert len(rows) == 4
    assert house.rows("letter", "state", "version") == [("active", 1)] * 2
    assert house.rows("transition", "reason").count("next_attempt") == 2
    assert ends(house) == []


@pytest.mark.parametrize(
    "place",
    [("adr_901", "p"), ("adr_001", "q")],
    ids=["the same place by another record", "the same record"],
)
def test_15_the_same_door_is_refused(house: Any, place: tuple[str, str]) -> None:
    settled(house, RETURNED)
    second_door(house, 1)
    with pytest.raises(ValueError, match="before"):
        next_attempts(house.database, {"ltr_001": place}, key=house.key, at=after(6))
    assert house.rows("attempt", "n") == [1]


def test_no_attempt_follows_one_that_is_not_over(house: Any) -> None:
    settled(house, TRANSIT)
    with pytest.raises(ValueError, match="not over"):
        next_attempts(house.database, {"ltr_001": second_door(house, 1)}, key=house.key, at=after(6))


def test_nor_a_stop_order_nor_a_letter_that_is_closed(house: Any) -> None:
    settled(house, RETURNED, RETURNED)
    pull_pieces(house.database, {"pie_001": "stop:paid"}, at=after(3), actor="operator")
    (end, _) = ends(house)
    assert end.flags == ("stop_requested",)
    house.change("letter", "ltr_002", state="closed")
    for number in (1, 2):
        place = second_door(house, number)
        with pytest.raises(ValueError, match="no further attempt"):
            next_attempts(house.database, {f"ltr_{number:03d}": place}, key=house.key, at=after(6))
    with pytest.raises(ValueError, match="no such letter"):
        next_attempts(house.database, {"ltr_x": ("a", "b")}, key=house.key, at=after(6))


def test_the_best_proof_of_all_attempts_is_the_letters(house: Any) -> None:
    """The first letter comes back, the second is signed, and then the first is found to have been signed as well."""
    settled(house, RETURNED)
    made = next_attempts(house.database, {"ltr_001": second_door(house, 1)}, key=house.key, at=after(6))
    house.change("attempt", made["ltr_001"], state="settled", grade="C")
    (end,) = ends(house)
    assert (end.n, end.last_grade, end.grade) == (2, "C", "C")
    assert end.tried == (("adr_001", "p"), ("adr_901", "q"))
    close_letters(house.database, [(end, WHY)], at=after(9))
    house.tell(1, (9, 12, "704:10"))
    house.settle(10)
    house.done("outcome_review")
    house.settle(10)
    assert house.rows("letter", "grade", "revision") == [("C", 0)]


def test_no_place_is_an_end_too(house: Any) -> None:
    settled(house, RETURNED)
    made = next_attempts(house.database, {"ltr_001": second_door(house, 1)}, key=house.key, at=after(6))
    house.change("attempt", made["ltr_001"], state="no_place")
    (end,) = ends(house)
    assert (end.state, end.last_grade, end.grade, end.flags) == ("no_place", None, "E", ("no_place",))
    close_letters(house.database, [(end, WHY)], at=after(6))
    assert house.rows("letter", "grade", "flags") == [("E", ["no_place"])]


def test_a_second_attempt_recalled_at_the_gate_ends_the_letter_with_its_first_result(house: Any) -> None:
    settled(house, RETURNED)
    made = next_attempts(house.database, {"ltr_001": second_door(house, 1)}, key=house.key, at=after(6))["ltr_001"]
    house.change("attempt", made, state="locked")
    with house.database.begin() as connection:
        run = {"id": "run_2", "tenant_id": "ten_1", "batch_id": BATCH, "number": 2, "day": after(7).date()}
        connection.execute(insert(tables.run), run | {"state": "balanced", "version": 0, "pieces": 1})
        piece = {"id": "pie_901", "attempt_id": made, "run_id": "run_2", "copy": 1, "state": "enveloped", "version": 0}
        connection.execute(insert(tables.piece), piece | {"order_no": "o", "waybill_no": "9800000000901"})
    pulled = pull_pieces(house.database, {"pie_901": "stop:paid"}, at=after(7), actor="operator")
    assert (pulled.pulled, pulled.withdrawn) == (1, 0)
    with house.database.begin() as connection:
        taken_out(connection, ["pie_901"], at=after(7))
    assert hand_over(house.database, run_id="run_2", at=after(7)).posted == 0
    (end,) = ends(house)
    assert (end.state, end.grade, end.flags) == ("recalled", "E", ("recalled", "stop_requested"))


def test_a_closing_that_breaks_off_goes_on_where_it_stood(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settled(house, SIGNED, SIGNED, SIGNED)
    found = ends(house)
    import songda.dispatch.ends as module

    monkeypatch.setattr(module, "_CHUNK", 1)
    real, calls = module.move, iter(range(9))

    def broken(*args: Any, **more: Any) -> int:
        moved = real(*args, **more)
        if next(calls) == 1:
            raise KeyboardInterrupt
        return moved

    monkeypatch.setattr(module, "move", broken)
    with pytest.raises(KeyboardInterrupt):
        close_letters(house.database, [(end, WHY) for end in found], at=after(6))
    assert house.rows("letter", "state") == ["closed", "active", "active"]
    monkeypatch.undo()
    assert close_letters(house.database, [(end, WHY) for end in found], at=after(6)) == 2
    assert house.rows("letter", "version") == [1, 1, 1]


@pytest.mark.parametrize(
    ("grades", "best"),
    [
        (["F", "E", "D", "C", "B2", "B1", "A2", "A1"], "A1"),
        (["E", "F"], "E"),
        (["B2", "B1"], "B1"),
        ([None, "F"], "F"),
        ([None], None),
    ],
)
def test_the_order_of_grades(grades: list[str | None], best: str | None) -> None:
    assert best_grade(grades) == best
