"""The canonical line and the lines of the label."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from songda.address.compiled.write import LINE_WIDTH

One = Callable[[str | None], dict[str, Any]]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("广东深圳南山区科技园南路１２号３栋１单元５０２", "广东省深圳市南山区科技园南路12号3号楼1单元502室"),
        ("浙江杭州下城区延安路295号", "浙江省杭州市拱墅区延安路295号"),
        ("上海上海宝山区杨泰路1533弄80号二〇一室", "上海市宝山区杨泰路1533弄80号201室"),
        ("四川成都龙泉驿区洛带镇老街村五组12号", "四川省成都市龙泉驿区洛带镇老街村5组12号"),
        ("江苏苏州姑苏区人民路12号锦绣大厦B座二层东户", "江苏省苏州市姑苏区人民路12号锦绣大厦B座2层东户"),
        ("江苏苏州姑苏区人民路观前小学旁", "江苏省苏州市姑苏区人民路(观前小学附近)"),
        ("江苏苏州姑苏区人民路12号观前小学旁", "江苏省苏州市姑苏区人民路12号"),
        ("江苏苏州姑苏区铁山路与新华路交叉口", "江苏省苏州市姑苏区铁山路与新华路交叉口"),
        ("海南海口乐东黎族自治县抱由镇乐祥路3号", "海南省乐东黎族自治县抱由镇乐祥路3号"),
        ("江苏苏州姑苏区八一路十二号", "江苏省苏州市姑苏区八一路12号"),
    ],
)
def test_one_canonical_line(one: One, text: str, line: str) -> None:
    assert one(text)["standard"] == line


def test_a_text_without_anything_has_no_line(one: One) -> None:
    assert one("无")["standard"] is None
    assert one("无")["label"] == []


def _width(line: str) -> float:
    return sum(0.5 if char.isascii() else 1 for char in line)


@pytest.mark.parametrize(
    "text",
    [
        "新疆维吾尔自治区克孜勒苏柯尔克孜自治州阿克陶县人民路12号锦绣花园3栋1单元502室",
        "广东省深圳市南山区科技园南路12号3栋1单元502室",
        "上海市宝山区" + "锦绣" * 30 + "花园3栋502室",
        "北京市朝阳区建国路" + "9" * 7 + "号" + "A" * 60,
    ],
)
def test_lines_fit_the_window_and_lose_nothing(one: One, text: str) -> None:
    row = one(text)
    assert "".join(row["label"]) == row["standard"]
    assert all(0 < 2 * _width(line) <= LINE_WIDTH for line in row["label"])


def test_a_door_is_not_cut(one: One) -> None:
    assert one("广东省深圳市南山区科技园南路12号3栋1单元502室")["label"][-1] == "3号楼1单元502室"
