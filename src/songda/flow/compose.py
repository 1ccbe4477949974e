"""From the record to what a letter says: sealed persons and cases are opened in memory, one chunk at a time.

Nothing here decides. What cannot be said (a fact that the file or the profile does not state) becomes a problem of the
draft, and a draft with a problem has no content.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from songda.flow.court import Entrustment, entrustments_of
from songda.flow.own_values import DIFFER, of_cases
from songda.flow.sealed import open_case, open_person
from songda.flow.tenants import Tenant
from songda.intake.profile import Lawyer
from songda.letters import Addressee, Content, DebtLine, Firm, Institution, Mandate, RepayAccount
from songda.letters import Lawyer as Signer
from songda.letters.content import WITHOUT_DEBT
from songda.store import chunks, tables
from songda.vault import mask

#: Letters whose persons are open at a time.
CHUNK = 500

#: What each product is called on a letter when the institution gives no name of its own.
PRODUCTS_ZH = {
    "consumer_loan": "消费贷款",
    "credit_card": "信用卡",
    "cash_loan": "现金贷款",
    "auto_loan": "汽车贷款",
    "mortgage": "住房贷款",
    "business_loan": "经营贷款",
}
_DATES = ("disbursed_on", "due_on", "overdue_since")
_AMOUNTS = ("loan_amount_fen", "principal_fen", "interest_fen", "penalty_fen", "fees_fen", "paid_fen")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A letter to one of the addresses that it may go to."""

    letter_id: str
    #: 1 for the first address that is tried.
    n: int
    record_id: str


@dataclass(frozen=True, slots=True)
class Draft:
    wanted: Wanted
    #: None when there are problems.
    content: Content | None = field(repr=False)
    #: Codes of what is missing or wrong; no personal data.
    problems: tuple[str, ...]
    #: Province of the address, for the zone of the postage.
    province: str = ""


def compose(
    connection: Connection, tenant: Tenant, wanted: Sequence[Wanted], *, lawyer: Lawyer, on: date | None, drill: bool
) -> Iterator[Draft]:
    """A draft for each of `wanted`, in that order. `on`: day of the letters; None: the day that each letter bears."""
    unstated = unstated_for_letters(tenant, lawyer)
    if unstated:
        yield from (Draft(each, None, unstated) for each in wanted)
        return
    shared = {
        "firm": _firm(tenant),
        "lawyer": Signer(lawyer.name or "", lawyer.licence_no or "", lawyer.phone or ""),
        "institution": _institution(tenant),
        "mandate": _mandate(tenant),
        "decided_by_model": False,
        "drill": drill,
    }
    for part in chunks(wanted, CHUNK):
        rows = _Rows(connection, tenant, {each.letter_id for each in part})
        for each in part:
            yield _draft(tenant, rows, each, shared=shared, on=on)


def check_token(tenant: Tenant, letter_id: str) -> str:
    """The unguessable token behind the letter's QR code; the ledger keeps its SHA-256 only."""
    return tenant.key.token("letter.check", letter_id)


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def unstated_for_letters(tenant: Tenant, lawyer: Lawyer) -> tuple[str, ...]:
    """What of firm, lawyer, institution, mandate and policy must stand on a letter and is not stated, as codes."""
    profile = tenant.profile
    firm, institution, mandate = profile.firm, profile.institution, profile.mandate
    needed: dict[str, object] = {
        **{
            f"firm.{name}": getattr(firm, name)
            for name in ("name", "address", "postcode", "phone", "licence_no", "check_url")
        },
        **{f"lawyer.{name}": getattr(lawyer, name) for name in ("name", "licence_no", "phone")},
        **{
            f"institution.{name}": getattr(institution, name)
            for name in (
                *("name", "address", "phone", "complaint_phone", "query_channel", "dispute_channel"),
                *("hardship_channel", "data_protection_contact"),
            )
        },
        **{f"mandate.{name}": getattr(mandate, name) for name in ("no", "signed_on")},
        "policy.kinds": profile.policy.kinds or None,
        "policy.pay_within_days": profile.policy.pay_within_days,
    }
    return tuple(f"unstated:{name}" for name, value in needed.items() if value is None)


class _Rows:
    """The rows of a chunk of letters, persons and cases opened once each."""

    def __init__(self, connection: Connection, tenant: Tenant, letter_ids: Iterable[str]) -> None:
        t, c, lc, p = tables.letter.c, tables.case, tables.letter_case.c, tables.person.c
        chosen = sorted(letter_ids)
        letters = connection.execute(
            select(t.id, t.letter_no, t.kind, t.letter_date, t.person_id, p.sealed)
            .join(tables.person, p.id == t.person_id)
            .where(t.id.in_(chosen))
        ).all()
        self.letters = {row.id: row for row in letters}
        tenant.key.of_persons({row.person_id for row in letters})
        self.persons = {row.person_id: open_person(tenant.key, row.person_id, row.sealed) for row in letters}
        self.cases: dict[str, list[tuple[Any, dict[str, Any]]]] = defaultdict(list)
        query = (
            select(lc.letter_id, c)
            .join(c, c.c.id == lc.case_id)
            .where(lc.letter_id.in_(chosen))
            .order_by(c.c.row_no, c.c.id)
        )
        for row in connection.execute(query):
            self.cases[row.letter_id].append((row, open_case(tenant.key, row.id, row.sealed)))
        without = [row.id for row in letters if row.kind in WITHOUT_DEBT]
        self.entrustments = entrustments_of(connection, tenant, without) if without else {}


def _draft(tenant: Tenant, rows: _Rows, wanted: Wanted, *, shared: Mapping[str, Any], on: date | None) -> Draft:
    letter = rows.letters[wanted.letter_id]
    person, cases = rows.persons[letter.person_id], rows.cases[wanted.letter_id]
    address = person["addresses"].get(wanted.record_id)
    states_debt = letter.kind not in WITHOUT_DEBT
    types = tenant.template(letter.kind).types
    own = of_cases([sealed for _, sealed in cases], types) if states_debt else {}
    problems = [*(_case_problems(cases) if states_debt else ())] + ([] if address else ["address.missing"])
    problems += [f"extra.{name}.differ" for name in types if own.get(name) is DIFFER]
    if problems:
        return Draft(wanted, None, tuple(problems))
    day = on or letter.letter_date
    lines = tuple(_line(row, sealed) for row, sealed in cases) if states_debt else ()
    content = Content(
        kind=letter.kind,
        letter_no=letter.letter_no,
        date=day,
        addressee=Addressee(person["name"], tuple(address["label"] or ()), address["postcode"] or ""),
        lines=lines,
        total_fen=sum(line.total_fen for line in lines),
        amounts_on=cases[0][0].amount_on if states_debt else day,
        pay_within_days=tenant.profile.policy.pay_within_days or 0,
        check_url=f"{tenant.profile.firm.check_url}/c/{check_token(tenant, wanted.letter_id)}",
        extra=_extra(tenant, types, own, rows.entrustments.get(wanted.letter_id)),
        **shared,
    )
    return Draft(wanted, content, (), address["province"] or "")


def _extra(
    tenant: Tenant, types: Iterable[str], own: Mapping[str, Any], entrustment: Entrustment | None
) -> tuple[tuple[str, str | int | bool], ...]:
    """Values of the variables that the template declares itself: the court's own words, or what the case file states, else
    what the profile states.

    What is lacking holds the letter.
    """
    stated = {**(tenant.profile.letter_values or {}), **own, **(entrustment.entrusted.values() if entrustment else {})}
    return tuple(sorted((name, stated[name]) for name in types if name in stated))


def _case_problems(cases: Sequence[tuple[Any, Mapping[str, Any]]]) -> Iterator[str]:
    if not cases:
        yield "lines.empty"
    for index, (row, sealed) in enumerate(cases):
        for name in (*_DATES, *_AMOUNTS, "amount_on"):
            if getattr(row, name) is None:
                yield f"lines[{index}].{name}.missing"
        if not sealed["contract_no"]:
            yield f"lines[{index}].contract_no.missing"
    if len({row.amount_on for row, _ in cases}) > 1:
        yield "amounts_on.differ"


def _line(row: Any, sealed: Mapping[str, Any]) -> DebtLine:
    amounts = {name: getattr(row, name) for name in _AMOUNTS}
    return DebtLine(
        contract_no_masked=mask.show("contract_no", sealed["contract_no"], role="letter") or "",
        product_name=sealed["product_name"] or PRODUCTS_ZH.get(row.product, ""),
        **{name: getattr(row, name) for name in _DATES},
        **amounts,
        total_fen=sum(amounts[f"{part}_fen"] for part in ("principal", "interest", "penalty", "fees")),
    )


def _firm(tenant: Tenant) -> Firm:
    firm = tenant.profile.firm
    return Firm(firm.name or "", firm.address or "", firm.postcode or "", firm.phone or "", firm.licence_no or "")


def _mandate(tenant: Tenant) -> Mandate:
    mandate = tenant.profile.mandate
    assert mandate.signed_on is not None
    return Mandate(mandate.no or "", mandate.signed_on)


def _institution(tenant: Tenant) -> Institution:
    stated = tenant.profile.institution
    accounts = tuple(
        RepayAccount(account.name, account.bank, account.number)
        for account in stated.repay_accounts or ()
        if account.name and account.bank and account.number
    )
    return Institution(
        name=stated.name or "",
        address=stated.address or "",
        phone=stated.phone or "",
        complaint_phone=stated.complaint_phone or "",
        query_channel=stated.query_channel or "",
        dispute_channel=stated.dispute_channel or "",
        hardship_channel=stated.hardship_channel or "",
        data_protection_contact=stated.data_protection_contact or "",
        repay_accounts=accounts,
        official_app=stated.official_app or "",
    )
