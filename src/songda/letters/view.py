"""From a content to what its template prints: every amount, day and code as ready text, so that templates compute nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from songda.base.days import chinese_date
from songda.base.money import yuan
from songda.letters.capital import capital_yuan
from songda.letters.codes import png, qr
from songda.letters.content import TITLES, Addressee, Content, DebtLine, line_width
from songda.letters.imprint import ImprintUse

#: Pixels a module, and white modules around the code of the check.
QR: Final = {"scale": 3, "quiet": 2}
#: Width of the window's text, points.
_WINDOW_PT = 238.0

#: Width of the text of a page, points.
_TEXT_PT = 447.8
#: Space left and right in a cell, points.
_INSET_PT = 5.2
#: Least width of the product's column, full-width characters: a contract number stays whole.
_PRODUCT_EM = 8

#: Tables: largest type size in points, and of each column the fields that are its cells and its head. `frame.typ` prints them in
#: this order.
_TABLES: dict[str, tuple[float, tuple[tuple[str, str], ...]]] = {
    "amounts": (
        9.0,
        (
            ("n", "序号"),
            ("product", "产品及合同尾号"),
            ("principal", "本金"),
            ("interest", "利息"),
            ("penalty", "罚息"),
            ("fees", "费用"),
            ("total", "应付合计"),
        ),
    ),
    "statement": (
        8.5,
        (
            ("n", "序号"),
            ("product", "产品及合同尾号"),
            ("disbursed_on", "放款日"),
            ("loan_amount", "放款金额"),
            ("due_on", "到期日"),
            ("overdue_since", "逾期起始日"),
            ("paid", "已还金额"),
            ("total", "尚欠合计"),
        ),
    ),
}

#: Amounts that are summed at the foot of the tables.
_SUMMED = ("principal", "interest", "penalty", "fees", "paid", "loan_amount", "total")


def view(content: Content, types: Mapping[str, str]) -> bytes:
    """JSON that a template reads as `data.json`. `types`: of the variables that the template declares itself."""
    said = stated(content, types)
    rows = [*said["lines"], said["sums"]]
    return orjson.dumps(
        {
            **said,
            "tables": {name: _table(size, columns, rows) for name, (size, columns) in _TABLES.items() if content.lines},
            "qr": list(png(qr(content.check_url), **QR)),
            "window": _window(content.addressee),
        }
    )


def stated(content: Content, types: Mapping[str, str]) -> dict[str, Any]:
    """The words of the view: all that is printed of the content as text. `types`: as for `view`."""
    firm, lawyer, institution, addressee = content.firm, content.lawyer, content.institution, content.addressee
    lines = [_line(number, line) for number, line in enumerate(content.lines, 1)]
    sums = {name: yuan(sum(getattr(line, f"{name}_fen") for line in content.lines)) for name in _SUMMED}
    return {
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
        "lines": lines,
        "sums": sums,
        "total": yuan(content.total_fen),
        "total_capital": capital_yuan(content.total_fen),
        "amounts_on": chinese_date(content.amounts_on),
        "pay_within_days": str(content.pay_within_days),
        "check_host": urlsplit(content.check_url).netloc or content.check_url,
        "decided_by_model": content.decided_by_model,
        "status": _status(content),
        "approval": content.seal.approval_id[:12].upper() if content.seal else "",
        **{f"{use}_imprint": imprint is not None for use, imprint in imprints_of(content).items()},
        "extra": _extra(content, types),
    }


def imprints_of(content: Content) -> dict[ImprintUse, str | None]:
    """What is laid on the letter, by SHA-256: nothing before its approval, and nothing on a drill, which must not look real."""
    if content.seal is None or content.drill:
        return {"seal": None, "signature": None}
    return {"seal": content.seal.seal_imprint, "signature": content.seal.signature_imprint}


def columns(table: str) -> tuple[tuple[str, str], ...]:
    """The columns of `amounts` or `statement` from left to right: the field of each and what stands in its head."""
    return _TABLES[table][1]


def _extra(content: Content, types: Mapping[str, str]) -> dict[str, str | bool]:
    """Values of the template's own variables as they are printed; an unstated one is empty, and false as a flag."""
    stated = dict(content.extra)
    return {name: _printed(stated.get(name), type_) for name, type_ in types.items()}


def _printed(value: str | int | bool | None, type_: str) -> str | bool:
    match type_, value:
        case "flag", _:
            return bool(value)
        case "amount", int():
            return yuan(value)
        case "date", str() if value:
            return chinese_date(date.fromisoformat(value))
        case _:
            return "" if value is None else str(value)


def _line(number: int, line: DebtLine) -> dict[str, str]:
    return {
        "n": str(number),
        "product": line.product_name,
        "contract": line.contract_no_masked,
        **{f"{name}": yuan(getattr(line, f"{name}_fen")) for name in _SUMMED},
        **{name: _short_day(getattr(line, name)) for name in ("disbursed_on", "due_on", "overdue_since")},
    }


def _table(largest: float, columns: tuple[tuple[str, str], ...], rows: list[dict[str, str]]) -> dict[str, Any]:
    """Type size and widths in points: as much as each column needs, and what is left shared out.

    Without anything left the product takes more lines; without room for that either, the type becomes smaller.
    """
    cells = [[head, *(row.get(name, "") for row in rows)] for name, head in columns]
    cells[1] = [f"{row['product']} {row['contract']}" for row in rows if "product" in row]
    ems = [max(map(_room, column)) for column in cells]
    for size in (largest, largest - 0.5, largest - 1.0, largest - 1.5, largest - 2.0):
        needed = [width * size + _INSET_PT for width in ems]
        spare = _TEXT_PT - sum(needed)
        if spare >= 0:
            # The number of the line needs no more than it has.
            share = spare / (len(needed) - 1)
            widths = [needed[0], *(width + share for width in needed[1:])]
            break
        widths = [needed[0], needed[1] + spare, *needed[2:]]
        if widths[1] >= _PRODUCT_EM * size:
            break
    return {"size": size, "columns": [round(width, 2) for width in widths], "one_line": spare >= 0}


def _room(text: str) -> float:
    """Width in full-width characters at most: capitals, and the gaps that the engine leaves beside Latin, counted in."""
    is_mixed = not text.isascii() and any(map(str.isascii, text))
    return line_width(text) + 0.35 * sum(map(str.isupper, text)) + (0.5 if is_mixed else 0.0)


def _status(content: Content) -> str:
    """What every page says of itself: a drill is always a drill, an unapproved letter a sample."""
    if content.drill:
        return "drill"
    return "sealed" if content.seal else "sample"


def _short_day(day: date) -> str:
    return day.isoformat()


def _window(addressee: Addressee) -> dict[str, float]:
    """Type sizes in points at which the longest line and the name fill the window's 84 mm at most."""
    longest = max(line_width(line) for line in addressee.address_lines)
    return {
        "line_pt": min(10.5, _WINDOW_PT / longest),
        # Room for “　收” after the name.
        "name_pt": min(13.0, _WINDOW_PT / (line_width(addressee.name) + 2.5)),
    }
