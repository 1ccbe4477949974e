"""Which records of one person mean one door."""

from datetime import date
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from songda.places import group_places, identity_key

SCHEMA = {
    "record": pl.String,
    "person_id": pl.String,
    "place": pl.String,
    "place_keys": pl.List(pl.String),
    "level": pl.String,
    "recorded_on": pl.Date,
}


def record(
    name: str, key: str | None, *, level: str = "room", person: str = "p", on: date | None = None
) -> dict[str, Any]:
    parts = key.split(";") if key else []
    keys = [";".join(parts[: n + 1]) for n in range(len(parts))]
    return {"record": name, "person_id": person, "place": key, "place_keys": keys, "level": level, "recorded_on": on}


def grouped(*rows: dict[str, Any]) -> dict[str, str | None]:
    frame = group_places(pl.DataFrame(list(rows), schema=SCHEMA))
    return dict(frame.select("record", "place").iter_rows())


def test_a_text_without_the_room_lies_at_the_door_of_the_text_with_it() -> None:
    found = grouped(record("a", "d;r=1;n=2;m=3"), record("b", "d;r=1;n=2", level="road_no"))
    assert found == {"a": "d;r=1;n=2;m=3", "b": "d;r=1;n=2;m=3"}


def test_another_room_of_the_same_building_is_another_place() -> None:
    found = grouped(record("a", "d;r=1;m=3"), record("b", "d;r=1;m=4"))
    assert found["a"] != found["b"]


def test_a_vague_text_joins_the_room_that_more_records_name() -> None:
    found = grouped(record("a", "d;r=1;m=3"), record("b", "d;r=1;m=4"), record("c", "d;r=1;m=4"), record("v", "d;r=1"))
    assert found["v"] == "d;r=1;m=4"


def test_of_two_rooms_named_equally_often_the_latest_gets_the_vague_text() -> None:
    old, new = date(2020, 1, 1), date(2024, 1, 1)
    found = grouped(record("a", "d;r=1;m=3", on=new), record("b", "d;r=1;m=4", on=old), record("v", "d;r=1"))
    assert found["v"] == "d;r=1;m=3"


def test_a_text_that_names_no_door_agrees_with_nothing() -> None:
    found = grouped(record("a", "d;r=1;m=3"), record("town", "d", level="town"))
    assert found["town"] == "d"


def test_groups_never_reach_over_persons() -> None:
    found = grouped(record("a", "d;r=1;m=3", person="p"), record("b", "d;r=1", person="q"))
    assert found["b"] == "d;r=1"


def test_an_unknown_place_stays_unknown() -> None:
    assert grouped(record("a", None, level="none"), record("b", "d;r=1;m=3"))["a"] is None


def test_the_town_does_not_part_two_texts_of_one_door() -> None:
    with_town = ["d", "d;t=5", "d;r=1", "d;r=1;n=2", "d;t=5;r=1;n=2"]
    assert identity_key(with_town) == identity_key(["d", "d;r=1", "d;r=1;n=2"]) == "d;r=1;n=2"
    assert identity_key(["d", "d;t=5", "d;t=5;v=6"]) == "d;t=5;v=6"
    assert identity_key([]) is None


@given(st.permutations(["d;r=1;m=3", "d;r=1;m=4", "d;r=1;m=4", "d;r=1", "d;r=2;n=1", "d;r=2"]))
def test_the_order_of_records_does_not_matter(places: list[str]) -> None:
    found = grouped(*(record(f"{n}", place) for n, place in enumerate(places)))
    by_text = {place: found[f"{n}"] for n, place in enumerate(places)}
    assert by_text["d;r=1"] == "d;r=1;m=4"
    assert by_text["d;r=2"] == "d;r=2;n=1"
