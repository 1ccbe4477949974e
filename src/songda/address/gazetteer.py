"""The divisions of China as the engine looks them up: by name, by chain, towns by district, old names by successor.

    >>> place = gazetteer()
    >>> [place.division[hit.code].name for hit in place.names["下城区"]]
    ['拱墅区']

Loaded once, on first use, from `data/` (built by scripts/build_divisions.py, and `renamed.csv`, written by hand).
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

#: How a name points at a division, with the weight that the mention has when several chains compete.
OFFICIAL, FORMER, SPOKEN, CLASS_CHANGED = 1.0, 0.9, 0.8, 0.7

_CLASS = re.compile(r"(?:街道办事处|地区办事处|办事处|街道|地区|民族苏木|苏木|民族乡|乡|镇)$")
TOWN_CLASS = r"(?:街道办事处|街道办|地区办事处|办事处|街道|地区|苏木|镇|乡)"


@dataclass(frozen=True, slots=True)
class Division:
    #: 6 digits, 9 for a town.
    code: str
    name: str
    #: 1 province, 2 prefecture, 3 county or functional zone, 4 town.
    level: int
    kind: str
    official: bool
    #: Codes from the province down to this division.
    chain: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that a name can mean."""

    code: str
    weight: float
    #: Why the name is not today's: "merged 2021", "class changed"; empty for official and spoken names.
    reason: str = ""
    #: Other divisions that hold part of the old ground.
    others: tuple[str, ...] = ()
    #: The prefecture or province in which the old name stood; empty for any.
    within: str = ""


@dataclass(frozen=True, slots=True)
class Gazetteer:
    division: dict[str, Division]
    #: Names of levels 1-3, old ones included → what they can mean, best first.
    names: dict[str, tuple[Hit, ...]]
    #: First two characters → lengths of the names that begin so, longest first.
    lengths: dict[str, tuple[int, ...]]
    #: Parent code → its towns.
    towns: dict[str, tuple[str, ...]]
    #: Parent code → counties and zones below it.
    counties: dict[str, tuple[str, ...]]
    #: Full name of a town → codes of all towns of that name.
    town_names: dict[str, tuple[str, ...]]
    #: Town code → village names, "|" before, between and after.
    villages: dict[str, str]
    postcode: dict[str, str]
    #: Spoken forms of a town, by code.
    spoken: dict[str, tuple[str, ...]]

    def of_level(self, code: str, level: int) -> str:
        """Code on the chain of `code` that has this level; empty when the chain skips it."""
        return next((c for c in self.division[code].chain if self.division[c].level == level), "")


def table(name: str) -> list[dict[str, str]]:
    """Rows of a table in `data/`."""
    data = files("songda.address").joinpath("data")
    if name == "renamed":
        text = data.joinpath("renamed.csv").read_text(encoding="utf-8")
    else:
        import zstandard

        packed = data.joinpath(f"{name}.csv.zst").read_bytes()
        text = zstandard.ZstdDecompressor().decompressobj().decompress(packed).decode()
    return list(csv.DictReader(io.StringIO(text)))


@cache
def gazetteer() -> Gazetteer:
    """The shipped gazetteer, read on first use (about half a second)."""
    rows = table("divisions")
    division = _divisions(rows)
    names = _names(rows, division)
    towns: dict[str, list[str]] = defaultdict(list)
    counties: dict[str, list[str]] = defaultdict(list)
    town_names: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row["level"] == "4":
            towns[row["parent"]].append(row["code"])
            town_names[row["name"]].append(row["code"])
        elif row["level"] == "3":
            counties[row["parent"]].append(row["code"])
    return Gazetteer(
        division=division,
        names=names,
        lengths=_lengths(names),
        towns={code: tuple(found) for code, found in towns.items()},
        counties={code: tuple(found) for code, found in counties.items()},
        town_names={name: tuple(codes) for name, codes in town_names.items()},
        villages={row["town"]: f"|{row['names']}|" for row in table("villages")},
        postcode={row["code"]: row["postcode"] for row in table("postcodes")},
        spoken={
            row["code"]: tuple(row["aliases"].split("|")) for row in rows if row["level"] == "4" and row["aliases"]
        },
    )


def _divisions(rows: list[dict[str, str]]) -> dict[str, Division]:
    division: dict[str, Division] = {}
    for row in sorted(rows, key=lambda row: row["level"]):
        above = division[row["parent"]].chain if row["parent"] else ()
        code, level = row["code"], int(row["level"])
        division[code] = Division(code, row["name"], level, row["kind"], row["official"] == "1", (*above, code))
    return division


def _names(rows: list[dict[str, str]], division: dict[str, Division]) -> dict[str, tuple[Hit, ...]]:
    found: dict[str, dict[tuple[str, str], Hit]] = defaultdict(dict)

    def add(name: str, hit: Hit) -> None:
        known = found[name].get((hit.code, hit.within))
        if len(name) > 1 and (known is None or known.weight < hit.weight):
            found[name][hit.code, hit.within] = hit

    for row in rows:
        if row["level"] == "4":
            continue
        add(row["name"], Hit(row["code"], OFFICIAL))
        for alias in filter(None, row["aliases"].split("|")):
            add(alias, Hit(row["code"], SPOKEN))
    _add_class_changes(rows, add)
    for row in table("former"):
        within = row["province"]
        add(row["old_name"], Hit(row["new_code"], FORMER, f"{row['reason']} {row['valid_to']}", within=within))
    for row in table("renamed"):
        codes = row["new_code"].split(";")
        add(
            row["old_name"],
            Hit(codes[0], FORMER, f"{row['reason']} {row['valid_to']}", tuple(codes[1:]), codes[0][:2] + "0000"),
        )
    return {name: tuple(sorted(hits.values(), key=lambda hit: -hit.weight)) for name, hits in found.items()}


def _add_class_changes(rows: list[dict[str, str]], add: object) -> None:
    """萧山市, 双流县, 毕节地区: the stem of today with the class of another day, unless a sibling bears that very name."""
    assert callable(add)
    taken = {(row["parent"], row["name"]) for row in rows}
    for row in rows:
        if row["level"] not in "23" or row["official"] != "1":
            continue
        stem = re.sub(r"(?:地区|[市县区盟])$", "", row["name"])
        if len(stem) < 2 or stem == row["name"] or row["name"].endswith(("自治县", "自治州")):
            continue
        for suffix in ("地区", "市") if row["level"] == "2" else ("县", "市", "区"):
            if (row["parent"], stem + suffix) not in taken:
                add(stem + suffix, Hit(row["code"], CLASS_CHANGED, "class changed"))


def town_stem(name: str) -> str:
    """Name of a town without its class word; the name itself when one character would be left."""
    stem = _CLASS.sub("", name)
    return stem if len(stem) > 1 else name


@dataclass(frozen=True, slots=True)
class Towns:
    """The towns below a county or city; a spoken name that two of them share is left out."""

    names: dict[str, str]
    #: Names without class word, and other spoken names.
    stems: dict[str, str]
    #: First two characters → lengths of the names (stems) that begin so, longest first.
    name_lengths: dict[str, tuple[int, ...]]
    stem_lengths: dict[str, tuple[int, ...]]


@cache
def towns_of(parent: str) -> Towns:
    place = gazetteer()
    names: dict[str, str] = {}
    stems: dict[str, str] = {}
    twice: set[str] = set()
    for code in place.towns.get(parent, ()):
        name = place.division[code].name
        names[name] = code
        for alias in (town_stem(name), *place.spoken.get(code, ())):
            if alias != name:
                twice |= {alias} if alias in stems and stems[alias] != code else set()
                stems[alias] = code
    stems = {stem: code for stem, code in stems.items() if stem not in twice and stem not in names}
    return Towns(names, stems, _lengths(names), _lengths(stems))


def _lengths(names: Iterable[str]) -> dict[str, tuple[int, ...]]:
    lengths: dict[str, set[int]] = defaultdict(set)
    for name in names:
        lengths[name[:2]].add(len(name))
    return {head: tuple(sorted(sizes, reverse=True)) for head, sizes in lengths.items()}


@cache
def villages_of(code: str) -> str:
    """Village names of a town, or of all towns of a county, "|" before, between and after; empty when none are known."""
    place = gazetteer()
    return place.villages.get(code) or "".join(place.villages.get(town, "") for town in place.towns.get(code, ()))
