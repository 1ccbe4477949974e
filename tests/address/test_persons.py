"""Persons and their numbers are taken out and only marked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from songda.address.persons import remove_persons

One = Callable[[str | None], dict[str, Any]]
_TEXT = "江苏省苏州市姑苏区人民路12号锦绣花园3栋"


@pytest.mark.parametrize(
    ("stranger", "mark"),
    [
        ("13900000000", "[电话]"),
        ("139 0000 0000", "[电话]"),
        ("139-0000-0000", "[电话]"),
        ("１３９００００００００", "[电话]"),
        ("+86 13900000000", "[电话]"),
        ("电话:13900000000", "[电话]"),
        ("手机号13900000000", "[电话]"),
        ("0512-55550000", "[电话]"),
        ("110101199003070000", "[证件]"),
        ("11010119900307000X", "[证件]"),
        ("someone@example.com", "[邮箱]"),
        ("6222000000000000000", "[号码]"),
        ("6222 0000 0000 0000 000", "[号码]"),
        ("110101900307000", "[号码]"),
        ("E12345678", "[号码]"),
        ("wx12345678ab", "[号码]"),
        ("收件人:柳如烟", "[姓名]"),
        ("联系人柳如烟", "[姓名]"),
        ("柳如烟先生收", "[姓名]"),
        ("王小明女士", "[姓名]"),
        ("王小明 13900000000", "[姓名]"),
        ("13900000000 王小明", "[姓名]"),
    ],
)
def test_a_stranger_leaves_a_mark_and_no_trace(one: One, stranger: str, mark: str) -> None:
    row = one(f"{_TEXT} {stranger}")
    assert mark in row["noise"].split("|")
    shown = "".join(str(value) for name, value in row.items() if name != "text")
    assert stranger not in shown
    for name in ("柳如烟", "小明", "00000000", "someone", "12345678"):
        assert name not in shown
    assert row["place_key"] == one(_TEXT)["place_key"]


@pytest.mark.parametrize(
    "text",
    ["人民路1533弄80号201室", "锦绣花园17-1-2021", "人民路100号", "215000", "锦绣花园123456", "张家村12号", "王庄5组"],
)
def test_what_belongs_to_the_address_stays(text: str) -> None:
    assert remove_persons(text) == (text, [])


@pytest.mark.parametrize(
    "behind",
    ["王小明收", "刘女士收", "刘女士", " 王小明 收", "（王小明收）", "王小明13900000000", "室王小明13900000000"],
)
def test_a_name_behind_the_room_is_a_persons(one: One, behind: str) -> None:
    row = one(f"{_TEXT}1101{behind}")
    assert "[姓名]" in row["noise"].split("|")
    assert row["place_key"] == one(f"{_TEXT}1101")["place_key"]


@pytest.mark.parametrize("text", ["人民路12号金属回收", "人民路12号陈家庄13900000000", "人民路12号张家豆腐坊"])
def test_a_place_behind_the_number_is_no_person(text: str) -> None:
    assert "[姓名]" not in remove_persons(text)[1]


def test_a_label_without_blank_takes_the_name_only() -> None:
    rest, marks = remove_persons("联系人王小明上海市宝山区")
    assert (rest.strip(), marks) == ("上海市宝山区", ["[姓名]"])


def test_somebodys_home_is_dropped_in_a_village(one: One) -> None:
    row = one("四川省成都市龙泉驿区洛带镇老街村5组12号柳如烟家")
    assert row["noise"] == "[姓名]"
    assert row["road_no"] == "12号"
