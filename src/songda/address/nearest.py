"""The one name of a division, or of a town, that a misspelt one can be meant for.

    >>> near = nearest("坑州市", [])
    >>> near.name, near.cost
    ('杭州市', 0.35)

It must be close to one name of the known chain and clearly less close to every other, and its class word (省, 市, 区, 县 …) must agree.
"""

from __future__ import annotations

import io
import re
import zlib
from collections import defaultdict
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.resources import files
from itertools import groupby
from typing import NamedTuple

import numpy as np

from songda.address.compiled.lexicon import SPOKEN, entry_of, lexicon
from songda.address.compiled.trie import BASE, BEFORE, VALUE
from songda.address.slips import OTHER, SWAPPED, distance, slip

#: The dearest mistake that is corrected, in names of up to three characters with their class word, and in longer ones.
SHORT, LONG = 0.5, 0.9
#: In towns, and where neither the chain nor a class word says what the name is: a single sound or shape.
ALONE = 0.35
#: By how much every other name must be dearer.
MARGIN = 0.3
CLASS_WORDS = "省市区县旗州盟"
#: Words that end in a class word and are one themselves.
_ZONE = re.compile(
    r"(?:新|高新|经开|开发|园|小|社|工业|产业|经济|度假|风景|景|名胜|保税|管理|示范|合作|试验|实验|功能|生活|住宅|校|院|厂|库|片|辖|街)区$"
)
_TOWN_CLASS = re.compile(r"(?:街道办事处|地区办事处|办事处|街道办|街道|地区|民族苏木|苏木|民族乡|乡|镇)$")
_OFFICE = str.maketrans({"办": None, "事": None, "处": None})


class Name(NamedTuple):
    """A name of divisions, with a class word or without, and the divisions that it can mean."""

    text: str
    classed: bool
    zone: str
    divisions: tuple[int, ...]
    provinces: frozenset[int]


@cache
def _names() -> dict[str, list[Name]]:
    """All names of levels 1 to 3 by each character of theirs, the class word left out in names of more than two."""
    lex = lexicon()
    nodes = lex.names
    ends = np.nonzero(nodes[:, VALUE] >= 0)[0]
    node_of = np.zeros(len(lex.hit_start) - 1, np.int64)
    node_of[nodes[ends, VALUE]] = ends
    points = np.nonzero(lex.symbol)[0]
    chars = dict(zip(lex.symbol[points].tolist(), map(chr, points.tolist()), strict=True))
    counts = (lex.level <= 3) & ((lex.official == 1) | (lex.code[lex.province] >= 710000))
    found: dict[str, list[Name]] = defaultdict(list)
    homes: dict[frozenset[int], frozenset[int]] = {}
    for entry in np.nonzero(lex.town_start > lex.hit_start[:-1])[0].tolist():
        hits = slice(lex.hit_start[entry], lex.town_start[entry])
        use = counts[lex.hit_division[hits]]
        if not use.any():
            continue
        node, text = int(node_of[entry]), ""
        while node:
            above = int(nodes[node, BEFORE])
            text = chars[node - int(nodes[above, BASE])] + text
            node = above
        full = bool((lex.hit_kind[hits][use] != SPOKEN).any())
        classed = text[-1] in CLASS_WORDS and (full or len(text) > 2)
        divisions = tuple(dict.fromkeys(lex.hit_division[hits][use].tolist()))
        home = frozenset(lex.province[list(divisions)].tolist())
        name = Name(text, classed, _zone(text), divisions, homes.setdefault(home, home))
        for key in set(text[:-1] if classed and len(text) > 2 else text):
            found[key].append(name)
    return dict(found)


@cache
def by_text() -> dict[str, Name]:
    return {name.text: name for names in _names().values() for name in names}


@cache
def longest() -> int:
    return max(map(len, by_text()))


class Near(NamedTuple):
    """A name that a misspelt one is close to."""

    cost: float
    name: str
    divisions: tuple[int, ...]


@lru_cache(8192)
def _close(typed: str, provinces: frozenset[int]) -> tuple[Near, ...]:
    """All names of the provinces (of all when none is given) that `typed` is close to, closest first."""
    classed, zone, length = typed[-1] in CLASS_WORDS, _zone(typed), len(typed)
    found: dict[str, Near] = {}
    names = _names()
    for char in set(typed[:-1] if classed and length > 2 else typed):
        for name in names.get(char, ()):
            text, full = name.text, name.classed
            if (
                text in found
                or not -1 <= len(text) - length <= 1
                or (provinces and provinces.isdisjoint(name.provinces))
            ):
                continue
            # The class word must agree; that of 坑州 may be none.
            if full != classed and not (classed and text[-1] == typed[-1] == "州"):
                continue
            if full and (text[-1] != typed[-1] or name.zone != zone):
                continue
            limit = _limit(text, full) + MARGIN
            cost = distance(typed, text, limit)
            if 0 < cost <= limit:
                found[text] = Near(cost, text, name.divisions)
    return tuple(sorted(found.values()))


def _zone(name: str) -> str:
    found = _ZONE.search(name)
    return found[0] if found else ""


def _limit(name: str, classed: bool) -> float:
    return SHORT if len(name) + (not classed) <= 3 else LONG


def nearest(typed: str, known: Sequence[int], level: int = 0) -> Near | None:
    """The one division name that `typed` can be meant for; None when there is none or more than one.

    `known`: divisions of which the text states one (several when it is ambiguous, none when it states nothing): the name must hold one of
    them or lie in one. `level`: at which a name without class word is looked for, 0 for any.
    """
    lex = lexicon()
    fitting: list[Near] = []
    elsewhere = OTHER
    classed = typed[-1] in CLASS_WORDS
    for near in _close(typed, frozenset(int(lex.province[division]) for division in known)):
        meant = tuple(
            division
            for division in near.divisions
            if (classed or not level or lex.level[division] == level)
            and (not known or any(related(division, other) for other in known))
        )
        if meant:
            fitting.append(Near(near.cost, near.name, meant))
        else:
            elsewhere = min(elsewhere, near.cost)
    if not fitting:
        return None
    best = fitting[0]
    limit = _limit(best.name, best.name[-1] in CLASS_WORDS)
    if not known:
        limit = ALONE if not classed else limit if len(best.name) > 4 else SHORT
    # What is known lies in the best one: a neighbour that is still closer contradicts it.
    above = any(lex.level[other] >= lex.level[division] for other in known for division in best.divisions)
    if best.cost > limit or (above and elsewhere < best.cost):
        return None
    for other in fitting[1:]:
        if other.cost < best.cost + MARGIN and set(other.divisions) != set(best.divisions):
            return None
    return best


def related(one: int, other: int) -> bool:
    last = lexicon().last
    return bool(one <= other < last[one] or other <= one < last[other])


@lru_cache(8192)
def is_name(name: str, division: int) -> bool:
    """True for what the dictionary knows: a division or zone anywhere, a town by its full name anywhere or by its stem in `division`."""
    if entry_of(name) >= 0:
        return True
    entry = entry_of(name[:-1]) if name[-1] in CLASS_WORDS and len(name) > 2 else -1
    if entry < 0 or division < 0:
        return False
    lex = lexicon()
    towns = lex.hit_division[lex.town_start[entry] : lex.hit_start[entry + 1]]
    return bool(((towns >= division) & (towns < lex.last[division])).any())


@lru_cache(8192)
def nearest_town(typed: str, division: int) -> Near | None:
    """The one town in `division` that differs from `typed` in a single character of its sound or shape."""
    stem, kind = _town_parts(typed)
    close = [
        (cost, name, town)
        for name, _, town in _towns(division)
        if len(name) == len(stem) and (cost := _one_slip(stem, name)) <= ALONE + MARGIN
    ]
    if len(close) != 1 or not 0 < close[0][0] <= ALONE or entry_of(typed) >= 0:
        return None
    ((cost, name, town),) = close
    theirs = _town_parts(lexicon().spelt(town))[1]
    if theirs.translate(_OFFICE) != kind.translate(_OFFICE) or _village_elsewhere(stem, town):
        return None
    return Near(cost, name + kind, (town,))


def _one_slip(typed: str, meant: str) -> float:
    """Cost of the one character, or the two swapped ones, by which names of one length differ; 0 for none, OTHER for more."""
    wrong = [(char, wanted) for char, wanted in zip(typed, meant, strict=True) if char != wanted]
    if len(wrong) == 2 and wrong[0] == wrong[1][::-1]:
        return SWAPPED
    return OTHER if len(wrong) > 1 else slip(*wrong[0]) if wrong else 0.0


@lru_cache(1024)
def _towns(division: int) -> tuple[tuple[str, str, int], ...]:
    """Stem, class word and number of the towns in a division."""
    lex = lexicon()
    inside = range(division + 1, int(lex.last[division]))
    return tuple((*_town_parts(lex.spelt(town)), town) for town in inside if lex.level[town] == 4)


def _town_parts(name: str) -> tuple[str, str]:
    """Stem and class word of a town's name."""
    found = _TOWN_CLASS.search(name, 2)
    return (name[: found.start()], found[0]) if found else (name, "")


def _village_elsewhere(stem: str, town: int) -> bool:
    """True when villages of another town of the county are called so: the name is a place there, an old town (芦圩 beside 露圩镇)."""
    code = str(lexicon().code[town])
    packed = _villages().get(code[:6])
    lines = zlib.decompress(packed).decode().splitlines() if packed else []
    called = re.compile(f"[,|]{stem}")
    return any(called.search(line) for line in lines if not line.startswith(code))


@cache
def _villages() -> dict[str, bytes]:
    """County → its part of the table of villages, a line a town, compressed: few counties are ever asked for."""
    import zstandard

    with files("songda.address").joinpath("data/villages.csv.zst").open("rb") as packed:
        text = io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(packed), 1 << 16)
        return {
            county.decode(): zlib.compress(b"".join(lines), 1) for county, lines in groupby(text, lambda line: line[:6])
        }
