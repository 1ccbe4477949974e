"""Amounts in capital numerals (人民币大写), as contracts and demands write them beside the figures.

>>> capital_yuan(1_0234_05), capital_yuan(2_0000_0100), capital_yuan(100)
('壹万零贰佰叁拾肆元零伍分', '贰佰万零壹元整', '壹元整')

Rules: 支付结算办法 (PBC, 1997), annex 1 on writing amounts.
"""

from __future__ import annotations

from itertools import groupby

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿", "万亿")


def capital_yuan(fen: int) -> str:
    """`fen` (0 ≤ fen < 10^18) in capital numerals. Raises ValueError outside that range."""
    if not 0 <= fen < 10**18:
        raise ValueError("amount out of range")
    whole, jiao, cents = fen // 100, fen // 10 % 10, fen % 10
    if not fen:
        return "零元整"
    text = _whole(whole) + "元" if whole else ""
    if jiao:
        text += _DIGITS[jiao] + "角"
    elif cents and whole:
        text += "零"
    return text + (_DIGITS[cents] + "分" if cents else "整")


def _whole(number: int) -> str:
    text, groups = "", []
    while number:
        number, group = divmod(number, 10_000)
        groups.append(group)
    for index in range(len(groups) - 1, -1, -1):
        group = groups[index]
        if group:
            # A group that does not fill its four places is announced by one zero after what went before.
            text += ("零" if text and group < 1000 else "") + _thousands(group) + _group_name(index)
        elif index == 2 and text:
            text += "亿"
    return text.replace("零零", "零")


def _group_name(index: int) -> str:
    return _GROUPS[index] if index < 3 else "万"


def _thousands(group: int) -> str:
    digits = [(group // 10**place % 10, place) for place in (3, 2, 1, 0)]
    text = ""
    for is_zero, run in groupby(digits, key=lambda item: item[0] == 0):
        text += "零" if is_zero else "".join(_DIGITS[digit] + _PLACES[place] for digit, place in run)
    return text.strip("零")
