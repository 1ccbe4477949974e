"""Fine parts of a segment: names and numbers in order, read by what came before them.

    >>> read_fine("团结大街8-3816", home="").values
    {'road': ['团结大街'], 'road_no': ['8'], 'room': ['3816']}

After an estate A-B is building and room, A-B-C building, unit and room (floor when the room has one digit and the middle two: 64-7);
directly after a road or a village the first number is the house number; after a stated building, A-B is floor and room when the room has
one or two digits, else unit and room.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from songda.address.names import Name, names_an_estate, read_names
from songda.address.numbers import Token, tokens
from songda.address.reading import Fine

_PLACE = ("road", "village", "group")
_AND = ("和", "、", "及", "与")
#: Words behind a number that add nothing to it.
_EMPTY_WORDS = frozenset(
    (
        "入口",
        "门口",
        "内",
        "里",
        "楼",
        "号",
        "室",
        "房",
        "左侧门",
        "右侧门",
        "户",
        "电梯",
        "电梯房",
        "自建房",
        "民房",
        "商品房",
        "门",
    )
)
_SIDE_FLAT = re.compile(r"([东西南北中左右])(?:户|边|侧|边户|手)?")
_SIDE_OF_ROOM = re.compile(r"[东西南北中](?:户|$)")
#: B1201: building B, room 1201.
_LETTERED = re.compile(r"([A-Za-z])(\d{3,4})")


class _Reader:
    """Where the reading of one segment stands."""

    __slots__ = ("after", "fine", "home", "landmarks", "noise", "queue")

    def __init__(self, home: str, queue: list[Token]) -> None:
        self.fine = Fine()
        self.home = home
        self.queue = queue
        #: Kind of the last part: road, village, group, poi, road_no, building, unit, floor, room; empty at the start.
        self.after = ""
        self.landmarks: list[str] = []
        self.noise: list[str] = []

    def put(self, field: str, value: str) -> None:
        self.fine.add(field, value)
        self.after = field


def read_fine(text: str, *, home: str) -> Fine:
    """Fine parts that `text` states; `landmark` and `noise` are fields of the result too. `home`: the village names that count."""
    queue = tokens(text)
    reader = _Reader(home, queue)
    for i, token in enumerate(queue):
        following = queue[i + 1] if i + 1 < len(queue) else None
        _READ[token.kind](reader, token, following)
    for name, values in (("landmark", reader.landmarks), ("noise", reader.noise)):
        for value in values:
            reader.fine.add(name, value)
    return reader.fine


def _name(reader: _Reader, token: Token, following: Token | None) -> None:
    text = token.values[0]
    if (
        text in _AND
        and reader.after in ("room", "floor", "unit", "building")
        and following
        and following.kind == "bare"
    ):
        reader.after = "room"
        return
    side = _SIDE_FLAT.fullmatch(text) if len(text) < 4 else None
    if side and reader.after in ("floor", "unit", "building"):
        reader.put("room", side[1])
        return
    if reader.after == "room" and _SIDE_OF_ROOM.match(text) and reader.fine.values["room"][-1][-1:].isdigit():
        reader.fine.values["room"][-1] += text[0]
        text = text[1:].removeprefix("户")
    if text in _EMPTY_WORDS:
        return
    numbered = following is not None and following.kind in (
        "building",
        "chain",
        "unit",
        "room",
        "floor",
        "bare",
        "lane",
    )
    for name in _before_group(read_names(text, home=reader.home, numbered=numbered), following):
        if name.kind == "landmark":
            reader.landmarks.append(name.text)
        elif name.kind == "noise":
            reader.noise.append(name.text)
        elif (
            name.kind == "village"
            and numbered
            and following
            and following.kind in ("building", "chain", "unit")
            and _is_estate(name.text)
        ):
            reader.put("poi", name.text)
        else:
            reader.put(name.kind, name.text)


def _before_group(names: list[Name], following: Token | None) -> list[Name]:
    """长胜七组: what stands right before a group is the village that the group belongs to."""
    if following and following.kind in ("group", "brigade") and names and names[-1].kind == "poi":
        last = names[-1].text
        if 2 <= len(last) <= 4 and not names_an_estate(last):
            return [*names[:-1], Name("village", last)]
    return names


def _is_estate(village: str) -> bool:
    return village.endswith(("新村", "小区", "家园"))


def _group(reader: _Reader, token: Token, following: Token | None) -> None:
    reader.put("group", token.values[0])


def _brigade(reader: _Reader, token: Token, following: Token | None) -> None:
    reader.put("village", token.values[0])


def _lane(reader: _Reader, token: Token, following: Token | None) -> None:
    reader.put("road_no", token.values[0])


def _house(reader: _Reader, token: Token, following: Token | None) -> None:
    """N号: a room after building, unit or floor; a building after an estate; else the house number."""
    value = token.values[0]
    if reader.after in ("building", "unit", "floor"):
        reader.put("room", value.removesuffix("号"))
    elif (reader.after == "poi" and value[:-1].isascii() and not _outer_only(reader, following)) or (
        "road_no" in reader.fine and reader.after == "road_no" and value.endswith("号") and not following
    ):
        reader.put("building", value.removesuffix("号"))
    else:
        reader.put("road_no", value)


def _outer_only(reader: _Reader, following: Token | None) -> bool:
    """开发区2号花样年华: the number belongs to the ground, the estate is still to come."""
    last = reader.fine.values.get("poi", [""])[-1]
    return last.endswith(("开发区", "工业园", "工业区", "园区", "工业园区", "产业园", "镇", "乡"))


def _building(reader: _Reader, token: Token, following: Token | None) -> None:
    if reader.after == "building":
        return
    reader.put("building", token.values[0])


def _unit(reader: _Reader, token: Token, following: Token | None) -> None:
    reader.put("unit", token.values[0])


def _floor(reader: _Reader, token: Token, following: Token | None) -> None:
    reader.put("floor", token.values[0])


def _room(reader: _Reader, token: Token, following: Token | None) -> None:
    value = token.values[0]
    lettered = _LETTERED.fullmatch(value)
    if lettered and reader.after == "poi" and "building" not in reader.fine:
        reader.put("building", lettered[1])
        reader.put("room", lettered[2])
    else:
        reader.put("room", value)


def _shop(reader: _Reader, token: Token, following: Token | None) -> None:
    reader.put("floor", token.values[0])


def _side(reader: _Reader, token: Token, following: Token | None) -> None:
    reader.put("room", token.values[0])


def _bare(reader: _Reader, token: Token, following: Token | None) -> None:
    """A number without a word: house number after road or village, room behind a building, building or room after an estate."""
    value = token.values[0]
    lettered = _LETTERED.fullmatch(value)
    if reader.after in _PLACE and "road_no" not in reader.fine:
        reader.put("road_no", value)
    elif reader.after in ("building", "unit", "floor", "road_no", "room"):
        reader.put("room", value)
    elif lettered and "building" not in reader.fine:
        reader.put("building", lettered[1])
        reader.put("room", lettered[2])
    elif len(value) > 2 and value[:3].isdigit():
        reader.put("room", value)
    elif "building" not in reader.fine:
        reader.put("building", value)
    else:
        reader.put("room", value)


def _chain(reader: _Reader, token: Token, following: Token | None) -> None:
    parts, open_end = list(token.values), token.values[-1] == ""
    if open_end:
        parts.pop()
    if (
        reader.after == "road" or (reader.after in ("village", "group") and not _built(reader))
    ) and "road_no" not in reader.fine:
        if token.written.endswith("号"):
            reader.put("road_no", token.written)
            return
        reader.put("road_no", parts.pop(0))
        _fill(reader, ("room",) if len(parts) == 1 else ("unit", "room"), parts)
    elif reader.after == "building":
        _fill(reader, _behind_building(parts, open_end=open_end), parts)
    elif reader.after in ("unit", "road_no") and len(parts) == 2 and reader.after == "unit":
        _fill(reader, ("floor", "room"), parts)
    else:
        _fill(reader, _behind_estate(parts, open_end=open_end), parts)


def _built(reader: _Reader) -> bool:
    """A residents' community or a new village is built over with numbered buildings; its numbers are not house numbers."""
    return reader.fine.values.get("village", [""])[-1].endswith(("社区", "新村", "居委会"))


def _behind_building(parts: list[str], *, open_end: bool) -> tuple[str, ...]:
    if open_end or len(parts) == 1:
        return ("unit",)
    if len(parts) == 2:
        return ("floor", "room") if len(parts[1]) <= 2 and parts[1].isdigit() else ("unit", "room")
    return ("unit", "floor", "room")


def _behind_estate(parts: list[str], *, open_end: bool) -> tuple[str, ...]:
    if open_end:
        return ("building", "unit")
    if len(parts) == 2:
        return ("building", "room")
    if len(parts) == 3:
        high = parts[1].isdigit() and len(parts[1]) == 2 and parts[2].isdigit() and len(parts[2]) == 1
        return ("building", "floor" if high else "unit", "room")
    return ("building", "unit", "floor", "room")


def _fill(reader: _Reader, fields: tuple[str, ...], parts: list[str]) -> None:
    for field, value in zip(fields, [*parts[: len(fields) - 1], "-".join(parts[len(fields) - 1 :])], strict=False):
        reader.put(field, value)


_READ: dict[str, Callable[[_Reader, Token, Token | None], None]] = {
    "name": _name,
    "group": _group,
    "brigade": _brigade,
    "lane": _lane,
    "house": _house,
    "building": _building,
    "unit": _unit,
    "floor": _floor,
    "room": _room,
    "shop": _shop,
    "side": _side,
    "bare": _bare,
    "chain": _chain,
}
