"""Towns: 街道, 镇, 乡 in the county known so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

One = Callable[[str | None], dict[str, Any]]


@pytest.mark.parametrize(
    ("text", "town", "code"),
    [
        ("上海市浦东新区惠南镇人民西路10号", "惠南镇", "310115131"),
        ("湖北省仙桃市干河街道桃园路6号", "干河街道", "429004002"),
        ("江苏省苏州市姑苏区平江街道办事处观前街1号", "平江街道", None),
        ("江苏省苏州市姑苏区平江街道办观前街1号", "平江街道", None),
        ("新疆图木舒克市前海街道锦绣街5号", "前海街道", None),
        ("海南省乐东黎族自治县抱由镇乐祥路3号", "抱由镇", "469027100"),
        ("上海市宝山区宝山区罗店镇市一路1号", "罗店镇", None),
        ("广东深圳龙岗区坂田 岗头路1号", "坂田街道", None),
        ("四川省成都市龙泉驿区洛带镇老街村5组12号", "洛带镇", None),
    ],
)
def test_a_town_of_the_county(one: One, text: str, town: str, code: str | None) -> None:
    row = one(text)
    assert row["town"] == town
    assert row["town_code"]
    assert row["town_code"].startswith(row["adcode"])
    if code:
        assert row["town_code"] == code


@pytest.mark.parametrize(
    ("text", "town", "correction"),
    [
        ("江苏省南通市通州区金沙镇人民路18号", "金沙街道", "town:金沙镇>金沙街道:class changed"),
        ("四川省成都市郫都区郫筒镇东大街1号", "郫筒街道", "town:郫筒镇>郫筒街道:class changed"),
        ("安徽淮北杜集区高岳镇朝阳路1号", "高岳街道", "town:高岳镇>高岳街道:class changed"),
    ],
)
def test_a_town_that_only_changed_its_class_is_todays(one: One, text: str, town: str, correction: str) -> None:
    row = one(text)
    assert row["town"] == town
    assert correction in row["corrections"]


def test_a_town_that_the_county_does_not_have_is_kept_and_marked(one: One) -> None:
    row = one("江苏省镇江市丹阳市无此镇人民路1号")
    assert (row["town"], row["town_code"]) == ("无此镇", None)
    assert "unknown_town" in row["issues"]


def test_county_and_town_of_the_same_name_are_two(one: One) -> None:
    row = one("上海市嘉定区嘉定镇街道塔城路1号")
    assert (row["district"], row["town"]) == ("嘉定区", "嘉定镇街道")


def test_a_town_repeated_is_one(one: One) -> None:
    row = one("河南新乡牧野区新辉路街道新辉路街道宏力大道1号")
    assert row["town"] == "新辉路街道"
    assert row["standard"].count("新辉路街道") == 1


def test_an_institution_that_bears_the_name_of_a_town_stays_whole(one: One) -> None:
    row = one("上海市浦东新区惠南镇中心小学")
    assert row["town"] == "惠南镇"
    assert "小学" in row["poi"]


def test_a_town_without_county_tells_it_when_no_other_bears_the_name(one: One) -> None:
    row = one("洛带镇老街村5组12号")
    assert (row["district"], row["town"]) == ("龙泉驿区", "洛带镇")
    assert "division_from_town" in row["issues"]


def test_a_town_without_county_whose_name_many_bear_stays_open(one: One) -> None:
    row = one("城关镇人民路1号")
    assert row["adcode"] is None
    assert len(row["alternatives"]) > 1
    assert "ambiguous_town" in row["issues"]
