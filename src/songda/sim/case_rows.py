"""Rows of a case file written by hand: every one may be written to, but for what a test changes."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from typing import Any

from songda.base import days

DAY = date(2026, 11, 24)
AT = days.at(DAY, 17)

#: Where two records agree, and where one does.
FIRST_PLACE = "广东省广州市越秀区龙腾街392号紫薇小区3号楼2单元{door}室"
SECOND_PLACE = "上海市静安区彭浦新村街道梧桐北街309号星河国际1号楼4单元{door}室"
#: A town does not lead a courier to a door.
VAGUE_PLACE = "浙江省杭州市西湖区转塘街道"

_NAMES = ("苏晓茜", "谭宇平", "吴美萍", "刘晓兰", "田雪芳", "李子刚", "宋家伟", "韦淑芳")
_LOAN = {
    "产品类型": "消费贷",
    "产品名称": "随心消费贷",
    "收件人身份": "债务人",
    "放款金额": "30000",
    "剩余本金": "20000",
    "利息": "0",
    "罚息": "0",
    "费用": "0",
    "已还金额": "10000",
    "金额截止日": "2026-11-24",
    "放款日期": "2024-01-12",
    "到期日期": "2027-01-11",
    "逾期起始日": "2025-09-01",
    "综合年化成本": "15.00%",
    "案件状态": "未结清",
    "有无争议": "否",
    "债务人状态": "正常",
    "特殊情形": "无",
    "债权是否转让": "否",
    "征信是否已事先告知": "是",
}


def id_number(person: int) -> str:
    """An ID number with its check character; the serial belongs to nobody's town."""
    digits = f"42062419900101{person:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return digits + "10X98765432"[sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % 11]


def case_row(person: int, case: int, *, places: tuple[str, ...] = (FIRST_PLACE,), **changes: Any) -> dict[str, str]:
    """Case `case` of person `person`, who lives at `places`; `changes` by header."""
    row = {
        "案件编号": f"AJ2026-{case:07d}",
        "合同编号": f"HT2026{case:08d}",
        "姓名": _NAMES[person % len(_NAMES)],
        "身份证号": id_number(person),
        "手机号1": f"164{person:08d}",
        **_LOAN,
    }
    for n, place in enumerate(places, 1):
        row |= {
            f"地址{n}": place.format(door=100 + person),
            f"地址{n}来源": "合同",
            f"地址{n}依据": "履行合同",
            f"地址{n}日期": f"2024-0{n}-12",
            f"地址{n}有效期": "2031-01-12",
            f"地址{n}归属": "债务人",
        }
    return row | changes


def write_rows(path: Path, *rows: dict[str, str]) -> Path:
    headers = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, headers, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path
