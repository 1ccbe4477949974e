"""What an envelope shows of the letter in it, wherever the folded sheet slides.

    at_most(envelope), always(envelope)     # rectangles of page 1, millimetres: what may be seen, what is seen in any case
    shows_body(envelope)                    # True: something besides address and waybill could be read from outside

A sheet is folded so that `panel` millimetres of page 1 lie in front, its upper edge up, and put behind the windows; it is narrower and
lower than the envelope and lies anywhere within it. Sizes are data of products.toml: measure the envelope that was bought.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from songda.letters.zones import A4_MM, ADDRESS_WINDOW, QUIET, Zone

if TYPE_CHECKING:
    from songda.letters.postage import Envelope

#: Border of the address window that may stay covered: its text is set that far inside.
_INSET_MM = 2.0


def at_most(envelope: Envelope) -> list[Zone]:
    """What each window can show of page 1, over all places where the sheet can lie."""
    across, down = _slack(envelope)
    return [
        _cut(window.x - across, window.y - down, window.x + window.width, window.y + window.height, envelope)
        for window in envelope.windows
    ]


def always(envelope: Envelope) -> list[Zone]:
    """What each window shows wherever the sheet lies; a rectangle without area where that is nothing."""
    across, down = _slack(envelope)
    return [
        _cut(window.x, window.y, window.x + window.width - across, window.y + window.height - down, envelope)
        for window in envelope.windows
    ]


def shows_body(envelope: Envelope) -> bool:
    """Whether anything besides address and waybill can be seen. A closed envelope bears a label and shows nothing."""
    return any(not _within(zone, QUIET) for zone in at_most(envelope))


def hides_address(envelope: Envelope) -> bool:
    """Whether the sheet can lie so that a part of the address is covered. A closed envelope bears it on its label."""
    address = Zone(
        ADDRESS_WINDOW.x + _INSET_MM,
        ADDRESS_WINDOW.y + _INSET_MM,
        ADDRESS_WINDOW.width - 2 * _INSET_MM,
        ADDRESS_WINDOW.height - 2 * _INSET_MM,
    )
    return bool(envelope.windows) and not any(_within(address, zone) for zone in always(envelope))


def _slack(envelope: Envelope) -> tuple[float, float]:
    """How far a sheet can slide, across and down."""
    return envelope.width - A4_MM[0], envelope.height - envelope.panel


def _cut(left: float, top: float, right: float, bottom: float, envelope: Envelope) -> Zone:
    """The part of a rectangle that lies on the panel."""
    left, top = max(0.0, left), max(0.0, top)
    right, bottom = min(A4_MM[0], right), min(envelope.panel, bottom)
    return Zone(left, top, max(0.0, right - left), max(0.0, bottom - top))


def _within(inner: Zone, outer: Zone) -> bool:
    return outer.holds(inner.x, inner.y) and outer.holds(inner.x + inner.width, inner.y + inner.height)
