"""Names, ID numbers and phone numbers of people, checked.

    >>> id_number("11010519491231002x", as_of=date(2026, 1, 2))
    '11010519491231002X'
    >>> person_name("阿依古丽.买买提")
    '阿依古丽·买买提'
    >>> phones("+86 199-0000-0001、0531-88888888")
    ['19900000001', '053188888888']

The ID number of the first example is the one that GB 11643-1999 itself prints.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from functools import cache

from songda.intake.fields import fold, words
from songda.intake.problems import BadCell

#: GB 11643-1999: weights of the first 17 digits, and the check character for each remainder of 11.
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
#: Provincial codes of GB/T 2260, residence permits of Hong Kong, Macao and Taiwan (81-83), permanent residents (9…).
_REGIONS = frozenset(re.findall("..", "1112131415212223313233343536374142434445465051525354616263646571818283"))
_MAX_AGE_YEARS = 120
_ID = re.compile(r"\d{17}[\dX]")

_HAN = "〇㐀-䶿一-鿿豈-﫿\U00020000-\U000323af"
_NAME = re.compile(rf"[{_HAN}·A-Za-zÀ-ÖØ-öø-ÿ ]*")
_DOTS = str.maketrans(dict.fromkeys("•・‧∙･⋅●．", "·"))
_DOT_BETWEEN_HAN = re.compile(rf"(?<=[{_HAN}])\s*[.·]\s*(?=[{_HAN}])")
_BLANK_BETWEEN_HAN = re.compile(rf"(?<=[{_HAN}])\s+(?=[{_HAN}])")
_NAME_LIMIT = 50

_MOBILE = re.compile(r"1[3-9]\d{9}")
#: Area codes: 010, 02x with 8 digits; 03xx-09xx with 7 or 8 digits.
_LANDLINE = re.compile(r"0(?:10|2\d)\d{8}|0[3-9]\d{2}\d{7,8}")
_BETWEEN_PHONES = re.compile(r"[,，、;；/|\n]|(?<=\d{11})\s+(?=1\d{10})")
_IN_PHONE = re.compile(r"[\s\-—–()]+")
_PREFIX = re.compile(r"(?:\+|00)?86(?=1[3-9]\d{9}$)|\+86(?=\d)")


def id_number(text: str, *, as_of: date) -> str:
    """The 18 characters, upper case. Raises BadCell; one-off doubts are `doubtful_id`'s."""
    number = re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).upper()
    if "*" in number:
        raise BadCell("id_masked")
    if re.fullmatch(r"\d{15}", number):
        raise BadCell("id_15")
    if not _ID.fullmatch(number) or not number.isascii():
        raise BadCell("id_form", length=len(number))
    if _CHECKS[sum(int(d) * w for d, w in zip(number, _WEIGHTS, strict=False)) % 11] != number[17]:
        raise BadCell("id_precision" if number.endswith("000") else "id_checksum")
    if number[:2] not in _REGIONS and number[0] != "9":
        raise BadCell("id_region")
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise BadCell("id_birth") from None
    if born > as_of or as_of.year - born.year > _MAX_AGE_YEARS:
        raise BadCell("id_birth")
    return number


def doubtful_id(number: str) -> bool:
    """Whether a number that passed may still have lost its last digits to a spreadsheet (1 in 11 of those passes)."""
    return number.endswith("000")


def person_name(text: str) -> str:
    """The name with one kind of middle dot, no blanks between Hanzi and half-width letters. Raises BadCell."""
    # Only full-width ASCII is folded: NFKC would replace compatibility characters of real names.
    name = "".join(chr(ord(c) - 0xFEE0) if "！" <= c <= "～" and c != "．" else c for c in text)
    name = _BLANK_BETWEEN_HAN.sub("", re.sub(r"\s+", " ", name.translate(_DOTS)).strip())
    name = _DOT_BETWEEN_HAN.sub("·", name)
    if name[:1] in ("=", "+", "-", "@"):
        raise BadCell("name_formula")
    good = _NAME.match(name)
    end = good.end() if good else 0
    if end != len(name) and name[end] in "*×":
        raise BadCell("name_masked")
    if end != len(name):
        raise BadCell("name_character", point=code_point(name[end]), position=end + 1)
    if not 2 <= len(name) <= _NAME_LIMIT:
        raise BadCell("name_length", length=len(name), limit=_NAME_LIMIT)
    if fold(name) in _not_names() or name.endswith(tuple(words("no_name")["endings"])) or name.strip("· ") != name:
        raise BadCell("name_placeholder")
    return name


@cache
def _not_names() -> frozenset[str]:
    return frozenset(fold(word) for word in words("no_name")["words"])


def phones(text: str) -> list[str]:
    """Every number in the cell, digits only: mobiles of 11 digits, landlines with their area code. Raises BadCell."""
    numbers: list[str] = []
    for part in _BETWEEN_PHONES.split(unicodedata.normalize("NFKC", text)):
        digits = _PREFIX.sub("", _IN_PHONE.sub("", part))
        if not digits:
            continue
        if "*" in digits:
            raise BadCell("phone_masked")
        if not digits.isascii() or not (_MOBILE.fullmatch(digits) or _LANDLINE.fullmatch(digits)):
            raise BadCell("phone_form")
        numbers.append(digits)
    return numbers


def code_point(char: str) -> str:
    """`U+200B`, with the standard's name where it has one."""
    name = unicodedata.name(char, "")
    return f"U+{ord(char):04X}" + (f" {name}" if name else "")
