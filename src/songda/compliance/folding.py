"""Fold a text so that a word is found however it is written, and know where each folded character came from.

    folded = Folding({}).fold("坐 牢")
    folded.text, folded.span(0, 2)        # ("坐牢", (0, 3))

Full-width and compatibility forms become plain (NFKC), letters lower case, traditional characters of the word lists
simplified; blanks, line ends, zero-width and combining characters go, and so do decorations set between two Chinese
characters (坐*牢, 坐-牢). A blank line stays as one line end: words do not reach across paragraphs.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_BLANK_LINE = re.compile(r"\n[^\S\n]*(?=\n)")
_DECORATION = re.compile(r"(?<=[㐀-鿿])[*·•・.\-—–_~^+=|/\\#&@'\"`]{1,8}(?=[㐀-鿿])")
_PARAGRAPH = "\n"
#: Folds to itself (private use); a text that holds it is folded apart.
_SEPARATOR = "\ue000"


@dataclass(frozen=True, slots=True)
class Folded:
    text: str
    #: As it was given.
    _given: str
    _folding: Folding

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where folded characters `start` to `end` stand in the text that was given."""
        source = self._folding.sources(self._given)
        return source[start], source[end - 1] + 1


class Folding(dict[int, str]):
    """Code point → what it folds to, remembered; `variants` are further replacements after NFKC."""

    def __init__(self, variants: Mapping[str, str]) -> None:
        super().__init__()
        self._variants = variants

    def __missing__(self, code: int) -> str:
        self[code] = folded = "".join(
            self._variants.get(part, part)
            for part in unicodedata.normalize("NFKC", chr(code)).lower()
            if not (part.isspace() or unicodedata.category(part) in {"Cf", "Cc", "Mn", "Me"})
        )
        return folded

    def fold(self, text: str) -> Folded:
        # Paragraphs part at blank lines, which most texts have none of.
        plain = text.translate(self) if "\n" not in text else "".join(self._parts(text))
        return Folded(_DECORATION.sub("", plain), text, self)

    def fold_paragraphs(self, paragraphs: Sequence[str]) -> str:
        """The folded paragraphs with a line end between each and the next, and no other."""
        text = _SEPARATOR.join(paragraphs)
        if "\n\n" in text or text.count(_SEPARATOR) >= len(paragraphs):
            # A blank line within a paragraph ends a clause.
            return _PARAGRAPH.join(self.fold(each).text.replace(_PARAGRAPH, "。") for each in paragraphs)
        return _DECORATION.sub("", text.translate(self)).replace(_SEPARATOR, _PARAGRAPH)

    def sources(self, text: str) -> list[int]:
        """For each folded character of `text` the position of the character it came from: needed where something is found."""
        parts = self._parts(text)
        source = [position for position, part in enumerate(parts) for _ in part]
        dropped = {at for found in _DECORATION.finditer("".join(parts)) for at in range(*found.span())}
        return [position for at, position in enumerate(source) if at not in dropped] if dropped else source

    def _parts(self, text: str) -> list[str]:
        breaks = {found.start() for found in _BLANK_LINE.finditer(text)}
        return [_PARAGRAPH if n in breaks else self[ord(character)] for n, character in enumerate(text)]
