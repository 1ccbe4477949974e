"""Level, completeness, confidence."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from songda.address import frames, score, standardize
from songda.address.compiled import settled

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
    assert sure > 0.8
    for doubtful in ("鼓楼区人民路12号", "杭州市江干区凤起东路12号", f"{_P}人民路12号或者{_P}文昌路3号院"):
        assert one(doubtful)["confidence"] < sure


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("不详", 0.1),
        ("", 0.1),
        (None, 0.1),
        ("Flat 3, 12 Example Road", 0.1),
        ("锟斤拷锟斤拷路12号", 0.1),
        ("北京市\ufffd\ufffd区人民路", 0.1),
        (f"{_P}详细地址不详", 0.1),
        (f"{_P}人民路12号" * 60, 0.3),
        ("鼓楼区中山北路12号", 0.3),
        ("朝阳区望京街8号院", 0.3),
    ],
)
def test_what_is_no_address_or_leaves_the_place_open_is_never_believed(one: One, text: str | None, most: float) -> None:
    assert 0 < one(text)["confidence"] <= most


def test_a_garbled_text_is_believed_less_than_a_plain_one(one: One) -> None:
    plain = one(f"{_P}平江街道人民路12号锦绣花园3栋2单元502室")["confidence"]
    assert one(f"{_P}江平街首人民民12号的锦秀圆号3冻502")["confidence"] < plain


def test_a_row_is_judged_alike_alone_and_in_a_batch(one: One) -> None:
    texts = [f"{_P}人民路12号", "无", "鼓楼区中山北路12号", None, "南山区科技园南路12号2栋", "老街村5组12号"]
    assert standardize(texts)["confidence"].to_list() == [one(text)["confidence"] for text in texts]


def test_parts_and_issues_stand_in_the_order_of_the_bits() -> None:
    assert score.PARTS == frames._PARTS
    for bit, name in enumerate(score.ISSUES):
        short = {"contradictory_divisions": "CONTRADICTORY", "division_from_town": "FROM_TOWN"}.get(name, name.upper())
        assert getattr(settled, short) == 1 << bit


def test_the_figures_name_facts_and_measures_that_exist() -> None:
    fitted = score._figures()["confidence"]
    assert set(fitted["weight"]) <= set(score.FACTS)
    assert tuple(fitted["curve"]) == score.MEASURES
    for curve in fitted["curve"].values():
        assert len(curve["at"]) == len(curve["add"])
        assert all(a < b for a, b in pairwise(curve["at"]))


def _one_by_one(shown: NDArray[np.float32]) -> list[float]:
    """`score.confidence` row by row, as score.toml reads."""
    figures = score._figures()
    names = (*score.FACTS, *score.MEASURES, *score.LIMITS)
    found = []
    for row in shown.T:
        value = dict(zip(names, row.tolist(), strict=True))
        odds = figures["confidence"]["start"]
        odds += sum(value[name] * weight for name, weight in figures["confidence"]["weight"].items())
        for name, curve in figures["confidence"]["curve"].items():
            at, add = curve["at"], curve["add"]
            x = min(max(value[name], at[0]), at[-1])
            i = next(i for i in range(len(at) - 1) if x <= at[i + 1])
            odds += add[i] + (add[i + 1] - add[i]) * (x - at[i]) / (at[i + 1] - at[i])
        sure = 1 / (1 + math.exp(-odds))
        found.append(min([sure, *(figures["limit"][name] for name in score.LIMITS if value[name])]))
    return found


def test_the_judgement_of_a_chunk_is_that_of_each_row() -> None:
    rng = np.random.default_rng(4)
    rows, facts, limits = 400, len(score.FACTS), len(score.LIMITS)
    shown = np.concatenate(
        [
            rng.random((facts, rows)) < 0.2,
            rng.normal(2, 6, (len(score.MEASURES), rows)),
            rng.random((limits, rows)) < 0.05,
        ]
    ).astype(np.float32)
    assert score.confidence(shown) == pytest.approx(_one_by_one(shown), abs=6e-4)
