"""Persons, phones and other strangers glued to an address: taken out of the text and masked in `noise`.

>>> remove_persons("杨泰路1533弄80号 收件人:王小明 13812345678")
('杨泰路1533弄80号 ', ['[姓名]', '[电话]'])
"""

from __future__ import annotations

import re

_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛"
    "闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷盛曲翁冉骆"
)
_PATTERNS = (
    ("[证件]", re.compile(r"(?<![0-9A-Za-z])\d{17}[0-9Xx](?![0-9A-Za-z])")),
    (
        "[电话]",
        re.compile(
            r"(?:手机号?码?|电话|联系方式|tel)?[: ]*(?<!\d)(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)",
            re.IGNORECASE,
        ),
    ),
    ("[电话]", re.compile(r"(?:电话|联系方式|tel)?[: ]*(?<![\dA-Za-z-])0\d{2,3}-\d{7,8}(?!\d)", re.IGNORECASE)),
    ("[邮箱]", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
)
#: Seven digits, divided or not: without them no number in the text is a person's.
_DIGITS = re.compile(r"\d(?:[- ]?\d){6}|@")
_RUN = re.compile(r"[0-9A-Za-z]{8,}|\d{4}(?: \d{4}){2,}(?: ?\d{1,3})?(?!\d)")
_LONG = re.compile(r"\d{8}|\d{4} ")
_NAME = rf"(?:[一-龥·]{{2,4}}(?=$|[\s,)】\[]|收)|[{_SURNAMES}][一-龥]{{1,2}})"
_LABELLED = re.compile(rf"(?:收件人|收货人|收信人|联系人|姓名|户主)[: ]*{_NAME}")
_HOME = re.compile(rf"(?<=[号组村队户庄])[{_SURNAMES}][一-龥]{{1,2}}家(?=$|[\s,)】])")
_BESIDE = re.compile(
    rf"(?<=[\s,室户0-9])[{_SURNAMES}][一-龥]{{1,2}}(?:先生|女士|小姐)?(?=[\s,]*\[电话\])|(?<=\[电话\])[\s,]*[{_SURNAMES}][一-龥]{{1,2}}(?=$|[\s,])"
)
_TITLE = re.compile(
    rf"(?:(?<=[\s,(号室户楼0-9])|^)[{_SURNAMES}][一-龥]{{0,2}}(?:先生|女士|小姐)(?:收|亲启)?(?=$|[\s,)\[])"
)
#: Not 回收, 税收 ….
_ADDRESSEE = re.compile(
    rf"(?<=[\s,(号室户楼0-9])[{_SURNAMES}][一-龥]{{1,2}}(?<![回税丰秋验吸])\s?(?:亲?收|亲启)(?=$|[\s,)\[])"
)
#: (words of which one must occur, pattern): most texts hold none of them.
_PERSONS = (
    (("人", "姓名", "户主"), _LABELLED),
    (("家",), _HOME),
    (("[电话]",), _BESIDE),
    (("先生", "女士", "小姐"), _TITLE),
    (("收", "亲启"), _ADDRESSEE),
)
_BLANKS = re.compile(r"\s+")
_MARK = re.compile(r"\[(?:电话|证件|邮箱|号码)\]")


def remove_persons(text: str) -> tuple[str, list[str]]:
    """(`text` without names, phones, e-mail, identity and account numbers, marks of what was removed)."""
    marks: list[str] = []
    if _DIGITS.search(text):
        for mark, pattern in _PATTERNS:
            text = pattern.sub(mark, text)
        # No door has eight digits: a card, an account, a phone with too many.
        text = _RUN.sub(lambda run: "[号码]" if _LONG.search(run[0]) else run[0], text)
    for words, pattern in _PERSONS:
        if any(word in text for word in words):
            text, count = pattern.subn(" ", text)
            marks += ["[姓名]"] * count
    if "[" in text:
        marks += _MARK.findall(text)
        text = _MARK.sub(" ", text)
    return _BLANKS.sub(" ", text) if marks else text, marks
