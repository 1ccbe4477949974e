"""Pages of a letter as one picture, side by side, for looking at."""

from __future__ import annotations

import io
import json
from typing import Any, cast


def picture(pdf: bytes, *, dpi: int) -> bytes:
    """PNG of the pages of `pdf`, from left to right, drawn by the PDF renderer within the typesetting engine."""
    import pikepdf
    import typst

    from songda.letters.template import PACKAGES

    with pikepdf.open(io.BytesIO(pdf)) as document:
        pages = len(document.pages)
    images = ", ".join(f'image(pdf, page: {page}, width: 210mm, alt: "")' for page in range(1, pages + 1))
    page_size = f"#set page(width: {210 * pages}mm, height: 297mm, margin: 0pt)"
    source = f'{page_size}\n#let pdf = bytes(json("pdf.json"))\n#grid(columns: {pages}, {images})'
    # The engine takes a mapping of virtual files, all of them texts, here; its stub only knows one file.
    files = cast(Any, {"main": source.encode(), "pdf.json": json.dumps(list(pdf)).encode()})
    png = typst.Compiler(root=PACKAGES).compile(files, format="png", ppi=dpi)
    assert isinstance(png, bytes)
    return png
