"""Letters to invented people, and eyes for what is printed: the text of a PDF, its pixels, the codes on it."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path
from typing import Any

import typst
import zxingcpp
from PIL import Image
from residue_pdf import pdf_members

from songda.letters import (
    Addressee,
    Content,
    DebtLine,
    Kind,
    Mandate,
    Seal,
)
from songda.letters.specimen import FIRM, INSTITUTION, LAWYER

SEAL = Seal("ab12cd34ef" * 6 + "abcd", date(2026, 11, 25))


def debt_line(number: int) -> DebtLine:
    principal, interest, penalty, fees = 1_000_000 + number * 13_700, 12_345 + number, 678, 100
    return DebtLine(
        contract_no_masked=f"尾号{number:06}",
        product_name="云享贷" if number % 2 else "装修分期贷款（第二期）",
        disbursed_on=date(2024, 3, 1),
        loan_amount_fen=principal + 500_000,
        due_on=date(2025, 3, 1),
        overdue_since=date(2025, 3, 2),
        principal_fen=principal,
        interest_fen=interest,
        penalty_fen=penalty,
        fees_fen=fees,
        paid_fen=500_000,
        total_fen=principal + interest + penalty + fees,
    )


def letter(
    number: int = 1,
    *,
    kind: Kind = "lawyer_letter",
    lines: int = 1,
    name: str = "柳如烟",
    address: tuple[str, ...] = ("浙江省杭州市西湖区文一路街道", "文一路18号翠苑小区2幢3单元401室"),
    drill: bool = False,
    seal: Seal | None = SEAL,
) -> Content:
    debts = tuple(debt_line(number * 10 + place) for place in range(lines))
    return Content(
        kind=kind,
        letter_no=f"（2026）青石函字第{number:06}号",
        date=date(2026, 11, 25),
        firm=FIRM,
        lawyer=LAWYER,
        institution=INSTITUTION,
        addressee=Addressee(name, address, "310012"),
        mandate=Mandate("YS-WT-2026-0017", date(2026, 10, 8)),
        lines=debts,
        total_fen=sum(line.total_fen for line in debts),
        amounts_on=date(2026, 11, 24),
        pay_within_days=15,
        check_url=f"https://check.qingshi.example/l/{number:06}-bm90IGEgcmVhbCB0b2tlbg",
        decided_by_model=True,
        drill=drill,
        seal=seal,
    )


def members(pdf: bytes) -> dict[str, str]:
    """Streams, strings and text of a PDF, as the residue scanner reads them."""
    return {name: data.decode("utf-8", "replace") for name, data in pdf_members(pdf)}


def text_of(pdf: bytes) -> str:
    """What is printed, without spaces and line ends."""
    return "".join(members(pdf)["text"].split())


def page_image(pdf: bytes, folder: Path, *, page: int = 1, dpi: int = 300) -> Image.Image:
    """A page as grey pixels, drawn by the PDF renderer within the typesetting engine."""
    (folder / "drawn.pdf").write_bytes(pdf)
    source = f'#set page(width: 210mm, height: 297mm, margin: 0pt)\n#image("drawn.pdf", page: {page}, width: 210mm)'
    files: Any = {"main": source.encode()}
    png = typst.Compiler(root=folder).compile(files, format="png", ppi=dpi)
    assert isinstance(png, bytes)
    return Image.open(io.BytesIO(png)).convert("L")


def codes_on(image: Image.Image) -> dict[str, str]:
    """Every code on the image: name of its format → text."""
    return {str(code.format).replace(" ", ""): code.text for code in zxingcpp.read_barcodes(image)}
