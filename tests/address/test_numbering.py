"""Chinese numerals of doors: the kernel against its reference."""

from __future__ import annotations

import numpy as np
import pytest
from bench.spelling import number
from hypothesis import given, settings
from hypothesis import strategies as st

from songda.address.compiled.numbering import numeral
from songda.address.compiled.tokens import new_text

TEXT = new_text()


def read(text: str) -> int | None:
    TEXT.char[: len(text)] = np.array([ord(char) for char in text], np.int32)
    value, end = numeral(TEXT, 0, len(text))
    return value if end == len(text) and text else None


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
    assert read(text) == value


@settings(deadline=None)  # the first call compiles
@given(st.text(alphabet="零〇一二三四五六七八九十百廿卅两壹贰叁", min_size=1, max_size=6))
def test_the_kernel_counts_as_its_reference_does(text: str) -> None:
    assert read(text) == number(text)
