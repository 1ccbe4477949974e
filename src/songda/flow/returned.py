"""Letters that came back closed: scanned by their barcode, with what stands on the slip; each becomes a fact of its letter.

    taken = take_returned(engine, tenant, data, at=now)
    [(each.line, each.code, each.address) for each in taken]        # (2, "taken", "bad"), …

A closed envelope in hand proves that nobody got the letter, whatever tracking says; the fold weighs it like the carrier's own
return. Who refused has been reached: a refusal is told as such and the return after it. A file may come twice.
"""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from sqlalchemy import Engine, select

from songda.base import days
from songda.base.errors import SongdaError
from songda.base.texts import decoded
from songda.dispatch import Told, lock_attempts, scan_words, scanned_events, store_events
from songda.flow.audit import write_audit
from songda.flow.tenants import Tenant
from songda.store import chunks, tables

COLUMNS = ("邮件号", "退回原因", "退回日期")

#: Code of an answer → what the person at the scanner reads.
ANSWERS_ZH = {
    "taken": "已登记",
    "repeated": "此前已登记，未作改动",
    "no_number": "邮件号：应为条码上的数字和字母，本行未登记",
    "unknown_number": "邮件号：不是本机构寄出的邮件，请核对条码，本行未登记",
    "not_posted": "邮件号：该件尚未交寄，请核对，本行未登记",
    "reason": "退回原因：不在可登记的原因之中，见 docs/press.zh-CN.md，本行未登记",
    "no_date": "退回日期：应写成 2026-11-26，本行未登记",
    "date": "退回日期：早于交寄次日或晚于今天，本行未登记",
}
ADDRESS_ZH = {"bad": "地址不可用", "open": "地址未定", "good": "地址可用", "": ""}
#: Answers after which nothing stands open.
SETTLED = frozenset({"taken", "repeated"})

_NUMBER = re.compile(r"[0-9A-Z]{8,40}")


class NotAReturnsFile(SongdaError):
    """`missing`: columns that it lacks."""

    zh = "不是退件清单：缺少列 {missing}"
    remedy = "首行应为 邮件号,退回原因,退回日期（UTF-8 或 GB18030 编码的 CSV）"
    exit_code = 65


class Answer(NamedTuple):
    #: 1-based line of the file, the head being line 1.
    line: int
    waybill_no: str
    #: Key of ANSWERS_ZH.
    code: str
    #: bad | open | good: what the return says about the place; "" when the line was not taken.
    address: str


class _Line(NamedTuple):
    line: int
    waybill_no: str
    reason: Mapping[str, str] | None
    day: date | None


@cache
def _reasons() -> Mapping[str, Mapping[str, str]]:
    """Word on a slip → its row."""
    rows = tomllib.loads(files("songda.flow").joinpath("returned_reasons.toml").read_text("utf-8"))["reason"]
    return {word: row for row in rows for word in row["words"]}


def take_returned(engine: Engine, tenant: Tenant, data: bytes, *, at: datetime) -> list[Answer]:
    """Stores what the lines say, in one transaction; an answer for each line, in order. Raises NotAReturnsFile."""
    lines = _read(data)
    p, n, t = tables.piece.c, tables.attempt.c, tables.letter.c
    found: dict[str, Any] = {}
    answers: list[Answer] = []
    with engine.begin() as connection:
        for part in chunks(sorted({line.waybill_no for line in lines})):
            query = (
                select(p.waybill_no, p.state, p.attempt_id, n.posted_on)
                .join(tables.attempt, n.id == p.attempt_id)
                .join(tables.letter, t.id == n.letter_id)
                .where(t.tenant_id == tenant.id, p.waybill_no.in_(part))
            )
            found |= {row.waybill_no: row for row in connection.execute(query)}
        # All at once and in their order, as everybody takes them: lines come in any.
        lock_attempts(connection, {row.attempt_id for row in found.values()})
        for line in lines:
            row = found.get(line.waybill_no)
            code = _wrong(line, row, at=at)
            if code or row is None or line.reason is None or line.day is None:
                answers.append(Answer(line.line, line.waybill_no, code, ""))
                continue
            scan = line.waybill_no, line.reason["code"], line.day
            told = [Told(row.attempt_id, event, scan_words(*scan)) for event in scanned_events(*scan)]
            new = store_events(connection, key=tenant.key, told=told, received_at=at)
            answers.append(Answer(line.line, line.waybill_no, "taken" if new else "repeated", line.reason["address"]))
        counts = {"lines": len(lines), "taken": sum(each.code == "taken" for each in answers)}
        write_audit(connection, at=at, actor="operator", action="press.returned", object_id=tenant.id, details=counts)
    return answers


def _wrong(line: _Line, row: Any, *, at: datetime) -> str:
    """Why the line cannot be taken; "" when it can."""
    code = ""
    if not _NUMBER.fullmatch(line.waybill_no):
        code = "no_number"
    elif row is None:
        code = "unknown_number"
    elif row.state != "handed_over" or row.posted_on is None:
        code = "not_posted"
    elif line.reason is None:
        code = "reason"
    elif line.day is None:
        code = "no_date"
    elif not row.posted_on < line.day <= days.business_day(at):
        code = "date"
    return code


def _read(data: bytes) -> list[_Line]:
    reader = csv.DictReader(io.StringIO(_text(data), newline=""))
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise NotAReturnsFile(missing="、".join(missing))
    lines = []
    try:
        for number, row in enumerate(reader, 2):
            waybill, reason, day = (str(row.get(name) or "").strip() for name in COLUMNS)
            if waybill or reason or day:
                lines.append(_Line(number, waybill.upper()[:40], _reasons().get(reason), _day(day)))
    except csv.Error:
        raise NotAReturnsFile(missing="可读的 CSV 内容") from None
    return lines


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else None
    except ValueError:
        return None


def _text(data: bytes) -> str:
    text = decoded(data)
    if text is None:
        raise NotAReturnsFile(missing="可读的文字（编码应为 UTF-8 或 GB18030）")
    return text
