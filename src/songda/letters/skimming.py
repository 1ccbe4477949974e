"""A quick look at a PDF of record that was just made: does it hold what it must and nothing else, drawn in the ways we know.

    is_clean(pdf, pages=2, words="律师函…", pictures=[(qr_pixels, None)])      # False: read it in full (preflighting.py)

The engine writes few shapes: a text at a place, a line, a polygon, the picture of the code. A page that is made of them alone
is read by their pattern, a tenth of the work of reading any PDF; whatever else comes up is not understood here and makes it
not clean. Fonts that many letters share are read once. Decision 017.
"""

from __future__ import annotations

import io
import json
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import TYPE_CHECKING, Any, Final

from songda.letters.codes import pixels, qr
from songda.letters.imprint import pixels_of
from songda.letters.marks import ABOVE, BELOW, Mark, Matrix, box, cid_widths, times
from songda.letters.paper import characters, words_on
from songda.letters.postage import load_products
from songda.letters.preflighting import is_ours, preflight
from songda.letters.printed import passages
from songda.letters.render import NO_IMPRINTS
from songda.letters.view import QR, imprints_of
from songda.letters.zones import A4_MM, ADDRESS_WINDOW, EDGES, LEFT_EDGE, PT_PER_MM, SLACK_MM, WAYBILL

if TYPE_CHECKING:
    import pikepdf

    from songda.letters.content import Content
    from songda.letters.render import Rendered
    from songda.letters.template import Template

#: Keys without which nothing in a file can act, be filled in or carry another file (ISO 32000-1, tables 28 and 30).
_ROOT: Final = frozenset(
    (
        "/Type",
        "/MarkInfo",
        "/StructTreeRoot",
        "/ViewerPreferences",
        "/Lang",
        "/Pages",
        "/Metadata",
        "/OutputIntents",
        "/Version",
    )
)
_PAGE: Final = frozenset(("/Contents", "/MediaBox", "/Parent", "/Resources", "/StructParents", "/Tabs", "/Type"))
_PAGES: Final = frozenset(("/Type", "/Kids", "/Count"))
_RESOURCES: Final = frozenset(("/ColorSpace", "/Font", "/ProcSet", "/XObject"))
_VIEWER: Final = frozenset(("/DisplayDocTitle", "/Direction"))

# Possessive throughout: a page that has another shape must not be tried in a thousand ways.
_N = rb"-?(?>\d++\.?+\d*+|\.\d++)"
_SIX = rb" ".join([_N] * 6)
_BYTES = rb"[^()\\]++|\\(?>[0-7]{3}|[nrtbf()\\])"
# Brackets that match need no escape.
_NESTED = reduce(lambda inner, _: rb"\((?>" + _BYTES + rb"|" + inner + rb")*+\)", range(6), rb"\(\)")
_STRING = rb"(?>" + _NESTED + rb"|<(?>[0-9A-F]{4})*+>)"
_COLOUR = rb"/c\d++ (?:cs|CS) (?>" + _N + rb" ){1,4}+(?:scn|SCN)"
_SHAPE = re.compile(
    # 1 what ends, 2 what begins
    rb"\s*+(EMC)?+(?>\s*+/(Span|Artifact)<<(?>[^<>]++|<[0-9A-F]*+>)*+>>BDC)?+(?>\s*+(?>"
    # 3 matrix, 4 font, 5 size, 6 matrix of the text, 7 what is shown
    rb"q (" + _SIX + rb") cm" + _COLOUR + rb"\nBT 0 Tr/(f\d++) (" + _N + rb") Tf (" + _SIX + rb") Tm"
    rb"(.*?)T[Jj]\nET\nQ"
    # 8 matrix, 9 width of the line, 10 way
    rb"|q (" + _SIX + rb") cm" + _COLOUR + rb"(?: (" + _N + rb") w)?(?: " + _N + rb" M)?"
    rb"((?>(?> " + _N + rb")++ [mlc])++)\n(?:h\n)?[Sf]\nQ"
    # 11 matrix, 12 name of the picture
    rb"|q (" + _SIX + rb") cm/(x\d++) Do\nQ))?+",
    re.DOTALL,
)
#: All of what a text shows; an end that stands in a string leaves no whole one.
_SHOWN = re.compile(rb"\[(?>" + _STRING + rb"|" + _N + rb"|\s++)*+\]|" + _STRING, re.DOTALL)
_PARTS = re.compile(rb"(" + _STRING + rb")|(" + _N + rb")", re.DOTALL)
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
#: What the edges leave of a page, and how far down page 1 has zones: millimetres.
_LEFT: Final = LEFT_EDGE.width - SLACK_MM
_UPPER: Final = EDGES[0].height - SLACK_MM
_RIGHT: Final = EDGES[2].x + SLACK_MM
_LOWER: Final = EDGES[1].y + SLACK_MM
_ADDRESSED: Final = max(zone.y + zone.height for zone in (WAYBILL, ADDRESS_WINDOW))
#: Matrices of nearly all texts: the engine's pages count downwards.
_UPSIDE_DOWN: Final = b"1 0 0 -1 "
_BACK: Final = b"1 0 0 -1 0 0"
_PLAIN: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


class _Unknown(Exception):
    """Something that is not drawn in a way we know."""


@dataclass(frozen=True, slots=True, eq=False)
class _Font:
    #: Code → width, thousandths of an em.
    widths: dict[int, float]
    default: float
    characters: dict[int, str]


#: What a picture shows: its samples, and the cover of each where it has one.
Picture = tuple[bytes, bytes | None]


def is_clean(pdf: bytes, *, pages: int, words: str, pictures: Sequence[Picture]) -> bool:
    """Whether the record has `pages` A4 pages with nothing where paper must stay white, the address alone in its window, our own
    fonts, exactly `words` (blanks left out) as its text, and exactly these pictures, in any order.

    False says nothing about the record but that somebody has to read it in full. Raises nothing.
    """
    import pikepdf

    try:
        with pikepdf.open(io.BytesIO(pdf)) as document:
            return _is_clean(document, pages, words, pictures)
    except (_Unknown, pikepdf.PikepdfError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return False


def _is_clean(document: pikepdf.Pdf, pages: int, words: str, pictures: Sequence[Picture]) -> bool:
    root = document.Root
    if document.is_encrypted or not (root.keys() <= _ROOT and root.Pages.keys() <= _PAGES):
        return False
    if "/ViewerPreferences" in root and not root.ViewerPreferences.keys() <= _VIEWER:
        return False
    if len(document.pages) != pages:
        return False
    said, left, fonts = list[str](), list(pictures), dict[tuple[int, int], _Font]()
    for number, page in enumerate(document.pages):
        reading = _read(page.obj, fonts)
        if number == 0 and not _is_addressed(reading.top):
            return False
        said += reading.said
        for shown in reading.pictures:
            # Raises ValueError, which is not clean, when it is none of them.
            left.remove((shown.read_bytes(), shown.SMask.read_bytes() if "/SMask" in shown else None))
    return not left and "".join("".join(said).split()) == words


@dataclass(slots=True)
class _Reading:
    #: Marks as far down as page 1 has zones.
    top: list[Mark]
    #: Texts in their order, without those of artifacts.
    said: list[str]
    pictures: list[Any]


def _read(page: Any, fonts: dict[tuple[int, int], _Font]) -> _Reading:  # noqa: PLR0912 - one branch a shape
    resources = page.Resources
    if not (page.keys() <= _PAGE and resources.keys() <= _RESOURCES and _is_a4(page.MediaBox)):
        raise _Unknown
    named = {str(name)[1:].encode(): _font(font, fonts) for name, font in resources.Font.items()}
    things = {str(name)[1:].encode(): thing for name, thing in resources.get("/XObject", {}).items()}
    stream = page.Contents.read_bytes()
    top, said, pictures, open_, at = list[Mark](), list[str](), list[Any](), list[bool](), 0
    for shape in _SHAPE.finditer(stream):
        start, end = shape.span()
        if start != at or end == at:
            break
        at = end
        if shape[1]:
            open_.pop()
        if shape[2]:
            open_.append(shape[2] == b"Artifact")
        if shape[3]:
            mark, text = _text(shape, named)
            if True not in open_:
                said.append(text)
        elif shape[8]:
            mark = _way(shape)
        elif shape[11]:
            pictures.append(_picture(things[shape[12]]))
            mark = box("image", [(0, 0), (1, 0), (0, 1), (1, 1)], _matrix(shape[11]))
        else:
            continue
        _, left, upper, right, lower = mark
        if left < _LEFT or right > _RIGHT or upper < _UPPER or lower > _LOWER:
            raise _Unknown
        if upper < _ADDRESSED:
            top.append(mark)
    if stream[at:].strip() or len(pictures) != len(things):
        raise _Unknown
    return _Reading(top, said, pictures)


def _picture(thing: Any) -> Any:
    if thing.Subtype != "/Image":
        raise _Unknown
    return thing


def _is_a4(mediabox: Any) -> bool:
    left, bottom, right, top = map(float, mediabox)
    return (left, bottom) == (0, 0) and all(
        abs(have - want * PT_PER_MM) <= 1 for have, want in zip((right, top), A4_MM, strict=True)
    )


def _font(font: Any, known: dict[tuple[int, int], _Font]) -> _Font:
    if font.objgen not in known:
        inner = font.DescendantFonts[0]
        if font.Subtype != "/Type0" or font.Encoding != "/Identity-H" or not is_ours(font):
            raise _Unknown
        known[font.objgen] = _measured(
            inner.W.unparse(resolved=True), float(inner.get("/DW", 1000)), font.ToUnicode.read_bytes()
        )
    return known[font.objgen]


@lru_cache(maxsize=64)
def _measured(widths: bytes, default: float, cmap: bytes) -> _Font:
    return _Font(
        cid_widths(_items(widths)),
        default,
        {int.from_bytes(code, "big"): text for code, text in characters(cmap).items()},
    )


def _items(array: bytes) -> list[Any]:
    """A written array of numbers and arrays of numbers as lists."""
    found: list[Any] = json.loads(
        re.sub(rb"(?<=[\d.\]]) +(?=[-\d.\[])", b",", array.strip().replace(b"[ ", b"[").replace(b" ]", b"]"))
    )
    return found


def _text(shape: re.Match[bytes], fonts: dict[bytes, _Font]) -> tuple[Mark, str]:
    size = float(shape[5])
    advance, text = _shown(shape[7], fonts[shape[4]])
    low, high, right = -BELOW * size, ABOVE * size, advance * size / 1000
    place = shape[3]
    if place.startswith(_UPSIDE_DOWN) and shape[6] == _BACK:
        x, y = map(float, place[len(_UPSIDE_DOWN) :].split())
        top, bottom = A4_MM[1] - (y + high) / PT_PER_MM, A4_MM[1] - (y + low) / PT_PER_MM
        return Mark("text", min(x, x + right) / PT_PER_MM, top, max(x, x + right) / PT_PER_MM, bottom), text
    corners = [(0.0, low), (right, low), (0.0, high), (right, high)]
    return box("text", corners, times(_matrix(shape[6]), _matrix(place))), text


@lru_cache(maxsize=4096)
def _shown(operand: bytes, font: _Font) -> tuple[float, str]:
    """Advance in thousandths of an em, and characters. Most texts of a letter stand in the letter before, too."""
    if not _SHOWN.fullmatch(operand):
        raise _Unknown
    advance, text = 0.0, list[str]()
    for string, number in _PARTS.findall(operand):
        if number:
            advance -= float(number)
            continue
        data = bytes.fromhex(string[1:-1].decode()) if string[:1] == b"<" else _unescaped(string[1:-1])
        codes = struct.unpack(f">{len(data) // 2}H", data)
        advance += sum(font.widths.get(code, font.default) for code in codes)
        text += [font.characters[code] for code in codes]
    return advance, "".join(text)


def _way(shape: re.Match[bytes]) -> Mark:
    numbers = [float(each) for each in re.findall(_N, shape[10])]
    half = float(shape[9] or 0) / 2
    xs, ys = numbers[::2], numbers[1::2]
    corners = [(x, y) for x in (min(xs) - half, max(xs) + half) for y in (min(ys) - half, max(ys) + half)]
    return box("path", corners, _matrix(shape[8]))


def _matrix(numbers: bytes) -> Matrix:
    a, b, c, d, e, f = map(float, numbers.split())
    return a, b, c, d, e, f


def _unescaped(string: bytes) -> bytes:
    """The bytes of a literal string (ISO 32000-1, 7.3.4.2), whose escapes `_STRING` has let pass."""
    if b"\\" not in string:
        return string
    if b"\\\\" in string or b"\\(" in string or b"\\)" in string:
        return _ESCAPE.sub(lambda found: _ESCAPED[found[1]], string)
    # The others are escapes of Python too.
    return string.decode("unicode_escape").encode("latin-1")


#: What stands behind the backslash → the byte that it means.
_ESCAPED: Final = {b"%03o" % code: bytes([code]) for code in range(256)} | _PLAIN | {c: c for c in (b"(", b")", b"\\")}


def _is_addressed(top: list[Mark]) -> bool:
    """As preflight has it of the zones of page 1."""
    shown = [mark for mark in top if mark.touches(ADDRESS_WINDOW, slack=SLACK_MM)]
    return (
        not any(mark.touches(WAYBILL, slack=SLACK_MM) for mark in top)
        and any(mark.kind == "text" for mark in shown)
        and all(mark.within(ADDRESS_WINDOW, slack=SLACK_MM) for mark in shown)
    )


def problems_of_record(
    template: Template, content: Content, record: Rendered, imprints: Mapping[str, bytes] = NO_IMPRINTS
) -> tuple[str, ...]:
    """What keeps a PDF that was just made of `content` from being printed: codes of preflight, or `text` when it does not say
    what was proofread. Nearly all are clean at the first look; any other is read in full.
    """
    words = "".join("".join(each.text.split()) for each in passages(template, content))
    pictures: list[Picture] = [(pixels(qr(content.check_url), **QR), None)]
    pictures += [pixels_of(imprints[each]) for each in imprints_of(content).values() if each is not None]
    if is_clean(record.pdf, pages=record.pages, words=words, pictures=pictures):
        return ()
    found = preflight(record.pdf, pages=record.pages, products=load_products()).problems
    return found or (() if _says(record.pdf, words) else ("text",))


def _says(pdf: bytes, words: str) -> bool:
    import pikepdf

    try:
        with pikepdf.open(io.BytesIO(pdf)) as document:
            return words_on(document) == words
    except (pikepdf.PikepdfError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return False
