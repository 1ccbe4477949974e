"""What a letter says: one frozen value, its canonical JSON, its hash, and the checks that sums and dates must pass.

    content.hash                    # SHA-256 of the canonical JSON without the seal: what the lawyer approves
    problems(content)               # () or codes such as ("lines[0].total",)
    present_fields(content)         # the items of rule C06 that the letter carries

Amounts are integer fen, days are business days in Asia/Shanghai. A letter carries no ID number.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

Kind = Literal["lawyer_letter", "reminder", "mediation", "assignment_notice", "court_forward"]

#: What the window of the envelope holds: lines, and the width of each in full-width characters (8 points at least).
WINDOW_LINES = 4
WINDOW_WIDTH = 29.0

#: An address without a known postcode is delivered all the same.
_MAY_BE_EMPTY = frozenset({"institution.official_app", "addressee.postcode"})

#: Categories of characters that change what is read, or what a search finds, unseen: line breaks, bidi overrides, zero-width.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})

#: The page of the letter: a host, and nothing that a browser or a reader of codes would take for something else.
_CHECK_URL = re.compile(r"https?://[\w.-]+(:\d+)?(/[\w.~/-]*)?")

#: Kind → what stands above the letter.
TITLES: dict[Kind, str] = {
    "lawyer_letter": "律师函",
    "reminder": "催告函",
    "mediation": "调解函",
    "assignment_notice": "债权转让通知",
    "court_forward": "文书转送函",
}
#: Letters that state no debt.
WITHOUT_DEBT: frozenset[Kind] = frozenset({"court_forward"})


@dataclass(frozen=True, slots=True)
class Firm:
    """The law firm in whose name the letter goes out."""

    name: str
    address: str
    postcode: str
    #: Answers in office hours whether a letter is genuine.
    phone: str
    licence_no: str


@dataclass(frozen=True, slots=True)
class Lawyer:
    name: str
    licence_no: str
    phone: str


@dataclass(frozen=True, slots=True)
class RepayAccount:
    #: Must be the creditor's own name.
    name: str
    bank: str
    number: str


@dataclass(frozen=True, slots=True)
class Institution:
    """The creditor, with the ways in which a recipient reaches it."""

    name: str
    address: str
    phone: str
    complaint_phone: str
    query_channel: str
    dispute_channel: str
    hardship_channel: str
    data_protection_contact: str
    repay_accounts: tuple[RepayAccount, ...]
    #: Name of the creditor's own application; empty when it has none.
    official_app: str


@dataclass(frozen=True, slots=True)
class Addressee:
    name: str
    #: Lines as they stand in the window of the envelope.
    address_lines: tuple[str, ...]
    postcode: str


@dataclass(frozen=True, slots=True)
class Mandate:
    """The creditor's written mandate to the firm."""

    no: str
    signed_on: datetime.date


@dataclass(frozen=True, slots=True)
class DebtLine:
    """One contract. `paid_fen` is what was repaid so far, for information: it is not subtracted again."""

    contract_no_masked: str
    product_name: str
    disbursed_on: datetime.date
    loan_amount_fen: int
    due_on: datetime.date
    overdue_since: datetime.date
    principal_fen: int
    interest_fen: int
    penalty_fen: int
    fees_fen: int
    paid_fen: int
    #: principal + interest + penalty + fees.
    total_fen: int


@dataclass(frozen=True, slots=True)
class Seal:
    """The firm's leave to seal this one letter, given with the approval that covers it."""

    #: SHA-256 of the approval (`Approval.id`); its first characters are printed in the seal.
    approval_id: str
    approved_on: datetime.date
    #: Imprints that the approval lets be used, by their SHA-256: the firm's seal, else one is drawn; the lawyer's own signature.
    seal_imprint: str | None = None
    signature_imprint: str | None = None


@dataclass(frozen=True, slots=True)
class Content:
    kind: Kind
    letter_no: str
    date: datetime.date
    firm: Firm
    lawyer: Lawyer
    institution: Institution
    addressee: Addressee
    mandate: Mandate
    lines: tuple[DebtLine, ...]
    total_fen: int
    #: The day for which the amounts hold.
    amounts_on: datetime.date
    #: Days from receipt within which to pay: a second attempt arrives later, and no letter may name a day that has passed.
    pay_within_days: int
    #: Page on which the recipient checks the letter and answers it; carries an unguessable token.
    check_url: str
    #: A model chose to send this letter: the recipient may ask for a person (PIPL 24).
    decided_by_model: bool
    #: Made for a drill: every page says so.
    drill: bool
    #: None until approved: the letter is then a sample, says so on every page and bears no seal.
    seal: Seal | None = None
    #: Values of the variables that the template declares itself, sorted by name; days as ISO days, amounts in fen.
    extra: tuple[tuple[str, str | int | bool], ...] = ()

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of the canonical JSON without the seal, which comes after the approval of this very hash."""
        return hashlib.sha256(_canonical(self, seal=None).encode("utf-8", "surrogatepass")).hexdigest()


def to_json(content: Content) -> str:
    """Canonical JSON: sorted keys, no spaces, ISO days. Equal contents give equal text."""
    return _canonical(content, seal=content.seal)


def from_json(text: str) -> Content:
    """The content that `to_json` wrote."""
    data = json.loads(text)
    institution = data["institution"]
    accounts = tuple(RepayAccount(**account) for account in institution.pop("repay_accounts"))
    addressee, mandate, seal = data["addressee"], data["mandate"], data["seal"]
    return Content(
        kind=data["kind"],
        letter_no=data["letter_no"],
        date=_day(data["date"]),
        firm=Firm(**data["firm"]),
        lawyer=Lawyer(**data["lawyer"]),
        institution=Institution(**institution, repay_accounts=accounts),
        addressee=Addressee(addressee["name"], tuple(addressee["address_lines"]), addressee["postcode"]),
        mandate=Mandate(mandate["no"], _day(mandate["signed_on"])),
        lines=tuple(_line(line) for line in data["lines"]),
        total_fen=data["total_fen"],
        amounts_on=_day(data["amounts_on"]),
        pay_within_days=data["pay_within_days"],
        check_url=data["check_url"],
        decided_by_model=data["decided_by_model"],
        drill=data["drill"],
        seal=Seal(seal["approval_id"], _day(seal["approved_on"])) if seal else None,
        extra=tuple((name, value) for name, value in data.get("extra", ())),
    )


def present_fields(content: Content, *, before_approval: bool = False) -> list[str]:
    """Which items of rule C06 the letter carries, in the order of the rule.

    Before the approval no letter is sealed; `before_approval` then counts the seal as present when firm and lawyer,
    from whom it comes, are stated.
    """
    institution, lines = content.institution, content.lines
    carried = {
        "debtor_name": bool(content.addressee.name),
        "balance": bool(lines) and content.total_fen > 0,
        "reason": bool(lines) and all(line.contract_no_masked and line.product_name for line in lines),
        # No template of a kind that states a debt is taken without the legal view and the rights (kinds.toml); the
        # rights need somebody to turn to.
        "law": content.kind in TITLES,
        "rights_duties": bool(institution.complaint_phone and institution.data_protection_contact),
        "how_to_query": bool(institution.query_channel),
        "how_to_repay": bool(institution.repay_accounts or institution.official_app),
        "how_to_object": bool(institution.dispute_channel and institution.hardship_channel),
        "issuer_contact": all((institution.name, institution.phone, content.firm.name, content.firm.phone)),
        "seal": (before_approval or content.seal is not None)
        and all((content.firm.name, content.firm.licence_no, content.lawyer.name, content.lawyer.licence_no)),
    }
    return [name for name, here in carried.items() if here]


def problems(content: Content) -> tuple[str, ...]:
    """Codes of what keeps the letter from being printed; empty when all is well (compliance: numeric checks)."""
    said = texts(content)
    return tuple(
        code
        for checks in (
            _text_problems(said),
            _sum_problems(content),
            _date_problems(content),
            _party_problems(content, said),
        )
        for code in checks
    )


def line_width(text: str) -> float:
    """Width in full-width characters; what is narrow (digits, Latin) counts 0.6."""
    wide = 0 if text.isascii() else sum(unicodedata.east_asian_width(character) in "WFA" for character in text)
    return wide + 0.6 * (len(text) - wide)


def texts(content: Content) -> list[tuple[str, str]]:
    """Every text of the letter with its path, e.g. `("addressee.name", "…")`."""
    found: list[tuple[str, str]] = []
    for name in Content.__slots__:
        value = getattr(content, name)
        found += _shared_texts(name, value) if isinstance(value, _SHARED) else _texts(name, value)
    return found


@lru_cache(maxsize=256)
def _shared_texts(name: str, part: Firm | Lawyer | Institution | Mandate) -> tuple[tuple[str, str], ...]:
    return tuple(_texts(name, part))


def _texts(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _texts(f"{path}[{index}]", item)
    else:
        for name in getattr(value, "__slots__", ()):
            yield from _texts(f"{path}.{name}", getattr(value, name))


def _text_problems(said: Iterable[tuple[str, str]]) -> Iterator[str]:
    for path, text in said:
        # What is printable throughout holds none of them; the rest, such as full-width blanks, is looked at closely.
        if not text.isprintable() and any(unicodedata.category(character) in UNSEEN for character in text):
            yield f"{path}.control_character"


def _sum_problems(content: Content) -> Iterator[str]:
    if content.kind in WITHOUT_DEBT:
        if content.lines or content.total_fen:
            yield "lines.not_here"
        return
    for index, line in enumerate(content.lines):
        parts = (line.principal_fen, line.interest_fen, line.penalty_fen, line.fees_fen)
        if min(*parts, line.paid_fen, line.loan_amount_fen) < 0:
            yield f"lines[{index}].negative"
        if sum(parts) != line.total_fen:
            yield f"lines[{index}].total"
    if not content.lines:
        yield "lines.empty"
    if content.total_fen != sum(line.total_fen for line in content.lines):
        yield "total"
    elif content.total_fen <= 0:
        yield "total.nothing_owed"


def _date_problems(content: Content) -> Iterator[str]:
    for index, line in enumerate(content.lines):
        # An instalment may be overdue long before the contract itself falls due.
        paid_out_first = line.disbursed_on <= min(line.due_on, line.overdue_since)
        if not (paid_out_first and line.overdue_since <= content.amounts_on):
            yield f"lines[{index}].dates"
    if not content.mandate.signed_on <= content.date:
        yield "mandate.signed_on"
    if content.amounts_on > content.date:
        yield "date"
    if content.pay_within_days < 1:
        yield "pay_within_days"


def _party_problems(content: Content, said: Iterable[tuple[str, str]]) -> Iterator[str]:
    institution = content.institution
    if any(account.name != institution.name for account in institution.repay_accounts):
        yield "institution.repay_accounts.name"
    if not (institution.repay_accounts or institution.official_app):
        yield "institution.repay_accounts.missing"
    for path, text in said:
        if not text.strip() and path not in _MAY_BE_EMPTY:
            yield f"{path}.empty"
    if not _CHECK_URL.fullmatch(content.check_url):
        yield "check_url.form"
    yield from _window_problems(content.addressee)


def _window_problems(addressee: Addressee) -> Iterator[str]:
    """An address is never cut: a line that has no room holds the letter."""
    if not addressee.address_lines:
        yield "addressee.address_lines.empty"
    if len(addressee.address_lines) > WINDOW_LINES:
        yield "addressee.address_lines.too_many"
    for index, line in enumerate(addressee.address_lines):
        if line_width(line) > WINDOW_WIDTH:
            yield f"addressee.address_lines[{index}].too_long"
    if line_width(addressee.name) > WINDOW_WIDTH:
        yield "addressee.name.too_long"


def _line(data: dict[str, Any]) -> DebtLine:
    days = {name: _day(data[name]) for name in ("disbursed_on", "due_on", "overdue_since")}
    return DebtLine(**{**data, **days})


def _day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


def _canonical(content: Content, *, seal: Seal | None) -> str:
    """JSON of the content under another seal, part by part; what all letters of a tenant share is written once."""
    members = []
    for name in sorted(Content.__slots__):
        value = seal if name == "seal" else getattr(content, name)
        if name == "extra" and not value:
            continue  # so that letters without any keep the hash that approvals name
        members.append(f'"{name}":{_shared_json(value) if isinstance(value, _SHARED) else _json(value)}')
    return "{" + ",".join(members) + "}"


@lru_cache(maxsize=256)
def _shared_json(part: Firm | Lawyer | Institution | Mandate) -> str:
    return _json(part)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime.date):
        return value.isoformat()
    return {name: getattr(value, name) for name in value.__slots__}


#: Parts that the letters of a tenant share: equal values, whose texts and JSON are remembered. None names a debtor.
_SHARED = (Firm, Lawyer, Institution, Mandate)
