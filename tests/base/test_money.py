import pytest
from hypothesis import given
from hypothesis import strategies as st

from songda.base.money import MAX_FEN, parse_yuan, yuan


@given(st.integers(-MAX_FEN, MAX_FEN))
def test_what_is_written_reads_back(fen: int) -> None:
    assert parse_yuan(yuan(fen)) == fen


@pytest.mark.parametrize(
    ("text", "fen"), [("1,234.50", 123450), ("￥12", 1200), ("0.1", 10), ("88元", 8800), ("1.500", 150)]
)
def test_amounts_as_people_write_them(text: str, fen: int) -> None:
    assert parse_yuan(text) == fen


@pytest.mark.parametrize("text", ["", "1e300", "1,23", "12.345", "十元", "nan", "1" * 20])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"amount|decimals"):
        parse_yuan(text)
