"""Labelled training addresses, put together from the shipped divisions and the grammar in `generate.toml`.

    >>> text, pieces = generate(1, seed=7)[0]
    >>> "".join(piece for piece, _ in pieces) == text.replace(" ", "")
    True

The grammar has four tables. `words`: lists parted by blanks (`路*9` counts nine times). `names`: one template a line behind its weight, in
which `{x}` is another name, a list of words, something of the line's place (below) or a number. `pieces`: sequences of `template/label`,
`@x` = another sequence, `?30:` before a token = present in 30 of 100 lines, `_` = a blank before the piece. `styles`: the sequences that a
line begins with. `{x>k}` keeps what was said, `{<k}` says it again; a piece that comes out empty is left out.
"""

from __future__ import annotations

import random
import re
import tomllib
from bisect import bisect
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from itertools import accumulate

from songda.address.gazetteer import table
from songda.address.training.grammar import Compiler, Line, Place, Put, Say, pick
from songda.address.training.lines import Labelled

_ABOVE = frozenset({"prov", "city", "district", "town", "community", "road", "poi"})
_FULL_WIDTH = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})
#: Names in the statistics' list that nobody says.
_NO_VILLAGE = re.compile(r"\|?[^|]*(?:虚拟|管委会|开发区|生活区)[^|]*")


def generate(count: int, *, seed: int) -> list[Labelled]:
    """`count` lines of (text, [(piece, label), …]); the same seed gives the same lines."""
    grammar = _grammar()
    chance = random.Random(seed)
    lines: list[Labelled] = []
    while len(lines) < count:
        line = Line(chance.random, grammar.somewhere(chance.random))
        grammar.style(line)
        if line.pieces:
            lines.append(_finish(line, grammar.noise))
    return lines


@dataclass(frozen=True, slots=True)
class Grammar:
    style: Put
    somewhere: Callable[[Callable[[], float]], Place]
    noise: dict[str, float]


@cache
def _grammar() -> Grammar:
    source = tomllib.loads(files(__package__).joinpath("generate.toml").read_text(encoding="utf-8"))
    everywhere = _Everywhere(_places(source["weights"]))
    compiled = Compiler(source, everywhere.builtins())
    return Grammar(compiled.styles(), everywhere.place, source["noise"])


def _finish(line: Line, noise: dict[str, float]) -> Labelled:
    """The line as text and pieces, some of them with slips of the pen."""
    chance, pieces = line.random, line.pieces
    if chance() < noise["slip"]:
        at = int(chance() * len(pieces))
        blank, text, label = pieces[at]
        if label in _ABOVE and len(text) > 2:
            cut = 1 + int(chance() * (len(text) - 1))
            again = text[cut] if chance() < noise["doubled"] else ""
            pieces[at] = (blank, text[:cut] + again * 2 + text[cut + 1 :], label)
    if chance() < noise["cut"] and len(pieces) > 4:
        del pieces[len(pieces) - 1 - int(chance() * 2) :]
    if chance() < noise["parted"]:
        mark = "，.、/~-"[int(chance() * 6)]
        pieces = [part for piece in pieces for part in (piece, ("", mark, "redundant"))][:-1]
    if chance() < noise["full_width"]:
        pieces = [(blank, text.translate(_FULL_WIDTH), label) for blank, text, label in pieces]
    spaced = chance()
    if spaced < noise["spaced"]:
        share = 0.15 if spaced < noise["spaced"] * 0.8 else 0.9
        pieces = [(" " if chance() < share else blank, text, label) for blank, text, label in pieces]
    text = "".join([blank + text for blank, text, _ in pieces]).lstrip()
    return text, [(text, label) for _, text, label in pieces]


# --- the ground -------------------------------------------------------------------------------------------------------------------------


def _places(weights: dict[str, dict[str, float]]) -> tuple[list[Place], list[float]]:
    """Every district, today's and yesterday's, with how often it occurs."""
    rows = {row["code"]: row for row in table("divisions")}
    below: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows.values():
        below[row["parent"]].append(row)
    villages = {row["town"]: _NO_VILLAGE.sub("", row["names"]).strip("|") for row in table("villages")}
    words: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in table("place_words"):
        words[row["code"], row["kind"]].append(row["name"])
    former: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in [*table("former"), *table("renamed")]:
        former[row["new_code"].split(";")[0]].append(row)

    def names(code: str) -> tuple[str, str]:
        row = rows[code]
        return row["name"], min(row["aliases"].split("|"), key=len) if row["aliases"] else row["name"]

    def districts(code: str) -> Iterator[tuple[tuple[str, str], tuple[str, str], float]]:
        """(city, district, weight): today's names of a county, its former ones, and today's under a former city."""
        above = rows[code]["parent"]
        city = ("", "") if above[2:] == "0000" else names(above)
        kind = weights["kind"]["urban" if rows[code]["name"].endswith("区") else "rural"]
        today = (rows[code]["name"],) * 2 if rows[code]["name"].endswith("旗") else names(code)
        yield city, today, kind
        for old in former[code]:
            name = old["old_name"]
            short = name[:-1] if len(name) > 2 and not name.endswith("旗") else name
            if name != rows[above]["name"]:
                yield city, (name, short), weights["kind"]["former" if old["valid_to"] >= "2000" else "ancient"]
        for old in former[above]:
            if old["valid_to"] >= "2000" and old["reason"] in ("moved", "renamed", "changed", "class changed"):
                yield (old["old_name"], old["old_name"].removesuffix("地区").removesuffix("市")), today, kind / 10

    places: list[Place] = []
    often: list[float] = []
    for code, row in rows.items():
        undivided = row["level"] == "2" and below[code] and below[code][0]["level"] == "4"
        towns = tuple(
            (town["name"], _spoken(town), villages.get(town["code"], ""))
            for town in below[code]
            if town["level"] == "4" and town["kind"] not in ("其他", "园区") and "虚拟" not in town["name"]
        )
        if not towns or not (undivided or (row["level"] == "3" and row["official"] == "1")):
            continue
        prov = names(f"{code[:2]}0000")
        around = below[code if undivided else row["parent"]]
        for city, district, weight in (
            [(names(code), ("", ""), weights["kind"]["undivided"])] if undivided else districts(code)
        ):
            places.append(
                Place(
                    prov=("", "") if prov[0].endswith("市") else prov,
                    city=prov if prov[0].endswith("市") else city,
                    district=district,
                    head=prov[1],
                    towns=towns,
                    zones=tuple(zone["name"] for zone in around if zone["level"] == "3" and zone["official"] != "1"),
                    roads=tuple(words[code, "road"]),
                    estates=tuple(words[code, "estate"]),
                )
            )
            often.append(weight * weights["province"].get(prov[1], 1.0))
    return places, often


class _Everywhere:
    """Names of the whole country, for the roads, firms and estates that are called after places."""

    def __init__(self, ground: tuple[list[Place], list[float]]) -> None:
        self.places, often = ground
        self.sums = list(accumulate(often))
        self.cities = sorted({place.city[1] for place in self.places if 2 <= len(place.city[1]) <= 3})
        self.provinces = sorted({place.head for place in self.places})
        self.districts = sorted({place.district[1] for place in self.places if 2 <= len(place.district[1]) <= 3})
        self.roads = [name for place in self.places for name in place.roads]
        self.estates = [name for place in self.places for name in place.estates]

    def place(self, chance: Callable[[], float]) -> Place:
        return self.places[bisect(self.sums, chance() * self.sums[-1])]

    def town(self, line: Line) -> tuple[str, str, str]:
        """The town of the line: drawn once."""
        if line.town is None:
            line.town = pick(line.place.towns, line.random)
        return line.town

    def builtins(self) -> dict[str, Say]:
        return {
            "P": lambda line: line.place.prov[0],
            "p": lambda line: "内蒙古" if line.place.prov[1] == "内蒙" and line.random() < 0.6 else line.place.prov[1],
            "C": lambda line: line.place.city[0],
            "c": lambda line: line.place.city[1],
            "D": lambda line: line.place.district[0],
            "d": lambda line: line.place.district[1],
            "head": lambda line: line.place.head,
            # Of a municipality or of a city without districts: said twice.
            "again": lambda line: "" if line.place.prov[0] else line.place.city[1],
            "Again": lambda line: "" if line.place.prov[0] else line.place.city[0],
            # What official lists write where a level has no name.
            "unnamed": lambda line: "市辖区" if line.place.city[0] else "省直辖县级行政区划",
            "undivided": lambda line: "" if line.place.district[0] else line.place.city[0],
            "Dx": lambda line: line.place.district[0] or line.place.city[0],
            "local": lambda line: line.place.district[1] or line.place.city[1],
            "Local": lambda line: line.place.district[0] or line.place.city[0],
            "big": lambda line: line.place.city[1] or line.place.district[1],
            "Big": lambda line: line.place.city[0] or line.place.district[0],
            "T": self._town,
            "t": lambda line: self.town(line)[1],
            "Town": lambda line: self.town(line)[0],
            "village": partial(self._village, urban=False),
            "quarter": partial(self._village, urban=True),
            "far_village": self._far_village,
            "far_town": lambda line: pick(pick(self.places, line.random).towns, line.random)[1],
            "far_city": lambda line: pick(self.cities, line.random),
            "far_province": lambda line: pick(self.provinces, line.random),
            "far_district": lambda line: pick(self.districts, line.random),
            "known_zone": lambda line: pick(line.place.zones, line.random) if line.place.zones else "经济开发区",
            "known_road": lambda line: pick(line.place.roads or self.roads, line.random),
            "far_road": lambda line: pick(self.roads, line.random),
            "known_estate": lambda line: pick(line.place.estates or self.estates, line.random),
            "far_estate": lambda line: pick(self.estates, line.random),
            "headless": lambda line: (line.place.prov[0] + line.place.city[0] + line.place.district[0])[1:],
            "tail": lambda line: line.place.district[0][-2:],
            "room": _room,
        }

    def _town(self, line: Line) -> str:
        name, short, _ = self.town(line)
        if name.endswith("街道"):
            how = line.random()
            if how < 0.84:
                return name
            tail = "办事处" if how < 0.9 else "办" if how < 0.92 else ""
            return name + tail if tail else short + ("办事处" if how < 0.95 else "街办" if how < 0.96 else "")
        return short if line.random() < 0.07 else name

    def _village(self, line: Line, urban: bool) -> str:
        """Stem of a village (or residents' committee) of the line's town."""
        names = self.town(line)[2].split("|")
        for _ in range(4):
            name = pick(names, line.random)
            if name.endswith("社区") == urban or not urban:
                return _stem(name) or "新村"
        return _stem(pick(names, line.random)) or "新村"

    def _far_village(self, line: Line) -> str:
        town = pick(pick(self.places, line.random).towns, line.random)
        return _stem(pick(town[2].split("|"), line.random)) or "新村"


def _spoken(row: dict[str, str]) -> str:
    """What a town is called without its class word, unless that is a road (胜利路街道)."""
    short = row["aliases"].split("|")[-1] or row["name"]
    return row["name"] if short[-1] in "路街巷道里村" else short


def _stem(name: str) -> str:
    """李家村 → 李家, 金祝社区 → 金祝."""
    for tail in ("社区", "村"):
        if name.endswith(tail) and len(name) > len(tail) + 1:
            name = name[: -len(tail)]
    return name


def _room(line: Line) -> str:
    chance = line.random
    kind = chance()
    if kind < 0.12:
        return str(1 + int(9998 * chance()))
    floor = 1 + int((6 if kind < 0.6 else 32) * chance())
    return f"{floor}{1 + int((4 if kind < 0.8 else 28) * chance()):02d}"


# --- the grammar ------------------------------------------------------------------------------------------------------------------------
