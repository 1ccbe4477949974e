"""Hand the rows that could not be read back to the person: their own columns, each row with its reasons and remedies.

The workbook can be corrected and read again as it is: the three columns in front are ours and are not read.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from songda.intake.output import close_workbook, private_file
from songda.intake.problems import RejectedRow
from songda.intake.sheets import Sheet

#: Our columns, in front of the person's.
ROW_NO, REASON, REMEDY = "行号", "原因", "处理办法"
_OURS = (ROW_NO, REASON, REMEDY)
#: What a spreadsheet takes in one cell is 32,767; a longer text is shortened in this copy and says so.
_CELL_LIMIT = 32_000
_WIDE, _NARROW = 40, 16


def write_rejected(path: Path, sheet: Sheet, rejected: Iterable[RejectedRow]) -> int:
    """Write the workbook (mode 0600, whole or not at all) and return how many rows it holds.

    Every cell is written as text: what looks like a formula stays what was typed, an ID number keeps its digits.
    Rows are written as they come; memory does not grow with them. Raises CannotWrite.
    """
    with private_file(path) as draft:
        return _write(str(draft), {"constant_memory": True, "tmpdir": str(draft.parent)}, sheet, rejected)


def rejected_workbook(sheet: Sheet, rejected: Iterable[RejectedRow]) -> bytes:
    """The same workbook, made in memory: nothing of it touches the disk."""
    out = io.BytesIO()
    _write(out, {"in_memory": True}, sheet, rejected)
    return out.getvalue()


def _write(target: str | io.BytesIO, options: dict[str, Any], sheet: Sheet, rejected: Iterable[RejectedRow]) -> int:
    import xlsxwriter

    # A corrected file that is refused again already has our columns.
    kept = [index for index, header in enumerate(sheet.headers) if header not in _OURS]
    count = 0
    book = xlsxwriter.Workbook(target, options)
    book.set_properties({"title": "未能读入的行", "comments": "更正后可直接重新导入；前三列不会读取"})
    page = book.add_worksheet("案件")
    head = book.add_format({"bold": True, "bg_color": "#EEEEEE", "valign": "top", "text_wrap": True})
    mark = book.add_format({"font_color": "#B00020", "valign": "top", "text_wrap": True})
    text = book.add_format({"num_format": "@", "valign": "top"})
    page.set_column(0, 0, _NARROW)
    page.set_column(1, 2, _WIDE)
    page.set_column(3, 3 + len(kept), _NARROW)
    page.freeze_panes(1, 1)
    for column, header in enumerate([*_OURS, *(sheet.headers[index] for index in kept)]):
        page.write_string(0, column, header, head)
    for row in rejected:
        count += 1
        page.write_string(count, 0, str(row.row_no), mark)
        page.write_string(count, 1, "\n".join(_numbered(p.column, p.message) for p in row.problems), mark)
        page.write_string(count, 2, "\n".join(dict.fromkeys(p.remedy for p in row.problems)), mark)
        values = [row.values[index] for index in kept if index < len(row.values)]
        # Cells beyond the headers are what is wrong with the row; they are handed back too.
        values += row.values[len(sheet.headers) :]
        for column, value in enumerate(values, start=3):
            if value:
                page.write_string(count, column, _fitting(value), text)
    close_workbook(book)
    return count


def _numbered(column: str, message: str) -> str:
    return f"【{column}】{message}" if column else message


def _fitting(value: str) -> str:
    if len(value) <= _CELL_LIMIT:
        return value
    return f"{value[:_CELL_LIMIT]}……（原文共 {len(value)} 个字，见原文件）"
