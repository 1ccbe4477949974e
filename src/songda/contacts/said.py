"""What a script or a text says, as facts: forbidden wording, whether it tells of a debt, which sum it states.

>>> stated_fen("您尚欠 1,234.50 元，请与我司联系"), stated_fen("请与我司联系"), stated_fen("您尚欠约1万元")
(123450, 0, None)

The text is read and not kept.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from songda.compliance import cover_hits, hits

_YUAN = re.compile(r"(\d[\d,]*(?:\.\d{1,2})?)\s*元")
#: Sums that are written otherwise are not understood, and what is not understood is not known.
_OTHERWISE = re.compile(
    r"[\d零〇一二两三四五六七八九十百千万亿壹贰叁肆伍陆柒捌玖拾佰仟]\s*(?:余|多)?[元圆块万亿]|[¥￥]\s*\d"
)


# One script is used for many calls.
@lru_cache(maxsize=256)
def facts_of_text(text: str) -> Mapping[str, Any]:
    """`text_hits.*` of the linter, a.discloses_debt, and under `stated_fen` what `stated_fen` reads."""
    facts: dict[str, Any] = {f"text_hits.{name}": count for name, count in hits(text).items()}
    facts["a.discloses_debt"] = cover_hits(text)["debt_words"] > 0
    facts["stated_fen"] = stated_fen(text)
    return facts


def stated_fen(text: str) -> int | None:
    """The one sum in `text`, fen; 0: it states none; None: several, or one that cannot be read for certain."""
    plain = unicodedata.normalize("NFKC", text)
    found = {round(float(each.replace(",", "")) * 100) for each in _YUAN.findall(plain)}
    if len(found) > 1 or _OTHERWISE.search(_YUAN.sub("", plain)):
        return None
    return next(iter(found), 0)
