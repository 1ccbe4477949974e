"""Rows with misspelt divisions or towns, corrected and read again.

`mend` looks at the rows of a chunk that name a division or town which the dictionary does not have. Nothing is guessed: one
name only can be meant (nearest.py), and the corrected text must read without a new contradiction. A name that the dictionary
knows is never touched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from songda.address.compiled.lexicon import lexicon
from songda.address.compiled.settled import (
    AMBIGUOUS_DISTRICT,
    AMBIGUOUS_DIVISION,
    CONTRADICTORY,
    UNKNOWN_DIVISION,
    UNKNOWN_TOWN,
)
from songda.address.compiled.write import STATED_TOWN
from songda.address.nearest import CLASS_WORDS, Name, Near, by_text, is_name, longest, nearest, nearest_town, related

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from songda.address.compiled.reader import Findings
    from songda.address.compiled.write import Output

#: Names of one text that are looked at, one after the other.
_ROUNDS = 4
#: The tagger's label of a city; it is given to county-level cities too.
_CITY = 2
_COLUMNS = ("province", "city", "district", "town")
_HAN = re.compile("[㐀-鿿]{2,16}")
_HAN_CHAR = re.compile("[㐀-鿿]")
_NO_NAME = "路街巷弄号村"
#: The head of a text that may have a misspelt name: up to a class word, no road and no number before it; below a known division.
_HEAD = rf"^[^路街巷弄号村0-9]{{0,24}}?[^路街巷弄号村0-9]{{2}}[{CLASS_WORDS}]"
_HEAD_BELOW = r"^[^路街巷弄号村0-9]{0,24}?(?:[省市州盟][^路街巷弄号村0-9]{2,7}[市州盟]|[^路街巷弄号村0-9]{2}[区县旗])"


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
        if len(name) > 1 and name[-1] in CLASS_WORDS and not is_name(name, int(found.numbers[row, 0])):
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
        if is_name(name, row.division):
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
        known = tuple(d for d in found.divisions if not known or any(related(d, k) for k in known))
        at += len(found.text)
    for start, within in [(at, known), *spoken]:
        for end in _ends(folded, start):
            name = folded[start:end]
            if is_name(name, within[0] if len(within) == 1 else -1):
                continue
            near = nearest(name, within)
            if near:
                yield Slip(places[start], places[end - 1] + 1, name, near, bool(within))
                return


def _known_at(folded: str, at: int, known: tuple[int, ...]) -> Name | None:
    """The longest name at a place that agrees with what is known."""
    names = by_text()
    for length in range(min(longest(), len(folded) - at), 1, -1):
        name = names.get(folded[at : at + length])
        if name and (not known or any(related(d, k) for d in name.divisions for k in known)):
            return name
    return None


def _ends(folded: str, start: int) -> Iterator[int]:
    """Where a name that begins at `start` may end: behind each class word near it."""
    for end in range(start + 2, min(start + 12, len(folded)) + 1):
        if not _HAN_CHAR.match(folded[end - 1]) or folded[end - 1] in _NO_NAME:
            return
        if folded[end - 1] in CLASS_WORDS:
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
