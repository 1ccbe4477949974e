"""Is this letter genuine? What the page behind the QR code may say, and nothing more.

>>> mask_number("示律函〔2026〕第000123号")
'示律函〔******123号'

A letter carries an unguessable token; the database holds only its SHA-256, so that a stolen table opens no page.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

#: Kind of letter → name on the page.
KINDS = {
    "lawyer_letter": "律师函",
    "reminder": "催告函",
    "mediation": "调解函",
    "assignment_notice": "债权转让通知",
    "court_forward": "文书转送函",
}


@dataclass(frozen=True, slots=True)
class LetterCheck:
    """One issued letter as the public may see it: no debtor, no amount, no address."""

    letter_no: str
    #: Key of KINDS.
    kind: str
    firm_name: str
    firm_phone: str
    letter_date: date
    #: State of the letter in the ledger.
    state: str
    #: The letter was made in a drill: it was never posted.
    drill: bool = False
    #: An envelope of it was handed to the carrier, whatever became of the letter since.
    posted: bool = False


FindLetter = Callable[[str], LetterCheck | None]


@dataclass(frozen=True, slots=True)
class Answered:
    """What was answered before. The words are not shown again: anybody who finds the letter could read them."""

    receipt: str
    kind: str
    at: datetime
    done: bool


@dataclass(frozen=True, slots=True)
class Desk:
    """What the holder of a posted letter can do on its page."""

    #: What may be answered, keys of ANSWERS.
    kinds: tuple[str, ...]
    answered: tuple[Answered, ...]
    #: Field of CHANNELS → where the institution says that one asks, pays or complains.
    channels: Mapping[str, str]


FindDesk = Callable[[str], Desk | None]


@dataclass(frozen=True, slots=True)
class RecipientDoor:
    #: Token → its desk; None: the letter has none.
    desk: FindDesk
    #: Token, kind, words → receipt; None: no such letter. Raises ValueError, SongdaError.
    answer: Callable[[str, str, str], str | None]


#: Kind of an answer → what the recipient says, and what then happens.
ANSWERS = {
    "wrong_person": ("我不是收件人", "停止向此地址投递本函，并核实地址。"),
    "disputed": ("我对债务有异议", "暂停投递本函，由出具方核实后答复。"),
    "hardship": ("我有困难，希望协商", "暂停投递本函，由机构与您协商。"),
    "paid": ("我已经还款", "暂停投递本函，由机构核对账务。"),
    "refused_contact": ("请不要再寄信", "停止投递本函，并记录您的意见。"),
    "question": ("我有其他问题", "由出具方答复。"),
    "personal_data": (
        "个人信息请求",
        "查阅、复制、更正、删除或说明处理规则；须先核验身份，本页不会显示或删除任何信息。",
    ),
}
CHANNELS = {
    "name": "委托机构",
    "official_app": "官方还款渠道",
    "query_channel": "查询",
    "dispute_channel": "提出异议",
    "hardship_channel": "困难协商",
    "data_protection_contact": "个人信息保护",
    "complaint_phone": "投诉电话",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    #: `good` or `void`; colours the page.
    tone: str
    headline_zh: str
    sentence_zh: str
    #: What the one who holds the paper should do.
    advice_zh: str


_GENUINE = Verdict(
    "good",
    "本函真实",
    "该函件由下列出具方出具。",
    "请核对以上内容与您手中的函件是否一致。如有不同，请勿付款，并通过司法行政机关公布的律师事务所电话核实。",
)
_WITHDRAWN = Verdict(
    "void",
    "本函已撤回",
    "该函件确由下列出具方制作，但已经撤回，不再有效。",
    "请勿按本函付款。如有疑问，请通过司法行政机关公布的律师事务所电话核实。",
)
_DRILL = Verdict(
    "void",
    "演练函件",
    "本函为演练所制，从未寄出，不产生任何效力。",
    "请勿按本函付款，也不必回复。",
)

#: States in which a letter has been issued. In any other, the page does not exist: no such letter has left the house.
_VERDICTS = {
    "approved": _GENUINE,
    "active": _GENUINE,
    "closed": _GENUINE,
    "withdrawn": _WITHDRAWN,
}


def judge(letter: LetterCheck | None) -> Verdict | None:
    """What the page says of `letter`; None when there must be no page."""
    if letter is None:
        return None
    # Who holds a letter that was posted gets an answer even when the letter now waits for a second way (state held).
    verdict = _VERDICTS.get(letter.state) or (_GENUINE if letter.posted else None)
    # A drill must never be taken for a demand, whatever its state.
    return _DRILL if verdict and letter.drill else verdict


def token_hash(token: str) -> str:
    """What the ledger keeps instead of the token."""
    return hashlib.sha256(token.encode()).hexdigest()


def mask_number(letter_no: str) -> str:
    """The number with its middle hidden: enough to compare with the paper, not enough to forge a letter with."""
    shown = min(4, len(letter_no) // 4)
    hidden = len(letter_no) - 2 * shown
    return letter_no[:shown] + "*" * min(hidden, 6) + letter_no[len(letter_no) - shown :]
