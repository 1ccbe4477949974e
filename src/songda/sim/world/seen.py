"""What the institution's file shows of a world: rows in the published format of a case file, sound ones and broken ones.

Nothing of the truth is in it: no id of the world, no flag of the simulation, only what an institution would know.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from songda.base.errors import SongdaError
from songda.sim.world import cases as loans
from songda.sim.world.contacts import ANSWERS, RELATIONS, STATES
from songda.sim.world.contacts import MOST as MOST_CONTACTS
from songda.sim.world.records import KINDS
from songda.sim.world.records import MOST as MOST_ADDRESSES

if TYPE_CHECKING:
    from songda.sim.world.world import World

_EPOCH = date(1970, 1, 1)
_PHONES = 3
#: Column → header, in the order of the file.
SINGLE = {
    "case_no": "案件编号", "contract_no": "合同编号", "product": "产品类型", "product_name": "产品名称",
    "role": "收件人身份", "name": "姓名", "id_number": "身份证号",
    **{f"phone{n}": f"手机号{n}" for n in range(1, _PHONES + 1)},
    "loan": "放款金额", "principal": "剩余本金", "interest": "利息", "penalty": "罚息", "fees": "费用",
    "paid": "已还金额", "amount_on": "金额截止日", "disbursed": "放款日期", "due": "到期日期",
    "overdue": "逾期起始日", "annual_cost": "综合年化成本", "limitation": "最近时效中断日",
    "promises": "承诺还款次数", "promises_kept": "承诺兑现次数", "answered": "最近接通日", "state": "案件状态",
    "dispute_open": "有无争议", "debtor_state": "债务人状态", "debtor_flags": "特殊情形",
    "assigned": "债权是否转让", "notice": "转让通知是否到达", "credit_notice": "征信是否已事先告知",
}  # fmt: skip
ADDRESS = {"text": "", "origin": "来源", "basis": "依据", "date": "日期", "expires": "有效期", "owner": "归属"}
CONTACT = {
    "name": "姓名", "phone": "电话", "relation": "关系", "named_by": "来源", "date": "日期",
    "state": "号码状态", "region": "号码归属地", "answer": "核实结果",
}  # fmt: skip
HEADERS = [
    *SINGLE.values(),
    *(f"地址{n}{part}" for n in range(1, MOST_ADDRESSES + 1) for part in ADDRESS.values()),
    *(f"联系人{n}{part}" for n in range(1, MOST_CONTACTS + 1) for part in CONTACT.values()),
]
_ROLES = {"debtor": "债务人", "guarantor": "担保人", "co_debtor": "共同债务人"}
_PRODUCT_NAMES = {
    "消费贷": "随心消费贷",
    "信用卡": "安居信用卡",
    "现金贷": "速借现金贷",
    "经营贷": "小微经营贷",
    "车贷": "乐行车贷",
}
_FORBIDDEN = ("购买", "通讯录", "快递数据", "来源不明")
_TEMPLATES = ("{{{{7*7}}}}{}", '{}#read("/etc/passwd")', "{}<script>", "=HYPERLINK({})")
#: A control character, a zero-width space and a right-to-left override.
_CONTROLS = ("\x07", "\u200b", "\u202e")
_GARBAGE = ("约三万", "1e300", "-500", "12,34,5.678")

#: A cell: text, a number, a day or nothing.
Cell = str | float | date | None


class UnknownFormat(SongdaError):
    zh = "不支持把模拟案件写成 {suffix} 文件"
    remedy = "请使用 .xlsx 或 .csv"
    exit_code = 64


def write(world: World, path: Path) -> None:
    """The case file of `world`, whole or not at all. Raises UnknownFormat for anything but .xlsx and .csv."""
    writers: dict[str, Callable[[World, Path], None]] = {".xlsx": _write_xlsx, ".csv": _write_csv}
    suffix = path.suffix.lower()
    if suffix not in writers:
        raise UnknownFormat(suffix=suffix)
    draft = path.with_name(f".{path.name}.draft")
    try:
        writers[suffix](world, draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _write_csv(world: World, path: Path) -> None:
    # With a byte order mark, as spreadsheets write and expect it.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(HEADERS)
        writer.writerows([_as_text(cell) for cell in row] for row in rows(world))


def _as_text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        # What a spreadsheet makes of a number too long for it.
        return f"{cell:.1E}" if cell >= 1e15 else f"{cell:.15g}"
    return str(cell)


def _write_xlsx(world: World, path: Path) -> None:
    import xlsxwriter

    book = xlsxwriter.Workbook(
        str(path), {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    # The same world gives the same bytes.
    book.set_properties({"created": datetime.combine(world.as_of, time())})
    sheet = book.add_worksheet("案件")
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    sheet.write_row(0, 0, HEADERS)
    for row_no, row in enumerate(rows(world), start=1):
        for column, cell in enumerate(row):
            if isinstance(cell, str):
                sheet.write_string(row_no, column, cell)
            elif isinstance(cell, date):
                sheet.write_datetime(row_no, column, datetime.combine(cell, time()), day)
            elif cell is not None:
                sheet.write_number(row_no, column, cell)
    book.close()


def rows(world: World) -> Iterator[list[Cell]]:
    """The rows below the header, cells in the order of HEADERS."""
    for number in range(len(world.cases)):
        single = _single(world, number)
        addresses = _addresses(world, number)
        contacts = _contacts(world, number)
        _spoil(world, number, single)
        yield [*(single[key] for key in SINGLE), *addresses, *contacts]


def _day(number: int) -> date:
    return _EPOCH + timedelta(days=number)


def _yes(flag: bool) -> str:
    return "是" if flag else "否"


def _single(world: World, number: int) -> dict[str, Cell]:
    cases, people = world.cases, world.debtors
    person, stop = int(cases.debtor[number]), cases.stop[number]
    product = [*loans.PRODUCTS][cases.product[number]]
    limitation = int(cases.limitation[number])
    detail = int(cases.detail[number])
    states = {"paid": "已结清", "plan_kept": "还款计划履行中"}
    single: dict[str, Cell] = {
        "case_no": cases.case_no[number],
        "contract_no": cases.contract_no[number],
        "product": product,
        "product_name": _PRODUCT_NAMES[product],
        "role": _role(world, number),
        "name": people.names[person],
        "id_number": people.id_numbers[person],
        **dict.fromkeys(f"phone{n}" for n in range(1, _PHONES + 1)),
        **{f"phone{n}": phone for n, phone in enumerate(people.phones[person], start=1)},
        **{name: int(getattr(cases, f"{name}_fen")[number]) / 100 for name in _AMOUNTS},
        "amount_on": world.as_of,
        "disbursed": _day(int(cases.disbursed[number])),
        "due": _day(int(cases.due[number])),
        "overdue": _day(int(cases.overdue[number])),
        "annual_cost": f"{cases.annual_cost[number] * 100:.2f}%",
        "limitation": None if limitation < 0 else _day(limitation),
        "promises": int(world.calls.promises[person]),
        "promises_kept": int(world.calls.kept[person]),
        "answered": None if world.calls.last_answered[person] < 0 else _day(int(world.calls.last_answered[person])),
        "state": states.get(stop, "未结清"),
        "dispute_open": _yes(stop == "dispute"),
        "debtor_state": "去世" if stop == "deceased" else "正常",
        "debtor_flags": loans.PROTECTED[detail % len(loans.PROTECTED)] if stop == "protected" else "无",
        "assigned": _yes(cases.assigned[number]),
        "notice": _yes(stop != "assigned_without_notice") if cases.assigned[number] else None,
        "credit_notice": _yes(cases.credit_notice[number]),
    }
    if stop == "missing_fact":
        single[loans.FACTS[detail % len(loans.FACTS)]] = None
    return single


_AMOUNTS = ("loan", "principal", "interest", "penalty", "fees", "paid")


def _role(world: World, number: int) -> str:
    return _ROLES[[*world.config.portfolio.roles][world.cases.role[number]]]


def _addresses(world: World, number: int) -> list[Cell]:
    records, cases = world.records, world.cases
    person = int(cases.debtor[number])
    first, end = int(records.start[person]), int(records.start[person + 1])
    detail = int(cases.detail[number])
    forbidden = set(range(end - first)) if cases.stop[number] == "forbidden_address" else set()
    if cases.one_forbidden[number] and end - first > 1:
        forbidden = {detail % (end - first)}
    kinds, role = [*KINDS.values()], _role(world, number)
    keep = timedelta(days=round(world.config.records.keep_years * 365.25))
    cells: list[Cell] = []
    for position, record in enumerate(range(first, end)):
        origin, basis = kinds[records.kind[record]]
        recorded = _day(int(records.recorded[record]))
        if position in forbidden:
            origin = _FORBIDDEN[(detail + position) % len(_FORBIDDEN)]
        cells += [records.text[record], origin, basis, recorded, recorded + keep, role]
    return cells + [None] * (len(ADDRESS) * MOST_ADDRESSES - len(cells))


def _contacts(world: World, number: int) -> list[Cell]:
    contacts, person = world.contacts, int(world.cases.debtor[number])
    words = [*RELATIONS.values()]
    first, end = int(contacts.start[person]), int(contacts.start[person + 1])
    named = _day(int(world.first_loan[person]))
    cells: list[Cell] = []
    for n in range(first, end):
        origin = "合同" if contacts.in_contract[n] else "债务人提供"
        if contacts.forbidden[n]:
            origin = "通讯录"
        cells += [contacts.name[n], contacts.phone[n], words[contacts.relation[n]], origin, named]
        cells += [STATES[contacts.state[n]], contacts.region[n], ANSWERS[contacts.answer[n]]]
    return cells + [None] * (len(CONTACT) * MOST_CONTACTS - len(cells))


def _spoil(world: World, number: int, single: dict[str, Cell]) -> None:
    """Breaks the row as its kind says, so that intake must refuse it."""
    kind = world.cases.broken[number]
    detail = int(world.cases.detail[number])
    identity, name = str(single["id_number"]), str(single["name"])
    if kind == "id_checksum":
        other = (int(identity[5]) + 1) % 10
        single["id_number"] = f"{identity[:5]}{other}{identity[6:]}"
    elif kind == "id_as_number":
        single["id_number"] = float(identity[:15] + "000")
    elif kind == "amount":
        single["principal"] = _GARBAGE[detail % len(_GARBAGE)]
    elif kind == "day_1900":
        single["overdue"] = date(1900, 1, 1)
    elif kind == "control":
        single["name"] = name[:1] + _CONTROLS[detail % len(_CONTROLS)] + name[1:]
    elif kind == "template":
        single["name"] = _TEMPLATES[detail % len(_TEMPLATES)].format(name)
