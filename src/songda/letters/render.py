"""One letter of record: content in, PDF/A-2a out. Equal contents give equal bytes, on every machine and in every process.

    renderer = Renderer(house_template("lawyer_letter"))
    rendered = renderer.render(content)
    rendered.pdf, rendered.pages, rendered.sha256

The engine sees only our own fonts: with others about, a character that ours lack would be drawn by chance instead of refused. It
sets letters in hollow faces, whose outlines come afterwards (songda.letters.outlines).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

from songda.base.days import at
from songda.letters.content import Content, problems, texts
from songda.letters.errors import BadContent, MissingGlyph, RenderFailed, UnknownImprint
from songda.letters.glyphs import missing_glyphs
from songda.letters.outlines import HOLLOW, RARE, with_outlines
from songda.letters.template import PACKAGES, Template, extra_problems, typst_of
from songda.letters.view import imprints_of, view

if TYPE_CHECKING:
    import typst

STANDARD: Final = "a-2a"
NO_IMPRINTS: Final[Mapping[str, bytes]] = MappingProxyType({})
_UNDRAWN = re.compile(r"the text `\"(.+?)\"` could not be displayed", re.DOTALL)
_PAGES = re.compile(rb"<</Type/Pages/Count (\d+)")
_ESCAPE = re.compile(r"\\u\{([0-9a-f]+)\}")


@dataclass(frozen=True, slots=True)
class Rendered:
    pdf: bytes
    pages: int
    #: Of `pdf`, hex.
    sha256: str


@cache
def _fonts() -> typst.Fonts:
    import typst

    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[HOLLOW, RARE])


class Renderer:
    """Keeps the engine of one template warm; a letter then costs a quarter of a cold one. Not shared between threads."""

    def __init__(self, template: Template, imprints: Mapping[str, bytes] = NO_IMPRINTS) -> None:
        """`imprints`: seals and signatures by their SHA-256, as approvals name them."""
        import typst

        self.template = template
        self._imprints = imprints
        self._source = typst_of(template)
        # Packages are read from our folder alone: an import of anything else fails instead of asking the network. The
        # same folder is the root, so that there is nothing else to be read either.
        self._compiler = typst.Compiler(
            root=PACKAGES, font_paths=_fonts(), package_path=PACKAGES, package_cache_path=PACKAGES
        )

    def render(self, content: Content) -> Rendered:
        """The PDF of record, dated at the start of the letter's business day.

        Raises BadContent (sums, dates, control characters), MissingGlyph, UnknownImprint, RenderFailed.
        """
        if content.kind != self.template.kind:
            raise ValueError(f"a renderer of {self.template.kind} was given a {content.kind}")
        _check(self.template, content)
        pdf = self._compile(content)
        return Rendered(pdf, page_count(pdf), hashlib.sha256(pdf).hexdigest())

    def _compile(self, content: Content) -> bytes:
        import typst

        # The data is a file that exists in memory only. As `sys.inputs` it would be part of the engine's library, and a
        # change there makes the engine lay out anew what all letters share: twice the time, measured.
        files = {"main": self._source, "data.json": view(content, self.template.types)}
        for use, imprint in imprints_of(content).items():
            if imprint is not None:
                if imprint not in self._imprints:
                    raise UnknownImprint(imprint=imprint)
                files[f"{use}.json"] = _as_numbers(self._imprints[imprint])
        try:
            pdf = self._compiler.compile(
                # The engine takes a mapping of virtual files here; its stub only knows one file.
                cast(Any, files),
                format="pdf",
                pdf_standards=STANDARD,
                timestamp=int(at(content.date, 0).timestamp()),
            )
        except typst.TypstError as error:
            undrawn = "".join(_unescaped(text) for text in _UNDRAWN.findall(str(error)))
            if undrawn:
                raise MissingGlyph(
                    characters=[f"U+{ord(character):04X}" for character in sorted(set(undrawn))]
                ) from None
            # The engine's own message may quote the letter; its first words say enough.
            raise RenderFailed(reason=str(error).split("`")[0][:80]) from None
        assert isinstance(pdf, bytes)
        return with_outlines(pdf)


@lru_cache(maxsize=8)
def _as_numbers(imprint: bytes) -> bytes:
    """The engine takes files of text alone."""
    return json.dumps(list(imprint)).encode()


def _check(template: Template, content: Content) -> None:
    missing = missing_glyphs("".join(text for _, text in texts(content)))
    found = (*problems(content), *extra_problems(template, content))
    if found:
        raise BadContent(codes=found)
    if missing:
        raise MissingGlyph(characters=missing)


def _unescaped(text: str) -> str:
    """The engine writes what cannot be shown as `\\u{e123}`."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)


def page_count(pdf: bytes) -> int:
    """Pages of a letter, as the engine states them in the first object that it writes. Raises ValueError when it does not."""
    found = _PAGES.search(pdf, 0, 200)
    if found is None:
        raise ValueError("not a file that the engine wrote")
    return int(found[1])
