"""One spelling for comparing an engine's fields with annotated ones: full-width forms, brackets, dashes, Chinese numerals.

>>> number("三百二十"), number("廿一"), number("一〇三"), number("壹"), number("2楼")
(320, 21, 103, 1, None)
"""

from __future__ import annotations

import re
import unicodedata

#: The characters of Chinese numerals: digits, and what multiplies them.
DIGITS = "零〇一二三四五六七八九两壹贰叁肆伍陆柒捌玖"
_TIMES = {"十": 10, "拾": 10, "百": 100, "佰": 100, "廿": 20, "卅": 30}
UNITS = "".join(_TIMES)
_VALUE = {**dict(zip("零〇一二三四五六七八九", (0, *range(10)), strict=True)), "两": 2}
_VALUE |= dict(zip("壹贰叁肆伍陆柒捌玖", range(1, 10), strict=True))

#: A run of Chinese numerals, for use inside other patterns.
CHINESE = f"[{DIGITS}{UNITS}]{{1,6}}+"
_RUN = re.compile(CHINESE)


def number(text: str) -> int | None:
    """Value of a Chinese numeral below 1,000, or of one written digit by digit; None when `text` is no such numeral."""
    if not text or not _RUN.fullmatch(text):
        return None
    if all(char in _VALUE for char in text):
        return int("".join(str(_VALUE[char]) for char in text))
    total, digit = 0, None
    for char in text:
        if char in _VALUE:
            digit = _VALUE[char]
        elif char in "廿卅":
            total += _TIMES[char]
        else:
            total += (1 if digit is None else digit) * _TIMES[char]
            digit = None
    return total + (digit or 0)


def arabic(text: str) -> str:
    """`text` with every run of Chinese numerals written in digits: 三十一 → 31, 甲三 → 甲3."""
    return text if text.isascii() else _RUN.sub(lambda run: str(number(run[0])), text)


def fold(text: str) -> str:
    """`text` with half-width forms, one kind of bracket and dash, blanks joined."""
    text = unicodedata.normalize("NFKC", text)
    return re.sub(r"\s+", " ", text.translate(str.maketrans("〔〕『』—–－～~", "()()-----"))).strip()
