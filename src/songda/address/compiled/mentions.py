"""Names of divisions in a text.

`find` reads them from the left, longest first, and keeps those that agree with what was read before; it gives the tagger its evidence.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from songda.address.compiled.chains import TIE, Leaves, add, holds, related
from songda.address.compiled.kernel import kernel
from songda.address.compiled.lexicon import CHANGED, FORMER, OFFICIAL, Lexicon
from songda.address.compiled.tokens import NAMES, Text
from songda.address.compiled.trie import BASE, BEFORE, VALUE

MENTIONS = 48


class Mentions(NamedTuple):
    """Names found: [start, end) in characters, entry of the lexicon, level that it is read as, and whether it continues the prefix."""

    start: NDArray[np.int32]
    end: NDArray[np.int32]
    entry: NDArray[np.int32]
    level: NDArray[np.int8]
    official: NDArray[np.int8]
    running: NDArray[np.int8]


def new_mentions() -> Mentions:
    return Mentions(
        np.zeros(MENTIONS, np.int32),
        np.zeros(MENTIONS, np.int32),
        np.zeros(MENTIONS, np.int32),
        np.zeros(MENTIONS, np.int8),
        np.zeros(MENTIONS, np.int8),
        np.zeros(MENTIONS, np.int8),
    )


@kernel
def look_up(nodes: NDArray[np.int32], text: Text, first: int, last: int) -> None:
    """Find all names that begin at the characters `first` … `last` - 1.

    All starts go one character on at a time, so that the memory works on all of them at once.
    """
    symbol, node, walking = text.symbol, text.node, text.walking
    active = 0
    base = nodes[0, BASE]
    for at in range(first, last):
        text.names[at] = 0
        target = base + symbol[at]
        if symbol[at] > 0 and nodes[target, BEFORE] == 0:
            node[at] = target
            walking[active] = at
            active += 1
    depth = 1
    while active:
        kept = 0
        for i in range(active):
            at = walking[i]
            here = node[at]
            entry = nodes[here, VALUE]
            if entry >= 0 and text.names[at] < NAMES:
                text.name_end[at, text.names[at]] = at + depth
                text.name_entry[at, text.names[at]] = entry
                text.names[at] += 1
            following = symbol[at + depth]
            target = nodes[here, BASE] + following
            if following > 0 and nodes[target, BEFORE] == here:
                node[at] = target
                walking[kept] = at
                kept += 1
        active = kept
        depth += 1


@kernel
def names_until(text: Text, at: int, limit: int) -> int:
    """Number of names that begin at character `at` and end by `limit`; they come shortest first."""
    found = text.names[at]
    while found and text.name_end[at, found - 1] > limit:
        found -= 1
    return found


@kernel
def class_length(text: Text, at: int, count: int) -> int:
    """Length of the class word of a town at `at`: 街道办事处 街道办 街道 地区办事处 办事处 地区 苏木 镇 乡; 0 for none."""
    char = text.char
    if at >= count:
        return 0
    c = char[at]
    if c == 0x9547 or c == 0x4E61:  # 镇 乡
        return 1
    d = char[at + 1] if at + 1 < count else 0
    office = 0
    if (c == 0x8857 and d == 0x9053) or (c == 0x5730 and d == 0x533A):  # 街道 地区
        office = 2
    elif c == 0x82CF and d == 0x6728:  # 苏木
        return 2
    e = at + office
    if e + 2 < count and char[e] == 0x529E and char[e + 1] == 0x4E8B and char[e + 2] == 0x5904:  # 办事处
        return office + 3
    if office and c == 0x8857 and e < count and char[e] == 0x529E:  # 街道办
        return 3
    return office


@kernel
def first_town(lex: Lexicon, entry: int, division: int) -> int:
    """The first hit of `entry` that is a town numbered `division` or higher."""
    low, high = lex.town_start[entry], lex.hit_start[entry + 1]
    while low < high:
        middle = (low + high) // 2
        if lex.hit_division[middle] < division:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def town_under(lex: Lexicon, entry: int, division: int) -> int:
    """The town that `entry` names inside `division`: its number, -1 for none, -2 for several; a full name wins over a spoken one."""
    best, kind, several = -1, 9, False
    last = lex.last[division]
    for h in range(first_town(lex, entry, division), lex.hit_start[entry + 1]):
        town = lex.hit_division[h]
        if town >= last:
            break
        if lex.hit_kind[h] < kind:
            best, kind, several = town, lex.hit_kind[h], False
        elif lex.hit_kind[h] == kind and town != best:
            several = True
    return -2 if several else best


@kernel
def filler(text: Text, at: int, count: int) -> int:
    """Length of a word between divisions that says nothing: marks, 中国, 市辖区, null, 省直辖…; 0 for none."""
    char = text.char
    c = char[at]
    if c == 44 or c == 46 or c == 47 or c == 58 or c == 124 or c == 45 or c == 95 or c == 42 or c == 0xB7:
        return 1
    if at + 1 < count:
        d = char[at + 1]
        if c == 0x4E2D and d == 0x56FD:  # 中国
            return 2
        if at + 2 < count and c == 0x5E02 and d == 0x8F96 and char[at + 2] == 0x533A:  # 市辖区
            return 3
    if at + 3 < count and (c | 32) == 110 and (char[at + 1] | 32) == 117 and (char[at + 2] | 32) == 108:  # null
        return 4
    return 0


@kernel
def find(
    lex: Lexicon,
    text: Text,
    count: int,
    at: int,
    number: int,
    leaves: Leaves,
    found: Mentions,
    seen: NDArray[np.int32],
    added: int,
) -> int:
    """Mentions in the text from character `at` on, behind the `number` that `found` holds: their number in all.

    Names of levels 1-3 compete in `leaves`; `seen` holds the `added` entries that competed before. A town counts below the best of them.
    """
    running = True
    while at < count and number < MENTIONS:
        c = text.char[at]
        if c == 0x3010 or c == 40:
            running = True
            at += 1
            continue
        if running:
            skipped = filler(text, at, count)
            if skipped:
                at += skipped
                continue
        took = False
        for i in range(text.names[at] - 1, -1, -1):
            entry, end = text.name_entry[at, i], text.name_end[at, i]
            level, official = usable(lex, text, count, leaves, entry, at, end, running)
            if level == 0 or county_from(lex, text, at, i, count):
                continue
            if level == 4:
                end += class_length(text, end, count) if text.char[end - 1] not in (0x9547, 0x4E61) else 0
            found.start[number] = at
            found.end[number] = end
            found.entry[number] = entry
            found.level[number] = level
            found.official[number] = official
            found.running[number] = running
            number += 1
            if level < 4 and (running or official) and added < len(seen):
                add(lex, leaves, entry, 1.0 if running else 0.3, 0, seen, added)
                seen[added] = entry
                added += 1
            at = end
            took = True
            break
        if not took:
            running = False
            c = text.char[at]
            at += 1
            # Inside a run of digits or letters no name begins.
            while at < count and _same_run(c, text.char[at]):
                at += 1
    return number


@kernel
def county_from(lex: Lexicon, text: Text, at: int, name: int, limit: int) -> bool:
    """True when name number `name` at `at` took the first character of a county of the next shorter one (青岛市 of 青岛 市北区).

    The county must end by `limit`.
    """
    end = text.name_end[at, name] - 1
    if name == 0 or text.name_end[at, name - 1] != end or end + 3 > limit:
        return False
    above = text.name_entry[at, name - 1]
    for i in range(text.names[end]):
        if text.name_end[end, i] != end + 3 or text.char[end + 2] != 0x533A:
            continue
        entry = text.name_entry[end, i]
        for h in range(lex.hit_start[entry], lex.town_start[entry]):
            county = lex.hit_division[h]
            if lex.level[county] == 3 and lex.hit_kind[h] == OFFICIAL:
                for g in range(lex.hit_start[above], lex.town_start[above]):
                    if holds(lex, lex.hit_division[g], county):
                        return True
    return False


@kernel
def _same_run(a: int, b: int) -> bool:
    return (48 <= a <= 57 and 48 <= b <= 57) or (
        (65 <= (a & 0xDF) <= 90) and (65 <= (b & 0xDF) <= 90) and a < 128 and b < 128
    )


@kernel
def usable(
    lex: Lexicon, text: Text, count: int, leaves: Leaves, entry: int, at: int, end: int, running: bool
) -> tuple[int, int]:
    """(level as which the name can be read here, 1 when it is an official name); level 0 when it cannot."""
    size = leaves.size[0]
    level, official = 0, 0
    for h in range(lex.hit_start[entry], lex.town_start[entry]):
        division = lex.hit_division[h]
        rank, kind = lex.level[division], lex.hit_kind[h]
        full = kind == OFFICIAL or kind == FORMER or kind == CHANGED
        if size == 0:
            fits = full or rank < 3 or (at == 0 and end < count)
        elif full and rank < 3:
            fits = running or related(lex, leaves, division, 0.35)
        else:
            fits = related(lex, leaves, division, 0.35)
        if fits and (level == 0 or (kind == OFFICIAL and not official)):
            level, official = rank, 1 if kind == OFFICIAL else 0
    if level and (official or size == 0 or class_length(text, end, count) == 0):
        return level, official
    if lex.town_start[entry] == lex.hit_start[entry + 1]:
        return level, official
    if size == 0:
        # A town before any division: only by its full name.
        if (at == 0 or running) and end - at > 2:
            for h in range(lex.town_start[entry], lex.hit_start[entry + 1]):
                if lex.hit_kind[h] == OFFICIAL:
                    return 4, 1
        return 0, 0
    best = np.float32(0.0)
    for i in range(size):
        best = max(best, leaves.score[i])
    spoken = False
    for i in range(size):
        if leaves.score[i] >= best - TIE:
            leaf = leaves.division[i]
            if lex.level[leaf] == 1 and lex.last[leaf] - leaf > 600:
                continue  # below a whole province a town's name says too little
            town = town_under(lex, entry, leaf)
            if town == -1:
                continue
            for h in range(first_town(lex, entry, leaf), lex.hit_start[entry + 1]):
                if lex.hit_division[h] >= lex.last[leaf]:
                    break
                if lex.hit_kind[h] == OFFICIAL or lex.hit_kind[h] == FORMER:
                    return 4, 1
            spoken = spoken or (running and lex.level[leaf] == 3)
            level = 4 if level == 0 and (spoken or class_length(text, end, count)) else level
            if class_length(text, end, count):
                level = 4
    return level, official
