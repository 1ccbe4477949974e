"""What a list of the divisions changes against the one before: new, renamed, recoded, moved, merged, split, gone.

A list says what stands, not what became of what stood. Two things tell: a name that is gone under one code and new under another of
the same home; and the towns of a county that is gone, when they stand in other counties now. Where neither tells, the division is
`gone`, until a person writes the code of its successor into the row of diff.csv.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import polars as pl

from songda.address.naming import stem_of, town_stem
from songda.base.errors import SongdaError

DIFF = pl.Schema(
    {
        "change": pl.String(),  # one of CHANGES
        "code": pl.String(),  # of today; null for what is gone
        "name": pl.String(),
        "old_code": pl.String(),  # null for what is new
        "old_name": pl.String(),
    }
)
CHANGES = {
    "added": "新增",
    "gone": "撤销",
    "renamed": "更名",
    "recoded": "改代码",
    "moved": "划归",
    "class changed": "改设",
    "merged": "并入",
    "split": "拆分",
}
#: An edition that drops more of the one before is a part of a list, or another list.
MOST_GONE = 0.1
#: Hong Kong, Macao and Taiwan: in many lists not at all. A list that leaves them out does not say that they are gone.
BEYOND = ("71", "81", "82")


class PartialList(SongdaError):
    zh = "清单里没有现行区划的 {gone} 个（占 {share}），像是不完整的清单，没有导入"
    remedy = "请换用完整的四级清单；确认无误时加 --accept-gone"
    exit_code = 65


class WrongSuccessor(SongdaError):
    zh = "{file} 第 {row_no} 行：{problem}"
    remedy = "撤销的区划只在 code 列填写清单里同一级的现代码，去向不止一处时每处一行；不知道就留空"
    exit_code = 65


class _Unit(NamedTuple):
    code: str
    name: str
    level: int
    parent: str


#: Old code → what happened, and the codes of today.
_Heirs = dict[str, tuple[str, list[str]]]


def compare(new: pl.DataFrame, old: pl.DataFrame) -> pl.DataFrame:
    """DIFF of two lists (DIVISIONS), by change and code; a division that is split has a row for each part.

    In this order: `recoded`: the same name below the same division; `class changed`: the same stem there (双流县, 双流区); `renamed`:
    the same code; `moved`: the same name elsewhere in the prefecture (a town) or province (a county). A name that stood or stands
    there twice proves nothing. `merged`, `split`: at least half of what lay in it stands in one or several others now; `renamed` too
    when that one is new and took from no other.
    """
    here, there = _units(new), _units(old)
    unlisted = set(BEYOND) - {code[:2] for code in here}
    # A code that bears another name now may have been given to another division: names are looked for first.
    same = {code for code, unit in here.items() if code in there and unit.name == there[code].name}
    added = {code: unit for code, unit in here.items() if code not in same}
    gone = {code: unit for code, unit in there.items() if code not in same and code[:2] not in unlisted}
    heirs: _Heirs = {}
    _find_by_name(added, gone, heirs)
    _find_by_contents(here, there, gone, heirs)
    _find_by_name(added, gone, heirs)
    taken = {code for change, codes in heirs.values() if change not in ("merged", "split") for code in codes}
    rows: list[tuple[str, str | None, str | None, str | None, str | None]] = [
        ("added", unit.code, unit.name, None, None) for code, unit in added.items() if code not in taken
    ]
    for code, unit in gone.items():
        change, codes = heirs.get(code, ("gone", []))
        rows += [(change, each, here[each].name, code, unit.name) for each in codes]
        rows += [(change, None, None, code, unit.name)] if not codes else []
    diff = pl.DataFrame(rows, schema=DIFF, orient="row")
    return diff.sort("change", pl.coalesce("code", "old_code"), "old_code")


def _units(divisions: pl.DataFrame) -> dict[str, _Unit]:
    return {row[0]: _Unit(*row) for row in divisions.select("code", "name", "level", "parent").iter_rows()}


def _find_by_name(added: Mapping[str, _Unit], gone: Mapping[str, _Unit], heirs: _Heirs) -> None:
    """Pair what is gone with what is new, from provinces down, so that what lies in a recoded county is looked for there."""

    def home(unit: _Unit) -> str | None:
        """Today's division above one of the old list."""
        codes = heirs[unit.parent][1] if unit.parent in heirs else [] if unit.parent in gone else [unit.parent]
        return codes[0] if len(codes) == 1 else None

    taken = {code for _, codes in heirs.values() for code in codes}
    for level in (1, 2, 3, 4):
        rounds: tuple[tuple[str, Callable[[_Unit], str], Callable[[_Unit], str | None]], ...] = (
            ("recoded", _name, home),
            ("class changed", _stem, home),
            ("renamed", lambda _: "", _code),
            *([("moved", _name, _area)] if level > 2 else []),
        )
        for change, called, place in rounds:
            before = _keyed(
                (unit, place(unit), called(unit))
                for unit in gone.values()
                if unit.level == level and unit.code not in heirs
            )
            after = _keyed(
                (unit, unit.parent if place is home else place(unit), called(unit))
                for unit in added.values()
                if unit.level == level and unit.code not in taken
            )
            for key, units in before.items():
                if len(units) == len(after.get(key, ())) == 1:
                    heirs[units[0].code] = change, [after[key][0].code]
                    taken.add(after[key][0].code)


def _code(unit: _Unit) -> str:
    return unit.code


def _name(unit: _Unit) -> str:
    return unit.name


def _stem(unit: _Unit) -> str:
    return town_stem(unit.name) if unit.level == 4 else stem_of(unit.name)


def _area(unit: _Unit) -> str:
    """How far one that moved is looked for."""
    return unit.code[:4] if unit.level == 4 else unit.code[:2]


def _keyed(found: Iterable[tuple[_Unit, str | None, str]]) -> dict[tuple[str, str], list[_Unit]]:
    keyed: dict[tuple[str, str], list[_Unit]] = defaultdict(list)
    for unit, place, name in found:
        if place is not None:
            keyed[place, name].append(unit)
    return keyed


def _find_by_contents(
    here: Mapping[str, _Unit], there: Mapping[str, _Unit], gone: Mapping[str, _Unit], heirs: _Heirs
) -> None:
    """Counties and prefectures that are gone: where at least half of what lay in them stands now."""
    inside: dict[str, list[_Unit]] = defaultdict(list)
    for unit in there.values():
        inside[unit.parent].append(unit)
    named = {code for _, codes in heirs.values() for code in codes}
    claims: dict[str, list[str]] = {}
    for level in (3, 2):
        for code in (code for code, unit in gone.items() if unit.level == level and code not in heirs):
            found: Counter[str] = Counter()
            for part in inside[code]:
                now = heirs[part.code][1] if part.code in heirs else [] if part.code in gone else [part.code]
                found.update({here[each].parent for each in now})
            codes = [each for each, _ in found.most_common() if each in here and here[each].level == level]
            if codes and sum(found.values()) * 2 >= len(inside[code]):
                claims[code] = codes
                heirs[code] = ("merged" if len(codes) == 1 else "split"), codes
    claimed = Counter(each for codes in claims.values() for each in codes)
    for code, codes in claims.items():
        if len(codes) == 1 and codes[0] not in {*there, *named} and claimed[codes[0]] == 1:
            heirs[code] = "renamed", codes


def require_whole(diff: pl.DataFrame, old: pl.DataFrame) -> None:
    """Raises PartialList when more than a tenth of the list before is gone."""
    gone = diff.filter(pl.col("change") == "gone").height
    if gone > old.height * MOST_GONE:
        raise PartialList(gone=gone, share=f"{gone / old.height:.0%}")


def counted(diff: pl.DataFrame) -> dict[str, int]:
    """How many divisions each change concerns."""
    found = diff.group_by("change").agg(pl.coalesce("old_code", "code").n_unique())
    return dict.fromkeys(CHANGES, 0) | dict(found.iter_rows())


def new_codes(diff: pl.DataFrame) -> pl.DataFrame:
    """The rows after which place keys begin with another code: divisions down to counties whose code is another now, or none, and the
    towns that went to another county from one whose code stays."""
    old, new = pl.col("old_code"), pl.col("code")
    upper = diff.filter(old.ne_missing(new), old.str.len_chars() == 6)
    towns = diff.filter(old.str.len_chars() == 9, old.str.slice(0, 6) != new.str.slice(0, 6))
    return pl.concat([upper, towns.join(upper, left_on=old.str.slice(0, 6), right_on="old_code", how="anti")])


def read_diff(file: Path, divisions: pl.DataFrame) -> pl.DataFrame:
    """DIFF of a file; a row `gone` in which somebody stated the successor is `merged`, several rows are `split`. Raises WrongSuccessor."""
    diff = pl.read_csv(file, schema=DIFF).with_row_index("row_no", offset=2)
    stated = diff.filter(pl.col("change") == "gone", pl.col("code").is_not_null())
    listed = dict(divisions.select("code", "level").iter_rows())
    for row in stated.iter_rows(named=True):
        code, old_code = row["code"], row["old_code"] or ""
        if code not in listed:
            raise WrongSuccessor(file=file.name, row_no=row["row_no"], problem=f"清单里没有代码 {code}")
        if len(code) != len(old_code) or (len(code) == 6 and listed[code] != _level(old_code)):
            problem = f"{code} 与撤销的 {old_code} 不是同一级"
            raise WrongSuccessor(file=file.name, row_no=row["row_no"], problem=problem)
    several = pl.len().over("old_code") > 1
    change = pl.when(several).then(pl.lit("split")).otherwise(pl.lit("merged"))
    said = (pl.col("change") == "gone") & pl.col("code").is_not_null()
    return diff.with_columns(change=pl.when(said).then(change).otherwise("change")).select(DIFF.names())


def _level(code: str) -> int:
    return 1 if code.endswith("0000") else 2 if code.endswith("00") else 3
