"""From a content to what its template prints: every amount, day and code as ready text, so that templates compute nothing."""

from __future__ import annotations

import json
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from songda.base.days import chinese_date
from songda.base.money import yuan
from songda.letters.capital import capital_yuan
from songda.letters.codes import png, qr
from songda.letters.content import TITLES, Content, DebtLine

#: Amounts that are summed at the foot of the tables.
_SUMMED = ("principal", "interest", "penalty", "fees", "paid", "loan_amount", "total")


def view(content: Content) -> str:
    """JSON for `sys.inputs.data` of the template of `content.kind`."""
    firm, lawyer, institution, addressee = content.firm, content.lawyer, content.institution, content.addressee
    data: dict[str, Any] = {
        "title": TITLES[content.kind],
        "letter_no": content.letter_no,
        "date": chinese_date(content.date),
        "firm": {name: getattr(firm, name) for name in firm.__slots__},
        "lawyer": {name: getattr(lawyer, name) for name in lawyer.__slots__},
        "institution": {
            **{name: getattr(institution, name) for name in institution.__slots__},
            "repay_accounts": [
                {"name": account.name, "bank": account.bank, "number": account.number}
                for account in institution.repay_accounts
            ],
        },
        "addressee": {name: getattr(addressee, name) for name in addressee.__slots__},
        "mandate": {"no": content.mandate.no, "signed_on": chinese_date(content.mandate.signed_on)},
        "lines": [_line(number, line) for number, line in enumerate(content.lines, 1)],
        "sums": {name: yuan(sum(getattr(line, f"{name}_fen") for line in content.lines)) for name in _SUMMED},
        "total": yuan(content.total_fen),
        "total_capital": capital_yuan(content.total_fen),
        "amounts_on": chinese_date(content.amounts_on),
        "pay_by": chinese_date(content.pay_by),
        "check_host": urlsplit(content.check_url).netloc or content.check_url,
        "qr": list(png(qr(content.check_url), quiet=2)),
        "decided_by_model": content.decided_by_model,
        "drill": content.drill,
        "sealed": content.seal is not None,
        "seal_label": _seal_label(content),
    }
    return json.dumps(data, ensure_ascii=False)


def _line(number: int, line: DebtLine) -> dict[str, str]:
    return {
        "n": str(number),
        "product": line.product_name,
        "contract": line.contract_no_masked,
        **{f"{name}": yuan(getattr(line, f"{name}_fen")) for name in _SUMMED},
        **{name: _short_day(getattr(line, name)) for name in ("disbursed_on", "due_on", "overdue_since")},
    }


def _short_day(day: date) -> str:
    return day.isoformat()


def _seal_label(content: Content) -> str:
    """Ties the seal to this one letter: the number and the head of the approval's hash."""
    return f"{content.letter_no} {content.seal.approval_id[:8].upper()}" if content.seal else ""
