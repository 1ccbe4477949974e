"""The head of a text that needs no tagger: a chain of division names, each inside the one before, its repetitions, and the town.

A third of a real text is such a head (河北石家庄桥西区中国河北石家庄桥西区红旗大街…). Only what is sure is taken: every name has one
meaning within the name before, the chain ends in an official name, and what follows cannot belong to its last word. Its labels are
those of the hand on labelled lines (tests/address/test_head.py).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from songda.address.compiled.chains import Leaves, competes, holds, weight_of
from songda.address.compiled.kernel import kernel
from songda.address.compiled.lexicon import OFFICIAL, SPOKEN, Lexicon
from songda.address.compiled.mentions import MENTIONS, Mentions, class_length, county_from, first_town, town_under
from songda.address.compiled.tokens import Text

_COUNTRY, _CITY, _TOWN, _REDUNDANT = 0, 2, 5, 19
#: Spans of a head: 中国, province, city, county, two repetitions, town.
_SPANS = 8
_DEEPEST = 4


class Head(NamedTuple):
    """What `read_head` found."""

    #: [characters (all of them tokens), mentions of levels 1-3, division or -1, spans, mentions with that of the town].
    size: NDArray[np.int32]
    #: Weight of the chain in the competition.
    score: NDArray[np.float32]
    #: Spans: [end in characters, label].
    spans: NDArray[np.int32]


def new_head() -> Head:
    return Head(np.zeros(5, np.int32), np.zeros(1, np.float32), np.zeros((_SPANS, 2), np.int32))


@kernel
def seed(head: Head, leaves: Leaves, found: Mentions, seen: NDArray[np.int32]) -> int:
    """Let the names of the head, the first in `found`, have competed: their number."""
    leaves.size[0] = 0
    number = head.size[1]
    if number:
        leaves.division[0], leaves.score[0], leaves.size[0] = head.size[2], head.score[0], 1
        for i in range(number):
            seen[i] = found.entry[i]
    return number


@kernel
def read_head(lex: Lexicon, text: Text, count: int, found: Mentions, out: Head) -> None:
    """Fill `out` for a text whose names were looked up; the names taken come first in `found`."""
    size = out.size
    size[:] = 0
    size[2] = -1
    out.score[0] = 0
    at, number, division, spans = 0, 0, -1, 0
    score = np.float32(0.0)
    if count > 2 and text.char[0] == 0x4E2D and text.char[1] == 0x56FD:  # 中国
        at, spans = 2, 1
        out.spans[0, 0], out.spans[0, 1] = 2, _COUNTRY
    while at < count and number < _DEEPEST:
        name, kind, meant = -1, 0, -1
        for i in range(text.names[at] - 1, -1, -1):
            if county_from(lex, text, at, i, count):
                continue
            meant, kind = _below(lex, text.name_entry[at, i], division)
            if meant >= 0:
                name = i
            if meant >= 0 or text.name_end[at, i] - at > 2:
                break  # a longer name that is no sure one hides the shorter ones
        label = _REDUNDANT
        if name >= 0:
            division = meant
            label = _CITY if _municipality(lex, division) else np.int64(lex.level[division])
        elif spans and _municipality(lex, division) and out.spans[spans - 1, 1] == _CITY:
            for i in range(text.names[at] - 1, -1, -1):  # 上海上海松江区
                meant, kind = _repeated(lex, text.name_entry[at, i], division, 1)
                if meant == division:
                    name = i
                break
        if name < 0 or _followed_by_county(text, text.name_end[at, name], count):
            break
        _mention(found, number, at, text.name_end[at, name], text.name_entry[at, name], lex.level[meant], kind)
        at = text.name_end[at, name]
        out.spans[spans, 0], out.spans[spans, 1] = at, label
        score += np.float32(weight_of(kind))
        number, spans = number + 1, spans + 1
        if kind == OFFICIAL and not _goes_on(text, at, count):
            size[0], size[1], size[2], size[3], size[4] = at, number, division, spans, number
            out.score[0] = score
    if size[2] >= 0:
        _repetition(lex, text, count, found, out)
        _town(lex, text, count, found, out)


@kernel
def _mention(found: Mentions, number: int, start: int, end: int, entry: int, level: int, kind: int) -> None:
    found.start[number], found.end[number], found.entry[number] = start, end, entry
    found.level[number], found.official[number], found.running[number] = level, kind == OFFICIAL, 1


@kernel
def _municipality(lex: Lexicon, division: int) -> bool:
    if division < 0 or lex.level[division] != 1:
        return False
    code = lex.code[division] // 10000
    return code == 11 or code == 12 or code == 31 or code == 50


@kernel
def _below(lex: Lexicon, entry: int, above: int) -> tuple[int, int]:
    """(the highest division of levels 1-3 that `entry` means strictly inside `above` (-1: anywhere), how); -1 for none and for several.

    河北 is the province first, though Tianjin has a district of that name: what follows must lie in it.
    """
    meant, how, level, several = -1, SPOKEN, 4, False
    for h in range(lex.hit_start[entry], lex.town_start[entry]):
        division = lex.hit_division[h]
        rank = lex.level[division]
        if rank > level or not competes(lex, division):
            continue
        if above >= 0 and (division == above or not holds(lex, above, division)):
            continue
        kind = lex.hit_kind[h]
        strange = kind != OFFICIAL and kind != SPOKEN
        several = strange or (rank == level and (several or division != meant))
        if rank < level or kind == OFFICIAL:
            how = np.int64(kind)
        meant, level = np.int64(division), np.int64(rank)
    return (-1, SPOKEN) if several else (meant, how)


@kernel
def _repeated(lex: Lexicon, entry: int, division: int, level: int) -> tuple[int, int]:
    """(`division`, or what it lies in down from `level`, that `entry` means, how); -1 for none. An official name wins."""
    meant, how = -1, SPOKEN
    for h in range(lex.hit_start[entry], lex.town_start[entry]):
        outer = lex.hit_division[h]
        if lex.level[outer] >= level and competes(lex, outer) and holds(lex, outer, division):
            kind = lex.hit_kind[h]
            if (kind == SPOKEN and meant < 0) or kind == OFFICIAL:
                meant, how = np.int64(outer), np.int64(kind)
    return meant, how


@kernel
def _followed_by_county(text: Text, at: int, count: int) -> bool:
    """济宁市|中区, 北京市|市辖区: the name took the first character of the next one, or a filler follows."""
    if text.char[at - 1] != 0x5E02 or at + 1 >= count:
        return False
    return text.char[at + 1] == 0x533A or (at + 2 < count and text.char[at] == 0x5E02 and text.char[at + 2] == 0x533A)


@kernel
def _goes_on(text: Text, at: int, count: int) -> bool:
    """True when what stands at `at` may belong to the word before: 上海市|路, 宝山区|政府, 城关镇|工商所."""
    if at >= count:
        return False
    c = text.char[at]
    if at + 2 < count:
        d, e = text.char[at + 1], text.char[at + 2]
        if c == 0x516C and d == 0x5B89:  # 公安
            return True
        if (
            c == 0x4EBA and d == 0x6C11 and (e == 0x533B or e == 0x653F or e == 0x68C0 or e == 0x6CD5)
        ):  # 人民 医 政 检 法
            return True
    return (
        c == 0x8DEF or c == 0x8857 or c == 0x9053 or c == 0x5DF7 or c == 0x5F04  # 路 街 道 巷 弄
        or c == 0x6865 or c == 0x7AD9 or c == 0x53E3 or c == 0x8FB9 or c == 0x7EBF  # 桥 站 口 边 线
        or c == 0x653F or c == 0x5E9C or c == 0x59D4 or c == 0x6CD5 or c == 0x5C40  # 政 府 委 法 局
        or c == 0x533B or c == 0x6751 or c == 0x6240 or c == 0x7EA7 or c == 0x5DE5  # 医 村 所 级 工
    )  # fmt: skip


@kernel
def _repetition(lex: Lexicon, text: Text, count: int, found: Mentions, out: Head) -> None:
    """Take the repetition of the chain that follows it; it ends in the official name of the deepest division."""
    size = out.size
    at, number, division = size[0], size[4], size[2]
    level = lex.level[division]
    for i in range(number):
        level = min(level, found.level[i])
    score, end = out.score[0], at
    while at < count and number < MENTIONS - 8:
        if at + 1 < count and text.char[at] == 0x4E2D and text.char[at + 1] == 0x56FD:  # 中国
            at += 2
            continue
        name, kind, meant = -1, 0, -1
        for i in range(text.names[at] - 1, -1, -1):
            if county_from(lex, text, at, i, count):
                continue
            meant, kind = _repeated(lex, text.name_entry[at, i], division, level)
            if meant >= 0:
                name = i
            break
        if name < 0:
            break
        stop = text.name_end[at, name]
        _mention(found, number, at, stop, text.name_entry[at, name], lex.level[meant], kind)
        score += np.float32(weight_of(kind))
        number, at = number + 1, stop
        if kind == OFFICIAL and meant == division and not _goes_on(text, at, count):
            size[1], size[4], out.score[0], end = number, number, score, at
    if end > size[0]:
        out.spans[size[3], 0], out.spans[size[3], 1] = end, _REDUNDANT
        size[0] = end
        size[3] += 1


@kernel
def _town(lex: Lexicon, text: Text, count: int, found: Mentions, out: Head) -> None:
    """Take the town of the chain that follows, by its full official name."""
    size = out.size
    at, division = size[0], size[2]
    if at >= count or (lex.level[division] < 3 and lex.last[division] - division > 200):
        return
    for i in range(text.names[at] - 1, -1, -1):
        entry, end = text.name_entry[at, i], text.name_end[at, i]
        town = town_under(lex, entry, division)
        if town < 0:
            continue
        last = text.char[end - 1]
        if last != 0x9547 and last != 0x4E61:  # 镇 乡
            end += class_length(text, end, count)
            last = text.char[end - 1]
        if not (last == 0x9547 or last == 0x4E61 or last == 0x9053 or last == 0x5904):  # 道 处
            return
        full = False
        for h in range(first_town(lex, entry, town), lex.hit_start[entry + 1]):
            full = full or (lex.hit_division[h] == town and lex.hit_kind[h] == OFFICIAL)
        # 高密市密水街道: the name of the list begins with a division's.
        for shorter in range(i):
            other = text.name_entry[at, shorter]
            for h in range(lex.hit_start[other], lex.town_start[other]):
                full = full and lex.hit_kind[h] != OFFICIAL
        if full and not _goes_on(text, end, count):
            _mention(found, size[4], at, end, entry, 4, OFFICIAL)
            out.spans[size[3], 0], out.spans[size[3], 1] = end, _TOWN
            size[0] = end
            size[3] += 1
            size[4] += 1
        return
