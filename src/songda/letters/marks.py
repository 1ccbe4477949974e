"""Where a page of a PDF has ink: a box in millimetres for each text that is shown, path that is painted and picture that is placed.

    for mark in marks(page):
        mark.kind, mark.left, mark.top, mark.right, mark.bottom        # origin: upper left corner of the page

A text's box is as wide as its advance (widths of the font) and from a quarter em below its line to 0.88 em above it; a curve's box
holds its control points. Boxes are thus never too small. Clipping is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from songda.letters.zones import A4_MM, PT_PER_MM, Zone

if TYPE_CHECKING:
    import pikepdf

Matrix = tuple[float, float, float, float, float, float]
_UNIT: Matrix = (1, 0, 0, 1, 0, 0)
BELOW, ABOVE = 0.25, 0.88
#: Forms within forms, at most.
_DEPTH = 8
_FILLS, _STROKES = ("f", "F", "f*"), ("B", "B*", "b", "b*", "S", "s")


class Mark(NamedTuple):
    """text | path | image."""

    kind: str
    left: float
    top: float
    right: float
    bottom: float

    def touches(self, zone: Zone, *, slack: float = 0.0) -> bool:
        """Whether it reaches more than `slack` millimetres into the zone."""
        return (
            self.right > zone.x + slack
            and self.left < zone.x + zone.width - slack
            and self.bottom > zone.y + slack
            and self.top < zone.y + zone.height - slack
        )

    def within(self, zone: Zone, *, slack: float = 0.0) -> bool:
        return (
            self.left >= zone.x - slack
            and self.right <= zone.x + zone.width + slack
            and self.top >= zone.y - slack
            and self.bottom <= zone.y + zone.height + slack
        )


@dataclass(slots=True)
class _State:
    ctm: Matrix = _UNIT
    font: Callable[[bytes], float] | None = None
    size: float = 0.0
    spacing: float = 0.0
    word: float = 0.0
    scale: float = 1.0
    leading: float = 0.0
    rise: float = 0.0
    #: Width of strokes, units of the user.
    stroke: float = 1.0


@dataclass(slots=True)
class _Walk:
    state: _State = field(default_factory=_State)
    saved: list[_State] = field(default_factory=list)
    line: Matrix = _UNIT
    text: Matrix = _UNIT
    points: list[tuple[float, float]] = field(default_factory=list)


def marks(page: pikepdf.Page) -> list[Mark]:
    """The marks of a page in their order. Raises ValueError for contents that cannot be followed."""
    return list(_marks(page.obj, page.obj.get("/Resources"), _UNIT, 0))


def _marks(source: Any, resources: Any, ctm: Matrix, depth: int) -> Iterator[Mark]:
    import pikepdf

    if depth > _DEPTH:
        raise ValueError("forms within forms")
    walk, fonts = _Walk(), dict[str, Callable[[bytes], float]]()
    walk.state.ctm = ctm
    for operands, operator in cast(Any, pikepdf.parse_content_stream(source)):
        name = str(operator)
        if name in _STEPS:
            yield from _STEPS[name](walk, operands)
        elif name == "Tf":
            key = str(operands[0])
            if key not in fonts:
                fonts[key] = _widths(resources["/Font"][key])
            walk.state.font, walk.state.size = fonts[key], float(operands[1])
        elif name == "Do":
            thing = resources["/XObject"][str(operands[0])]
            if thing.get("/Subtype") == "/Form":
                inner = times(_numbers(thing.get("/Matrix", [*_UNIT])), walk.state.ctm)
                yield from _marks(thing, thing.get("/Resources", resources), inner, depth + 1)
            else:
                yield box("image", [(0, 0), (1, 0), (0, 1), (1, 1)], walk.state.ctm)
        elif name in {"BI", "INLINE IMAGE"}:
            yield box("image", [(0, 0), (1, 0), (0, 1), (1, 1)], walk.state.ctm)


def _save(walk: _Walk, _: Any) -> tuple[Mark, ...]:
    walk.saved.append(replace(walk.state))
    return ()


def _restore(walk: _Walk, _: Any) -> tuple[Mark, ...]:
    if walk.saved:
        walk.state = walk.saved.pop()
    return ()


def _concat(walk: _Walk, operands: Any) -> tuple[Mark, ...]:
    walk.state.ctm = times(_numbers(operands), walk.state.ctm)
    return ()


def _points(walk: _Walk, operands: Any) -> tuple[Mark, ...]:
    numbers = [float(number) for number in operands]
    walk.points += list(zip(numbers[::2], numbers[1::2], strict=True))
    return ()


def _rectangle(walk: _Walk, operands: Any) -> tuple[Mark, ...]:
    x, y, width, height = (float(number) for number in operands)
    walk.points += [(x, y), (x + width, y + height)]
    if walk.state.ctm[1] or walk.state.ctm[2]:
        walk.points += [(x + width, y), (x, y + height)]
    return ()


def _fill(walk: _Walk, _: Any) -> tuple[Mark, ...]:
    points, walk.points = walk.points, []
    return (box("path", points, walk.state.ctm),) if points else ()


def _stroke(walk: _Walk, _: Any) -> tuple[Mark, ...]:
    half = walk.state.stroke / 2
    walk.points = [(x + dx, y + dy) for x, y in walk.points for dx in (-half, half) for dy in (-half, half)]
    return _fill(walk, _)


def _no_paint(walk: _Walk, _: Any) -> tuple[Mark, ...]:
    walk.points = []
    return ()


def _begin_text(walk: _Walk, _: Any) -> tuple[Mark, ...]:
    walk.text = walk.line = _UNIT
    return ()


def _set(name: str, *, per_cent: bool = False) -> Callable[[_Walk, Any], tuple[Mark, ...]]:
    def change(walk: _Walk, operands: Any) -> tuple[Mark, ...]:
        setattr(walk.state, name, float(operands[0]) / (100 if per_cent else 1))
        return ()

    return change


def _matrix(walk: _Walk, operands: Any) -> tuple[Mark, ...]:
    walk.text = walk.line = _numbers(operands)
    return ()


def _next_line(walk: _Walk, operands: Any) -> tuple[Mark, ...]:
    x, y = (float(operands[0]), float(operands[1])) if len(operands) else (0.0, -walk.state.leading)
    walk.line = times((1, 0, 0, 1, x, y), walk.line)
    walk.text = walk.line
    return ()


def _next_line_and_leading(walk: _Walk, operands: Any) -> tuple[Mark, ...]:
    walk.state.leading = -float(operands[1])
    return _next_line(walk, operands)


def _show(walk: _Walk, operands: Any) -> tuple[Mark, ...]:
    state = walk.state
    if state.font is None:
        raise ValueError("text without a font")
    first = operands[0]
    parts = [first] if _is_string(first) else list(first)
    advance = 0.0
    shown = False
    for part in parts:
        if _is_string(part):
            data = bytes(part)
            shown = shown or bool(data)
            advance += state.font(data) * state.size + state.spacing * len(data)
        else:
            advance -= float(part) / 1000 * state.size
    advance *= state.scale
    low, high = state.rise - BELOW * state.size, state.rise + ABOVE * state.size
    corners = [(0.0, low), (advance, low), (0.0, high), (advance, high)]
    mark = box("text", corners, times(walk.text, state.ctm))
    walk.text = times((1, 0, 0, 1, advance, 0), walk.text)
    return (mark,) if shown else ()


def _show_on_next_line(walk: _Walk, operands: Any) -> tuple[Mark, ...]:
    _next_line(walk, ())
    return _show(walk, operands[-1:])


def _is_string(item: Any) -> bool:
    import pikepdf

    return isinstance(item, pikepdf.String | bytes)


_STEPS: dict[str, Callable[[_Walk, Any], tuple[Mark, ...]]] = {
    "BT": _begin_text,
    "Tc": _set("spacing"),
    "Tw": _set("word"),
    "Tz": _set("scale", per_cent=True),
    "TL": _set("leading"),
    "Ts": _set("rise"),
    "Tm": _matrix,
    "Td": _next_line,
    "TD": _next_line_and_leading,
    "T*": _next_line,
    "Tj": _show,
    "TJ": _show,
    "'": _show_on_next_line,
    '"': _show_on_next_line,
    "q": _save,
    "Q": _restore,
    "cm": _concat,
    "m": _points,
    "l": _points,
    "c": _points,
    "v": _points,
    "y": _points,
    "re": _rectangle,
    "n": _no_paint,
    "w": _set("stroke"),
    **dict.fromkeys(_FILLS, _fill),
    **dict.fromkeys(_STROKES, _stroke),
}


def _widths(font: Any) -> Callable[[bytes], float]:
    """Bytes of a string → its width in ems. A composite font has two bytes a character (Identity-H)."""
    if font.get("/Subtype") == "/Type0":
        inner = font["/DescendantFonts"][0]
        default, known = float(inner.get("/DW", 1000)), cid_widths(inner.get("/W", []))
        return lambda data: (
            sum(known.get(int.from_bytes(data[i : i + 2], "big"), default) for i in range(0, len(data), 2)) / 1000
        )
    first = int(font.get("/FirstChar", 0))
    single = [float(width) for width in font.get("/Widths", [])]
    return lambda data: sum(single[code - first] if 0 <= code - first < len(single) else 1000.0 for code in data) / 1000


def cid_widths(items: Any) -> dict[int, float]:
    """`c [w1 w2 …]` and `first last w`, mixed (ISO 32000-1, 9.7.4.3)."""
    found: dict[int, float] = {}
    rest = iter(items)
    for item in rest:
        start, then = int(item), next(rest)
        if isinstance(then, int | float) or not hasattr(then, "__iter__"):
            found |= dict.fromkeys(range(start, int(then) + 1), float(next(rest)))
        else:
            found |= {start + n: float(width) for n, width in enumerate(then)}
    return found


def _numbers(items: Any) -> Matrix:
    a, b, c, d, e, f = (float(item) for item in items)
    return a, b, c, d, e, f


def times(first: Matrix, then: Matrix) -> Matrix:
    """The matrix that does `first` and `then` after it."""
    a, b, c, d, e, f = first
    p, q, r, s, t, u = then
    return (a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u)


def box(kind: str, points: list[tuple[float, float]], matrix: Matrix) -> Mark:
    a, b, c, d, e, f = matrix
    xs = [(x * a + y * c + e) / PT_PER_MM for x, y in points]
    ys = [A4_MM[1] - (x * b + y * d + f) / PT_PER_MM for x, y in points]
    return Mark(kind, min(xs), min(ys), max(xs), max(ys))
