"""The folding kernel in plain Python: what songda.address.compiled.tokens.scan is held equal to.

Fold a raw address: one table lookup a code point, so that one place is spelt one way before anything is read.

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


class _Folding(dict[int, str | None]):
    """What each code point becomes; a code point is looked up in Unicode's tables when it first occurs."""

    def __missing__(self, point: int) -> str | None:
        self[point] = folded = _folded(point)
        return folded


def _folded(point: int) -> str | None:
    char = chr(point)
    category = unicodedata.category(char)
    if category in ("Cc", "Cf", "Cs", "Co", "Cn", "So", "Sk", "Mn"):
        return " " if char in "\t\n\r\v\f\x85" else None
    if category in ("Zs", "Zl", "Zp"):
        return " "
    if 0xFF01 <= point <= 0xFF5E:
        return chr(point - 0xFEE0)
    if category in ("No", "Nl", "Nd") and point > 0x7F and unicodedata.digit(char, None) is not None:
        return str(unicodedata.digit(char))
    return char


@cache
def _table() -> _Folding:
    folding = _Folding(
        {ord(row["traditional"]): row["simplified"] for row in table("traditional") if ord(row["simplified"]) < 0x10000}
    )
    for target, sources in _SAME.items():
        folding.update(dict.fromkeys(map(ord, sources), target))
    return folding


def fold(text: str) -> str:
    """`text` in the one spelling that all rules are written for, at most `LONGEST` characters; never raises."""
    return _BLANKS.sub(" ", text[: 2 * LONGEST].translate(_table())).strip()[:LONGEST]


def is_mojibake(text: str) -> bool:
    """True when the text was decoded with a wrong table and lost: replacement marks, 锟斤拷, or runs of Latin-1 letters."""
    return "\ufffd" in text or "锟斤拷" in text or re.search(r"[¡-¶¸-ÿ]{3}", text) is not None
