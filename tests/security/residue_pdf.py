"""What a PDF holds: every stream decoded, every string, and the text of each page read through its fonts' ToUnicode
maps.

In a letter made with subset fonts no character of a name is in the file as such: the page shows glyph numbers, and
only the ToUnicode map (ISO 32000-1 §9.10.3) says which characters they are.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

_SECTION = re.compile(rb"begin(bfchar|bfrange|codespacerange)(.*?)end\1", re.DOTALL)
_TOKEN = re.compile(rb"<([0-9A-Fa-f\s]*)>|(\[)|(\])")


def pdf_members(data: bytes) -> Iterator[tuple[str, bytes]]:
    """(name, content) of each stream, of all strings together, and of the text. Raises whatever pikepdf raises."""
    import pikepdf

    with pikepdf.open(io.BytesIO(data)) as pdf:
        strings: list[str] = []
        for number, item in enumerate(pdf.objects):
            if isinstance(item, pikepdf.Stream):
                try:
                    yield f"stream {number}", item.read_bytes()
                except pikepdf.PdfError:  # e.g. JPEG, which qpdf does not decode
                    yield f"stream {number}", item.read_raw_bytes()
            _collect(item, strings)
        _collect(pdf.trailer, strings)
        yield "strings", "\n".join(strings).encode("utf-8", "replace")
        yield "text", _text(pdf).encode("utf-8", "replace")


def _collect(item: Any, strings: list[str]) -> None:
    """Direct strings of `item`; what is indirect comes round as an object of its own."""
    import pikepdf

    if isinstance(item, pikepdf.String):
        strings.append(str(item))
        strings.append(bytes(item).decode("latin-1"))
    elif isinstance(item, pikepdf.Stream | pikepdf.Dictionary):
        for value in dict(item.stream_dict if isinstance(item, pikepdf.Stream) else item).values():
            if not getattr(value, "is_indirect", False):
                _collect(value, strings)
    elif isinstance(item, pikepdf.Array):
        for value in item:
            if not getattr(value, "is_indirect", False):
                _collect(value, strings)


def _text(pdf: Any) -> str:
    """Characters in the order in which they are drawn, without any gap: a name split over lines or kerning pairs is
    whole here.
    """
    import pikepdf

    shown: list[str] = []
    for page in pdf.pages:
        shown += _drawn(page, page.obj.get("/Resources", pikepdf.Dictionary()))
    page_resources = [page.obj.get("/Resources", pikepdf.Dictionary()) for page in pdf.pages]
    for item in pdf.objects:
        if isinstance(item, pikepdf.Stream) and item.get("/Subtype") == pikepdf.Name.Form:
            inherited = page_resources[0] if page_resources else pikepdf.Dictionary()
            shown += ["\n", *_drawn(item, item.get("/Resources", inherited))]
    return "".join(shown)


def _drawn(content: Any, resources: Any) -> Iterator[str]:
    import pikepdf

    fonts = {name: _Font(font) for name, font in resources.get("/Font", {}).items()}
    font: _Font | None = None
    for operands, operator in pikepdf.parse_content_stream(content):
        name = str(operator)
        if name == "Tf":
            font = fonts.get(str(operands[0]))
        elif name in {"Tj", "'", '"', "TJ"} and font is not None:
            last = operands[-1]
            parts = last if isinstance(last, pikepdf.Array) else [last]
            yield from (font.read(bytes(part)) for part in parts if isinstance(part, pikepdf.String))
        elif name in {"BDC", "DP"}:
            # ActualText: what a screen reader says instead of the glyphs.
            strings: list[str] = []
            _collect(operands[-1], strings)
            yield "\n" + "\n".join(strings) + "\n" if strings else ""


class _Font:
    """Codes to characters by the font's ToUnicode map; without one, Latin-1 for simple fonts and nothing for
    composite ones.
    """

    def __init__(self, font: Any) -> None:
        self._characters: dict[bytes, str] = {}
        self._lengths: set[int] = set()
        self._simple = font.get("/Subtype") != "/Type0"
        if "/ToUnicode" in font:
            self._parse(font.ToUnicode.read_bytes())
        self._order = sorted(self._lengths or {len(code) for code in self._characters}, reverse=True)

    def read(self, codes: bytes) -> str:
        if not self._characters:
            return codes.decode("latin-1") if self._simple else ""
        out, start = [], 0
        while start < len(codes):
            for length in self._order:
                if (character := self._characters.get(codes[start : start + length])) is not None:
                    out.append(character)
                    start += length
                    break
            else:
                start += self._order[-1]
        return "".join(out)

    def _parse(self, cmap: bytes) -> None:
        for section in _SECTION.finditer(cmap):
            tokens = [_token(found) for found in _TOKEN.finditer(section[2])]
            if section[1] == b"codespacerange":
                self._lengths |= {len(token) for token in tokens if isinstance(token, bytes)}
            elif section[1] == b"bfchar":
                for code, target in zip(tokens[::2], tokens[1::2], strict=False):
                    self._characters[code] = target.decode("utf-16-be", "replace")
            else:
                self._ranges(tokens)

    def _ranges(self, tokens: list[Any]) -> None:
        place = 0
        while place + 2 < len(tokens):
            low, high, target = tokens[place : place + 3]
            first, count = int.from_bytes(low, "big"), int.from_bytes(high, "big") - int.from_bytes(low, "big") + 1
            place += 3
            if target == "[":
                closing = tokens.index("]", place)
                targets = tokens[place:closing]
                place = closing + 1
            else:
                targets = [_advanced(target, step) for step in range(count)]
            for step, destination in enumerate(targets):
                self._characters[(first + step).to_bytes(len(low), "big")] = destination.decode("utf-16-be", "replace")


def _token(found: re.Match[bytes]) -> bytes | str:
    if found[1] is None:
        return "[" if found[2] else "]"
    return bytes.fromhex(found[1].decode())


def _advanced(target: bytes, step: int) -> bytes:
    return (int.from_bytes(target, "big") + step).to_bytes(len(target), "big")
