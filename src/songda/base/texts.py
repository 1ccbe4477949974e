"""Text files of others: UTF-8 with or without a mark, or GB18030, as Chinese systems write them.

>>> decoded("函号".encode("gb18030")), decoded(b"\\xff\\xff\\xff")
('函号', None)
"""

from __future__ import annotations


def decoded(data: bytes) -> str | None:
    """The text, None when the bytes are neither."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None
