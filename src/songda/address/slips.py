"""What a slip of the ear (西胡区), of the eye (坑州市) or of the hand (州杭市, 石庄市) costs.

    >>> slip("坑", "杭"), distance("石庄市", "石家庄市", 1)
    (0.35, 0.8)

How characters sound and which are drawn alike is data (`data/sounds.csv.zst`, scripts/build_sounds.py).
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from songda.address.gazetteer import table

#: What one slip costs: another character of the same sound, of nearly the same, drawn alike, or any; one too few or too many, one
#: typed twice, two neighbours swapped.
SAME_SOUND, NEAR_SOUND, ALIKE, OTHER = 0.3, 0.45, 0.35, 1.0
LEFT_OUT, TWICE, SWAPPED = 0.8, 0.4, 0.5
#: Told apart on purpose, however alike they look (巴林左旗, 巴林右旗).
_SIDES = "东西南北中左右前后上下内外大小新老一二三四五六七八九十"
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
