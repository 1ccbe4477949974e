"""Old divisions: the shipped tables are sound, hold what everybody knows, and tell of nearly all that a full register knows.

The register (levels 1-3, 1981-2024; towns, 2014-2023) is read here only; nothing of it stands in the tables.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest
import zstandard

Row = dict[str, str]

REASONS = {"merged", "renamed", "class changed", "split", "moved"}
COLUMNS = {"old_code", "old_name", "level", "province", "city", "new_code", "valid_from", "valid_to", "reason"}


def _read(data: bytes, packed: bool = True) -> list[Row]:
    text = zstandard.ZstdDecompressor().decompressobj().decompress(data) if packed else data
    return list(csv.DictReader(io.StringIO(text.decode())))


@cache
def _table(name: str) -> list[Row]:
    data = files("songda.address").joinpath("data")
    if name == "renamed":
        return _read(data.joinpath("renamed.csv").read_bytes(), packed=False)
    return _read(data.joinpath(f"{name}.csv.zst").read_bytes())


def _register(folder: Path, name: str) -> list[Row]:
    file = folder / name
    if not file.is_file():
        pytest.skip(f"SONGDA_TEST_DATA holds no {name}: the tables cannot be held against it")
    return _read(file.read_bytes())


def _codes(row: Row) -> list[str]:
    """All successors: `new_codes` where the packages tell them, `new_code` in the list written by hand."""
    return (row.get("new_codes") or row["new_code"]).split(";")


@cache
def _today() -> dict[str, Row]:
    return {row["code"]: row for row in _table("divisions")}


@cache
def _old_names() -> list[Row]:
    return [*_table("former"), *_table("renamed")]


# --- the tables themselves --------------------------------------------------------------------------------------------------------------


def test_both_tables_have_the_same_columns() -> None:
    assert set(_table("former")[0]) >= COLUMNS
    assert COLUMNS | {"source"} <= set(_table("renamed")[0])


def test_every_successor_stands_today() -> None:
    today = _today()
    for row in _old_names():
        assert _codes(row)[0] == row["new_code"].split(";")[0], row
        assert all(code in today for code in _codes(row)), row
        assert len(set(_codes(row))) == len(_codes(row)), row
    for row in _table("former_codes"):
        assert all(code in today for code in row["new_codes"].split(";")), row
    for row in _table("former_towns"):
        assert row["county"] in today, row
        assert all(code in today for code in filter(None, row["new_code"].split(";"))), row


def test_every_row_says_when_and_why() -> None:
    for row in _old_names():
        assert row["reason"] in REASONS, row
        assert row["level"] in "23", row
        assert row["province"] in _today(), row
        assert 1980 < int(row["valid_to"]) <= 2024, row
        assert not row["valid_from"] or int(row["valid_from"]) <= int(row["valid_to"]), row
        assert re.fullmatch(r"(\d{6})?", row["old_code"]), row
    assert all(row["source"] for row in _table("renamed"))


def test_no_record_stands_in_both_tables() -> None:
    by_hand = {(r["province"], r["city"], r["old_name"], r["valid_to"]) for r in _table("renamed")}
    assert len(by_hand) == len(_table("renamed"))
    packages = {(r["province"], r["city"], r["old_name"], r["valid_to"]) for r in _table("former")}
    assert not packages & by_hand


def test_an_old_town_is_none_of_todays() -> None:
    here = {(row["parent"], row["name"]) for row in _table("divisions") if row["level"] == "4"}
    assert not [row for row in _table("former_towns") if (row["county"], row["old_name"]) in here]


@pytest.mark.parametrize(
    ("name", "province", "codes", "year"),
    [
        ("江干区", "330000", "330102 330114", 2021),
        ("莱芜市", "370000", "370116 370117", 2019),
        ("萧山市", "330000", "330109", 2001),
        ("襄樊市", "420000", "420600", 2010),
        ("即墨市", "370000", "370215", 2017),
        ("巢湖地区", "340000", "340100 340281 340522 340523", 1999),
        ("通州市", "320000", "320612", 2009),
        ("万县市", "510000", "500101 500228 500229 500230 500231 500233 500235 500236 500237 500238", 1997),
        ("达县", "510000", "511703 511702", 2013),
        ("东沟县", "210000", "210681", 1993),
        ("旅大市", "210000", "210200", 1981),
        ("渡口市", "510000", "510400", 1987),
    ],
)
def test_what_became_of(name: str, province: str, codes: str, year: int) -> None:
    rows = [row for row in _old_names() if (row["old_name"], row["province"]) == (name, province)]
    latest = max(rows, key=lambda row: int(row["valid_to"]))
    assert int(latest["valid_to"]) == pytest.approx(year, abs=1)
    if name == "万县市":
        assert {code[:2] for code in _codes(latest)} == {"50"}
        assert "500101" in _codes(latest)
    else:
        assert set(codes.split()) <= set(_codes(latest))


@pytest.mark.parametrize(
    ("code", "successor"),
    [
        ("320222", "320205"),  # 无锡县
        ("512201", "500101"),  # 万县市 of the prefecture
        ("370724", "370724"),  # 临朐县 stands: no row, or itself
        ("232301", "231202"),  # 绥化市
        ("330104", "330102"),  # 江干区
        ("422421", "421003"),  # 江陵县
    ],
)
def test_an_old_code_leads_to_todays(code: str, successor: str) -> None:
    rows = [row for row in _table("former_codes") if row["code"] == code]
    if code in _today():
        assert not rows or successor in rows[0]["new_codes"]
    else:
        assert any(successor in row["new_codes"].split(";") for row in rows)


def test_hong_kong_macao_and_taiwan_are_known_and_not_official() -> None:
    beyond = [row for row in _table("divisions") if row["code"][:2] in ("71", "81", "82") and row["level"] != "1"]
    assert Counter(row["code"][:2] for row in beyond) == {"81": 18, "82": 8, "71": 20}
    assert {row["official"] for row in beyond} == {"0"}
    assert {row["parent"] for row in beyond} == {"710000", "810000", "820000"}


def test_nearly_every_county_has_a_postcode_and_general_ones_are_marked() -> None:
    postcodes = {row["code"]: row for row in _table("postcodes")}
    counties = [code for code, row in _today().items() if row["level"] == "3" and row["official"] == "1"]
    assert sum(code in postcodes for code in counties) >= 2828
    own = [code for code in counties if code in postcodes and postcodes[code]["match"] != "city"]
    assert len(own) >= 2730
    for row in postcodes.values():
        assert re.fullmatch(r"\d{6}", row["postcode"])
        assert row["general"] == "1" or not row["postcode"].endswith("000")
        assert row["general"] == "1" or row["match"] != "city"


# --- against the register ---------------------------------------------------------------------------------------------------------------


def _above(code: str) -> set[str]:
    return {code, f"{code[:4]}00", f"{code[:2]}0000"}


def _verdict(ours: Iterable[str], truth: list[str]) -> str:
    """covers: each true code is ours or lies inside one of ours. finer: the register knows the prefecture only, ours lie in it."""
    codes = set(ours)
    if all(_above(code) & codes for code in truth):
        astray = [code for code in codes if not any(code in _above(t) or t in _above(code) for t in truth)]
        return "covers, and more" if astray else "covers"
    inside = all(any(t in _above(code) for t in truth) for code in codes)
    if codes and inside and all(code.endswith("00") for code in truth):
        return "finer"
    return "partly" if codes & set(truth) else "wrong"


FOUND = ("covers", "finer", "covers, and more")


def _matched(row: Row, by_name: dict[tuple[str, str], list[Row]]) -> list[Row]:
    rows = by_name.get((row["province"], row["name"]), [])
    city = row["prefecture"].replace("直辖", "")
    return [r for r in rows if r["city"] == city] or rows


@pytest.mark.testdata
def test_old_names_lead_to_todays_divisions(test_data: Path) -> None:
    register = _register(test_data, "division_history.csv.zst")
    names = {row["code"]: row["name"] for row in _table("divisions")}
    by_name: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in _old_names():
        by_name[names[row["province"]], row["old_name"]].append(row)
    current = {(row["province"], row["name"]) for row in register if row["status"] == "current"}
    count: dict[str, Counter[str]] = defaultdict(Counter)
    off: Counter[bool] = Counter()
    for row in register:
        if row["status"] == "current" or row["level"] == "1" or (row["province"], row["name"]) in current:
            continue
        ours = _matched(row, by_name)
        codes = dict.fromkeys(code for r in ours for code in _codes(r))
        verdict = _verdict(codes, row["current"].split(";")) if ours else "missing"
        year = int(row["valid_to"])
        for group in (f"{year // 10}0s", "all", *(("after 1995",) if year > 1995 else ())):
            count[group][verdict] += 1
        if verdict in FOUND:
            off[min(abs(int(r["valid_to"]) - year) for r in ours) <= 1] += 1
        else:
            print(verdict, row["province"], row["prefecture"], row["name"], year, row["current"], "ours:", *codes)
    recall = {}
    for group, verdicts in sorted(count.items()):
        recall[group] = sum(verdicts[v] for v in FOUND) / verdicts.total()
        print(f"{group:10} {recall[group]:.4f} of {verdicts.total():5}  {dict(verdicts)}")
    print(f"years within one: {off[True] / off.total():.4f}")
    assert recall["after 1995"] >= 0.985
    assert recall["all"] >= 0.98
    assert all(value >= 0.96 for value in recall.values())
    assert count["all"]["covers, and more"] <= 20
    assert off[True] / off.total() >= 0.97


@pytest.mark.testdata
def test_old_codes_lead_to_todays_divisions(test_data: Path) -> None:
    by_code: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in _table("former_codes"):
        by_code[row["code"], row["name"]].append(row)
    count: Counter[str] = Counter()
    for row in _register(test_data, "division_history.csv.zst"):
        if row["status"] == "current" or row["level"] == "1" or int(row["valid_to"]) < 1985:
            continue
        truth = row["current"].split(";")
        if truth == [row["code"]]:
            continue  # the code stands: its name changed, or its prefecture's
        ours = by_code.get((row["code"], row["name"]), [])
        codes = {code for r in ours for code in r["new_codes"].split(";")}
        verdict = _verdict(codes, truth) if ours else "missing"
        count[verdict] += 1
        if verdict not in FOUND:
            print(verdict, row["code"], row["province"], row["name"], row["valid_to"], row["current"], "ours:", *codes)
    print(dict(count))
    assert sum(count[v] for v in FOUND) / count.total() >= 0.95


@pytest.mark.testdata
def test_old_towns_lead_to_todays(test_data: Path) -> None:
    changes = _register(test_data, "township_changes.csv.zst")
    today = _today()
    towns: dict[str, dict[str, str]] = defaultdict(dict)
    for row in today.values():
        if row["level"] == "4":
            towns[row["parent"]][row["name"]] = row["code"]
    heirs = {row["code"]: row["new_codes"].split(";") for row in reversed(_table("former_codes"))}
    ours = {(row["county"], row["old_name"]): row for row in _table("former_towns")}
    later: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in changes:
        if row["old_code"] and row["new_code"]:
            later[row["old_code"], row["old_name"]].append(row)

    def counties(code: str) -> list[str]:
        return [code] if code in today else heirs.get(code, [])

    def at_last(code: str, name: str, year: int) -> str | None:
        """Code today of the town that a change made."""
        for _ in range(6):
            after = [r for r in later[code, name] if int(r["year"]) >= year and r["new_code"] != code]
            if not after:
                break
            code, name, year = after[0]["new_code"], after[0]["new_name"], int(after[0]["year"])
        return next((towns[c][name] for c in counties(code[:6]) if name in towns[c]), None)

    count: dict[str, Counter[str]] = defaultdict(Counter)
    for row in changes:
        name, where = row["old_name"], counties(row["old_code"][:6])
        if not row["old_code"] or any(name in towns[county] for county in where):
            continue
        found = next((ours[county, name] for county in where if (county, name) in ours), None)
        for group in (row["year"], "all"):
            count[group]["gone"] += 1
            count[group]["found"] += found is not None
        if found is None:
            continue
        count["all"]["year"] += abs(int(found["valid_to"]) - int(row["year"])) <= 1
        truth = at_last(row["new_code"], row["new_name"], int(row["year"])) if row["new_code"] else None
        if truth and found["new_code"]:
            count["all"]["told"] += 1
            count["all"]["right"] += truth in found["new_code"].split(";")
        count["all"]["with heir"] += bool(found["new_code"])
    for group, figures in sorted(count.items()):
        print(group, dict(figures), f"{figures['found'] / figures['gone']:.4f}")
    whole = count["all"]
    assert whole["found"] / whole["gone"] >= 0.96
    assert whole["year"] / whole["found"] >= 0.97
    assert whole["right"] / whole["told"] >= 0.93
    assert whole["with heir"] / whole["found"] >= 0.9
