"""Bars at the left edge of each sheet, for inserters whose eye reads no Data Matrix.

>>> bars(("gate", "end", "parity", "piece1", "piece2"), piece=6, sheet=2, sheets=2)
('gate', 'end', 'parity', 'piece2')

Such marks have no public standard: which bars there are, in which order from above, and where, is the machine's own and stands in
`SONGDA_HOME/factory.toml` (docs/press.zh-CN.md). They say less than the Data Matrix, which is printed beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from songda.base.errors import SongdaError
from songda.letters.zones import LEFT_EDGE, SHEET_CODE, Zone

#: Name of a bar → what it says when it is there.
MEANINGS = {
    "gate": "always: the eye begins here",
    "end": "last sheet of its piece",
    "parity": "makes the number of bars even",
    "piece1": "number of the piece, binary, ones",
    "piece2": "… twos",
    "piece4": "… fours",
    "sheet1": "number of the sheet in its piece, binary, ones",
    "sheet2": "… twos",
    "sheet4": "… fours",
    "feeder1": "insert of the first feeder",
    "feeder2": "… of the second",
    "feeder3": "… of the third",
    "feeder4": "… of the fourth",
}
#: White that the eye needs between the bars and the Data Matrix, millimetres.
_APART_MM = 3.0


class BadMarks(SongdaError):
    zh = "OMR 标记设置不可用：{reason}"
    remedy = "请按装封机的说明修改 factory.toml 的 [omr]，样例见 docs/press.zh-CN.md"
    exit_code = 78


@dataclass(frozen=True, slots=True, kw_only=True)
class Omr:
    """Which bars a machine reads, and where. Millimetres from the upper left corner of the page."""

    #: Names of `MEANINGS`, from above.
    marks: tuple[str, ...]
    #: Left end of the bars, and the first bar's upper edge.
    x: float = 6.0
    top: float = 200.0
    #: From bar to bar: a sixth of an inch, as most machines have it.
    pitch: float = 25.4 / 6
    width: float = 10.0
    thickness: float = 0.4

    def __post_init__(self) -> None:
        """Raises BadMarks for bars that no eye can tell apart, or that leave the edge which letters keep white for them."""
        if strange := [name for name in self.marks if name not in MEANINGS]:
            raise BadMarks(reason=f"没有名为 {strange[0]} 的标记")
        if len(set(self.marks)) != len(self.marks) or "gate" not in self.marks:
            raise BadMarks(reason="标记不能重复，且必须有 gate")
        if not (0 < self.thickness < self.pitch and self.width > 0):
            raise BadMarks(reason="线粗应小于间距，线长应大于零")
        bottom = self.top + self.pitch * (len(self.marks) - 1) + self.thickness
        if not (LEFT_EDGE.holds(self.x, self.top) and LEFT_EDGE.holds(self.x + self.width, bottom)):
            raise BadMarks(reason="标记超出页面左侧 20 毫米")
        if self.top < SHEET_CODE.y + SHEET_CODE.height + _APART_MM and bottom > SHEET_CODE.y - _APART_MM:
            raise BadMarks(reason="标记与张码（Data Matrix）重叠或相距不足 3 毫米")

    def zones(self, *, piece: int, sheet: int, sheets: int, inserts: int = 0) -> list[Zone]:
        """The bars of a sheet as black rectangles, from above."""
        there = bars(self.marks, piece=piece, sheet=sheet, sheets=sheets, inserts=inserts)
        return [
            Zone(self.x, self.top + place * self.pitch, self.width, self.thickness)
            for place, name in enumerate(self.marks)
            if name in there
        ]


def parse_omr(table: Mapping[str, Any] | None) -> Omr | None:
    """The bars that a table of settings or of a manifest states; None: none. Raises BadMarks."""
    if table is None:
        return None
    marks = table.get("marks")
    if not isinstance(marks, list | tuple) or not all(isinstance(name, str) for name in marks):
        raise BadMarks(reason="marks 应为标记名称的列表")
    places = {name: value for name, value in table.items() if name != "marks"}
    if strange := set(places) - {field.name for field in fields(Omr)}:
        raise BadMarks(reason=f"没有名为 {min(strange)} 的设置")
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in places.values()):
        raise BadMarks(reason="位置和尺寸应为毫米数")
    return Omr(marks=tuple(marks), **{name: float(value) for name, value in places.items()})


def bars(marks: Sequence[str], *, piece: int, sheet: int, sheets: int, inserts: int = 0) -> tuple[str, ...]:
    """Those of `marks` that stand on sheet `sheet` of `sheets` of the piece; `inserts` as in the sheet code."""
    numbers = {"piece": piece, "sheet": sheet}
    says = {"gate": True, "end": sheet == sheets}
    says |= {f"{name}{bit}": bool(number & bit) for name, number in numbers.items() for bit in (1, 2, 4)}
    says |= {f"feeder{feeder}": bool(inserts >> (feeder - 1) & 1) for feeder in (1, 2, 3, 4)}
    says["parity"] = sum(says[name] for name in marks if name != "parity") % 2 == 1
    return tuple(name for name in marks if says[name])
