"""Brackets of an address: what a person typed (【…】), vicinity hints and remarks (…), and the rest.

    >>> [(part.kind, part.text) for part in split("黄陂区汉口北大道【汉北水晶城3栋781】(汉北·水晶城附近)")]
    [('main', '黄陂区汉口北大道'), ('typed', '汉北水晶城3栋781'), ('hint', '汉北·水晶城附近')]

A short bracket that belongs to a name stays in it: 蔚蓝海岸(深圳).
"""

from __future__ import annotations

import re

from songda.address.reading import Segment

_PIECE = re.compile(r"【(?P<typed>[^】]*)(?:】|$)|\((?P<hint>(?:[^()]|\([^()]*\))*)(?:\)|$)")
_PART_OF_NAME = re.compile(r"[一-龥]{2,3}|[东南西北一二三四五六七八九十\dA-Za-z]{1,2}[区期门院]")
_OF_A_HINT = re.compile(r"附近|旁|对面|隔壁|后面|前面")


def split(text: str) -> list[Segment]:
    """Segments of a folded text in order; brackets that never close end with the text."""
    parts: list[Segment] = []
    last, outside = 0, ""
    for piece in _PIECE.finditer(text):
        hint = piece["hint"]
        outside += text[last : piece.start()]
        last = piece.end()
        if hint is not None and _belongs_to_name(hint, outside, text[last:]):
            outside += piece[0]
            continue
        if outside.strip(" 】)"):
            parts.append(Segment("main", outside.strip(" 】)")))
        outside = ""
        if hint is not None:
            parts.append(Segment("hint", hint.strip()))
        else:
            parts.extend(_typed(piece["typed"]))
    outside = (outside + text[last:]).strip(" 】)")
    if outside:
        parts.append(Segment("main", outside))
    return parts


def _typed(text: str) -> list[Segment]:
    """The typed part may hold brackets of its own: 【(建行对面)昭阳科技】."""
    inner = split(text) if "(" in text else [Segment("main", text.strip())]
    return [Segment("typed" if part.kind == "main" else part.kind, part.text) for part in inner if part.text]


def _belongs_to_name(hint: str, before: str, after: str) -> bool:
    """True for 蔚蓝海岸(深圳) and 山水庭院(二期): a short word straight after a name, and more of that name or a 【 behind it."""
    if not before or not "一" <= before[-1] <= "龥" or _OF_A_HINT.search(hint) or not _PART_OF_NAME.fullmatch(hint):
        return False
    return (bool(after) and after[0] in "【") or bool(
        re.match(r"[\d一二三四五六七八九十A-Za-z]{1,2}[期区栋座号幢]|附近|店", after)
    )
