"""What stands on the paper of one letter, word for word: its wording with this letter's values, and the words of the frame.

    for passage in passages(template, content): print(passage.place, passage.text)

No page is set for it. Tests hold it against the text of the PDF, character by character; preflight does so on a sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from songda.letters.content import Content
from songda.letters.template import Template
from songda.letters.view import columns, stated
from songda.letters.wording import Block, Choice, Heading, Inline, Paragraph, Part, Strong, Text, Value, Variable

#: Between the cells of a row.
CELL: Final = "\t"
#: Where the view has what all letters of a tenant's day share.
_SHARED: Final = ("firm.", "lawyer.", "institution.", "mandate.", "pay_within_days", "decided_by_model")


class Passage(NamedTuple):
    """Words that stand together: a paragraph, a heading, a row of a table."""

    #: head | window | opening | text | amounts | accounts | rights | check | close | seal | annex
    place: str
    text: str
    #: Whether every letter of the tenant may have it: nothing of this letter's own stands in it.
    shared: bool


def passages(template: Template, content: Content) -> tuple[Passage, ...]:
    """The passages of the letter in the order of the paper, heads and feet of pages left out."""
    said = stated(content, template.types)
    return (*_opening(said), *_parts(template.wording.parts, said))


def _parts(parts: Iterable[Part], said: Mapping[str, Any]) -> Iterator[Passage]:
    for part in parts:
        match part:
            case Heading(inner) | Paragraph(inner):
                text = "".join(_words(inner, said))
                if text:
                    yield Passage("text", text, shared=_is_shared(inner))
            case Choice(variable, then, otherwise):
                yield from _parts(then if _holds(variable, said) else otherwise, said)
            case Block(name):
                yield from _BLOCKS[name](said)


def _words(parts: Iterable[Inline], said: Mapping[str, Any]) -> Iterator[str]:
    for part in parts:
        match part:
            case Text(text, _):
                yield text
            case Value(variable):
                yield str(_value(variable, said))
            case Strong(inner):
                yield from _words(inner, said)
            case Choice(variable, then, otherwise):
                yield from _words(then if _holds(variable, said) else otherwise, said)


def _value(variable: Variable, said: Mapping[str, Any]) -> Any:
    if not variable.path:
        return said["extra"][variable.name]
    value: Any = said
    for name in variable.path.split("."):
        value = value[name]
    return value


def _holds(variable: Variable, said: Mapping[str, Any]) -> bool:
    """As `typeset` has the engine decide."""
    return bool(_value(variable, said))


def _is_shared(parts: Iterable[Inline]) -> bool:
    for part in parts:
        match part:
            case Value(variable):
                if not variable.path.startswith(_SHARED):
                    return False
            case Strong(inner):
                if not _is_shared(inner):
                    return False
            case Choice(variable, then, otherwise):
                if not (variable.path.startswith(_SHARED) and _is_shared(then) and _is_shared(otherwise)):
                    return False
    return True


# The words of the frame (frame.typ), block by block.


def _opening(d: Mapping[str, Any]) -> Iterator[Passage]:
    firm, addressee = d["firm"], d["addressee"]
    yield Passage("head", firm["name"], shared=True)
    line = f"{firm['address']}　邮编 {firm['postcode']}　电话 {firm['phone']}　执业许可证号 {firm['licence_no']}"
    yield Passage("head", line, shared=True)
    if addressee["postcode"]:
        yield Passage("window", addressee["postcode"], shared=False)
    yield Passage("window", "\n".join(addressee["address_lines"]), shared=False)
    yield Passage("window", f"{addressee['name']}　收", shared=False)
    yield Passage("opening", d["title"], shared=True)
    yield Passage("opening", f"函号：{d['letter_no']}{CELL}{d['date']}", shared=False)
    yield Passage("opening", f"致：{addressee['name']}", shared=False)


def _table(name: str, place: str, d: Mapping[str, Any]) -> Iterator[Passage]:
    fields, heads = zip(*columns(name), strict=True)
    yield Passage(place, CELL.join(heads), shared=True)
    for line in d["lines"]:
        row = line | {"product": f"{line['product']} {line['contract']}"}
        yield Passage(place, CELL.join(row[field] for field in fields), shared=False)
    if len(d["lines"]) > 1:
        foot = d["sums"] | {"product": "合计"}
        yield Passage(place, CELL.join(foot.get(field, "") for field in fields), shared=False)


def _amounts(d: Mapping[str, Any]) -> Iterator[Passage]:
    yield from _table("amounts", "amounts", d)


def _accounts(d: Mapping[str, Any]) -> Iterator[Passage]:
    accounts = d["institution"]["repay_accounts"]
    if accounts:
        yield Passage("accounts", CELL.join(("户名", "开户行", "账号")), shared=True)
    for account in accounts:
        yield Passage("accounts", CELL.join((account["name"], account["bank"], account["number"])), shared=True)


def _rights(d: Mapping[str, Any]) -> Iterator[Passage]:
    i, phone = d["institution"], d["firm"]["phone"]
    items = [
        ("查询", f"您可以通过{i['query_channel']}查询合同、账目和还款记录，或者致电委托人 {i['phone']}。"),
        (
            "异议和举证",
            f"您对合同主体、金额或者其他事实有异议的，可以通过{i['dispute_channel']}提出并提交证据。"
            "有关账目将予以标记、及时核查，核查结果会告知您。",
        ),
        ("困难协商", f"您暂时无力一次清偿的，可以通过{i['hardship_channel']}申请分期或者其他还款安排。"),
        (
            "投诉",
            f"对还款金额、服务或者本函的寄送方式不满意的，可以拨打委托人投诉电话 {i['complaint_phone']}。",
        ),
        (
            "个人信息",
            "您有权查阅、复制、更正、补充、删除您的个人信息，或者要求说明处理规则，"
            f"联系方式：{i['data_protection_contact']}。",
        ),
        (
            "我不是此人",
            "您不是上述收件人，或者与本函所述合同无关的，请扫描下方二维码选择“我不是此人”，"
            f"或者致电本所 {phone}。我们将停止向您寄送并更正记录。",
        ),
    ]
    if d["decided_by_model"]:
        items.append(
            (
                "自动化决定",
                "本函的寄送由算法辅助决定。您有权要求说明理由、拒绝仅以自动化方式作出的决定并要求人工复核，联系方式同第 5 项。",
            )
        )
    for n, (name, text) in enumerate(items, 1):
        yield Passage("rights", f"{n}．{name}　{text}", shared=True)


def _check(d: Mapping[str, Any]) -> Iterator[Passage]:
    yield Passage("check", "核验本函真伪", shared=True)
    said = (
        f"扫描右侧二维码，或者在办公时间致电本所 {d['firm']['phone']}，报函号 {d['letter_no']} 核对。"
        f"核验页面网址以 {d['check_host']} 开头，只说明函件是否真实，不显示任何欠款信息。"
    )
    yield Passage("check", said, shared=False)


def _close(d: Mapping[str, Any]) -> Iterator[Passage]:
    lawyer = d["lawyer"]
    yield Passage("close", "承办律师（签名）：", shared=True)
    yield Passage("close", f"姓　　名：{lawyer['name']}", shared=True)
    yield Passage("close", f"执业证号：{lawyer['licence_no']}", shared=True)
    yield Passage("close", f"办公电话：{lawyer['phone']}", shared=True)
    if d["status"] != "sample":
        yield from _seal(d)
    yield Passage("close", d["firm"]["name"], shared=True)
    yield Passage("close", d["date"], shared=False)


def _seal(d: Mapping[str, Any]) -> Iterator[Passage]:
    if d["seal_imprint"]:
        yield Passage("seal", f"{d['letter_no']}\n{d['approval']}", shared=False)
        return
    yield Passage("seal", d["firm"]["name"], shared=True)
    if d["status"] == "drill":
        yield Passage("seal", "演练", shared=True)
    yield Passage("seal", "电子签章", shared=True)
    yield Passage("seal", f"{d['letter_no']}\n{d['approval']}", shared=False)


def _annex(d: Mapping[str, Any]) -> Iterator[Passage]:
    yield Passage("annex", "附件：欠款合同放款及还款情况表", shared=True)
    said = f"截至{d['amounts_on']}，单位：人民币元。已还金额供核对，不再从尚欠合计中扣减。"
    yield Passage("annex", said, shared=False)
    yield from _table("statement", "annex", d)


_BLOCKS: Final = {
    "表 金额": _amounts,
    "表 还款账户": _accounts,
    "块 权利": _rights,
    "块 核验": _check,
    "块 落款": _close,
    "附件 还款情况": _annex,
}
