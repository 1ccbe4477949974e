"""Chinese numerals of doors."""

from __future__ import annotations

import pytest

from songda.address.numerals import arabic, number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("一", 1),
        ("十", 10),
        ("十二", 12),
        ("二十", 20),
        ("三十一", 31),
        ("廿一", 21),
        ("卅", 30),
        ("一百", 100),
        ("一百零八", 108),
        ("三百二十", 320),
        ("一〇三", 103),
        ("五零一", 501),
        ("壹", 1),
        ("叁拾", 30),
        ("两", 2),
        ("2楼", None),
        ("", None),
        ("楼", None),
    ],
)
def test_value(text: str, value: int | None) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    ("text", "digits"),
    [("三十一", "31"), ("甲三", "甲3"), ("负一", "负1"), ("12号附三号", "12号附3号"), ("B2", "B2"), ("", "")],
)
def test_digits_for_numerals(text: str, digits: str) -> None:
    assert arabic(text) == digits
