"""Waybill numbers: their shapes, the S10 check digit, and ranges of numbers handed out in advance.

>>> is_waybill("LZ290346175CN"), is_waybill("LZ290346176CN"), is_waybill("9812345678906")
(True, False, True)
>>> list(waybill_numbers("1100000000009", "1100000000011"))
['1100000000009', '1100000000010', '1100000000011']
"""

from __future__ import annotations

import re
from collections.abc import Iterator

#: Thirteen digits. No check digit is known: those of EAN-13 and S10 both fail on real numbers.
DOMESTIC = re.compile(r"[0-9]{13}")
#: Registered and appointment letters: two letters and eleven digits; inner structure unknown.
REGISTERED = re.compile(r"[A-Z]{2}[0-9]{11}")
S10 = re.compile(r"[A-Z]{2}([0-9]{8})([0-9])[A-Z]{2}")

_S10_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)


def s10_check_digit(serial: str) -> int:
    """Check digit of the eight digits of an S10 number (UPU S10: 11 minus weighted sum mod 11; 10 → 0, 11 → 5)."""
    if not re.fullmatch(r"[0-9]{8}", serial):
        raise ValueError("an S10 serial has eight digits")
    check = 11 - sum(int(digit) * weight for digit, weight in zip(serial, _S10_WEIGHTS, strict=True)) % 11
    return {10: 0, 11: 5}.get(check, check)


def is_waybill(number: str) -> bool:
    """Whether `number` has one of the three known shapes (and, for S10, the right check digit)."""
    if match := S10.fullmatch(number):
        return s10_check_digit(match[1]) == int(match[2])
    return bool(DOMESTIC.fullmatch(number) or REGISTERED.fullmatch(number))


def waybill_fault(number: str, *, pattern: str | None = None) -> str | None:
    """What is wrong with a number that a person typed: `shape`, `check_digit`, or None.

    `pattern`: what the contract says of its numbers (regular expression, whole number), in place of the known shapes.
    """
    fits = re.fullmatch(pattern, number) is not None if pattern else is_waybill(number) or S10.fullmatch(number)
    if not fits:
        return "shape"
    return "check_digit" if S10.fullmatch(number) and not is_waybill(number) else None


def waybill_numbers(first: str, last: str) -> Iterator[str]:
    """Every number of a pre-allocated range, both ends included; lazily, so that a range may hold millions.

    Letters and the number of digits must be the same at both ends. S10 ranges run over the serial and carry their
    check digit. Raises ValueError for ends that are no waybill numbers, differ in shape, or stand the wrong way round.
    """
    if not (is_waybill(first) and is_waybill(last)):
        raise ValueError("the ends of a range are waybill numbers")
    shape, prefix, suffix = _shape(first)
    if _shape(last) != (shape, prefix, suffix):
        raise ValueError("the ends of a range differ in shape")
    if shape is S10:
        low, high = int(first[2:10]), int(last[2:10])
        numbers = (_s10(prefix, serial, suffix) for serial in range(low, high + 1))
    else:
        digits = 13 - len(prefix)
        low, high = int(first[len(prefix) :]), int(last[len(prefix) :])
        numbers = (f"{prefix}{serial:0{digits}d}" for serial in range(low, high + 1))
    if low > high:
        raise ValueError("a range begins with its lower number")
    return numbers


def _shape(number: str) -> tuple[re.Pattern[str], str, str]:
    """Which shape a number has, and the letters before and after its digits."""
    if S10.fullmatch(number):
        return S10, number[:2], number[-2:]
    return (DOMESTIC, "", "") if DOMESTIC.fullmatch(number) else (REGISTERED, number[:2], "")


def _s10(service: str, serial: int, country: str) -> str:
    return f"{service}{serial:08d}{s10_check_digit(f'{serial:08d}')}{country}"
