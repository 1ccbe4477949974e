"""The tables of an edition: old ones brought to the new codes, what the edition ends kept as old names with its year."""

from __future__ import annotations

import polars as pl
import pytest

from songda.address.changes import compare
from songda.address.gazetteer import Row, Tables, shipped_tables
from songda.address.listing import DIVISIONS
from songda.address.succession import after


@pytest.fixture(scope="module")
def before() -> Tables:
    return shipped_tables()


def carried(
    tables: Tables, changes: dict[str, tuple[str, str] | None], *more: tuple[str, str, int, str], year: int = 2026
) -> Tables:
    """The tables of `year` when divisions of Hangzhou get another code and name, or none, their towns with them."""
    recoded = {old[:6]: new[0] for old, new in changes.items() if new and len(old) == 6}
    rows = []
    for row in tables.divisions:
        code, name, parent = row["code"], row["name"], row["parent"]
        if code not in changes and len(code) == 9 and parent in changes and changes[parent] is None:
            continue
        if code in changes:
            new = changes[code]
            if new is None:
                continue
            code, name = new
            parent = code[:6] if len(code) == 9 else parent
        elif parent in recoded:
            code, parent = recoded[parent] + code[6:], recoded[parent]
        if row["official"] == "1" and code[:2] not in ("71", "81", "82"):
            rows.append((code, name, int(row["level"]), parent))
    divisions = pl.DataFrame([*rows, *more], schema=DIVISIONS, orient="row").sort("code")
    old = pl.DataFrame(
        [(r["code"], r["name"], int(r["level"]), r["parent"]) for r in tables.divisions if r["official"] == "1"],
        schema=DIVISIONS,
        orient="row",
    )
    return after(tables, divisions, compare(divisions, old), year=year)


def old_name(tables: Tables, name: str, province: str = "330000") -> list[Row]:
    return [row for row in tables.former if row["old_name"] == name and row["province"] == province]


def test_a_list_that_changes_nothing_leaves_the_tables_as_they_are(before: Tables) -> None:
    same = carried(before, {})
    assert same.divisions == before.divisions
    assert same.postcodes == before.postcodes
    assert same.former_towns == before.former_towns
    assert [row["new_codes"] for row in same.former] == [
        row.get("new_codes") or row["new_code"] for row in before.former
    ]


def test_a_new_name_is_spoken_as_others_of_its_kind_and_the_old_one_leads_to_it(before: Tables) -> None:
    tables = carried(before, {"330182": ("330182", "严州市")})
    (row,) = (row for row in tables.divisions if row["code"] == "330182")
    assert (row["name"], row["aliases"], row["official"], row["parent"]) == ("严州市", "严州", "1", "330100")
    (old,) = (row for row in old_name(tables, "建德市") if row["valid_to"] == "2026")
    assert (old["new_codes"], old["reason"], old["city"]) == ("330182", "renamed", "杭州市")


def test_a_recoded_county_keeps_names_towns_history_and_postcode(before: Tables) -> None:
    tables = carried(before, {"330122": ("330152", "桐庐县")})
    codes = {row["code"]: row for row in tables.divisions}
    assert "330122" not in codes
    assert codes["330152002"]["aliases"] == "旧县"
    assert {row["postcode"] for row in tables.postcodes if row["code"] == "330152"} == {"311500"}


def test_old_towns_of_a_recoded_county_lead_to_its_new_code(before: Tables) -> None:
    tables = carried(before, {"330110": ("330190", "余杭区")})
    assert not [row for row in tables.former_towns if row["county"] == "330110"]
    old = [row for row in tables.former_towns if row["county"] == "330190"]
    assert len(old) == sum(row["county"] == "330110" for row in before.former_towns)
    assert any(row["new_code"].startswith("330190") for row in old)
    assert not any("330110" in row["new_code"] for row in old)


def test_old_names_follow_a_successor_that_is_succeeded_itself(before: Tables) -> None:
    """下城区 went into 拱墅区 in 2021; that gets another code now."""
    assert [row["new_codes"] for row in old_name(carried(before, {"330105": ("330195", "运河区")}), "下城区")] == [
        "330195"
    ]


def test_a_county_that_is_gone_without_a_word_may_be_any_beside_it_and_no_town_decides(before: Tables) -> None:
    tables = carried(before, {"330122": None})
    (row,) = (row for row in old_name(tables, "桐庐县") if row["valid_to"] == "2026")
    codes = row["new_codes"].split(";")
    assert (row["reason"], codes[-1]) == ("gone", "330100")
    assert {"330105", "330182"} <= set(codes)
    assert not any(code.startswith("33017") for code in codes)  # zones are no counties


def test_a_town_that_is_gone_without_a_word_may_be_any_of_its_county(before: Tables) -> None:
    tables = carried(before, {"330122002": None})
    (row,) = (row for row in tables.former_towns if row["old_name"] == "旧县街道" and row["county"] == "330122")
    assert (row["how"], row["valid_to"]) == ("gone", "2026")
    assert len(row["new_code"].split(";")) == 13


def test_a_town_that_moved_is_old_in_its_old_county_only(before: Tables) -> None:
    tables = carried(before, {"330110110": ("330106120", "瓶窑镇")})
    (row,) = (row for row in tables.former_towns if row["old_name"] == "瓶窑镇" and row["valid_to"] == "2026")
    assert (row["county"], row["new_code"], row["how"]) == ("330110", "330106120", "moved")


def test_zones_and_what_lies_beyond_stay_though_no_list_has_them(before: Tables) -> None:
    codes = {row["code"]: row for row in carried(before, {}).divisions}
    for code in ("130171", "810001", "710100"):
        assert codes[code]["official"] == "0"


def test_a_county_numbered_from_71_on_is_a_zone(before: Tables) -> None:
    codes = {row["code"]: row for row in carried(before, {}, ("330171", "杭州某新区", 3, "330100")).divisions}
    assert (codes["330171"]["official"], codes["330171"]["kind"], codes["330171"]["aliases"]) == ("0", "功能区", "")


def test_a_town_numbered_in_the_county_that_gave_it_away_stays_where_it_lies(before: Tables) -> None:
    """653221103 lies in 653229 since 2024; lists that still number it in 653221 do not take it back."""
    divisions = pl.DataFrame(
        [
            (row["code"], row["name"], int(row["level"]), row["code"][:6] if row["level"] == "4" else row["parent"])
            for row in before.divisions
            if row["official"] == "1" and not row["code"].startswith(("7", "8"))
        ],
        schema=DIVISIONS,
        orient="row",
    )
    rows = after(before, divisions, compare(divisions, divisions), year=2026).divisions
    assert next(row["parent"] for row in rows if row["code"] == "653221103") == "653229"


def test_names_of_two_editions_lead_to_the_last_one(before: Tables) -> None:
    first = carried(before, {"330182": ("330182", "严州市")})
    tables = carried(first, {"330182": ("330118", "新安区")}, year=2027)
    old = {row["old_name"]: row for row in tables.former if row["new_codes"] == "330118" and row["how"] == "edition"}
    assert {name: (row["reason"], row["valid_to"]) for name, row in old.items()} == {
        "建德市": ("renamed", "2026"),
        "严州市": ("renamed", "2027"),
    }


def test_towns_that_exchanged_their_codes_keep_their_names_and_histories(before: Tables) -> None:
    here = {row["code"]: row["name"] for row in before.divisions if row["parent"] == "330110"}
    one, other = list(here)[:2]
    tables = carried(before, {one: (other, here[one]), other: (one, here[other])})
    names = {row["code"]: row["name"] for row in tables.divisions}
    assert (names[one], names[other]) == (here[other], here[one])

    def successors(rows: list[Row], code: str) -> set[str]:
        return {row["old_name"] for row in rows if row["new_code"] == code}

    assert successors(tables.former_towns, other) == successors(before.former_towns, one)
