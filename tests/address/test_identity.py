"""Keys that do not depend on spelling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from songda.address import same_place, same_places, standardize

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
        (f"{_P}老街行政村12号", f"{_P}老街村12号"),
        (f"{_P}老街自然村12号", f"{_P}老街村民委员会12号"),
        ("北京北京朝阳区中国北京北京朝阳区望京街8号院2号楼", "北京市朝阳区望京街8号院2号楼"),
    ],
)
def test_two_spellings_of_one_door_share_the_key(one: One, a: str, b: str) -> None:
    first, second = one(a), one(b)
    assert first["place_key"] == second["place_key"]
    assert same_place(first, second).verdict in ("same_door", "same_estate", "same_building")


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
    assert same_place(first, second).verdict == same_place(second, first).verdict
    assert same_place(first, second).verdict in ("conflict", "unknown")


@pytest.mark.parametrize(
    ("shorter", "verdict"),
    [
        ("人民路12号锦绣花园3栋1单元", "same_building"),
        ("人民路12号锦绣花园3栋", "same_building"),
        ("人民路12号锦绣花园", "same_estate"),
        ("人民路12号", "same_estate"),
        ("人民路", "same_estate"),
    ],
)
def test_a_text_that_lacks_the_room_shares_the_keys_above_it(one: One, shorter: str, verdict: str) -> None:
    whole, less = one(_DOOR), one(_P + shorter)
    assert less["place_key"] in whole["place_keys"][:-1]
    assert same_place(less, whole).verdict == verdict
    assert same_place(whole, less).verdict == verdict


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
    assert same_place(with_town, without).verdict == "same_door"


def test_a_place_without_division_has_no_key(one: One) -> None:
    row = one("鼓楼区中山北路12号")
    assert (row["place_key"], row["place_keys"]) == (None, [])
    assert same_place(row, row).verdict == "unknown"


@pytest.mark.parametrize(
    ("a", "b", "match"),
    [
        ("人民路12号3栋502室", "人民路12号3栋501室", ("conflict", "building", "room: 502 ≠ 501")),
        ("人民路12号", "人民路14号", ("conflict", "road", "road_no: 12 ≠ 14")),
        ("人民路12号3栋502室", "锦绣花园3栋502室", ("unknown", "room", "no part in common")),
        ("锦绣花园3栋502室", "锦绣花园3栋", ("same_building", "building", "room only on one side")),
    ],
)
def test_the_reason_names_the_part_that_decides(a: str, b: str, match: tuple[str, str, str]) -> None:
    assert same_place(_P + a, _P + b) == match


def test_many_pairs_at_once_are_as_one_by_one() -> None:
    texts = [_DOOR, f"{_P}人民路12号", f"{_P}锦绣花园3栋", "无", f"{_P}人民路14号"]
    keys = standardize(texts)["place_key"]
    for shift in range(len(texts)):
        other = pl.concat([keys[shift:], keys[:shift]])
        rows = same_places(keys, other).rows()
        single = [same_place({"place_key": a}, {"place_key": b}) for a, b in zip(keys, other, strict=True)]
        assert rows == single
