"""What the tagger sees of a token: a fixed number of facts, each hashed to 32 bits.

Characters around it, the nearest class words before and behind (路, 小区, 号楼 … from class_words.toml; numbers, letters and
marks count as such words), the division names that were found, brackets, and whether it repeats what was said. Training and
reading call the same kernel, so they cannot differ.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from songda.address.compiled.kernel import kernel
from songda.address.compiled.lexicon import Lexicon
from songda.address.compiled.mentions import Mentions
from songda.address.compiled.tokens import HAN, LONGEST, Text
from songda.address.compiled.trie import BASE, BEFORE, VALUE
from songda.address.compiled.villages import village_length

#: Facts of a token.
TEMPLATES = 14
_NUMBER, _LETTERS, _END = 1000, 1001, 1002
_PAD = 3
#: Evidence of a village; that of divisions lies below.
_VILLAGE = 512


class Evidence(NamedTuple):
    """Per token (shifted by `_PAD`): shape, kind, class word that ends there, division evidence."""

    shape: NDArray[np.int32]
    kind: NDArray[np.int32]
    word: NDArray[np.int32]
    division: NDArray[np.int32]
    #: Nearest class word at or behind a token, and its distance; nearest before it, and its distance.
    ahead: NDArray[np.int32]
    ahead_by: NDArray[np.int32]
    behind: NDArray[np.int32]
    behind_by: NDArray[np.int32]
    token_of: NDArray[np.int32]
    #: 1 for a token that repeats what the text said before, with the token before or behind it.
    again: NDArray[np.int32]
    #: Scratch: where a pair of characters stood first, plus one, by its hash.
    pair: NDArray[np.int32]


_PAIRS = 512


def new_evidence() -> Evidence:
    size = max(LONGEST + 16, _PAIRS)
    return Evidence(*(np.zeros(size, np.int32) for _ in Evidence._fields))


@kernel
def weigh_evidence(
    lex: Lexicon,
    text: Text,
    tokens: int,
    count: int,
    found: Mentions,
    mentions: int,
    behind_head: int,
    county: int,
    seen: Evidence,
) -> None:
    """Fill `seen` for the tokens of a text; its villages are those of `county` (code, 0 for none), behind its head."""
    shape, kind, word, division = seen.shape, seen.kind, seen.word, seen.division
    for i in range(_PAD):
        shape[i] = shape[tokens + _PAD + i] = 1 + i
        kind[i] = kind[tokens + _PAD + i] = 15
        word[i] = word[tokens + _PAD + i] = 0
        division[i] = division[tokens + _PAD + i] = 0
    for t in range(tokens):
        shape[t + _PAD] = text.shape[t]
        kind[t + _PAD] = text.kind[t]
        word[t + _PAD] = 0
        division[t + _PAD] = 0
        for at in range(text.start[t], text.start[t + 1]):
            seen.token_of[at] = t
        if text.kind[t] == 1:
            word[t + _PAD] = _NUMBER
        elif text.kind[t] == 2:
            word[t + _PAD] = _LETTERS
        elif text.kind[t] >= 4:
            word[t + _PAD] = 1002 + text.kind[t]
    seen.token_of[count] = tokens
    # The longest class word that ends at a token: words are looked for from every start, the earlier start is the longer word.
    for t in range(tokens):
        if text.kind[t] != 0 and text.kind[t] != 3:
            continue
        node, at = 0, text.start[t]
        while at < count:
            target = lex.classes[node, BASE] + text.symbol[at]
            if text.symbol[at] == 0 or lex.classes[target, BEFORE] != node:
                break
            node = target
            end = seen.token_of[at] + _PAD
            if lex.classes[node, VALUE] >= 0 and word[end] == 0:
                word[end] = lex.classes[node, VALUE] + 1
            at += 1
    levels = 0
    for m in range(mentions):
        level = np.int32(found.level[m])
        again = 1 if levels >> level & 1 else 0
        levels |= 1 << level
        code = 1 + ((level * 2 + found.official[m]) * 2 + found.running[m]) * 2 + again
        first, last = seen.token_of[found.start[m]], seen.token_of[found.end[m] - 1]
        for t in range(first, last + 1):
            division[t + _PAD] = code * 4 + (1 if t == first else 0) + (2 if t == last else 0)
    if county:
        _mark_villages(lex, text, tokens, count, behind_head, county, seen)
    _mark_repeated(tokens, seen)
    ahead, by = _END, 0
    for t in range(tokens + _PAD - 1, _PAD - 1, -1):
        if word[t]:
            ahead, by = word[t], 0
        seen.ahead[t] = ahead
        seen.ahead_by[t] = min(by, 7)
        by += 1
    behind, by = 0, 0
    for t in range(_PAD, tokens + _PAD):
        seen.behind[t] = behind
        seen.behind_by[t] = min(by, 7)
        by += 1
        if word[t]:
            behind, by = word[t], 0


@kernel
def _mark_villages(lex: Lexicon, text: Text, tokens: int, count: int, first: int, county: int, seen: Evidence) -> None:
    """Villages of the county as evidence of a fifth level, where no division was found."""
    t = first
    while t < tokens - 1:
        if seen.division[t + _PAD] != 0 or text.kind[t] != HAN:
            t += 1
            continue
        length = village_length(lex, text, text.start[t], count, county)
        if length == 0:
            t += 1
            continue
        last = seen.token_of[text.start[t] + length - 1]
        for i in range(t, last + 1):
            seen.division[i + _PAD] = _VILLAGE + (1 if i == t else 0) + (2 if i == last else 0)
        t = last + 1


@kernel
def _mark_repeated(tokens: int, seen: Evidence) -> None:
    """Fill `seen.again`. Of two pairs with one hash the later is remembered."""
    shape, kind, pair, again = seen.shape, seen.kind, seen.pair, seen.again
    for i in range(_PAIRS):
        pair[i] = 0
    for t in range(_PAD + tokens + _PAD):
        again[t] = 0
    for t in range(_PAD, tokens + _PAD - 1):
        if kind[t] != 0 or kind[t + 1] != 0:
            continue
        place = (shape[t] * 31 + shape[t + 1]) & (_PAIRS - 1)
        first = pair[place] - 1
        if first >= 0 and shape[first] == shape[t] and shape[first + 1] == shape[t + 1]:
            again[t] = again[t + 1] = 1
        else:
            pair[place] = t + 1


@kernel
def _mix(template: int, a: int, b: int, c: int) -> np.uint32:
    h = (
        np.uint64(template) * np.uint64(0x9E3779B97F4A7C15)
        + np.uint64(a) * np.uint64(0xBF58476D1CE4E5B9)
        + np.uint64(b) * np.uint64(0x94D049BB133111EB)
        + np.uint64(c) * np.uint64(0xD6E8FEB86659FD93)
    )
    h = (h ^ (h >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return np.uint32(h >> np.uint64(32)) | np.uint32(1)


@kernel
def facts(text: Text, seen: Evidence, t: int, keys: NDArray[np.uint32]) -> None:
    """The hashed facts of token `t`: those of 25 tried that were worth their time."""
    p = t + _PAD
    s, k, d = seen.shape, seen.kind, seen.division
    a, b, c, e, f = s[p - 2], s[p - 1], s[p], s[p + 1], s[p + 2]
    ahead, ahead_by, behind, behind_by = seen.ahead[p], seen.ahead_by[p], seen.behind[p], seen.behind_by[p]
    place = text.place[t] * 2 + text.blank[text.start[t]]
    keys[0] = _mix(1, c, 0, 0)
    keys[1] = _mix(2, b, c, 0)
    keys[2] = _mix(3, a, b, 0)
    keys[3] = _mix(4, e, f, 0)
    keys[4] = _mix(5, b, e, 0)
    keys[5] = _mix(6, behind, behind_by, 0)
    keys[6] = _mix(7, c, behind, min(behind_by, 2))
    keys[7] = _mix(8, behind_by * 8 + ahead_by, ahead, min(behind, 999))
    keys[8] = _mix(9, d[p - 1], d[p], d[p + 1])
    keys[9] = _mix(10, d[p - 1], ahead, ahead_by)
    keys[10] = _mix(11, d[p], d[p - 1], behind)
    keys[11] = _mix(12, d[p], c, 0)
    keys[12] = _mix(13, min(t, 2), place, k[p])
    keys[13] = _mix(14, seen.again[p - 1] * 4 + seen.again[p] * 2 + seen.again[p + 1], ahead, place)
