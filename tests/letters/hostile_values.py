"""A thousand values that try to be more than text, and letters that carry them in every field."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from sample_letters import letter

from songda.letters import Content, Kind, house_template, parse
from songda.letters.template import Template

_SYNTAX = [
    '#read("/etc/passwd")', '#eval("1+1")', "#pagebreak()", "#import \"x.typ\"", "#{panic()}", "#d.firm.name", "#let x = 1", "$x^2$",
    "*粗*", "_斜_", "`raw`", "@ref", "<label>", "= 标题", "- 项", "+ 项", "/ 词: 义",
    "// 注", "/* 注 */", "\\", "\\n", "\\u{41}", "~",
    "--", "---", "...", "[x]", "(x)", "\"", "'", "\"; read(\"x\"); \"", "{{应付合计}}", "{{如果 官方应用}}", "{{结束}}",
    "{{", "}}", "**", "+++", "# 一、", "{{表 金额}}", "{{块 落款}}", "{% for %}",
    "{{ 7*7 }}", "${7*7}", "%s%n", "<script>", "</w:t>", "&amp;", "&#x202e;", "<!--",
    "=1+1", "@SUM(A1)", "../../etc/passwd", "C:\\x", "'; DROP TABLE letter; --", "〇", "㛃䶮𬎆𡋾", "null", "None", "true", "0x00",
]  # fmt: skip
_UNSEEN = ["\u202e", "\u202d", "\u2066", "\u2067", "\u2069", "\u200e", "\u200f", "\u061c", "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff",
           "\u00ad", "\u2028", "\u2029", "\0", "\a", "\b", "\t", "\n", "\r", "\x1b[31m", "\x7f", "\x85", "\ud800",
           "\U000e0041"]  # fmt: skip
_UNDRAWN = ["\ue123", "\U000f0000", "\uffff", "\ufffd", "\U00031350", "\u0600", "\u05d0", "\U0001f600", "\u0301"]


def hostile_values(count: int = 1000) -> list[str]:
    """Distinct texts, each with something that is syntax, unseen, undrawable or far too long; the same every time."""
    chance = random.Random(20261126)
    found = dict.fromkeys([*_SYNTAX, *_UNSEEN, *_UNDRAWN, "长" * 200, "w" * 200, "柳" * 27])
    while len(found) < count:
        kind = chance.random()
        parts = chance.sample(_SYNTAX, chance.randint(1, 3))
        if kind < 0.25:
            parts.insert(chance.randint(0, len(parts)), chance.choice(_UNSEEN))
        elif kind < 0.35:
            parts.insert(chance.randint(0, len(parts)), chance.choice(_UNDRAWN))
        elif kind < 0.45:
            parts = ["".join(chance.choices("柳如烟青石路甲乙丙#${}", k=200))]
        found["柳" + "".join(parts)] = None
    return list(found)


def template_with_own_text(kind: Kind = "reminder") -> Template:
    """The house's template with a variable of its own, so that there is such a field to attack."""
    variable = '[[variables]]\nname = "附言"\ntype = "text"\nmeaning = "附言"\nexample = "无"\nrequired = true\n+++\n'
    text = house_template(kind).text.replace("+++\n{{", f"{variable}{{{{", 1)
    return parse(text.replace("感谢您的配合。", "附言：{{附言}}。感谢您的配合。"))


def _firm(name: str) -> Callable[[Content, str], Content]:
    return lambda content, value: replace(content, firm=replace(content.firm, **{name: value}))


def _lawyer(name: str) -> Callable[[Content, str], Content]:
    return lambda content, value: replace(content, lawyer=replace(content.lawyer, **{name: value}))


def _institution(name: str) -> Callable[[Content, str], Content]:
    return lambda content, value: replace(content, institution=replace(content.institution, **{name: value}))


def _line(name: str) -> Callable[[Content, str], Content]:
    return lambda content, value: replace(content, lines=(replace(content.lines[0], **{name: value}),))


def _account(name: str) -> Callable[[Content, str], Content]:
    def put(content: Content, value: str) -> Content:
        (account,) = content.institution.repay_accounts
        changed: Any = replace(account, **{name: value})
        return replace(content, institution=replace(content.institution, repay_accounts=(changed,)))

    return put


def _account_name(content: Content, value: str) -> Content:
    """The account must be in the creditor's own name: both are changed."""
    return _account("name")(_institution("name")(content, value), value)


def _address(place: int) -> Callable[[Content, str], Content]:
    def put(content: Content, value: str) -> Content:
        lines = list(content.addressee.address_lines)
        lines[place] = value
        return replace(content, addressee=replace(content.addressee, address_lines=tuple(lines)))

    return put


#: Field → letter with the value in it.
FIELDS: dict[str, Callable[[Content, str], Content]] = {
    "addressee.name": lambda content, value: replace(content, addressee=replace(content.addressee, name=value)),
    "addressee.address_lines[0]": _address(0),
    "addressee.address_lines[1]": _address(1),
    "addressee.postcode": lambda content, value: replace(content, addressee=replace(content.addressee, postcode=value)),
    "letter_no": lambda content, value: replace(content, letter_no=value),
    "mandate.no": lambda content, value: replace(content, mandate=replace(content.mandate, no=value)),
    **{f"firm.{name}": _firm(name) for name in ("name", "address", "postcode", "phone", "licence_no")},
    **{f"lawyer.{name}": _lawyer(name) for name in ("name", "licence_no", "phone")},
    **{
        f"institution.{name}": _institution(name)
        for name in (
            *("phone", "complaint_phone", "query_channel", "dispute_channel", "hardship_channel"),
            *("data_protection_contact", "official_app"),
        )
    },
    "institution.repay_accounts[0].name": _account_name,
    "institution.repay_accounts[0].bank": _account("bank"),
    "institution.repay_accounts[0].number": _account("number"),
    "lines[0].contract_no_masked": _line("contract_no_masked"),
    "lines[0].product_name": _line("product_name"),
    "extra.附言": lambda content, value: replace(content, extra=(("附言", value),)),
}


#: Texts of a letter that are not attacked as fields of their own, and why.
NOT_ATTACKED = {
    "kind": "one of five words of ours",
    "institution.name": "changes with the name of its account, which must be the same",
    "institution.address": "is not printed",
    "check_url": "is an address of ours or is refused",
    "seal.approval_id": "a hash of ours",
    "extra[0][0]": "a name that the template declares",
    "extra[0][1]": "is extra.附言",
}


def plain_letter() -> Content:
    return replace(letter(kind="reminder"), extra=(("附言", "无"),))


def letters_with(accepted: dict[str, list[str]], count: int) -> Iterator[tuple[Content, dict[str, str]]]:
    """`count` letters with a hostile value in every field at once, and what stands where; values go round the fields."""
    for number in range(count):
        content, placed = plain_letter(), dict[str, str]()
        for place, (field, put) in enumerate(FIELDS.items()):
            values = accepted[field]
            placed[field] = values[(number + 37 * place) % len(values)]
            content = put(content, placed[field])
        yield content, placed
