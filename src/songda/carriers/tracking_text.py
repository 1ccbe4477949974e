"""The free text of tracking events: who signed, and the same text without names and phone numbers.

>>> redact_desc("快件正在派送中，请耐心等待，快递员【某甲，13800000000】")
'快件正在派送中，请耐心等待，快递员【***】'
>>> read_signer("您的快件已代签收【家人，，】", addressee=None).relation
'家人'
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

MASK = "***"


@dataclass(frozen=True, slots=True)
class SignerWord:
    """A word by which the carrier says who signed."""

    word: str
    #: The 妥投代码 that means the same.
    deliver_code: str
    #: Whether this relation makes the signature the household's: addressee, cohabiting adult relative, authorised.
    allowed: bool
    #: Whether the word leaves open which relative it was.
    vague: bool


@dataclass(frozen=True, slots=True)
class Signer:
    relation: str = ""
    name_match: bool | None = None


@cache
def signer_words() -> dict[str, SignerWord]:
    """tracking_signers.csv by word."""
    table = files("songda.carriers").joinpath("tracking_signers.csv").read_text(encoding="utf-8")
    return {
        row["word"]: SignerWord(row["word"], row["deliver_code"], row["allowed"] == "1", row["vague"] == "1")
        for row in csv.DictReader(io.StringIO(table))
    }


_BRACKET = re.compile(r"[【\[]([^】\]]*)(?:[】\]]|$)")
_SIGNED = re.compile(r"签收[^【】]{0,6}?【([^】]*)】|签收人[：:\s]*([^\s，,。；;【】()（）]{1,20})")
_SEPARATOR = re.compile(r"[，,、;；/\s]+")
_BY_ANOTHER = re.compile(r"代签|代收")
#: The only brackets kept as they are: whence and whither, that is offices.
_PLACE_BEFORE = re.compile(r"(离开|到达|发往|寄达|抵达|进入|前往|由|自|在|经)\s*$")
_OFFICE_NAME = re.compile(
    r"[一-鿿（）()]{0,40}(局|中心|营业部|营业厅|揽投部|投递部|支局|邮政所|处理场|集散地|站|公司|机场)"
)
#: Seven digits and more, also in groups: mobile, landline, extension, number of an identity card.
_DIGITS = re.compile(r"\+?\d(?:[\s\-－—*xX]?\d){6,}[xX]?")
_ROLE = (
    r"(快递员|投递员|派送员|揽投员|揽收员|配送员|操作员|业务员|邮递员|签收人|代收人|代签人|联系人|经办人|收件人|寄件人)"
)
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖"
    "石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫雷龙黎史陶贺毛段郝顾龚邵万覃武钱戴严莫孔向常汤康易乔赖文樊殷施洪翟安颜倪牛温芦季俞"
    "章鲁葛伍申尤毕聂柴焦阮柳邢欧齐梅庄涂祝耿关兰甘游左冉单舒裴霍成苗曲盛翁骆蓝路苑"
)
#: A role and the name after it: in round brackets, after a colon, or bare when it begins like a Chinese name.
_NAMED_ROLE = re.compile(
    _ROLE
    + r"(?:\s*[（(][^）)]*[）)]?|\s*[：:]\s*[^\s，,。；;、]{1,20}|(?:[是为]|\s)?["
    + _SURNAMES
    + r"某][一-鿿·]{1,2}?(?=正|已|将|于|在|，|,|。|、|；|;|电|手|【|\(|（|\s|\d|:|：|\*|$))"
)


def redact_desc(desc: str, *, names: Iterable[str] = ()) -> str:
    """`desc` with every name and number of a person masked; `names` are masked wherever they stand.

    Brackets keep their content only where they hold an office or a word for the signer. Too much is masked rather than
    too little: what an event means is told by its codes.
    """
    text = desc
    for name in names:
        if name:
            text = text.replace(name, MASK)
    text = _BRACKET.sub(_redact_bracket, text)
    text = _DIGITS.sub(MASK, text)
    return _NAMED_ROLE.sub(lambda match: match[1] + MASK, text)


def _redact_bracket(match: re.Match[str]) -> str:
    inside = match[1].strip()
    before = match.string[max(0, match.start() - 4) : match.start()]
    if _OFFICE_NAME.fullmatch(inside) or _PLACE_BEFORE.search(before):
        return match[0]
    first = _SEPARATOR.split(inside)[0]
    return f"【{first if first in signer_words() else MASK}】"


def read_signer(desc: str, *, addressee: str | None) -> Signer:
    """Who signed, by the text of a 704: the relation if it is one of the known words, and whether the name fits."""
    match = _SIGNED.search(desc)
    if match is None:
        return Signer()
    parts = [part for part in _SEPARATOR.split(match[1] or match[2] or "") if part]
    relation = next((part for part in parts if part in signer_words()), "")
    if not relation and _BY_ANOTHER.search(desc):
        relation = "他人"
    names = [part for part in parts if part not in signer_words() and not part.isdigit()]
    if addressee is None or not names:
        return Signer(relation)
    verdicts = [_same_name(name, addressee) for name in names]
    if True in verdicts:
        return Signer(relation, name_match=True)
    return Signer(relation, name_match=None if None in verdicts else False)


def _same_name(name: str, addressee: str) -> bool | None:
    """Whether the two are equal; None when `name` is masked and could be the addressee's."""
    if "*" not in name:
        return name == addressee
    pattern = ".+".join(re.escape(part) for part in re.split(r"\*+", name))
    return None if re.fullmatch(pattern, addressee) else False
