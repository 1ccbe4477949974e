"""Is this letter genuine? What the page behind the QR code may say, and nothing more.

>>> mask_number("示律函〔2026〕第000123号")
'示律函〔******123号'

A letter carries an unguessable token; the database holds only its SHA-256, so that a stolen table opens no page.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

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
