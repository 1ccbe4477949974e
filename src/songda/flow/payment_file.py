"""Payments by the file: what an institution's own systems have booked, a line each.

    lines = read_payments(data)          # raises NotAPaymentFile with every line that is wrong; none is booked then

Columns: 案件编号, 还款日期, 还款金额 (yuan), 流水号 (the institution's own reference, once for each booking), 类型 (还款 or
冲正; may be left out). A reversal (冲正) has a reference of its own and takes its amount back.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from datetime import date

from songda.base.errors import SongdaError
from songda.base.money import parse_yuan
from songda.base.texts import decoded

NEEDED = ("案件编号", "还款日期", "还款金额", "流水号")
KIND = "类型"
_KINDS = {"": 1, "还款": 1, "冲正": -1}
#: Faults that are told one by one.
_TOLD = 20
_LONGEST = 100

EXAMPLE = (
    "案件编号,还款日期,还款金额,流水号,类型\n"
    "AN-0001,2026-11-25,500.00,HK202611250001,还款\n"
    'AN-0002,2026-11-25,"1,200.00",HK202611250002,\n'
    "AN-0001,2026-11-26,500.00,HK202611260001,冲正\n"
)


class NotAPaymentFile(SongdaError):
    zh = "还款文件不能用：{faults}"
    remedy = "格式样例：songda template payments.csv；改正后整份重新提交，任何一行都还没有登记"
    exit_code = 65


@dataclass(frozen=True, slots=True)
class PaymentLine:
    #: Of the file, the header being 1.
    line: int
    case_no: str = field(repr=False)
    paid_on: date
    #: Negative for a reversal.
    amount_fen: int
    reference: str = field(repr=False)


def read_payments(data: bytes, *, today: date) -> list[PaymentLine]:
    """Raises NotAPaymentFile. `today`: nothing can have been paid after it."""
    text = decoded(data)
    if text is None:
        raise NotAPaymentFile(faults="编码不是 UTF-8 或 GB18030")
    reader = csv.DictReader(io.StringIO(text, newline=""))
    names = [str(name).strip() for name in reader.fieldnames or ()]
    if lacking := [name for name in NEEDED if name not in names]:
        raise NotAPaymentFile(faults=f"缺少列 {'、'.join(lacking)}")
    reader.fieldnames = names
    lines, faults, references = list[PaymentLine](), list[str](), dict[str, int]()
    try:
        for number, row in enumerate(reader, 2):
            cell = {name: str(row.get(name) or "").strip() for name in (*NEEDED, KIND)}
            if not any(cell.values()):
                continue
            found = _line(number, cell, today)
            if isinstance(found, str):
                faults.append(f"第 {number} 行{found}")
                continue
            if (before := references.setdefault(found.reference, number)) != number:
                faults.append(f"第 {number} 行的流水号与第 {before} 行相同")
            lines.append(found)
    except csv.Error:
        raise NotAPaymentFile(faults="不是可读的 CSV") from None
    if faults:
        more = f"……共 {len(faults)} 处" if len(faults) > _TOLD else ""
        raise NotAPaymentFile(faults="；".join(faults[:_TOLD]) + more)
    return lines


def _line(number: int, cell: dict[str, str], today: date) -> PaymentLine | str:
    """The line, or what is wrong with it."""
    missing = next((name for name in NEEDED if not cell[name]), None)
    long = next((name for name in NEEDED if len(cell[name]) > _LONGEST), None)
    try:
        paid_on = date.fromisoformat(cell["还款日期"].replace("/", "-"))
    except ValueError:
        paid_on = None
    try:
        fen = parse_yuan(cell["还款金额"])
    except ValueError:
        fen = None
    wrong = {
        f"没有{missing}": missing is not None,
        f"的{long}过长": long is not None,
        "的还款日期应写成 2026-11-25": paid_on is None,
        "的还款日期在今天之后": paid_on is not None and paid_on > today,
        "的还款金额不是以元为单位、至多两位小数的金额": fen is None,
        "的还款金额须大于零（退回的写 冲正）": fen is not None and fen <= 0,
        "的类型应为 还款 或 冲正": cell[KIND] not in _KINDS,
    }
    if (fault := next((words for words, holds in wrong.items() if holds), None)) or paid_on is None or fen is None:
        return fault or ""
    return PaymentLine(number, cell["案件编号"], paid_on, fen * _KINDS[cell[KIND]], cell["流水号"])
