"""Pages of a letter as one picture, side by side, for looking at; with the zones of the paper where somebody asks for them."""

from __future__ import annotations

import io
import json
from typing import Any, cast

from songda.letters.zones import ADDRESS_WINDOW, EDGES, LEFT_EDGE, WAYBILL

#: Colour of each zone: white it must stay, or hold the address alone.
_WHITE, _WINDOW, _OFFENCE = "e0861f", "1f6fe0", "d00000"


def picture_of_zones(pdf: bytes, *, dpi: int) -> bytes:
    """As `picture`, with the zones of each page drawn over it, and in red what preflight objects to."""
    from songda.letters.preflighting import offences

    boxes = []
    for page, found in enumerate(offences(pdf)):
        zones = [(zone, _WHITE) for zone in (LEFT_EDGE, *EDGES)]
        if page == 0:
            zones += [(WAYBILL, _WHITE), (ADDRESS_WINDOW, _WINDOW)]
        for zone, colour in zones:
            boxes.append(_box(page, zone.x, zone.y, zone.width, zone.height, colour, "22"))
        for mark in found:
            boxes.append(
                _box(page, mark.left, mark.top, mark.right - mark.left, mark.bottom - mark.top, _OFFENCE, "66")
            )
    return picture(pdf, dpi=dpi, over="\n".join(boxes))


def _box(page: int, x: float, y: float, width: float, height: float, colour: str, alpha: str) -> str:
    place = f"dx: {210 * page + x:.2f}mm, dy: {y:.2f}mm"
    size = f"width: {max(width, 0.3):.2f}mm, height: {max(height, 0.3):.2f}mm"
    look = f'fill: rgb("{colour}{alpha}"), stroke: 0.5pt + rgb("{colour}")'
    return f"#place(top + left, {place}, rect({size}, {look}))"


def picture(pdf: bytes, *, dpi: int, over: str = "") -> bytes:
    """PNG of the pages of `pdf`, from left to right, drawn by the PDF renderer within the typesetting engine.

    `over`: source of what is drawn over them.
    """
    import pikepdf
    import typst

    from songda.letters.template import PACKAGES

    with pikepdf.open(io.BytesIO(pdf)) as document:
        pages = len(document.pages)
    images = ", ".join(f'image(pdf, page: {page}, width: 210mm, alt: "")' for page in range(1, pages + 1))
    page_size = f"#set page(width: {210 * pages}mm, height: 297mm, margin: 0pt)"
    source = f'{page_size}\n#let pdf = bytes(json("pdf.json"))\n#grid(columns: {pages}, {images})\n{over}'
    # The engine takes a mapping of virtual files, all of them texts, here; its stub only knows one file.
    files = cast(Any, {"main": source.encode(), "pdf.json": json.dumps(list(pdf)).encode()})
    png = typst.Compiler(root=PACKAGES).compile(files, format="png", ppi=dpi)
    assert isinstance(png, bytes)
    return png
