"""What the tagger sees of a token: a fixed number of facts, each hashed to 32 bits.

Characters around it, the nearest class words before and behind (路, 小区, 号楼 … from class_words.toml; numbers, letters and
marks count as such words),
the division names that were found, brackets, and what kinds of words came before. Training and reading call the same kernel,
so they cannot differ.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from songda.address.compiled.kernel import kernel
from songda.address.compiled.lexicon import Lexicon
from songda.address.compiled.mentions import Mentions
from songda.address.compiled.tokens import LONGEST, Text
from songda.address.compiled.trie import BASE, BEFORE, VALUE

#: Facts of a token.
TEMPLATES = 25
_NUMBER, _LETTERS, _END = 1000, 1001, 1002
_PAD = 3


class Evidence(NamedTuple):
    """Per token (shifted by `_PAD`): shape, kind, class word that ends there, division evidence, kinds of words seen before."""

    shape: NDArray[np.int32]
    kind: NDArray[np.int32]
    word: NDArray[np.int32]
    division: NDArray[np.int32]
    before: NDArray[np.int32]
    #: Nearest class word at or behind a token, and its distance; nearest before it, and its distance.
    ahead: NDArray[np.int32]
    ahead_by: NDArray[np.int32]
    behind: NDArray[np.int32]
    behind_by: NDArray[np.int32]
    token_of: NDArray[np.int32]


def new_evidence() -> Evidence:
    size = LONGEST + 16
    return Evidence(*(np.zeros(size, np.int32) for _ in Evidence._fields))


@kernel
def weigh_evidence(
    lex: Lexicon, text: Text, tokens: int, count: int, found: Mentions, mentions: int, seen: Evidence
) -> None:
    """Fill `seen` for the tokens of a text."""
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
    ahead, by = _END, 0
    for t in range(tokens + _PAD - 1, _PAD - 1, -1):
        if word[t]:
            ahead, by = word[t], 0
        seen.ahead[t] = ahead
        seen.ahead_by[t] = min(by, 7)
        by += 1
    for i in range(_PAD):
        seen.ahead[tokens + _PAD + i] = _END
        seen.ahead_by[tokens + _PAD + i] = 0
    behind, by, mask = 0, 0, 0
    for t in range(_PAD, tokens + _PAD):
        seen.behind[t] = behind
        seen.behind_by[t] = min(by, 7)
        seen.before[t] = mask
        by += 1
        if word[t]:
            behind, by = word[t], 0
            c = shape[t]
            if c == 0x8DEF or c == 0x8857 or c == 0x5DF7 or c == 0x9053 or c == 0x5F04:  # 路 街 巷 道 弄
                mask |= 1
            elif c == 0x53F7:  # 号
                mask |= 2
            elif c == 0x680B or c == 0x5E62 or c == 0x5EA7 or c == 0x697C:  # 栋 幢 座 楼
                mask |= 4
            elif c == 0x5143:  # 元, of 单元
                mask |= 8
            elif c == 0x6751 or c == 0x7EC4:  # 村 组
                mask |= 16
            elif c == 0x533A or c == 0x56ED or c == 0x82D1 or c == 0x57CE or c == 0x53A6:  # 区 园 苑 城 厦
                mask |= 32
    for i in range(_PAD):
        seen.behind[i] = 0
        seen.behind_by[i] = 0
        seen.before[i] = 0


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
    """The hashed facts of token `t`."""
    p = t + _PAD
    s, k, d = seen.shape, seen.kind, seen.division
    a, b, c, e, f = s[p - 2], s[p - 1], s[p], s[p + 1], s[p + 2]
    ahead, ahead_by, behind, behind_by = seen.ahead[p], seen.ahead_by[p], seen.behind[p], seen.behind_by[p]
    # The class word behind the next one: 路 and then a number.
    further = seen.ahead[p + 1 + ahead_by] if ahead_by < 7 else 0
    place = text.place[t] * 2 + text.blank[text.start[t]]
    keys[0] = _mix(1, c, 0, 0)
    keys[1] = _mix(2, b, c, 0)
    keys[2] = _mix(3, c, e, 0)
    keys[3] = _mix(4, b, 0, 0)
    keys[4] = _mix(5, e, 0, 0)
    keys[5] = _mix(6, a, b, 0)
    keys[6] = _mix(7, e, f, 0)
    keys[7] = _mix(8, b, e, 0)
    keys[8] = _mix(9, ahead, ahead_by, 0)
    keys[9] = _mix(10, ahead, further, ahead_by)
    keys[10] = _mix(11, behind, behind_by, 0)
    keys[11] = _mix(12, behind, ahead, min(behind_by, 2))
    keys[12] = _mix(13, c, ahead, ahead_by)
    keys[13] = _mix(14, c, behind, min(behind_by, 2))
    keys[14] = _mix(15, d[p - 1], d[p], d[p + 1])
    keys[15] = _mix(16, d[p], ahead, further)
    keys[16] = _mix(17, d[p - 1], ahead, ahead_by)
    keys[17] = _mix(18, place, k[p - 1] * 16 + k[p], k[p + 1])
    keys[18] = _mix(19, behind, k[p - 1] * 16 + k[p], k[p + 1] * 16 + k[p + 2])
    keys[19] = _mix(20, seen.before[p], k[p], seen.ahead[p + 1])
    keys[20] = _mix(21, behind_by * 8 + ahead_by, ahead, min(behind, 999))
    keys[21] = _mix(22, min(t, 2), place, k[p])
    keys[22] = _mix(23, d[p], d[p - 1], behind)
    keys[23] = _mix(24, seen.before[p], ahead, further)
    keys[24] = _mix(25, d[p], c, 0)
