import pytest
from hypothesis import given
from hypothesis import strategies as st

from songda.carriers import is_waybill, waybill_numbers
from songda.carriers.waybill import s10_check_digit


@pytest.mark.parametrize(("serial", "digit"), [("29034617", 5), ("29234678", 8), ("29233982", 7), ("47312482", 9)])
def test_check_digits_of_real_s10_numbers(serial, digit):
    assert s10_check_digit(serial) == digit
    assert is_waybill(f"LZ{serial}{digit}CN")
    assert not is_waybill(f"LZ{serial}{(digit + 1) % 10}CN")


@pytest.mark.parametrize(
    ("number", "valid"),
    [
        ("9812345678906", True),
        ("981234567890", False),
        ("98123456789066", False),
        ("XK00000000001", True),
        ("xk00000000001", False),
        ("XK0000000001", False),
        ("９８１２３４５６７８９０６", False),
        ("9812345678906\n", False),
        ("", False),
    ],
)
def test_shapes_of_waybill_numbers(number, valid):
    assert is_waybill(number) is valid


def test_range_counts_in_each_shape():
    assert list(waybill_numbers("0000000000099", "0000000000101")) == [
        "0000000000099",
        "0000000000100",
        "0000000000101",
    ]
    assert list(waybill_numbers("XK00000000009", "XK00000000010")) == ["XK00000000009", "XK00000000010"]
    assert list(waybill_numbers("RA290346175CN", "RA290346184CN")) == ["RA290346175CN", "RA290346184CN"]


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("1100000000011", "1100000000009"),
        ("XK00000000001", "XL00000000002"),
        ("XK00000000001", "1100000000009"),
        ("RA290346175CN", "RB290346175CN"),
        ("12", "13"),
    ],
)
def test_range_whose_ends_do_not_fit_is_refused_at_once(first, last):
    with pytest.raises(ValueError, match="range"):
        waybill_numbers(first, last)


def test_range_of_millions_is_lazy():
    assert next(waybill_numbers("1000000000000", "9999999999999")) == "1000000000000"


@given(st.integers(0, 10**8 - 60), st.integers(0, 50))
def test_every_number_of_an_s10_range_is_valid_and_new(start, length):
    ends = [f"RA{n:08d}{s10_check_digit(f'{n:08d}')}CN" for n in (start, start + length)]
    numbers = list(waybill_numbers(*ends))
    assert len(set(numbers)) == length + 1
    assert all(map(is_waybill, numbers))
