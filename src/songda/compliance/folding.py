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
from collections.abc import Mapping
from dataclasses import dataclass

_BLANK_LINE = re.compile(r"\n[^\S\n]*(?=\n)")
_DECORATION = re.compile(r"(?<=[㐀-鿿])[*·•・.\-_~^+=|/\\#&@'\"`]{1,3}(?=[㐀-鿿])")
_PARAGRAPH = "\n"


@dataclass(frozen=True, slots=True)
class Folded:
    text: str
    #: For each folded character the position of the character it came from.
    source: list[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where folded characters `start` to `end` stand in the text that was given."""
        return self.source[start], self.source[end - 1] + 1


class Folding(dict[str, str]):
    """One character → what it folds to, remembered; `variants` are further replacements after NFKC."""

    def __init__(self, variants: Mapping[str, str]) -> None:
        super().__init__()
        self._variants = variants

    def __missing__(self, character: str) -> str:
        folded = "".join(
            self._variants.get(part, part)
            for part in unicodedata.normalize("NFKC", character).lower()
            if not (part.isspace() or unicodedata.category(part) in {"Cf", "Cc", "Mn", "Me"})
        )
        self[character] = folded
        return folded

    def fold(self, text: str) -> Folded:
        breaks = {found.start() for found in _BLANK_LINE.finditer(text)}
        characters: list[str] = []
        source: list[int] = []
        for position, character in enumerate(text):
            folded = _PARAGRAPH if position in breaks else self[character]
            for part in folded:
                characters.append(part)
                source.append(position)
        return _undecorated(Folded("".join(characters), source))


def _undecorated(folded: Folded) -> Folded:
    kept, source, end = [], [], 0
    for found in _DECORATION.finditer(folded.text):
        kept.append(folded.text[end : found.start()])
        source += folded.source[end : found.start()]
        end = found.end()
    if not end:
        return folded
    return Folded("".join([*kept, folded.text[end:]]), source + folded.source[end:])
