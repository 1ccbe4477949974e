"""The one canonical line of an address, and the lines that fit the window of an envelope.

>>> parts = {"province": "上海市", "city": "上海市", "district": "宝山区", "road": "杨泰路", "road_no": "80号", "room": "二〇一"}
>>> standard_line(parts)
'上海市宝山区杨泰路80号201室'
>>> label_lines(chunks(parts))
['上海市宝山区杨泰路80号201室']
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from songda.address.numerals import arabic

#: Widest line, in full-width characters; a half-width one counts as half.
LINE_WIDTH = 22

_Parts = Mapping[str, str | None]


def chunks(parts: _Parts) -> list[str]:
    """The canonical line in pieces that a label should not cut: divisions, town, village, road with number, estate, door."""
    province, city = parts.get("province") or "", parts.get("city") or ""
    road = "与".join((parts.get("road") or "").split("|"))
    pieces = [
        province + (city if city != province else ""),
        (parts.get("district") or ""),
        (parts.get("town") or ""),
        "".join((parts.get("village") or "").split("|")) + _plain(parts.get("group")),
        road + ("交叉口" if "与" in road else "") + _road_no(parts.get("road_no")),
        "".join((parts.get("poi") or "").split("|")),
        _door(parts),
    ]
    return [piece for piece in pieces if piece] + _vicinity(parts)


def standard_line(parts: _Parts) -> str:
    """The canonical line; empty when nothing is known."""
    return "".join(chunks(parts))


def label_lines(pieces: Sequence[str], width: int = LINE_WIDTH) -> list[str]:
    """Lines of at most `width` full-width characters; a piece moves to the next line whole, and a door is never cut."""
    lines: list[str] = []
    filled = 0.0
    for piece in pieces:
        wide = _width(piece)
        if lines and filled + wide <= width:
            lines[-1] += piece
            filled += wide
        else:
            lines.extend([piece] if wide <= width else _wrap(piece, width))
            filled = _width(lines[-1])
    return lines


def _wrap(piece: str, width: int) -> list[str]:
    """A piece wider than a line is broken between characters, but not inside a run of letters, digits and what counts them."""
    lines = [""]
    for word in re.findall(r"[0-9A-Za-z-]+(?:号楼|单元|[栋幢座层室号弄])?|.", piece):
        for part in [word] if _width(word) <= width else list(word):
            if lines[-1] and _width(lines[-1]) + _width(part) > width:
                lines.append("")
            lines[-1] += part
    return lines


def _width(text: str) -> float:
    return len(text) - len(text.encode("ascii", "ignore")) / 2


def _plain(value: str | None) -> str:
    return arabic("".join((value or "").split("|")))


def _road_no(value: str | None) -> str:
    number = _plain(value)
    return number + "号" if re.search(r"[0-9A-Za-z]$", number) else number


def _door(parts: _Parts) -> str:
    text = ""
    for value in _values(parts, "building"):
        text += f"{value}号楼" if value[-1].isdigit() else f"{value}座"
    for value in _values(parts, "unit"):
        text += f"{value}单元"
    for value in _values(parts, "floor"):
        text += value if value[-1] in "商房市铺" else f"{value}层"
    for value in _values(parts, "room"):
        text += f"{value}户" if value[-1] in "东西南北中左右" else f"{value}室"
    return text


def _values(parts: _Parts, name: str) -> list[str]:
    stated = parts.get(name)
    return [arabic(value) for value in stated.split("|") if value] if stated else []


def _vicinity(parts: _Parts) -> list[str]:
    """A landmark belongs on the letter only when nothing names the door better."""
    if any(parts.get(name) for name in ("road_no", "poi", "building", "room", "group")):
        return []
    return [f"({name}附近)" for name in (parts.get("landmark") or "").split("|") if name]
