"""Fold a raw address: one table lookup a code point, so that one place is spelt one way before anything is read.

    >>> fold("　上海市　Ａ座１２０１室\\u200b")
    '上海市 A座1201室'

Full-width letters and digits become half-width, every bracket becomes ( ) or 【 】, every dash becomes -, traditional characters become
simplified ones (never those that today's official names use, as 乾 in 乾安县), control characters and emoji disappear, blanks are joined.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from songda.address.gazetteer import table

_BLANKS = re.compile(r"\s+")
#: Longest text that is read; the longest real ones have some 120 characters.
LONGEST = 400

_SAME = {
    "(": "（﹙❨〈<《[［",
    ")": "）﹚❩〉>》]］",
    "【": "〔「『〖｢{",
    "】": "〕」』〗｣}",
    "-": "－—–−﹣‐‑‒―~～〜⁓ー",
    "#": "＃№",
    ",": "，、；;。｡،!！?？\"'“”‘’`^…",
    ":": "：﹕",
    "·": "•‧・･∙⋅",
    "|": "｜¦",
}


@cache
def _table() -> dict[int, str | None]:
    folded: dict[int, str | None] = {}
    for point in range(0x110000):
        char = chr(point)
        category = unicodedata.category(char) if point < 0x3100 or 0xD800 <= point < 0x20000 else "Lo"
        if category in ("Cc", "Cf", "Cs", "Co", "So", "Sk", "Mn"):
            folded[point] = " " if char in "\t\n\r\v\f\x85" else None
        elif category in ("Zs", "Zl", "Zp"):
            folded[point] = " "
        elif 0xFF01 <= point <= 0xFF5E:
            folded[point] = chr(point - 0xFEE0)
        elif category in ("No", "Nl", "Nd") and point > 0x7F and unicodedata.digit(char, None) is not None:
            folded[point] = str(unicodedata.digit(char))
    for row in table("traditional"):
        folded[ord(row["traditional"])] = row["simplified"]
    for target, sources in _SAME.items():
        folded.update(dict.fromkeys(map(ord, sources), target))
    folded[ord("〇")] = "〇"
    return folded


def fold(text: str) -> str:
    """`text` in the one spelling that all rules are written for, at most `LONGEST` characters; never raises."""
    return _BLANKS.sub(" ", text[: 2 * LONGEST].translate(_table())).strip()[:LONGEST]


def is_mojibake(text: str) -> bool:
    """True when the text was decoded with a wrong table and lost: replacement marks, 锟斤拷, or runs of Latin-1 letters."""
    return "\ufffd" in text or "锟斤拷" in text or re.search(r"[À-ÿ]{3}", text) is not None
