"""Keys that do not depend on spelling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from songda.address import same_place, standardize

One = Callable[[str | None], dict[str, Any]]
_P = "江苏省苏州市姑苏区"
_DOOR = f"{_P}人民路12号锦绣花园3栋1单元502室"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (f"{_P}锦绣花园3栋1单元502室", f"{_P}锦绣花园三号楼一单元五〇二室"),
        (f"{_P}锦绣花园3栋1单元502室", f"{_P}锦绣花园3-1-502"),
        (f"{_P}锦绣花园3栋1单元502室", "苏州姑苏区锦绣花园３＃１单元５０２"),
        (f"{_P}锦绣花园B座502室", f"{_P}锦绣花园b座502"),
        (f"{_P}锦绣花园03栋502室", f"{_P}锦绣花园3栋502室"),
        (f"{_P}锦绣花园小区3栋", f"{_P}锦绣花园3栋"),
        (f"{_P}人民路12号", f"{_P}人民路十二号"),
        (f"{_P}人民路12号", f"{_P}人民路12"),
        (f"{_P}人民路32弄7号", f"{_P}人民路32巷7号"),
        (f"{_P}锦绣花园二期3栋", f"{_P}锦绣花园2期3栋"),
        ("浙江杭州下城区延安路２９５号二单元301", "浙江省杭州市拱墅区延安路295号2单元301室"),
        ("上海市闸北区共和新路100号", "上海市静安区共和新路100号"),
        ("湖北省襄樊市襄城区内环路3号", "湖北襄阳襄城区内环路3号"),
        ("江苏省通州市金沙镇人民路18号", "江苏省南通市通州区金沙街道人民路18号"),
        (f"{_P}铁山路与新华路交叉口", f"{_P}新华路和铁山路交叉口"),
        (f"{_P}老街村五组12号", f"{_P}老街村5组12号"),
        ("北京北京朝阳区中国北京北京朝阳区望京街8号院2号楼", "北京市朝阳区望京街8号院2号楼"),
    ],
)
def test_two_spellings_of_one_door_share_the_key(one: One, a: str, b: str) -> None:
    first, second = one(a), one(b)
    assert first["place_key"] == second["place_key"]
    assert same_place(first["place_keys"], second["place_keys"]) == "same"


@pytest.mark.parametrize(
    "other",
    [
        f"{_P}人民路12号锦绣花园3栋1单元503室",
        f"{_P}人民路12号锦绣花园3栋2单元502室",
        f"{_P}人民路12号锦绣花园4栋1单元502室",
        f"{_P}人民路14号锦绣花园3栋1单元502室",
        f"{_P}文昌路12号锦绣花园3栋1单元502室",
        "江苏省苏州市吴中区人民路12号锦绣花园3栋1单元502室",
        "江苏省南京市鼓楼区人民路12号锦绣花园3栋1单元502室",
        "",
        "无",
    ],
)
def test_another_door_is_different(one: One, other: str) -> None:
    first, second = one(_DOOR), one(other)
    assert first["place_key"] != second["place_key"]
    assert same_place(first["place_keys"], second["place_keys"]) == "different"
    assert same_place(second["place_keys"], first["place_keys"]) == "different"


@pytest.mark.parametrize(
    "shorter", ["人民路12号锦绣花园3栋1单元", "人民路12号锦绣花园3栋", "人民路12号锦绣花园", "人民路12号", "人民路"]
)
def test_a_text_that_lacks_the_room_shares_the_keys_above_it(one: One, shorter: str) -> None:
    whole, less = one(_DOOR), one(_P + shorter)
    assert less["place_key"] in whole["place_keys"][:-1]
    assert same_place(less["place_keys"], whole["place_keys"]) == "less_precise"
    assert same_place(whole["place_keys"], less["place_keys"]) == "less_precise"


def test_keys_run_from_coarse_to_fine_and_end_with_the_place(one: One) -> None:
    row = one(_DOOR)
    assert row["place_keys"] == [
        "320508",
        "320508;r=人民路",
        "320508;r=人民路;n=12",
        "320508;r=人民路;n=12;p=锦绣花园",
        "320508;r=人民路;n=12;p=锦绣花园;b=3",
        "320508;r=人民路;n=12;p=锦绣花园;b=3;u=1",
        "320508;r=人民路;n=12;p=锦绣花园;b=3;u=1;m=502",
    ]
    assert row["place_key"] == row["place_keys"][-1]


def test_the_town_does_not_part_two_texts_with_the_same_road(one: One) -> None:
    with_town = one("江苏省南通市通州区金沙街道人民路18号3栋")
    without = one("江苏省南通市通州区人民路18号3栋")
    assert "320612;r=人民路;n=18" in {*with_town["place_keys"]} & {*without["place_keys"]}
    assert same_place(with_town["place_keys"], without["place_keys"]) == "same"


def test_a_place_without_division_has_no_key(one: One) -> None:
    row = one("鼓楼区中山北路12号")
    assert (row["place_key"], row["place_keys"]) == (None, [])
    assert same_place(row["place_keys"], row["place_keys"]) == "different"


def test_cells_of_the_frame_compare_as_they_are() -> None:
    keys = standardize([_DOOR, _DOOR])["place_keys"]
    assert same_place(keys[0], keys[1]) == "same"
