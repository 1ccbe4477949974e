"""Photos of sign-for slips: taken in small and grey, without what a camera writes beside a picture, sealed in a file each.

jpeg = reduced(photo)                       # raises BadSlip
store_slip(home, key, report_id, jpeg)
read_slip(home, key, report_id)
"""

from __future__ import annotations

import io
from pathlib import Path

from songda.base.errors import SongdaError
from songda.vault import DataKey, PersonKey, SegmentWriter

#: Bytes of a photo as it may come, and pixels of it: more is no photo of a slip, or meant to fill our memory.
MOST_BYTES, MOST_PIXELS = 2_000_000, 40_000_000
#: Pixels of the longer side as it is kept: a slip of 10 × 20 cm is then read at 200 dots an inch.
_SIDE, _QUALITY = 1600, 70
_FORMATS = ("JPEG", "PNG", "WEBP")


class BadSlip(SongdaError):
    zh = "签收联照片不能接收（{reason}）"
    remedy = "请重拍签收联，用 JPEG、PNG 或 WebP 格式，不超过 2 MB"
    exit_code = 65


class NoSlip(SongdaError):
    zh = "回报 {report} 没有签收联照片"
    remedy = "songda courier reports 的“照片”一列标明哪些回报有照片"
    exit_code = 66


def reduced(photo: bytes) -> bytes:
    """The photo as a grey JPEG of at most 1,600 pixels a side and nothing else. Raises BadSlip."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    if len(photo) > MOST_BYTES:
        raise BadSlip(reason="超过 2 MB")
    try:
        with Image.open(io.BytesIO(photo), formats=_FORMATS) as image:
            # Known from the head, before a pixel is unpacked.
            if image.width * image.height > MOST_PIXELS:
                raise BadSlip(reason="像素过多")
            upright = ImageOps.exif_transpose(image).convert("L")
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError):
        raise BadSlip(reason="不是可读的图片") from None
    upright.thumbnail((_SIDE, _SIDE))
    clean = Image.new("L", upright.size)
    clean.paste(upright)
    target = io.BytesIO()
    clean.save(target, "JPEG", quality=_QUALITY, optimize=True)
    return target.getvalue()


def store_slip(home: Path, key: DataKey | PersonKey, report_id: str, jpeg: bytes) -> Path:
    """Seals the slip of a report under the key of the one who was written to. Raises what songda.vault.SegmentWriter does."""
    path = slip_path(home, report_id)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with SegmentWriter(path) as file:
        file.append(key.seal(jpeg, context=f"slip:{report_id}"))
    return path


def read_slip(home: Path, key: DataKey, report_id: str) -> bytes:
    """The slip of a report, a JPEG. Raises NoSlip, Unsealable."""
    try:
        sealed = slip_path(home, report_id).read_bytes()
    except FileNotFoundError:
        raise NoSlip(report=report_id) from None
    return key.unseal(sealed, context=f"slip:{report_id}")


def slip_path(home: Path, report_id: str) -> Path:
    """Where the slip of a report lies."""
    # The last characters are random: 1,024 folders.
    return home / "slips" / report_id[-2:] / f"{report_id}.bin"
