"""What is taken out before a text is read: persons and phones, placeholders, a second address, words of the form, junk of the shop system.

Most texts hold none of it. One search for the words and digits by which it shows picks the rows that are cleaned one by one,
in Python; the rest are untouched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from songda.address.compiled.tokens import LONGEST
from songda.address.persons import remove_persons

if TYPE_CHECKING:
    import polars as pl

_SIGNS = (
    r"收|姓名|先生|女士|小姐|户主|联系|电话|手机|@|＠|或|二址|另一|//|地址|住址|现住|锟|[0-9０-９a-f]{7}|[0-9０-９]{3}[- －　][0-9０-９]{3}"
    r"|[号组村队户庄][^号]{2,3}家(?:$|[\s,，)）】])|不详|未知|不明|暂无|待补充|待定|未填|亲启"
    r"|[\s,，;；、/／:：][一-龥]{2,16}[市州盟][一-龥]{1,8}[市区县旗]"
)
_SHORT = 8
_PLACEHOLDER = re.compile(
    r"(?:无|不详|未知|不明|没有|空|暂无|无地址|地址不详|详见|测试|测试地址|test|同上|同前|户籍地址?|身份证地址?|户口所在地|现住址|家庭住址|家里|本地|null|none|nan|n/?a|x+|0+|1+|待补充|待定|其他|其它|保密|如上|略|未填写?)",
    re.IGNORECASE,
)
_SECOND = re.compile(
    r"(?<=[号室楼栋幢座元户村区0-9])[\s,，;；]*"
    r"(?:或者?|或是|另一?地址[:： ]*|二址[:： ]*|/{1,2}(?=[一-龥]{2,}[省市区县]))[\s,，]*(?=[一-龥]{2})"
)
#: What parts two whole addresses, before a chain of city and county that only the second one names.
_WHOLE = re.compile(
    r"(?<=[号室楼栋幢座元户村组队0-9)])[\s,;、/]+(?:[一-龥]{2,6}[: ]+)?"
    r"(?=[一-龥]{2,16}[市州盟]([一-龥]{1,8}?[市区县旗])[一-龥0-9]*?[路街村镇乡号])"
)
_CHAIN = re.compile(r"[一-龥]{2,8}[市州盟][一-龥]{1,8}[市区县旗]")
_UNKNOWN_REST = re.compile(
    r"(?<=[省市区县旗镇乡道村])[\s,，]*((?:具体|详细|其他|门牌)?(?:地址)?(?:不详|未知|不明|暂无|待补充|待定|未填写?))\s*$"
)
_PLACE_WORD = re.compile(r"[路街村区镇乡号栋苑园]")
_JUNK = re.compile(r"(?<![0-9A-Za-z])(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{10,}(?![0-9A-Za-z])")
_FORM = re.compile(r"^\s*(?:收货地址|详细地址|联系地址|家庭地址|地址|住址|现住|住)[:： ]+")
#: Full-width forms as the patterns are written for.
_WIDE = {point: point - 0xFEE0 for point in range(0xFF01, 0xFF5F)}


@dataclass(slots=True)
class Cleaned:
    """Texts without what was taken out, and what that was, by row."""

    texts: pl.Series
    issues: dict[int, list[str]] = field(default_factory=dict)
    noise: dict[int, list[str]] = field(default_factory=dict)
    also: dict[int, str] = field(default_factory=dict)


def clean(texts: pl.Series) -> Cleaned:
    """`texts` (strings, null = empty) cleaned."""
    import polars as pl

    found = Cleaned(texts)
    length = texts.str.len_chars()
    signs = texts.str.contains(_SIGNS) | (length <= _SHORT) | (length > 2 * LONGEST)
    rows = signs.fill_null(value=False).arg_true()
    if not len(rows):
        return found
    before = texts.gather(rows).to_list()
    after = [_clean(row, text, found) for row, text in zip(rows.to_list(), before, strict=True)]
    changed = [i for i, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    if changed:
        found.texts = texts.clone().scatter(
            rows.gather(changed), pl.Series([after[i] for i in changed], dtype=pl.String)
        )
    return found


def _clean(row: int, text: str, found: Cleaned) -> str:
    if len(text) > 2 * LONGEST:
        found.issues[row] = ["too_long"]
    text = text[: 2 * LONGEST].translate(_WIDE)
    bare = re.sub(r"[\s()（）【】,，.。\-|:：/*]", "", text)
    if bare and _PLACEHOLDER.fullmatch(bare):
        found.issues.setdefault(row, []).append("placeholder")
        found.noise[row] = [bare]
        return ""
    if "锟斤拷" in text:
        found.issues.setdefault(row, []).append("mojibake")
    text = _FORM.sub("", text)
    rest = _UNKNOWN_REST.search(text)
    if rest:
        found.issues.setdefault(row, []).append("placeholder")
        found.noise[row] = [rest[1]]
        text = text[: rest.start()]
    cleaned, marks = remove_persons(text)
    if marks:
        text = cleaned
        found.noise[row] = [*found.noise.get(row, []), *marks]
    for junk in _JUNK.findall(text):
        found.noise.setdefault(row, []).append(junk)
        text = text.replace(junk, " ")
    second = _second(text)
    if second:
        found.also[row] = text[second.end() :].strip()
        found.issues.setdefault(row, []).append("second_address")
        text = text[: second.start()]
    return text


def _second(text: str) -> re.Match[str] | None:
    """What parts a second address from the first one."""
    said = _SECOND.search(text)
    if said and said.start() > 5 and _PLACE_WORD.search(text[said.end() :]):
        return said
    for parted in _WHOLE.finditer(text):
        first = text[: parted.start()]
        if parted[1] not in first and _CHAIN.search(first):
            return parted
    return None
