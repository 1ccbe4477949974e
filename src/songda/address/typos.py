"""Division names misspelt by ear (西胡区), by eye (坑州市) or by a slip of the hand (州杭市, 石庄市): the one division that can be meant.

>>> near = nearest("坑州市", [])
>>> near.name, near.cost
('杭州市', 0.35)

`mend` looks at the rows of a chunk that name a division or town which the dictionary does not have. Nothing is guessed: the name must be
close to one name of the known chain and clearly less close to every other, its class word (省, 市, 区, 县 …) must agree, and the
corrected text must read without a new contradiction. A name that the dictionary knows is never touched. How characters sound and which
are drawn alike is data (`data/sounds.csv.zst`, scripts/build_sounds.py).
"""

from __future__ import annotations

import io
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from songda.address.compiled.lexicon import SPOKEN, entry_of, lexicon
from songda.address.compiled.resolve import (
    AMBIGUOUS_DISTRICT,
    AMBIGUOUS_DIVISION,
    CONTRADICTORY,
    UNKNOWN_DIVISION,
    UNKNOWN_TOWN,
)
from songda.address.compiled.trie import BASE, BEFORE, VALUE
from songda.address.compiled.write import STATED_TOWN
from songda.address.gazetteer import table

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from songda.address.compiled.reader import Findings
    from songda.address.compiled.write import Output

#: What one slip costs: another character of the same sound, of nearly the same, drawn alike, or any; one too few or too many, one
#: typed twice, two neighbours swapped.
SAME_SOUND, NEAR_SOUND, ALIKE, OTHER = 0.3, 0.45, 0.35, 1.0
LEFT_OUT, TWICE, SWAPPED = 0.8, 0.4, 0.5
#: The dearest mistake that is corrected, in names of up to three characters with their class word, and in longer ones.
SHORT, LONG = 0.5, 0.9
#: In towns, and where neither the chain nor a class word says what the name is: a single sound or shape.
ALONE = 0.35
#: By how much every other name must be dearer.
MARGIN = 0.3
#: Names of one text that are looked at, one after the other.
_ROUNDS = 4
#: The tagger's label of a city; it is given to county-level cities too.
_CITY = 2
_COLUMNS = ("province", "city", "district", "town")
#: Told apart on purpose, however alike they look (巴林左旗, 巴林右旗).
_SIDES = "东西南北中左右前后上下内外大小新老一二三四五六七八九十"
_CLASS = "省市区县旗州盟"
#: Words that end in a class word and are one themselves.
_ZONE = re.compile(
    r"(?:新|高新|经开|开发|园|小|社|工业|产业|经济|度假|风景|景|名胜|保税|管理|示范|合作|试验|实验|功能|生活|住宅|校|院|厂|库|片|辖|街)区$"
)
_TOWN_CLASS = re.compile(r"(?:街道办事处|地区办事处|办事处|街道办|街道|地区|民族苏木|苏木|民族乡|乡|镇)$")
_OFFICE = str.maketrans({"办": None, "事": None, "处": None})
_HAN = re.compile("[㐀-鿿]{2,16}")
_HAN_CHAR = re.compile("[㐀-鿿]")
_NO_NAME = "路街巷弄号村"
#: The head of a text that may have a misspelt name: up to a class word, no road and no number before it; below a known division.
_HEAD = rf"^[^路街巷弄号村0-9]{{0,24}}?[^路街巷弄号村0-9]{{2}}[{_CLASS}]"
_HEAD_BELOW = r"^[^路街巷弄号村0-9]{0,24}?(?:[省市州盟][^路街巷弄号村0-9]{2,7}[市州盟]|[^路街巷弄号村0-9]{2}[区县旗])"
_NEAR = (
    (re.compile("^([zcs])h"), r"\1"),
    (re.compile("^n"), "l"),
    (re.compile("^hu$"), "fu"),
    (re.compile("^hui$"), "fei"),
    (re.compile("^hun$"), "fen"),
    (re.compile("^hu(?=a|an|ang$)"), "f"),
    (re.compile("(?<=[aei]n)g$"), ""),
)


class Sounds(NamedTuple):
    """Of each character: readings, readings with near sounds made one, and the characters drawn alike."""

    pinyin: dict[str, frozenset[str]]
    near: dict[str, frozenset[str]]
    alike: dict[str, str]


@cache
def sounds() -> Sounds:
    rows = table("sounds")
    readings = {row["char"]: row["pinyin"].split() for row in rows}
    blurred = {syllable: _blur(syllable) for syllable in {s for spoken in readings.values() for s in spoken}}
    # Most characters share their readings with others: one set for all of them.
    one: dict[frozenset[str], frozenset[str]] = {}
    pinyin = {char: frozenset(spoken) for char, spoken in readings.items()}
    near = {char: frozenset(blurred[s] for s in spoken) for char, spoken in readings.items()}
    return Sounds(
        {char: one.setdefault(spoken, spoken) for char, spoken in pinyin.items()},
        {char: one.setdefault(spoken, spoken) for char, spoken in near.items()},
        {row["char"]: row["alike"] for row in rows if row["alike"]},
    )


def _blur(syllable: str) -> str:
    """A syllable as it is heard where zh and z, n and l, f and h, ang and an … are not told apart."""
    for pattern, said in _NEAR:
        syllable = pattern.sub(said, syllable)
    return syllable


def slip(typed: str, meant: str) -> float:
    """Cost of one character typed for another."""
    if typed == meant:
        return 0.0
    known = sounds()
    if known.pinyin.get(typed, frozenset()) & known.pinyin.get(meant, frozenset()):
        return SAME_SOUND
    if typed in _SIDES and meant in _SIDES:
        return OTHER
    if typed in known.alike.get(meant, "") or meant in known.alike.get(typed, ""):
        return ALIKE
    if known.near.get(typed, frozenset()) & known.near.get(meant, frozenset()):
        return NEAR_SOUND
    return OTHER


def distance(typed: str, meant: str, limit: float) -> float:
    """Cost of the cheapest way from `meant` to `typed`; more than `limit` when it is dearer.

    >>> distance("坑州市", "杭州市", 1), distance("石庄市", "石家庄市", 1), distance("州杭市", "杭州市", 1)
    (0.35, 0.8, 0.5)
    """
    before = after = ""
    while typed and meant and typed[-1] == meant[-1]:
        after = typed[-1]
        typed, meant = typed[:-1], meant[:-1]
    while typed and meant and typed[0] == meant[0]:
        before = typed[0]
        typed, meant = typed[1:], meant[1:]
    around = f"{before or ' '}{typed}{after or ' '}"
    above = [j * LEFT_OUT for j in range(len(meant) + 1)]
    earlier = above
    for i, char in enumerate(typed):
        last, following = around[i], around[i + 2]
        added = TWICE if char in (last, following) else LEFT_OUT
        row = [above[0] + added]
        for j, wanted in enumerate(meant):
            cost = min(above[j + 1] + added, row[j] + LEFT_OUT, above[j] + slip(char, wanted))
            if i and j and char != last and char == meant[j - 1] and last == wanted:
                cost = min(cost, earlier[j - 1] + SWAPPED)
            row.append(cost)
        if min(row) > limit and min(above) > limit:
            return OTHER + limit
        earlier, above = above, row
    return round(above[-1], 2)


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
        classed = text[-1] in _CLASS and (full or len(text) > 2)
        divisions = tuple(dict.fromkeys(lex.hit_division[hits][use].tolist()))
        home = frozenset(lex.province[list(divisions)].tolist())
        name = Name(text, classed, _zone(text), divisions, homes.setdefault(home, home))
        for key in set(text[:-1] if classed and len(text) > 2 else text):
            found[key].append(name)
    return dict(found)


@cache
def _by_text() -> dict[str, Name]:
    return {name.text: name for names in _names().values() for name in names}


@cache
def _longest() -> int:
    return max(map(len, _by_text()))


class Near(NamedTuple):
    """A name that a misspelt one is close to."""

    cost: float
    name: str
    divisions: tuple[int, ...]


@lru_cache(8192)
def _close(typed: str, provinces: frozenset[int]) -> tuple[Near, ...]:
    """All names of the provinces (of all when none is given) that `typed` is close to, closest first."""
    classed, zone, length = typed[-1] in _CLASS, _zone(typed), len(typed)
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
    classed = typed[-1] in _CLASS
    for near in _close(typed, frozenset(int(lex.province[division]) for division in known)):
        meant = tuple(
            division
            for division in near.divisions
            if (classed or not level or lex.level[division] == level)
            and (not known or any(_related(division, other) for other in known))
        )
        if meant:
            fitting.append(Near(near.cost, near.name, meant))
        else:
            elsewhere = min(elsewhere, near.cost)
    if not fitting:
        return None
    best = fitting[0]
    limit = _limit(best.name, best.name[-1] in _CLASS)
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


def _related(one: int, other: int) -> bool:
    last = lexicon().last
    return bool(one <= other < last[one] or other <= one < last[other])


@lru_cache(8192)
def _is_name(name: str, division: int) -> bool:
    """True for what the dictionary knows: a division or zone anywhere, a town by its full name anywhere or by its stem in `division`."""
    if entry_of(name) >= 0:
        return True
    entry = entry_of(name[:-1]) if name[-1] in _CLASS and len(name) > 2 else -1
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


class Row(NamedTuple):
    """What was read of one text."""

    text: str
    division: int
    town: int
    issues: int
    #: First code point, end, label of a name taken for a division; -1 for none.
    unknown: tuple[int, int, int]
    rivals: tuple[int, ...]
    #: The town as stated, when the dictionary does not have it.
    stated: str


class Slip(NamedTuple):
    """A misspelt name: where it stands in the text (code points), and what is meant."""

    start: int
    end: int
    typed: str
    near: Near
    #: False when nothing but the name itself tells where it lies.
    placed: bool


class Mended(NamedTuple):
    """A text with its names corrected, and the corrections as the column of that name says them."""

    text: str
    corrections: list[str]


#: Reads corrected texts of rows again.
Read = Callable[[list[str], list[int]], "tuple[Output, Findings]"]


def mend(texts: pl.Series, out: Output, found: Findings, read: Read) -> dict[int, Mended]:
    """Rows of a chunk whose text has a misspelt division or town, corrected; the others are not in it."""
    mended: dict[int, Mended] = {}
    torn = suspects(texts, found)
    if not torn:
        return mended
    rows = list(torn)
    pending = dict(zip(rows, _readings(texts.gather(rows).to_list(), out, found, rows), strict=True))
    refused: set[tuple[int, str]] = set()
    for _ in range(_ROUNDS):
        slips = {
            row: slip
            for row, reading in pending.items()
            if (slip := next((s for s in _slips(reading, torn[row]) if (row, s.typed) not in refused), None))
        }
        if not slips:
            break
        rows = list(slips)
        again = [_corrected(pending[row].text, slips[row]) for row in rows]
        out, found = read(again, rows)
        following = {}
        for row, after in zip(rows, _readings(again, out, found, range(len(rows))), strict=True):
            if _reads_well(pending[row], after, slips[row]):
                before = mended[row].corrections if row in mended else []
                mended[row] = Mended(after.text, [*before, _note(slips[row])])
                following[row] = after
            else:
                refused.add((row, slips[row].typed))
                following[row] = pending[row]
        pending = following
    return mended


def note_unknown(texts: pl.Series, found: Findings) -> None:
    """Mark the rows that name a division which the dictionary does not have under any spelling."""
    rows = np.nonzero(found.unknown[:, 0] >= 0)[0]
    for row, text in zip(rows.tolist(), texts.gather(rows).to_list(), strict=True):
        start, end, _ = found.unknown[row].tolist()
        name = _folded(text[start:end])[0]
        if len(name) > 1 and name[-1] in _CLASS and not _is_name(name, int(found.numbers[row, 0])):
            found.numbers[row, 2] |= UNKNOWN_DIVISION


def suspects(texts: pl.Series, found: Findings) -> dict[int, bool]:
    """Rows that are worth a look: a division or town unknown to the dictionary; and (True) those whose chain breaks off: no
    county settled, or a county only that the text does not begin with, though its head has a class word."""
    numbers = found.numbers
    division, issues, stated = numbers[:, 0], numbers[:, 2], numbers[:, 5]
    sure = (found.unknown[:, 0] >= 0) | ((issues & UNKNOWN_TOWN > 0) & (division >= 0))
    torn = _divided()[division] | (issues & (AMBIGUOUS_DISTRICT | AMBIGUOUS_DIVISION | CONTRADICTORY) > 0)
    # 和平区, of which there are five, or 西湖区 alone: nothing is missing when the text begins with it.
    rival = found.rivals[:, 0]
    one = (stated & 0b1110 == 0b1000) | ((issues & AMBIGUOUS_DISTRICT > 0) & (rival >= 0))
    alone = np.nonzero(one & (issues & (AMBIGUOUS_DIVISION | CONTRADICTORY) == 0))[0]
    if len(alone):
        county = np.where(rival[alone] >= 0, rival[alone], division[alone])
        begins = texts.gather(alone).str.slice(0, 2) == _beginnings().gather(county)
        torn[alone] = ~begins.fill_null(value=True).to_numpy()
    rows = np.nonzero(torn & (found.unknown[:, 0] < 0))[0]
    if len(rows):
        heads = texts.gather(rows).fill_null("")
        below = _divided()[division[rows]] & (division[rows] >= 0)
        shows = np.where(below, heads.str.contains(_HEAD_BELOW).to_numpy(), heads.str.contains(_HEAD).to_numpy())
        rows = rows[shows]
    return dict.fromkeys(np.nonzero(sure)[0].tolist(), False) | dict.fromkeys(rows.tolist(), True)


@cache
def _beginnings() -> pl.Series:
    import polars as pl

    lex = lexicon()
    return pl.Series([lex.spelt(i)[:2] if lex.level[i] <= 3 else "" for i in range(len(lex.code))])


@cache
def _divided() -> NDArray[np.bool_]:
    """By division: whether it has counties that a text should name; the last one stands for no division (-1)."""
    lex = lexicon()
    counties = np.concatenate([[0], np.cumsum((lex.level == 3) & (lex.official == 1))])
    has = (lex.level < 3) & (counties[lex.last] > counties[np.arange(len(lex.level))])
    return np.append(has, True)


def _readings(texts: Sequence[str], out: Output, found: Findings, rows: Sequence[int]) -> list[Row]:
    """What was read of some rows, whose texts are `texts`."""
    numbers, rivals = found.numbers[rows, :3].tolist(), found.rivals[rows].tolist()
    unknown = [(start, end, label) for start, end, label in found.unknown[rows].tolist()]
    starts, ends = out.offsets[STATED_TOWN][rows].tolist(), out.offsets[STATED_TOWN][1:][rows].tolist()
    readings = []
    for i, (division, town, issues) in enumerate(numbers):
        others = tuple(rival for rival in rivals[i] if rival >= 0)
        stated = bytes(out.data[STATED_TOWN][starts[i] : ends[i]]).decode() if issues & UNKNOWN_TOWN else ""
        readings.append(Row(texts[i], division, town, issues, unknown[i], others, stated))
    return readings


def _corrected(text: str, slip: Slip) -> str:
    return text[: slip.start] + slip.near.name + text[slip.end :]


def _note(slip: Slip) -> str:
    return f"{_COLUMNS[lexicon().level[slip.near.divisions[0]] - 1]}:{slip.typed}>{slip.near.name}:typo"


def _reads_well(before: Row, after: Row, slip: Slip) -> bool:
    """True when the corrected text reads as the correction says, and contradicts itself no more than before."""
    lex = lexicon()
    meant = slip.near.divisions
    if lex.level[meant[0]] == 4:
        return after.town in meant and not after.issues & UNKNOWN_TOWN
    fresh = after.issues & ~before.issues
    if after.division < 0 or fresh & (CONTRADICTORY | AMBIGUOUS_DISTRICT | AMBIGUOUS_DIVISION):
        return False
    if not any(division <= after.division < lex.last[division] for division in meant):
        return False
    if before.division >= 0 and lex.level[before.division] == 3 and fresh & UNKNOWN_TOWN:
        return False
    # A county of which nothing else is known must have the stated town.
    return slip.placed or after.town >= 0 or min(lex.level[division] for division in meant) < 3


def _slips(row: Row, torn: bool) -> Iterator[Slip]:
    """Misspelt names in a text, the likeliest first; `torn`: its chain of divisions breaks off."""
    known = row.rivals or ((row.division,) if row.division >= 0 else ())
    if row.unknown[0] >= 0:
        yield from _at_span(row, known)
    elif torn:
        yield from _at_head(row.text)
    if row.stated and row.division >= 0:
        near = nearest_town(row.stated, row.division)
        folded, places = _folded(row.text)
        at = folded.find(row.stated) if near else -1
        if near and at >= 0:
            yield Slip(places[at], places[at + len(row.stated) - 1] + 1, row.stated, near, True)


def _at_span(row: Row, known: tuple[int, ...]) -> Iterator[Slip]:
    """The span that the tagger took for a division; with what stands before it when it is the rest of a name (宁夏回自族治区)."""
    start, end, label = row.unknown
    for first in range(start, max(start - 4, -1), -1):
        name, _ = _folded(row.text[first:end])
        if not _HAN.fullmatch(name):
            return
        if _is_name(name, row.division):
            if first == start:
                return
            continue
        near = nearest(name, known, 0 if label == _CITY else label)
        if near:
            yield Slip(first, end, name, near, bool(known))
            return


def _at_head(text: str) -> Iterator[Slip]:
    """The name at which the chain of divisions at the head of a text breaks off."""
    folded, places = _folded(text)
    at = 0
    known: tuple[int, ...] = ()
    # A name without class word may be the beginning of a misspelt one (连云岗市).
    spoken: list[tuple[int, tuple[int, ...]]] = []
    while at < len(folded):
        if not _HAN_CHAR.match(folded[at]):
            if folded[at].isalnum():
                break
            at += 1
            continue
        if folded.startswith("中国", at):
            at += 2
            continue
        found = _known_at(folded, at, known)
        if found is None:
            break
        spoken = [] if found.classed else [(at, known)]
        known = tuple(d for d in found.divisions if not known or any(_related(d, k) for k in known))
        at += len(found.text)
    for start, within in [(at, known), *spoken]:
        for end in _ends(folded, start):
            name = folded[start:end]
            if _is_name(name, within[0] if len(within) == 1 else -1):
                continue
            near = nearest(name, within)
            if near:
                yield Slip(places[start], places[end - 1] + 1, name, near, bool(within))
                return


def _known_at(folded: str, at: int, known: tuple[int, ...]) -> Name | None:
    """The longest name at a place that agrees with what is known."""
    names = _by_text()
    for length in range(min(_longest(), len(folded) - at), 1, -1):
        name = names.get(folded[at : at + length])
        if name and (not known or any(_related(d, k) for d in name.divisions for k in known)):
            return name
    return None


def _ends(folded: str, start: int) -> Iterator[int]:
    """Where a name that begins at `start` may end: behind each class word near it."""
    for end in range(start + 2, min(start + 12, len(folded)) + 1):
        if not _HAN_CHAR.match(folded[end - 1]) or folded[end - 1] in _NO_NAME:
            return
        if folded[end - 1] in _CLASS:
            yield end


@cache
def _fold() -> list[int]:
    folded: list[int] = lexicon().fold.tolist()
    return folded


def _folded(text: str) -> tuple[str, list[int]]:
    """The text as the dictionary spells it, without blanks, and where each character stands in the raw one."""
    fold = _fold()
    chars, places = [], []
    for i, char in enumerate(text):
        point = fold[ord(char)] if ord(char) < 0x10000 else ord(char)
        if point and point != 32:
            chars.append(chr(point))
            places.append(i)
    return "".join(chars), places
