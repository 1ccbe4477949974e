"""The example workbook: the format of a case file, published as a file that can be filled in.

    write_template(Path("cases.xlsx"))

Sheet 案件 has every column of headers.toml with rows of invented people; sheet 说明 explains each column. Reading the
workbook back refuses no row.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from songda.intake.fields import Field, declared, group_fields, single_fields, vocabulary
from songda.intake.output import close_workbook, private_file

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

#: How many of each group the example shows; a file may have more.
_SHOWN = {"phone": 2, "address": 3, "contact": 2}
_NEED = {"required": "必填", "fact": "规则需要", "optional": "选填"}
_VOCABULARIES = frozenset(
    {"product", "role", "owner_role", "state", "debtor_state", "origin", "origin_contact", "basis", "relation"}
)
_FILLABLE_ROWS = 20_000
_EXPLAINED = (
    ("列名", 22),
    ("是否必填", 10),
    ("格式", 34),
    ("示例", 34),
    ("可用的词", 60),
    ("为什么需要", 50),
    ("也认得的列名", 60),
)
_NOTES = (
    "一行一个案件。同一债务人的多个案件会合并为一封函。",
    "列的顺序不限；多余的列不会读取；列名可用“也认得的列名”中的任何一个。",
    "“规则需要”的列没有默认值：空着就是没有说明，相应的函件会被拦下并写明原因。",
    "身份证号、电话、编号所在列请设为“文本”格式，否则表格软件会改掉后几位。",
    "列名“身份证地址”“合同地址”“预留地址”“法院确认地址”本身说明了来源；“户籍地址”“居住地址”等只说明是什么地方，来源仍须填写。",
    "示例中的人、地址、号码均为虚构，使用前请删除。",
)


def write_template(path: Path) -> None:
    """Write the example workbook (whole or not at all). Raises CannotWrite."""
    import xlsxwriter

    with private_file(path) as draft:
        book = xlsxwriter.Workbook(str(draft), {"in_memory": True, "default_date_format": "yyyy-mm-dd"})
        fields = template_fields()
        _write_cases(book, fields)
        _write_explanation(book, fields)
        close_workbook(book)


def template_fields() -> list[Field]:
    """The columns of the example in its order: phones stand after the ID number, addresses and contacts at the end."""
    fields: list[Field] = []
    for each in single_fields():
        fields.append(each)
        if each.key == "id_number":
            fields += _group("phone")
    return fields + _group("address") + _group("contact")


def _group(name: str) -> list[Field]:
    return [each for number in range(1, _SHOWN[name] + 1) for each in group_fields(name, number)]


def _write_cases(book: Workbook, fields: Sequence[Field]) -> None:
    page = book.add_worksheet("案件")
    formats = {
        "required": book.add_format(
            {"bold": True, "bg_color": "#F8D7DA", "text_wrap": True, "valign": "top", "border": 1}
        ),
        "fact": book.add_format({"bold": True, "bg_color": "#FFF3CD", "text_wrap": True, "valign": "top", "border": 1}),
        "optional": book.add_format({"bg_color": "#EEEEEE", "text_wrap": True, "valign": "top", "border": 1}),
    }
    text = book.add_format({"num_format": "@"})
    rows = _example_rows()
    for column, each in enumerate(fields):
        page.write_string(0, column, each.label, formats[each.need])
        page.set_column(column, column, 44 if each.kind == "address" else 20 if each.kind == "id_number" else 14, text)
        _offer_choices(page, column, each)
        for row_no, row in enumerate(rows, start=1):
            if row[each.key]:
                page.write_string(row_no, column, row[each.key], text)
    page.freeze_panes(1, 1)
    page.autofilter(0, 0, len(rows), len(fields) - 1)


def _offer_choices(page: Worksheet, column: int, each: Field) -> None:
    if each.kind in _VOCABULARIES:
        choices = [word for value, word in vocabulary(each.kind).suggested.items() if value not in _forbidden()]
    elif each.kind == "flag":
        choices = ["是", "否"]
    else:
        return
    options: dict[str, Any] = {
        "validate": "list",
        "source": choices,
        "error_type": "warning",
        "error_title": "不是可用的词",
        "error_message": "请从列表中选择；不知道请留空。",
    }
    page.data_validation(1, column, _FILLABLE_ROWS, column, options)


def _forbidden() -> frozenset[str]:
    """Origins that are understood, so that the rules can block them, but that nobody should be offered."""
    return frozenset({"bought_list", "phone_book_upload", "courier_data", "scraped", "call_records", "unknown"})


def _write_explanation(book: Workbook, fields: Sequence[Field]) -> None:
    page = book.add_worksheet("说明")
    head = book.add_format({"bold": True, "bg_color": "#EEEEEE", "border": 1})
    cell = book.add_format({"text_wrap": True, "valign": "top", "border": 1})
    note = book.add_format({"text_wrap": False})
    for row_no, sentence in enumerate(_NOTES):
        page.write_string(row_no, 0, sentence, note)
    top = len(_NOTES) + 1
    for column, (title, width) in enumerate(_EXPLAINED):
        page.set_column(column, column, width)
        page.write_string(top, column, title, head)
    page.freeze_panes(top + 1, 1)
    for row_no, each in enumerate((f for f in fields if _is_first(f)), start=top + 1):
        _write_row(page, row_no, [_title(each), _NEED[each.need], each.format, each.example, *_words(each)], cell)


def _write_row(page: Worksheet, row_no: int, texts: Sequence[str], style: Format) -> None:
    for column, text in enumerate(texts):
        page.write_string(row_no, column, text, style)


def _is_first(each: Field) -> bool:
    """Of numbered columns, the first stands for all."""
    head = each.key.partition(".")[0]
    return not head[-1].isdigit() or head.endswith("1")


def _title(each: Field) -> str:
    for name, group in declared()["groups"].items():
        if each.key.startswith(name):
            return f"{each.label}（可有 1 到 {group['limit']} 组）"
    return each.label


def _words(each: Field) -> tuple[str, str, str]:
    allowed = vocabulary(each.kind).allowed if each.kind in _VOCABULARIES else ""
    if each.kind == "debtor_flags":
        allowed = f"无、{vocabulary(each.kind).allowed}"
    if each.kind == "flag":
        allowed = "是、否"
    names = declared()["fields"].get(each.key, {}).get("names", [])
    group = {"address1.text": "address", "phone1": "phone"}.get(each.key)
    if group is not None:
        names = declared()["groups"][group]["names"]
    return allowed, each.why, "、".join(name for name in names if not name.isascii())


def _example_rows() -> list[dict[str, str]]:
    """Invented people, one row each, by field key."""
    text = resources.files(__package__).joinpath("template_rows.csv").read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))
