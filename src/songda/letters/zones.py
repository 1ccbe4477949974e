"""Where a page must stay white: the same millimetres for templates (frame.typ), preflight and stamps. Origin: upper left corner."""

from __future__ import annotations

from dataclasses import dataclass

A4_MM = (210.0, 297.0)
PT_PER_MM = 72 / 25.4
#: Millimetres that a box may lie over a border: boxes are a little larger than their ink.
SLACK_MM = 0.6


@dataclass(frozen=True, slots=True)
class Zone:
    """A rectangle of the page, millimetres."""

    x: float
    y: float
    width: float
    height: float

    def holds(self, x: float, y: float) -> bool:
        return self.x <= x <= self.x + self.width and self.y <= y <= self.y + self.height


#: Left edge of every page: sheet codes and binding.
LEFT_EDGE = Zone(0, 0, 20, 297)
#: Data Matrix of the sheet, within the left edge.
SHEET_CODE = Zone(6, 262, 12, 12)
#: Code 128 of the waybill with its number in plain figures; page 1 only.
WAYBILL = Zone(120, 48, 66, 22)
#: Window of the envelope, or its label: postcode, address and name, and nothing else; page 1 only.
ADDRESS_WINDOW = Zone(24, 44, 88, 36)
#: Band of page 1, between letterhead and title, in which nothing stands but address and waybill: what a window may show.
QUIET = Zone(0, 40, 210, 43)
EDGES = (Zone(0, 0, 210, 5), Zone(0, 292, 210, 5), Zone(205, 0, 5, 297))
