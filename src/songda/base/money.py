"""Money is integer fen. Text becomes fen once, at the door, and fen becomes text once, on a screen or a letter.

>>> parse_yuan("1,234.50"), yuan(123450)
(123450, '1,234.50')
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

#: One trillion yuan. Larger amounts in a consumer portfolio are always a mistake of the file.
MAX_FEN = 10**14
_PLAIN = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?")


def parse_yuan(text: str) -> int:
    """Fen of an amount in yuan as people write it: `1,234.50`, `￥1234.5`, `1234元`.

    Raises ValueError for anything else, for more than two decimals that are not zero, and for amounts beyond MAX_FEN.
    """
    cleaned = text.strip().lstrip("¥￥").removesuffix("元").strip()
    if not _PLAIN.fullmatch(cleaned):
        raise ValueError("not an amount in yuan")
    try:
        fen = Decimal(cleaned.replace(",", "")) * 100
    except InvalidOperation as error:
        raise ValueError("not an amount in yuan") from error
    if fen != fen.to_integral_value():
        raise ValueError("more than two decimals")
    if abs(fen) > MAX_FEN:
        raise ValueError("amount too large")
    return int(fen)


def yuan(fen: int) -> str:
    """`123450` → `1,234.50`."""
    sign, fen = ("-", -fen) if fen < 0 else ("", fen)
    return f"{sign}{fen // 100:,}.{fen % 100:02d}"
