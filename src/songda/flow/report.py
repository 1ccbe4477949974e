"""`report.html`: one file in Chinese that opens offline, prints on A4 and holds aggregates only.

>>> from datetime import date
>>> "示例银行" in render(Summary(institution="示例银行", firm="示例律师事务所", as_of=date(2026, 11, 24)))
True

The page asks nothing of the network (its own content security policy forbids it) and runs no script. This module turns
the counts of a `Summary` into geometry and words; `report.html.j2` only lays them out.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from songda.base.days import chinese_date
from songda.base.errors import SongdaError
from songda.base.money import yuan
from songda.flow.summary import GRADES, LEVELS, AddressQuality, Day, Province, Summary
from songda.intake import why_refused

#: One square a province, roughly where it lies. Reading the text is seeing the map.
TILE_MAP = """
    ·     ·     ·     ·      ·     ·     黑龙江
    ·     ·     ·     内蒙古  北京   辽宁   吉林
    新疆   甘肃   宁夏   山西    河北   天津   ·
    ·     青海   陕西   河南    山东   ·     ·
    西藏   四川   重庆   湖北    安徽   江苏   上海
    ·     云南   贵州   湖南    江西   浙江   ·
    ·     ·     广西   广东    福建   台湾   ·
    ·     ·     海南   澳门    香港   ·     ·
"""

#: What the timeline shows: field of `Day`, name on screens, class that colours it.
SERIES = (
    ("ready", "就绪", "ink"),
    ("posted", "交寄", "post"),
    ("signed", "签收", "sign"),
    ("returned", "退回", "back"),
    ("settled", "结案", "ink"),
)

#: Columns that a short timeline is stretched to, so that a single day is a column and not a wall.
_MIN_SLOTS = 14
_SHADES = 5


class ReportNotWritten(SongdaError):
    zh = "无法写入报告 {path}({why})"
    remedy = "请检查目录是否可写、磁盘是否有空间，然后重新运行；已寄出的函件不会重复寄出"
    exit_code = 73


@dataclass(frozen=True, slots=True)
class Tile:
    """One province of the tile map. `row` and `column` count from 1, as CSS grids do."""

    name: str
    row: int
    column: int
    letters: int
    signed: int
    returned: int
    #: 0 (no letter) to 5 (the most letters).
    shade: int


@dataclass(frozen=True, slots=True)
class Columns:
    """One series of the timeline: one column a day, heights from 0 to 100."""

    field: str
    label_zh: str
    colour: str
    total: int
    peak: int
    peak_on: str
    #: (slot, height, words for the column).
    bars: tuple[tuple[int, float, str], ...]


def write_report(summary: Summary, path: Path) -> None:
    """Write the report of `summary` to `path`, whole or not at all.

    Raises ReportNotWritten when the folder cannot be written or the disk is full.
    """
    page = render(summary)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(page)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ReportNotWritten(path=path.name, why=why_refused(error)) from error


def render(summary: Summary) -> str:
    """The page as text."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("songda.flow", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(n=grouped, short=compact, tiny=tiny, yuan=yuan, cn_date=chinese_date)
    environment.globals.update(share=share, width=width)
    return environment.get_template("report.html.j2").render(_view(summary))


def _view(summary: Summary) -> dict[str, Any]:
    graded = sum(summary.grade(grade.code) for grade in GRADES)
    # A late fact can grade a letter before its hand-over scan is in: the bar never runs over its end.
    graded_of = max(summary.posted, graded)
    return {
        "s": summary,
        "labels": _labels(summary),
        "grades": [(grade, summary.grade(grade.code)) for grade in GRADES],
        "graded_of": graded_of,
        "open": graded_of - graded,
        "stack": _stack(summary, graded_of),
        "levels": _levels(summary.address_quality),
        "series": columns(summary.timeline),
        "slots": max(len(summary.timeline), _MIN_SLOTS),
        "ticks": _ticks(summary.timeline),
        "tiles": tiles(summary.provinces),
        "shades": _shade_ranges(max((p.letters for p in summary.provinces.values()), default=0)),
        "elsewhere": _elsewhere(summary.provinces),
    }


def _stack(summary: Summary, whole: int) -> list[dict[str, Any]]:
    """The stacked bar of grades from 0 to 100; the last part has no outcome yet."""
    counts = [(grade.code, f"{grade.code} {grade.short_zh}", summary.grade(grade.code)) for grade in GRADES]
    counts.append(("open", "尚无结果", whole - sum(count for _, _, count in counts)))
    parts, at = [], 0
    for code, name, count in counts:
        if count:
            span = {"x": round(100 * at / whole, 3), "width": round(100 * count / whole, 3)}
            parts.append({"code": code, "words": f"{name} {grouped(count)}", **span})
        at += count
    return parts


def _labels(summary: Summary) -> list[str]:
    """What every table must say about the nature of its numbers."""
    labels = []
    if summary.drill:
        labels.append("演练")
    if summary.simulated:
        labels.append("模拟结果" + (f" · {summary.config}" if summary.config else ""))
    return labels


def _levels(quality: AddressQuality) -> list[dict[str, Any]]:
    return [
        {"label": LEVELS[level.level][1] if level.level in LEVELS else level.level, "level": level}
        for level in quality.levels
    ]


def columns(timeline: tuple[Day, ...]) -> list[Columns]:
    """The series of the timeline. Each has its own scale, which its peak names."""
    series = []
    for name, label, colour in SERIES:
        counts = [getattr(day, name) for day in timeline]
        peak = max(counts, default=0)
        bars = tuple(
            (slot, round(100 * count / peak, 2), f"{_month_day(day)} {label} {grouped(count)}")
            for slot, (day, count) in enumerate(zip(timeline, counts, strict=True))
            if count
        )
        peak_on = _month_day(timeline[counts.index(peak)]) if peak else ""
        series.append(Columns(name, label, colour, sum(counts), peak, peak_on, bars))
    return series


def _ticks(timeline: tuple[Day, ...]) -> list[dict[str, Any]]:
    """At most five dates under the columns; the outer ones are set flush, the others are left out on a phone."""
    slots, last = max(len(timeline), _MIN_SLOTS), len(timeline) - 1
    picked = sorted({round(last * quarter / 4) for quarter in range(5)}) if last >= 0 else []
    edges = {0: "first", slots - 1: "last"}
    return [
        {
            "left": round(100 * (slot + 0.5) / slots, 2),
            "words": _month_day(timeline[slot]),
            "edge": edges.get(slot, "" if slot == round(last / 2) else "minor"),
        }
        for slot in picked
    ]


def _month_day(day: Day) -> str:
    return f"{day.day.month}月{day.day.day}日"


def tiles(provinces: Mapping[str, Province]) -> list[Tile]:
    """The 34 squares with the counts of `provinces`, whose names may be long (广东省) or short (广东)."""
    most = max((province.letters for province in provinces.values()), default=0)
    found = []
    for row, line in enumerate(TILE_MAP.strip().splitlines(), start=1):
        for column, name in enumerate(line.split(), start=1):
            if name != "·":
                counts = [p for long_name, p in provinces.items() if long_name.startswith(name)]
                letters = sum(p.letters for p in counts)
                signed, returned = sum(p.signed for p in counts), sum(p.returned for p in counts)
                found.append(Tile(name, row, column, letters, signed, returned, _shade(letters, most)))
    return found


def _elsewhere(provinces: Mapping[str, Province]) -> int:
    """Letters whose province is on no tile (unknown): shown in words, so that the map's sum is the total."""
    return sum(p.letters for p in provinces.values()) - sum(tile.letters for tile in tiles(provinces))


def _shade(letters: int, most: int) -> int:
    return next((shade for shade, low, high in _shade_ranges(most) if low <= letters <= high), 0)


def _shade_ranges(most: int) -> list[tuple[int, int, int]]:
    """Up to five ranges (shade, low, high) of letters from 1 to `most`; the last is always shade 5."""
    # Square root: populous provinces must not bleach all others.
    bounds = [0, *(most * step * step // _SHADES**2 for step in range(1, _SHADES + 1))]
    return [(shade, low + 1, high) for shade, (low, high) in enumerate(pairwise(bounds), start=1) if high > low]


def grouped(number: float) -> str:
    """`1234567` → `1,234,567`; a speed keeps one decimal below 100."""
    if isinstance(number, float) and number < 100:
        return f"{number:,.1f}"
    return f"{round(number):,}"


def compact(number: int) -> str:
    """A key figure that fits its box: from a million on in 万, from a hundred million on in 亿."""
    for unit, name in ((10**8, "亿"), (10**4, "万")):
        if abs(number) >= max(unit, 10**6):
            return f"{number / unit:,.2f}".rstrip("0").rstrip(".") + name
    return f"{number:,}"


def tiny(number: int) -> str:
    """At most six characters, for a tile: `9,999`, `1.23万`, `1234万`, `1.23亿`."""
    for unit, name in ((10**8, "亿"), (10**4, "万")):
        if number >= unit:
            return f"{number / unit:.{2 if number < 10 * unit else 0}f}{name}"
    return f"{number:,}"


def share(part: int, whole: int) -> str:
    """`1, 3` → `33.3%`. A share of nothing is a dash; what is neither none nor all never reads as 0.0% or 100.0%."""
    if whole <= 0:
        return "–"
    percent = 100 * part / whole
    if 0 < percent < 0.05:
        return "<0.1%"
    if 99.95 <= percent < 100:
        return ">99.9%"
    return f"{percent:.0f}%" if percent in (0, 100) else f"{percent:.1f}%"


def width(part: float, whole: float) -> str:
    """Length of a bar in percent; what is more than none stays visible."""
    if whole <= 0 or part <= 0:
        return "0"
    return f"{max(0.4, min(100.0, 100 * part / whole)):.2f}"
