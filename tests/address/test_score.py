"""Level, completeness, confidence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

One = Callable[[str | None], dict[str, Any]]
_P = "江苏省苏州市姑苏区"


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("无", "none"),
        ("江苏省", "province"),
        ("江苏省苏州市", "city"),
        (_P, "district"),
        (f"{_P}平江街道", "town"),
        ("四川省成都市龙泉驿区洛带镇老街村", "village"),
        (f"{_P}人民路", "road"),
        (f"{_P}人民路12号", "road_no"),
        (f"{_P}锦绣花园", "poi"),
        (f"{_P}锦绣花园3栋", "building"),
        (f"{_P}锦绣花园3栋1单元", "unit"),
        (f"{_P}锦绣大厦3栋2层", "floor"),
        (f"{_P}锦绣花园3栋502室", "room"),
    ],
)
def test_level_is_the_deepest_part(one: One, text: str, level: str) -> None:
    assert one(text)["level"] == level


def test_every_further_part_makes_an_address_more_complete(one: One) -> None:
    steps = ["无", "江苏省", "江苏省苏州市", _P, f"{_P}人民路", f"{_P}人民路12号锦绣花园", f"{_P}人民路12号锦绣花园3栋"]
    shares = [one(text)["completeness"] for text in (*steps, f"{_P}人民路12号锦绣花园3栋502室")]
    assert shares == sorted(set(shares))
    assert (shares[0], shares[-1]) == (0.0, 1.0)


def test_a_house_on_a_road_needs_no_room(one: One) -> None:
    assert one(f"{_P}人民路12号")["completeness"] == 1.0
    assert one("四川省成都市龙泉驿区洛带镇老街村5组12号")["completeness"] == 1.0


def test_doubt_lowers_the_confidence(one: One) -> None:
    sure = one(f"{_P}人民路12号")["confidence"]
    assert sure > 0.9
    for doubtful in ("鼓楼区人民路12号", "杭州市江干区凤起东路12号", f"{_P}", f"{_P}人民路12号或者{_P}文昌路3号院"):
        assert one(doubtful)["confidence"] < sure
