"""What can be read on the pages of a PDF: the characters that are shown, in their order, by the fonts' own tables.

    words_on(document)              # "律师函函号：（2026）青石函字第000001号…", without blanks

What is set as an artifact (heads and feet of pages, backgrounds; ISO 32000-1, 14.8.2.2) is left out, unless asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import pikepdf

_SECTION = re.compile(rb"begin(bfchar|bfrange)(.*?)end\1", re.DOTALL)
_HEX = re.compile(rb"<([0-9A-Fa-f]*)>|(\[)|(\])")
#: Forms within forms, at most.
_DEPTH = 8


def words_on(document: pikepdf.Pdf, *, artifacts: bool = False) -> str:
    """The text of the pages in order, blanks left out. Raises ValueError, KeyError for contents that cannot be followed."""
    said = "".join(text for page in document.pages for text in _shown(page.obj, page.obj.Resources, 0, artifacts))
    return "".join(said.split())


def _shown(source: Any, resources: Any, depth: int, artifacts: bool) -> Iterator[str]:
    import pikepdf

    if depth > _DEPTH:
        raise ValueError("forms within forms")
    fonts, read, hidden = dict[str, Callable[[bytes], str]](), None, list[bool]()
    for operands, operator in cast(Any, pikepdf.parse_content_stream(source)):
        name = str(operator)
        if name in {"BDC", "BMC"}:
            hidden.append(operands[0] == "/Artifact" and not artifacts)
        elif name == "EMC":
            hidden.pop()
        elif name == "Tf":
            key = str(operands[0])
            if key not in fonts:
                fonts[key] = _reader(resources["/Font"][key])
            read = fonts[key]
        elif name in {"Tj", "TJ", "'", '"'} and not any(hidden):
            if read is None:
                raise ValueError("text without a font")
            parts = operands[-1] if isinstance(operands[-1], pikepdf.Array) else [operands[-1]]
            yield "".join(read(bytes(part)) for part in parts if isinstance(part, pikepdf.String))
        elif name == "Do" and not any(hidden):
            thing = resources["/XObject"][str(operands[0])]
            if thing.get("/Subtype") == "/Form":
                yield from _shown(thing, thing.get("/Resources", resources), depth + 1, artifacts)


def _reader(font: Any) -> Callable[[bytes], str]:
    """Bytes of a string → its characters. Codes of composite fonts have two bytes (Identity-H)."""
    size = 2 if font.get("/Subtype") == "/Type0" else 1
    known = characters(font["/ToUnicode"].read_bytes())
    return lambda data: "".join(known[data[at : at + size]] for at in range(0, len(data), size))


def characters(cmap: bytes) -> dict[bytes, str]:
    """Code → characters, of a ToUnicode table (ISO 32000-1, 9.10.3)."""
    found: dict[bytes, str] = {}
    for section in _SECTION.finditer(cmap):
        tokens = [
            sign or bytes.fromhex(hex_.decode())
            for hex_, opened, closed in _HEX.findall(section[2])
            for sign in [opened or closed]
        ]
        if section[1] == b"bfchar":
            found |= {code: _text(target) for code, target in zip(tokens[::2], tokens[1::2], strict=True)}
        else:
            found |= dict(_ranges(tokens))
    return found


def _ranges(tokens: list[bytes]) -> Iterator[tuple[bytes, str]]:
    rest = iter(tokens)
    for low in rest:
        high, target = next(rest), next(rest)
        codes = [
            code.to_bytes(len(low), "big")
            for code in range(int.from_bytes(low, "big"), int.from_bytes(high, "big") + 1)
        ]
        if target == b"[":
            yield from zip(codes, map(_text, iter(lambda: next(rest), b"]")), strict=True)
        else:
            first = int.from_bytes(target, "big")
            yield from ((code, _text((first + n).to_bytes(len(target), "big"))) for n, code in enumerate(codes))


def _text(target: bytes) -> str:
    return target.decode("utf-16-be")
