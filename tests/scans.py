"""Invented scans of a seal or signature."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pikepdf
from PIL import Image, ImageDraw

RED = (200, 20, 30)


def scan(
    size: tuple[int, int] = (700, 600), *, ink: tuple[int, int, int] = RED, paper: int = 250, **save: Any
) -> bytes:
    """A ring on paper that is not quite white, with grain."""
    picture = Image.new("RGB", size, (paper,) * 3)
    edge = min(size) // 10
    ImageDraw.Draw(picture).ellipse((edge, edge, min(size) - edge, min(size) - edge), outline=ink, width=14)
    grain = np.random.default_rng(7).integers(-4, 5, (size[1], size[0], 3))
    noisy = np.clip(np.asarray(picture, dtype=int) + grain, 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(noisy).save(out, **({"format": "PNG"} | save))
    return out.getvalue()


def pictures(pdf: bytes) -> int:
    """How many different pictures the pages show."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        return len({image.objgen for page in document.pages for image in page.get_images().values()})
