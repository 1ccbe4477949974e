"""Stop orders by the file: what an institution's own systems know of payments, disputes and deaths, a line each.

    lines = read_stops(data)                       # raises NotAStopFile with every line that is wrong
    for line in lines: give(engine, tenant, line, by="ops-7", at=now)      # Stopped, or the error of this line

Columns: 函号 or 案件编号, 原因 (as a code or in Chinese), 全部 (是: everything to that debtor; may be left out).
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from songda.base.errors import SongdaError
from songda.base.texts import decoded
from songda.dispatch import Stopped
from songda.dispatch.stops import REASONS
from songda.flow.stop import stop_case, stop_letter
from songda.flow.tenants import Tenant

#: Words of the column 原因 → code; codes stand for themselves.
REASONS_ZH = {
    "已还款": "paid",
    "有争议": "disputed",
    "已答复": "answered",
    "投诉": "complaint",
    "困难": "hardship",
    "非本人": "wrong_person",
    "拒绝联系": "refused_contact",
    "死亡": "deceased",
    "无民事行为能力": "no_capacity",
    "破产": "bankruptcy",
    "证据保全": "legal_hold",
    "监管要求": "regulator",
    "委托方撤回": "client",
}
_YES, _NO = frozenset({"是", "y", "yes", "1"}), frozenset({"", "否", "n", "no", "0"})
#: Faults that are told one by one.
_TOLD = 20


class NotAStopFile(SongdaError):
    zh = "停止文件不能用：{faults}"
    remedy = "须为 CSV（UTF-8 或 GB18030），列为 函号 或 案件编号、原因、全部（可省略）；改正后整份重新提交，任何一行都还没有执行"
    exit_code = 65


@dataclass(frozen=True, slots=True)
class StopLine:
    #: Of the file, the header being 1.
    line: int
    #: One of the two; "" for the other.
    letter_no: str
    case_no: str
    reason: str
    debtor: bool


def read_stops(data: bytes) -> list[StopLine]:
    """Raises NotAStopFile; no line of a file with a faulty one is carried out."""
    text = decoded(data)
    if text is None:
        raise NotAStopFile(faults="编码不是 UTF-8 或 GB18030")
    reader = csv.DictReader(io.StringIO(text, newline=""))
    names = reader.fieldnames or ()
    if "原因" not in names or not {"函号", "案件编号"} & set(names):
        raise NotAStopFile(faults="缺少列 原因，或 函号、案件编号 两列都没有")
    lines, faults = list[StopLine](), list[str]()
    try:
        for number, row in enumerate(reader, 2):
            cell = {name: str(row.get(name) or "").strip() for name in ("函号", "案件编号", "原因", "全部")}
            if not any(cell.values()):
                continue
            reason = REASONS_ZH.get(cell["原因"], cell["原因"])
            whole = cell["全部"].lower()
            if bool(cell["函号"]) == bool(cell["案件编号"]):
                faults.append(f"第 {number} 行须有函号或案件编号，二者取一")
            elif reason not in REASONS:
                faults.append(f"第 {number} 行的原因不认识")
            elif whole not in _YES | _NO or (whole in _YES and not cell["函号"]):
                faults.append(f"第 {number} 行的“全部”应为 是 或 否，且只用于函号")
            else:
                lines.append(StopLine(number, cell["函号"], cell["案件编号"], reason, whole in _YES))
    except csv.Error:
        raise NotAStopFile(faults="不是可读的 CSV") from None
    if faults:
        more = f"……共 {len(faults)} 处" if len(faults) > _TOLD else ""
        raise NotAStopFile(faults="；".join(faults[:_TOLD]) + more)
    return lines


def give(engine: Engine, tenant: Tenant, line: StopLine, *, by: str, at: datetime) -> Stopped | SongdaError:
    """Carries one line out: what it found, or UnknownLetter, UnknownCase. Given again, it does no harm."""
    try:
        if line.letter_no:
            return stop_letter(engine, tenant, line.letter_no, reason=line.reason, by=by, at=at, debtor=line.debtor)
        return stop_case(engine, tenant, line.case_no, reason=line.reason, by=by, at=at)
    except SongdaError as error:
        return error
