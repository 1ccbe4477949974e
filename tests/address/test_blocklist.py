"""Black and grey lists: which rule holds for which address, on which day, and what no rule may be."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from songda.address import standardize
from songda.address.blocklist import (
    BUILT_IN,
    HITS,
    REASONS,
    RULES,
    check,
    key_at,
    mass_addresses,
    meeting_key,
    parse_rules,
)

DAY = date(2026, 11, 24)
_P = "江苏省苏州市姑苏区"


def rules(*rows: dict[str, str]) -> pl.DataFrame:
    usual = {"level": "black", "reason": "demolished"}
    parsed, problems = parse_rules(enumerate([usual | row for row in rows], start=2))
    assert problems == []
    return parsed


def keys(*place_keys: str) -> pl.DataFrame:
    """Rows that state nothing but their whole key."""
    return pl.DataFrame(
        {"place_key": place_keys, "place_keys": [[key] for key in place_keys], "issues": [[] for _ in place_keys]},
        schema={"place_key": pl.String, "place_keys": pl.List(pl.String), "issues": pl.List(pl.String)},
    )


def rows_hit(frame: pl.DataFrame, *rows: dict[str, str], on: date = DAY) -> list[int]:
    return check(frame, rules(*rows), on=on)["row"].to_list()


@pytest.mark.parametrize(
    ("place", "hit"),
    [
        ("320508;r=人民路;n=12;p=锦绣花园;b=3", True),
        ("320508;r=人民路;n=12;p=锦绣花园;b=3;u=1;m=502", True),
        ("320508;r=人民路;n=12;p=锦绣花园;b=31", False),
        ("320508;r=人民路;n=12;p=锦绣花园;b=31;m=502", False),
        ("320508;r=人民路;n=12;p=锦绣花园;b=4", False),
        ("320508;r=人民路;n=12;p=锦绣花园", False),
        ("320507;r=人民路;n=12;p=锦绣花园;b=3", False),
    ],
)
def test_a_rule_for_a_building_holds_for_its_rooms_and_for_no_other_building(place: str, hit: bool) -> None:
    rule = {"key": "320508;r=人民路;n=12;p=锦绣花园;b=3"}
    assert rows_hit(keys(place), rule) == ([0] if hit else [])


def test_a_number_is_no_prefix_of_a_longer_number() -> None:
    assert rows_hit(keys("320508;r=人民路;n=121", "320508;r=人民路;n=12"), {"key": "320508;r=人民路;n=12"}) == [1]


@pytest.mark.parametrize(
    "text",
    [
        f"{_P}人民路12号锦绣花园3栋1单元502室",
        "苏州姑苏区人民路１２号锦绣花园三幢502",
        f"{_P}平江街道人民路12号锦绣花园3号楼",
    ],
)
def test_every_spelling_of_the_building_is_caught_with_town_and_without(text: str) -> None:
    key = key_at(standardize([f"{_P}人民路12号锦绣花园3栋1单元502室"])["place_keys"].item().to_list(), "building")
    assert key is not None
    assert rows_hit(standardize([text, f"{_P}人民路12号锦绣花园5栋"]), {"key": key}) == [0]


def test_a_rule_made_from_a_text_with_town_holds_for_texts_without() -> None:
    with_town = standardize([f"{_P}平江街道人民路12号锦绣花园3栋"])
    key = with_town.select(meeting_key()).item()
    assert ";t=" not in key
    assert rows_hit(standardize([f"{_P}人民路12号锦绣花园3栋502"]), {"key": key}) == [0]


def test_the_key_of_a_village_keeps_its_town() -> None:
    village = standardize(["黑龙江省齐齐哈尔市讷河市同义镇保昌村5组12号", "黑龙江省齐齐哈尔市讷河市同义镇保昌村"])
    assert village.select(key=meeting_key())["key"].to_list() == village["place_key"].to_list()


def test_no_rule_goes_below_what_the_address_states() -> None:
    place_keys = standardize([f"{_P}人民路12号"])["place_keys"].item().to_list()
    assert key_at(place_keys, "road_no") == place_keys[-1]
    assert key_at(place_keys, "building") is None
    assert key_at(place_keys, "county") is None


@pytest.mark.parametrize(
    ("on", "hit"),
    [(date(2026, 1, 1), True), (date(2025, 12, 31), False), (date(2026, 6, 30), True), (date(2026, 7, 1), False)],
)
def test_a_rule_holds_from_its_first_to_its_last_day(on: date, hit: bool) -> None:
    rule = {"key": "320508;r=人民路", "valid_from": "2026-01-01", "valid_to": "2026-06-30"}
    assert rows_hit(keys("320508;r=人民路;n=12"), rule, on=on) == ([0] if hit else [])


@pytest.mark.parametrize("text", ["无", "不详", "同上", "", None, "123456"])
def test_a_text_that_is_no_address_is_black_for_everybody(text: str | None) -> None:
    hits = check(standardize([text]), BUILT_IN, on=DAY)
    assert set(hits["level"]) == {"black"}
    assert set(hits["reason"]) == {"placeholder"}


def test_an_address_is_on_no_list_by_itself() -> None:
    assert check(standardize([f"{_P}人民路12号"]), BUILT_IN, on=DAY).height == 0


def test_black_comes_before_grey_and_the_closer_rule_first() -> None:
    hits = check(
        keys("320508;r=人民路;n=12;b=3"),
        rules(
            {"key": "320508;r=人民路", "level": "grey", "reason": "other"},
            {"key": "320508;r=人民路;n=12;b=3", "level": "grey", "reason": "institution_hospital"},
            {"key": "320508;r=人民路", "reason": "demolished"},
            {"key": "320508;r=人民路;n=12", "reason": "institution_prison"},
        ),
        on=DAY,
    )
    assert hits.schema == HITS
    assert hits.select("level", "reason").rows() == [
        ("black", "institution_prison"),
        ("black", "demolished"),
        ("grey", "institution_hospital"),
        ("grey", "other"),
    ]


def test_a_rule_is_reported_once_a_row_and_rows_keep_their_numbers_over_slices() -> None:
    count = 250_000
    frame = pl.select(row=pl.arange(count)).select(
        place_key=pl.format("320508;r=人民路;n={};m=1", "row"),
        place_keys=pl.concat_list(
            pl.format("320508;r=人民路;n={}", "row"), pl.format("320508;r=人民路;n={};m=1", "row")
        ),
        issues=pl.lit([], dtype=pl.List(pl.String)),
    )
    wanted = [0, 99_999, 100_000, 200_001, 249_999]
    found = rows_hit(frame, *({"key": f"320508;r=人民路;n={number}"} for number in wanted))
    assert found == wanted


def test_no_rows_and_no_rules_give_no_hits() -> None:
    assert check(keys(), BUILT_IN, on=DAY).schema == HITS
    assert check(keys("320508;r=人民路"), RULES.to_frame(), on=DAY).height == 0


GOOD = {"level": "grey", "reason": "other", "key": "320508;r=人民路"}


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"level": "red"}, "level"),
        ({"level": ""}, "level"),
        ({"reason": "because"}, "reason"),
        ({"key": ""}, "key"),
        ({"issue": "placeholder"}, "key"),
        ({"key": "320508"}, "key"),
        ({"key": "320508001"}, "key"),
        ({"key": "姑苏区人民路"}, "key"),
        ({"key": "320508;r="}, "key"),
        ({"key": "320508;r=人民路;"}, "key"),
        ({"valid_from": "24.11.2026"}, "valid_from"),
        ({"valid_to": "2026-02-30"}, "valid_to"),
        ({"valid_from": "2026-02-02", "valid_to": "2026-02-01"}, "valid_to"),
    ],
)
def test_a_row_that_is_no_rule_is_refused_with_its_number_and_a_remedy(change: dict[str, str], column: str) -> None:
    parsed, problems = parse_rules([(2, GOOD), (7, GOOD | change)])
    assert parsed.height == 1
    assert [(each.row_no, each.column) for each in problems] == [(7, column)]
    assert problems[0].message
    assert problems[0].remedy


def test_the_same_rule_twice_is_one_rule_whoever_says_it() -> None:
    parsed, _ = parse_rules([(1, GOOD), (2, GOOD | {"source": "somebody else"}), (3, GOOD | {"level": "black"})])
    assert parsed.height == 2
    assert parsed["rule"].n_unique() == 2


def test_every_reason_has_a_chinese_word() -> None:
    assert all(REASONS.values())
    assert set(BUILT_IN["reason"]) <= set(REASONS)


def portfolio() -> pl.DataFrame:
    """Twelve persons who give one room, in two spellings; a village of thirty; a family; one person with many contracts."""
    people: list[tuple[str, str | None]] = []
    agency = (f"{_P}人民路88号锦绣大厦1203室", f"{_P}平江街道人民路88号锦绣大厦1203")
    people += [(agency[number % 2], f"agency {number}") for number in range(12)]
    people += [("黑龙江省齐齐哈尔市讷河市同义镇保昌村", f"villager {number}") for number in range(30)]
    people += [(f"{_P}观前街9号2栋301", f"family {number}") for number in range(4)]
    people += [(f"{_P}观前街9号2栋302", "one person")] * 40
    people += [(f"{_P}观前街9号2栋303", None)] * 40
    people += [("无", f"nobody {number}") for number in range(20)]
    return standardize([text for text, _ in people]).with_columns(person=pl.Series([person for _, person in people]))


def test_a_room_that_many_persons_give_is_found_in_all_its_spellings() -> None:
    found = mass_addresses(portfolio(), persons="person", k=10)
    assert found.select("level", "persons", "rows").rows() == [("room", 12, 12)]
    key: Any = found["key"].item()
    assert key.endswith("m=1203")
    assert rows_hit(portfolio(), {"key": key, "level": "grey", "reason": "agency_mass_address"}) == list(range(12))


def test_a_smaller_number_finds_the_family_but_never_the_village() -> None:
    assert mass_addresses(portfolio(), persons="person", k=4)["persons"].to_list() == [12, 4]
