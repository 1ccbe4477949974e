"""Compares what an address reader found with the labelled fields, so that no reader loses by a mere habit.

The same treatment for all, songda included. These count as right: short names (广西, 朝阳); 市辖区, 县 or an empty city below a
municipality, whose city is itself; 省直辖县 or the county itself as the city of a county that a province governs; a town in the
place of the district where a city has none (东莞, 中山, 儋州, 嘉峪关); 街道办事处 for 街道; zones of shops (四环到五环之间) where no
town is labelled. The old name of a district or city is
wrong, because a letter needs today's, but right in the lenient verdict; so is there another class word of the same town (乡, 镇).

>>> from bench.peers.judge import door
>>> door("7号楼2单元802户"), door("17-1-202")
({'building': '7', 'unit': '2', 'room': '802'}, {'building': '17', 'unit': '1', 'room': '202'})
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from bench.address_gold import normal

FINE = ("road", "road_no", "building", "unit", "room")
_MUNICIPALITIES = {"北京", "天津", "上海", "重庆"}
#: What some tables put where a level has no division of its own.
_FILLER = re.compile(r"市辖区|县|.*直辖.*|(北京|天津|上海|重庆)(市?城区|市?郊县|市?郊区)")
#: Zones of shops that some tables keep as towns.
_ZONE = re.compile(r"全境|全区|城区|县城.*|.*环.*(以内|以外|之间|内|外)")
#: The statistics bureau lists them apart, the ministry below these cities.
_LISTED_APART = {"定州市": "保定市", "辛集市": "石家庄市"}
_TOWN_CLASS = re.compile(r"(街道办事处|街道办|办事处|街道|地区|镇|(?:.{1,4}族)*乡)$")
#: A short name before these is the beginning of a road's name.
_ROAD_NEXT = re.compile(r"[东南西北中]?[0-9一二三四五六七八九十]?(路|大道|大街|街|道|巷|里)")

#: Ends of a full name of a province or city.
_CLASS = ("省", "市", "自治区", "自治州", "地区", "盟", "特别行政区")

_NUMBER = "[0-9A-Za-z一二三四五六七八九十]+"
_DASHED = re.compile(rf"({_NUMBER})[-－—]({_NUMBER})(?:[-－—]({_NUMBER}))?(?:室|号|户)?")
_DOOR = re.compile(
    rf"(?:(?P<building>{_NUMBER})(?:号楼|栋|幢|座|#|号))?(?:(?P<unit>{_NUMBER}|[东西南北中])(?:单元|门|梯|口))?"
    rf"(?:{_NUMBER}(?:楼|层|-))?(?:(?P<room>{_NUMBER})(?:室|号|户)?)?"
)


class OldName(NamedTuple):
    level: int
    name: str
    prefecture: str
    province: str


class Verdict(NamedTuple):
    div3: bool
    div4: bool
    #: The same, with old names of the same place taken for right.
    lenient3: bool
    lenient4: bool


@dataclass(frozen=True, slots=True)
class Divisions:
    """Today's divisions and what they were called, by their codes of six digits."""

    #: Official name first, then the short ones.
    names: dict[str, tuple[str, ...]]
    #: Official name of a county → codes of all that bear it today.
    counties: dict[str, frozenset[str]]
    #: Old name of a county → today's codes of what it covered.
    old_counties: dict[str, frozenset[str]]
    #: Today's code → what it or the division around it was called, with all that is above.
    old: dict[str, tuple[OldName, ...]]
    #: Counties that a province governs itself.
    direct: frozenset[str]
    #: Name of a city without districts → names of its towns.
    towns: dict[str, frozenset[str]]


def divisions(folder: Path) -> Divisions:
    """Reads divisions.parquet and division_history.csv.zst of `folder`."""
    now = pl.read_parquet(folder / "divisions.parquet").filter(pl.col("official")).fill_null("").to_dicts()
    level = {row["code"]: row["level"] for row in now}
    names = {row["code"][:6]: (row["name"], *row["aliases"].split("|")) for row in now if row["level"] <= 3}
    counties, old_counties = defaultdict(set), defaultdict(set)
    old: dict[str, list[OldName]] = defaultdict(list)
    towns: dict[str, set[str]] = defaultdict(set)
    for row in now:
        if row["level"] == 3:
            counties[row["name"]].add(row["code"][:6])
        elif row["level"] == 4 and level.get(row["parent"]) == 2:
            towns[names[row["parent"][:6]][0]] |= {row["name"], *row["aliases"].split("|")} - {""}
    for row in pl.read_csv(folder / "division_history.csv.zst", infer_schema=False).fill_null("").to_dicts():
        if row["status"] == "current":
            continue
        for code in row["current"].split(";"):
            if int(row["level"]) == 3:
                old_counties[row["name"]].add(code)
            for name in filter(None, (row["name"], *row["aliases"].split("|"))):
                old[code].append(OldName(int(row["level"]), name, row["prefecture"], row["province"]))
    return Divisions(
        names={code: tuple(filter(None, given)) for code, given in names.items()},
        counties=_frozen(counties),
        old_counties=_frozen(old_counties),
        old={code: tuple(given) for code, given in old.items()},
        direct=frozenset(row["name"] for row in now if row["level"] == 3 and row["parent"].endswith("0000000000")),
        towns=_frozen(towns),
    )


def _frozen(sets: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    return {key: frozenset(each) for key, each in sets.items()}


def settled(row: Mapping[str, Any], places: Divisions) -> dict[str, str]:
    """A reader's answer in the conventions of the labels."""
    part = {key: re.sub(r"\s", "", str(value)) for key, value in row.items() if value is not None}
    province, city, district, town = (part.get(key, "") for key in ("province", "city", "district", "town"))
    if "直辖" in city:
        city = _LISTED_APART.get(district, "")
    city, district = ("" if _FILLER.fullmatch(each) else each for each in (city, district))
    capital = (province or city).removesuffix("市")
    if capital in _MUNICIPALITIES and city.removesuffix("市") in {"", capital}:
        province = city = capital + "市"
    if city in places.direct:
        city, district = "", district or city
    if city in places.towns:
        if district in places.towns[city]:
            town, district = town or district, ""
        elif district == city:
            district = ""
    if "door" in part:
        part |= door(part["door"])
        lane = re.match(rf"{_NUMBER}号(?!楼)", part["door"])
        if part.get("road_no", "").endswith("弄") and lane:
            part |= {"building": "", **door(part["door"][lane.end() :]), "road_no": part["road_no"] + lane[0]}
    town = "" if _ZONE.fullmatch(town) else re.sub("(街道办事处|街道办|办事处)$", "街道", town)
    return part | {"province": province, "city": city, "district": district, "town": town}


def door(text: str) -> dict[str, str]:
    """Building, unit and room out of what a reader leaves in one piece."""
    if dashed := _DASHED.fullmatch(text):
        first, second, third = dashed.groups()
        return {"building": first, "unit": second, "room": third} if third else {"building": first, "room": second}
    found = _DOOR.fullmatch(text)
    return {key: each for key, each in found.groupdict().items() if each} if found else {}


def verdict(gold: Mapping[str, Any], found: Mapping[str, str], places: Divisions) -> Verdict:
    """Judges a `settled` answer: right only when all that is labelled was found and nothing else."""
    strict = all(_is(found[key], gold[key], _code(gold, key), places) for key in ("province", "city", "district"))
    lenient = strict or _was(gold, found, places)
    town, known = normal(found["town"]), normal(gold["town"])
    short = _TOWN_CLASS.sub("", known)
    kin = _TOWN_CLASS.sub("", town) == short
    return Verdict(strict, strict and town in {known, short}, lenient, lenient and kin)


def _code(gold: Mapping[str, Any], level: str) -> str:
    code = gold["adcode"] or ""
    return {"province": code[:2] + "0000", "city": code[:4] + "00", "district": code}[level]


def _is(found: str, name: str | None, code: str, places: Divisions) -> bool:
    if name is None or not found:
        return not name and not found
    return normal(found) in {normal(each) for each in (name, *places.names.get(code, ()))}


def _was(gold: Mapping[str, Any], found: Mapping[str, str], places: Divisions) -> bool:
    """Whether all that was found is, or once was, the name of the labelled place, as an old table has it."""
    if not gold["district"] or not found["district"]:
        return False
    old = places.old.get(gold["adcode"], ())
    once = [each for each in old if each.level == 3 and each.name == found["district"]]
    if not once and not _is(found["district"], gold["district"], gold["adcode"], places):
        return False
    city = _code(gold, "city")
    cities = {each.name for each in (*old, *places.old.get(city, ())) if each.level == 2}
    here = _is(found["city"], gold["city"], city, places) or found["city"] in cities
    if here and _is(found["province"], gold["province"], _code(gold, "province"), places):
        return True
    return any((each.prefecture, each.province) == (found["city"], found["province"]) for each in once)


class Cut(NamedTuple):
    """A text without its province and city."""

    text: str
    #: No other county bears, or bore, the name by which the text still calls its own.
    only_one: bool


def cut(gold: Mapping[str, Any], places: Divisions) -> Cut | None:
    """Cuts province and city out of the beginning and of repeated prefixes; None where no name of the district remains."""
    if not (gold["province"] and gold["city"] and gold["district"]):
        return None
    city, old = _code(gold, "city"), places.old.get(gold["adcode"], ())
    above = {gold["province"], gold["city"], *places.names[_code(gold, "province")], *places.names.get(city, ())}
    above |= {each.name for each in (*old, *places.old.get(city, ())) if each.level == 2}
    above |= {each.removesuffix("古") for each in above if each == "内蒙古"}
    own = {*places.names[gold["adcode"]], *(each.name for each in old if each.level == 3)}
    text = _without(gold["text"], above=above, own=own)
    full = [each for each in own if (each in places.counties or each in places.old_counties) and each in text]
    if not full:
        return None
    name = max(full, key=len)
    return Cut(text, places.counties.get(name, places.old_counties.get(name)) == frozenset({gold["adcode"]}))


def _without(text: str, *, above: set[str], own: set[str]) -> str:
    kept, at = [], 0
    while at < len(text):
        here = [each for each in above | own if text.startswith(each, at)]
        # 青岛市北区 is 青岛 and 市北区.
        goes_on = {each for each in here if any(text.startswith(after, at + len(each)) for after in above | own)}
        name = max(here, key=lambda each: (each in goes_on, len(each)), default="")
        if not name and not re.match(r"中国|[\s,，、]", text[at:]):
            break
        step = len(name) or (2 if text.startswith("中国", at) else 1)
        if name in above and _ROAD_NEXT.match(text, at + step):
            break
        kept += [text[at : at + step]] if name not in above else []
        at += step
    dropped = "|".join(sorted(above, key=len, reverse=True))
    full = "|".join(sorted((each for each in above if each.endswith(_CLASS)), key=len, reverse=True))
    rest = re.sub(rf"(?:(?:{dropped})\s*)+(?={'|'.join(sorted(own, key=len, reverse=True))})|{full}", "", text[at:])
    return "".join(kept) + rest
