"""Letters: what a letter says, its PDF of record, the lawyer's approval, and the print run that is made of those PDFs.

    renderer = Renderer("lawyer_letter")
    rendered = renderer.render(content)      # .pdf (PDF/A-2a), .pages, .sha256
    rendered = Renderer("reminder").render(replace(content, kind="reminder"))

A letter that cannot be printed rightly is held: BadContent (sums, dates), MissingGlyph (rare or private-use characters).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from songda.letters.content import (
        Addressee,
        Content,
        DebtLine,
        Firm,
        Institution,
        Lawyer,
        Mandate,
        RepayAccount,
        Seal,
        from_json,
        present_fields,
        problems,
        to_json,
    )
    from songda.letters.errors import BadContent, MissingGlyph, RenderFailed
    from songda.letters.glyphs import missing_glyphs
    from songda.letters.render import Rendered, Renderer
    from songda.letters.template import template_hash

# typst, pikepdf and zxing-cpp load with the first name that needs them, so that `songda --help` stays quick.
_HOMES = {
    "content": (
        "Addressee",
        "Content",
        "DebtLine",
        "Firm",
        "Institution",
        "Lawyer",
        "Mandate",
        "RepayAccount",
        "Seal",
        "from_json",
        "present_fields",
        "problems",
        "to_json",
    ),
    "errors": ("BadContent", "MissingGlyph", "RenderFailed"),
    "glyphs": ("missing_glyphs",),
    "render": ("Rendered", "Renderer"),
    "template": ("template_hash",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Addressee",
    "BadContent",
    "Content",
    "DebtLine",
    "Firm",
    "Institution",
    "Lawyer",
    "Mandate",
    "MissingGlyph",
    "RenderFailed",
    "Rendered",
    "Renderer",
    "RepayAccount",
    "Seal",
    "from_json",
    "missing_glyphs",
    "present_fields",
    "problems",
    "template_hash",
    "to_json",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
