"""The tables of an edition: those of before, carried on by what the edition changes.

Names that are no more lead to their successors with the edition's year; old tables are brought to the new codes; zones, and Hong Kong,
Macao and Taiwan, which no ministry's list holds, stay.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

import polars as pl

from songda.address.changes import BEYOND
from songda.address.gazetteer import EDITION, Row, Tables
from songda.address.naming import aliases_of, town_class

#: Changes after which the ground is the same, and with it the postcode.
_SAME_GROUND = ("recoded", "class changed", "moved", "renamed")
#: Changes that end a name of levels 1 to 3.
_OLD_NAME = ("renamed", "class changed", "merged", "split", "gone")

#: Codes of today for one of before; none when it is gone and nothing tells where.
_Now = Callable[[str], list[str]]


def after(tables: Tables, divisions: pl.DataFrame, diff: pl.DataFrame, *, year: int) -> Tables:
    """`tables` under the new list: `divisions` (DIVISIONS) and what it changes, `diff` (DIFF)."""
    before = {row["code"]: row for row in tables.divisions}
    changes = diff.filter(pl.col("old_code").is_not_null()).to_dicts()
    heirs: dict[str, list[str]] = defaultdict(list)
    for row in changes:
        heirs[row["old_code"]] += [row["code"]] if row["code"] else []
    listed = {row["code"]: row for row in divisions.to_dicts()}
    unlisted = list(_unlisted(before, listed, heirs))
    rows = [*_listed(listed, before, heirs), *unlisted]
    present = {row["code"] for row in rows}
    stay = {row["code"] for row in unlisted}

    def now(code: str) -> list[str]:
        codes = heirs[code] if code in heirs and code not in stay else [code]
        return [each for each in codes if each in present]

    vague = dict(_candidates(diff, before, rows, now))

    def perhaps(code: str) -> list[str]:
        return now(code) or vague.get(code, [])

    return Tables(
        divisions=sorted(rows, key=lambda row: row["code"].ljust(9, "0") + row["level"]),
        former=[*_old_names(changes, before, perhaps, year), *(_former(row, perhaps) for row in tables.former)],
        former_towns=[
            *_old_towns(changes, before, rows, now, year),
            *(_former_town(row, now) for row in tables.former_towns),
        ],
        postcodes=_postcodes(tables.postcodes, changes, present),
        villages=[{"town": code, "names": row["names"]} for row in tables.villages for code in now(row["town"])],
    )


def _listed(listed: dict[str, Row], before: dict[str, Row], heirs: dict[str, list[str]]) -> Iterator[Row]:
    """Rows of the divisions that the list has."""
    origins: dict[str, list[str]] = defaultdict(list)
    for old_code, codes in heirs.items():
        for code in codes:
            origins[code].append(old_code)
    for code, unit in listed.items():
        level = int(unit["level"])
        fresh = {"code": code, "name": unit["name"], "level": str(level), "parent": unit["parent"]}
        known = (before[old] for old in (code, *origins[code]) if old in before)
        same = next((row for row in known if (row["name"], row["level"]) == (unit["name"], fresh["level"])), None)
        if same:
            # Some towns are numbered in a county that gave them away before; they stay where they are known to lie.
            stays = level == 4 and same["code"] == code and same["parent"] in listed
            yield same | fresh | ({"parent": same["parent"]} if stays else {})
            continue
        # The bureau of statistics numbers functional zones as counties from 71 on.
        zone = before[code]["official"] == "0" if code in before else level == 3 and code[4] == "7"
        kind, aliases = (
            ("功能区", [])
            if zone
            else town_class(unit["name"])
            if level == 4
            else ("", aliases_of(unit["name"], level))
        )
        abbr = (
            next((row["abbr"] for row in before.values() if row["code"] == code[:2] + "0000"), "") if level == 1 else ""
        )
        yield fresh | {"aliases": "|".join(aliases), "kind": kind, "official": "0" if zone else "1", "abbr": abbr}


def _unlisted(before: dict[str, Row], listed: dict[str, Row], heirs: dict[str, list[str]]) -> Iterator[Row]:
    """What no list of the ministry has: zones where their city still stands, and what lies beyond."""
    absent = set(BEYOND) - {code[:2] for code in listed}
    for code, row in before.items():
        if code in listed:
            continue
        if code[:2] in absent:
            yield row
        elif row["official"] == "0":
            above = heirs.get(row["parent"], [row["parent"]])
            if len(above) == 1 and above[0] in listed:
                yield row | {"parent": above[0]}


def _candidates(
    diff: pl.DataFrame, before: dict[str, Row], rows: list[Row], now: _Now
) -> Iterator[tuple[str, list[str]]]:
    """For a county or prefecture that is gone without a word: those beside it that grew, else all; and what holds them.

    That one is among them because it has every town that they have: so no town decides, and the reading says that it is open.
    """
    level_of = {row["code"]: row["level"] for row in rows if row["official"] == "1"}
    parent = {row["code"]: row["parent"] for row in rows}
    grown = {parent[row["code"]] for row in diff.to_dicts() if row["code"] and row["change"] not in ("renamed", "gone")}
    for old in diff.filter(pl.col("change") == "gone")["old_code"]:
        row = before.get(old)
        if row is None or row["level"] not in "23" or now(old):
            continue
        above = now(row["parent"])
        beside = [code for code, up in parent.items() if above == [up] and level_of.get(code) == row["level"]]
        some = [code for code in beside if code in grown]
        if beside:
            yield old, [*(some if len(some) > 1 else beside), *above]


def _old_names(changes: list[Row], before: dict[str, Row], perhaps: _Now, year: int) -> Iterator[Row]:
    """Rows of `former` for the names of levels 1 to 3 that the edition ends."""
    for old, change in {row["old_code"]: row["change"] for row in changes}.items():
        row = before.get(old)
        if row is None or row["level"] == "4" or change not in _OLD_NAME or row["official"] == "0":
            continue
        above = before.get(row["parent"], {"level": "", "name": ""})
        yield {
            "old_code": old,
            "old_name": row["name"],
            "level": row["level"],
            "province": next(iter(perhaps(f"{old[:2]}0000")), f"{old[:2]}0000"),
            "city": above["name"] if above["level"] == "2" else "",
            "new_code": "",
            "new_codes": ";".join(perhaps(old)),
            "valid_from": "",
            "valid_to": str(year),
            "reason": change,
            "how": EDITION,
        }


def _former(row: Row, perhaps: _Now) -> Row:
    old = (row.get("new_codes") or row["new_code"]).split(";")
    codes = list(dict.fromkeys(each for code in old for each in perhaps(code)))
    return row | {
        "province": next(iter(perhaps(row["province"])), row["province"]),
        "new_codes": ";".join(codes),
        "new_code": "",
    }


def _old_towns(changes: list[Row], before: dict[str, Row], rows: list[Row], now: _Now, year: int) -> Iterator[Row]:
    """Rows of `former_towns` for the towns that the edition ends or moves; one that is gone without a word may be any of its county."""
    towns: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row["level"] == "4":
            towns[row["parent"]].append(row["code"])
    codes: dict[str, list[str]] = defaultdict(list)
    for row in changes:
        codes[row["old_code"]] += [row["code"]] if row["code"] else []
    for old, change in {row["old_code"]: row["change"] for row in changes}.items():
        town = before.get(old)
        if town is None or town["level"] != "4" or change == "recoded":
            continue
        county = now(town["parent"])
        perhaps = towns[county[0]] if change == "gone" and len(county) == 1 else []
        yield {
            "county": next(iter(county), town["parent"]),
            "old_name": town["name"],
            "old_code": old,
            "new_code": ";".join(codes[old] or perhaps),
            "valid_to": str(year),
            "how": change,
        }


def _former_town(row: Row, now: _Now) -> Row:
    county = now(row["county"])
    codes = list(dict.fromkeys(each for code in row["new_code"].split(";") for each in now(code)))
    return row | {"county": county[0] if len(county) == 1 else row["county"], "new_code": ";".join(codes)}


def _postcodes(postcodes: list[Row], changes: list[Row], present: set[str]) -> list[Row]:
    same = {row["old_code"]: row["code"] for row in changes if row["change"] in _SAME_GROUND}
    moved = [row | {"code": same.get(row["code"], row["code"])} for row in postcodes]
    return [row for row in moved if row["code"] in present]
