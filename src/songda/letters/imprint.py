"""Imprints: a firm's scanned seal, a lawyer's handwritten signature, as they are kept and laid on letters that were approved.

    imprint = from_scan(Path("seal.png").read_bytes(), "seal")    # PNG: one ink, its paper taken away
    imprint_id(imprint)                                           # SHA-256: the profile names it so

A scan of ink on white paper is one colour that covers more or less of the paper. Kept that way it shows what lies beneath, is
a few kilobytes, and holds nothing else of the file: no metadata, no paper, no second layer.
"""

from __future__ import annotations

import hashlib
import io
from functools import lru_cache
from typing import Any, Final, Literal

from songda.letters.errors import NotAnImprint

ImprintUse = Literal["seal", "signature"]

#: On the paper, millimetres: width and height at most (templates/…/frame draws them in these boxes).
BOXES: Final[dict[ImprintUse, tuple[float, float]]] = {"seal": (42, 42), "signature": (34, 13)}
#: What the factory prints with.
_DPI: Final = 300
#: A scan with fewer pixels across looks torn on paper.
_LEAST: Final = 120
#: A picture that would be larger than this in memory is not read.
_MOST_PIXELS: Final = 50_000_000
#: Share of the scan's frame that ink covers: less is an empty sheet, more is a photograph or a sheet that is not white.
_INK: Final = (0.005, 0.6)
#: Degrees of cover that are kept.
_DEGREES: Final = 16
#: Cover below this is paper: grain and shade of a scan.
_PAPER: Final = 0.12


def from_scan(data: bytes, use: ImprintUse) -> bytes:
    """PNG of one ink with 16 degrees of cover, cut to its ink, of at most 300 dots an inch in the box of its use.

    Cover is how far a pixel is from white, the ink the mean colour of what covers most. A scan that is transparent already
    lies on white. Equal scans give equal bytes. Raises NotAnImprint (`reason`: unreadable | small | large | empty | full).
    """
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "TIFF", "BMP")) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                raise NotAnImprint(reason="large")
            scan = opened.convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise NotAnImprint(reason="unreadable") from None
    white = Image.new("RGBA", scan.size, "white")
    rgb = np.asarray(Image.alpha_composite(white, scan).convert("RGB"), dtype=np.float64) / 255
    cover = 1 - rgb.min(axis=2)
    inked = cover > _PAPER
    share = float(inked.mean())
    if share < _INK[0] or share > _INK[1]:
        raise NotAnImprint(reason="empty" if share < _INK[0] else "full")
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    frame = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    rgb, cover = rgb[frame], cover[frame]
    if max(cover.shape) < _LEAST:
        raise NotAnImprint(reason="small")
    full = float(np.quantile(cover[cover > _PAPER], 0.9))
    ink = tuple(round(255 * float(each)) for each in rgb[cover >= full].mean(axis=0))
    shade = Image.fromarray(np.rint(255 * np.clip((cover - _PAPER) / (full - _PAPER), 0, 1)).astype(np.uint8))
    shade = shade.resize(_size(shade.width, shade.height, use), Image.Resampling.LANCZOS)
    degrees = np.rint(np.asarray(shade, dtype=np.float64) / 255 * (_DEGREES - 1)).astype(np.uint8)
    return _png(degrees, ink)


def imprint_id(imprint: bytes) -> str:
    """SHA-256 (hex): by this a profile and an approval name it."""
    return hashlib.sha256(imprint).hexdigest()


def size_of(imprint: bytes) -> tuple[int, int]:
    """Width and height in pixels."""
    from PIL import Image

    with Image.open(io.BytesIO(imprint)) as opened:
        return opened.size


@lru_cache(maxsize=16)
def pixels_of(imprint: bytes) -> tuple[bytes, bytes]:
    """Colours (RGB) and cover (alpha) of each pixel of a kept imprint, as they lie in a PDF."""
    from PIL import Image

    with Image.open(io.BytesIO(imprint)) as opened:
        whole = opened.convert("RGBA")
    return whole.convert("RGB").tobytes(), whole.getchannel("A").tobytes()


def _size(width: int, height: int, use: ImprintUse) -> tuple[int, int]:
    """Pixels that fill the box at the printer's density; a small scan is not blown up."""
    across, down = BOXES[use]
    scale = min(across / 25.4 * _DPI / width, down / 25.4 * _DPI / height, 1)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _png(degrees: Any, ink: tuple[int, ...]) -> bytes:
    from PIL import Image

    picture = Image.fromarray(degrees, mode="P")
    picture.putpalette(list(ink) * _DEGREES)
    out = io.BytesIO()
    alphas = bytes(round(255 * degree / (_DEGREES - 1)) for degree in range(_DEGREES))
    picture.save(out, "PNG", bits=4, transparency=alphas, compress_level=9)
    return out.getvalue()
