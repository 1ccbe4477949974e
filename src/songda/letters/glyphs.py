"""Which characters our fonts can draw, so that a letter with any other is held and never shows an empty box."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def _drawn() -> frozenset[int]:
    """Code points of `fonts/COVERAGE`, which scripts/build_fonts.py writes from the fonts themselves."""
    text = (Path(__file__).parent / "fonts" / "COVERAGE").read_text("ascii")
    ranges = (line.split("-") for line in text.split())
    return frozenset(code for low, high in ranges for code in range(int(low, 16), int(high, 16) + 1))


def missing_glyphs(text: str) -> list[str]:
    """Code points of `text` that cannot be printed, such as `U+E123`, sorted; private-use characters never can."""
    drawn = _drawn()
    return [f"U+{code:04X}" for code in sorted({ord(character) for character in set(text)} - drawn)]
