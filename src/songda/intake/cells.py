"""One reader a kind of value: a cell in, our value out, or a `BadCell` that says what is wrong.

    >>> read_day("2026年1月2日", Reading(as_of=date(2026, 3, 1), when="past"))
    datetime.date(2026, 1, 2)
    >>> read_yuan("1,234.50", Reading(as_of=date(2026, 3, 1)))
    123450

A cell is what a spreadsheet holds: text, a number, a day, true or false; in a CSV all are text. `clean` runs before
every reader: it strips blanks and refuses what nobody can see.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any, TypeAlias

from songda.base.money import parse_yuan
from songda.intake.fields import fold, vocabulary, words
from songda.intake.identity import code_point, id_number, person_name, phones
from songda.intake.problems import BadCell

Cell: TypeAlias = str | float | bool | date | datetime | time | timedelta

#: Longest text of one cell. A real address has under 100 characters.
TEXT_LIMIT = 500
CODE_LIMIT = 64
#: What a letter takes for one variable of a template (songda.letters.wording.value_problem).
OWN_TEXT_LIMIT = 200
#: Whole numbers up to here are exact in a spreadsheet, which keeps 15 digits.
_EXACT = 10**15
_ERRORS = frozenset({"#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!"})
_SCIENTIFIC = re.compile(r"[+-]?\d(?:\.\d+)?E\+\d+", re.IGNORECASE)
_TRAILING_ZERO = re.compile(r"\d{5,}\.0+")

#: What may stand around a value. Not all that str.strip() takes: some control characters count as blanks there.
_BLANKS = " \t\r\n\u00a0\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_CONTROL = "\x00-\x1f\x7f-\x9f\u2028\u2029"
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_INVISIBLE = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff\U0001d173-\U0001d17a"
)
_PRIVATE = "\ud800-\udfff\ue000-\uf8ff\ufffc-\uffff\U000f0000-\U0010ffff"
_REFUSED = {
    "control_character": re.compile(f"[{_CONTROL}]"),
    "bidi_character": re.compile(f"[{_BIDI}]"),
    "invisible_character": re.compile(f"[{_INVISIBLE}]"),
    "private_character": re.compile(f"[{_PRIVATE}]"),
}
_ANY_REFUSED = re.compile(f"[{_CONTROL}{_BIDI}{_INVISIBLE}{_PRIVATE}]")
#: Alt+Enter and tabs inside running text are layout, not content.
_LINE_BREAKS = re.compile(r"[ \u3000]*[\r\n\t]+[ \u3000]*")
_RUNNING_TEXT = frozenset({"address", "text", "phone", "debtor_flags"})

_YEAR_FIRST = re.compile(
    r"(?P<y>\d{4})(?:-|/|\.|年)(?P<m>\d{1,2})(?:-|/|\.|月)(?P<d>\d{1,2})[日号]?"
    r"(?:[ T]+\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"
)
_EIGHT_DIGITS = re.compile(r"(?P<y>(?:19|20|21)\d{2})(?P<m>\d{2})(?P<d>\d{2})(?:\.0+)?")
_SHORT_YEAR = re.compile(r"\d{1,2}[-/.年]\d{1,2}[-/.月]\d{1,4}日?")
_SERIAL = re.compile(r"\d{1,5}(?:\.\d+)?")
#: Day 0 of spreadsheets for serials after 1900-02-28 (their calendar has a 1900-02-29 that never was).
_SERIAL_ZERO = date(1899, 12, 30)
#: Consumer credit in mainland China starts in the 1980s; contracts do not run beyond the century.
_FIRST_YEAR, _LAST_YEAR = 1980, 2100
_MAX_RATE = 5.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader must know beside the cell."""

    as_of: date
    #: For days: past | any.
    when: str = "any"
    #: The header says per cent.
    percent: bool = False


def clean(cell: Cell | None, *, kind: str) -> Cell | None:
    """The cell without blanks around it, or None when it says nothing.

    Raises BadCell for a text over TEXT_LIMIT, for a spreadsheet's error value and for characters that nobody can see.
    """
    if not isinstance(cell, str):
        return cell
    text = cell.strip(_BLANKS)
    if not text:
        return None
    if len(text) > TEXT_LIMIT:
        raise BadCell("too_long", length=len(text), limit=TEXT_LIMIT)
    if _ANY_REFUSED.search(text):
        if kind in _RUNNING_TEXT:
            text = _LINE_BREAKS.sub(" ", text)
        for code, pattern in _REFUSED.items():
            if found := pattern.search(text):
                raise BadCell(code, point=code_point(found[0]), position=found.start() + 1)
    if len(text) <= 5 and text.lower() in _silence():
        return None
    if text[0] == "#" and text.upper() in _ERRORS:
        raise BadCell("spreadsheet_error")
    return text


@cache
def _silence() -> frozenset[str]:
    return frozenset(words("silence")["words"])


def displayed(cell: Cell | None) -> str:
    """The cell as the person sees it in the spreadsheet, for handing rows back."""
    if cell is None or isinstance(cell, str):
        return cell or ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float | int):
        return f"{cell:.15g}".upper()
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(" ")
    return str(cell)


def read_code(cell: Cell, reading: Reading) -> str:
    """An identifier as text. A number is taken only while a spreadsheet keeps it exactly."""
    text = _whole_number(cell) if isinstance(cell, float | int) and not isinstance(cell, bool) else _text(cell)
    if _SCIENTIFIC.fullmatch(text):
        raise BadCell("mangled_number")
    if _TRAILING_ZERO.fullmatch(text):
        raise BadCell("trailing_zero")
    text = unicodedata.normalize("NFKC", text)
    if len(text) > CODE_LIMIT:
        raise BadCell("code_length", length=len(text), limit=CODE_LIMIT)
    return text


def _whole_number(cell: float) -> str:
    if not abs(cell) < _EXACT or cell != int(cell):
        raise BadCell("mangled_number")
    return str(int(cell))


def _text(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, float | int) and not isinstance(cell, bool):
        return f"{cell:.15g}"
    raise BadCell("not_text")


def read_text(cell: Cell, reading: Reading) -> str:
    """Running text; formula-like text stays text."""
    return _text(cell)


def read_own_text(cell: Cell, reading: Reading) -> str:
    """Text for a variable of a firm's own template."""
    text = _text(cell)
    if len(text) > OWN_TEXT_LIMIT:
        raise BadCell("too_long", length=len(text), limit=OWN_TEXT_LIMIT)
    return text


def read_whole(cell: Cell, reading: Reading) -> int:
    """A whole number that is not negative, below 10^15."""
    text = unicodedata.normalize("NFKC", _whole_or_text(cell))
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise BadCell("whole_number")
    return int(text)


def read_name(cell: Cell, reading: Reading) -> str:
    return person_name(_text(cell))


def read_id_number(cell: Cell, reading: Reading) -> str:
    if isinstance(cell, float | int) and not isinstance(cell, bool):
        raise BadCell("id_as_number")
    text = _text(cell)
    if _SCIENTIFIC.fullmatch(text):
        raise BadCell("id_as_number")
    if _TRAILING_ZERO.fullmatch(text):
        raise BadCell("trailing_zero")
    return id_number(text, as_of=reading.as_of)


def read_phones(cell: Cell, reading: Reading) -> list[str]:
    text = _whole_number(cell) if isinstance(cell, float | int) and not isinstance(cell, bool) else _text(cell)
    if _SCIENTIFIC.fullmatch(text):
        raise BadCell("mangled_number")
    if _TRAILING_ZERO.fullmatch(text):
        raise BadCell("trailing_zero")
    return phones(text)


def read_phone(cell: Cell, reading: Reading) -> str | None:
    numbers = read_phones(cell, reading)
    if len(numbers) > 1:
        raise BadCell("phone_several")
    return numbers[0] if numbers else None


def read_yuan(cell: Cell, reading: Reading) -> int:
    """Fen. A number is read with the 15 digits that a spreadsheet keeps."""
    if isinstance(cell, bool | date | time | timedelta):
        raise BadCell("amount_form")
    if isinstance(cell, float | int):
        if not abs(cell) < _EXACT:
            raise BadCell("amount_too_large")
        text = f"{cell:.15g}"
        # Below 0.0001 the 15 digits come with an exponent.
        text = f"{cell:.15f}" if "e" in text else text
    else:
        text = unicodedata.normalize("NFKC", cell)
    try:
        fen = parse_yuan(text)
    except ValueError as error:
        reasons = {"more than two decimals": "amount_decimals", "amount too large": "amount_too_large"}
        raise BadCell(reasons.get(str(error), _amount_reason(text))) from None
    if fen < 0:
        raise BadCell("amount_negative")
    return fen


def _amount_reason(text: str) -> str:
    exponent = re.fullmatch(r"[+-]?\d+(?:\.\d+)?[Ee]\+?(\d+)", text)
    if exponent is None:
        return "amount_form"
    return "amount_too_large" if len(exponent[1]) > 2 or int(exponent[1]) > 12 else "mangled_number"


def read_rate(cell: Cell, reading: Reading) -> float:
    """A share a year: 0.24 for `24%`, for `0.24`, and for `24` under a header that says per cent."""
    percent = reading.percent
    if isinstance(cell, float | int) and not isinstance(cell, bool):
        value = float(cell)
    else:
        text = unicodedata.normalize("NFKC", _text(cell)).replace(" ", "")
        if text.endswith("%"):
            text, percent = text[:-1], True
        if not re.fullmatch(r"\d+(\.\d+)?", text):
            raise BadCell("rate_form")
        value = float(text)
        if percent and not reading.percent:
            return _within(value / 100)
    # 0.24 under a header with % may be 0.24 % or a cell formatted as 24 %; 24 under one without may be 24 or 2400 %.
    if (reading.percent and 0 < value < 1) or (not reading.percent and value > 1):
        raise BadCell("rate_unit")
    return _within(value / 100 if reading.percent else value)


def _within(rate: float) -> float:
    if not 0 <= rate <= _MAX_RATE:
        raise BadCell("rate_range")
    return round(rate, 8)


def read_day(cell: Cell, reading: Reading) -> date:
    """A day: a spreadsheet's day or serial number, 2026-01-02, 2026/1/2, 20260102, 2026年1月2日."""
    day = _day(cell)
    if 1899 <= day.year <= 1900:
        raise BadCell("day_1900")
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise BadCell("day_range", first=_FIRST_YEAR, last=_LAST_YEAR)
    if reading.when == "past" and day > reading.as_of:
        raise BadCell("day_future")
    return day


def _day(cell: Cell) -> date:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    # Spreadsheets hold an empty or zero day as a time of 1900-01-00.
    if isinstance(cell, time | timedelta):
        raise BadCell("day_1900")
    if isinstance(cell, bool):
        raise BadCell("day_form")
    text = f"{cell:.15g}" if isinstance(cell, float | int) else unicodedata.normalize("NFKC", cell).strip()
    # Blanks around the marks are rare; most days match as they stand.
    compact = text if _YEAR_FIRST.fullmatch(text) else re.sub(r"\s*([-/.年月日号])\s*", r"\1", text)
    if match := _YEAR_FIRST.fullmatch(compact) or _EIGHT_DIGITS.fullmatch(compact):
        try:
            return date(int(match["y"]), int(match["m"]), int(match["d"]))
        except ValueError:
            raise BadCell("day_form") from None
    if _SERIAL.fullmatch(compact):
        return _SERIAL_ZERO + timedelta(days=int(float(compact)))
    raise BadCell("day_two_digit_year" if _SHORT_YEAR.fullmatch(compact) else "day_form")


def read_flag(cell: Cell, reading: Reading) -> bool:
    if isinstance(cell, bool):
        return cell
    text = _whole_or_text(cell)
    value = vocabulary("flag").values.get(fold(text))
    if value is None:
        raise BadCell("flag_word")
    return value == "true"


def read_flags(cell: Cell, reading: Reading) -> list[str]:
    """Circumstances of the debtor; the empty list for a word that says there are none."""
    parts = [fold(part) for part in re.split(r"[,，、;；/|\s]+", _whole_or_text(cell)) if part.strip()]
    none, known = vocabulary("debtor_flags_none").values, vocabulary("debtor_flags")
    if any(part in none for part in parts):
        if len(parts) > 1:
            raise BadCell("flags_none_mixed")
        return []
    if any(part not in known.values for part in parts):
        raise BadCell("word", allowed=f"无、{known.allowed}")
    return list(dict.fromkeys(known.values[part] for part in parts))


def _word_reader(name: str) -> Callable[[Cell, Reading], str]:
    words_of = vocabulary(name)

    def read_word(cell: Cell, reading: Reading) -> str:
        value = words_of.values.get(fold(_whole_or_text(cell)))
        if value is None:
            raise BadCell("word", allowed=words_of.allowed)
        return value

    return read_word


def _whole_or_text(cell: Cell) -> str:
    if isinstance(cell, float | int) and not isinstance(cell, bool):
        return f"{cell:.15g}"
    return _text(cell)


#: Kind of headers.toml → reader.
_READERS: Mapping[str, Callable[[Cell, Reading], Any]] = {
    "code": read_code,
    "name": read_name,
    "id_number": read_id_number,
    "phone": read_phones,
    "phone_one": read_phone,
    "text": read_text,
    "own_text": read_own_text,
    "whole": read_whole,
    "address": read_text,
    "yuan": read_yuan,
    "day": read_day,
    "rate": read_rate,
    "flag": read_flag,
    "debtor_flags": read_flags,
}


@cache
def reader(kind: str) -> Callable[[Cell, Reading], Any]:
    """The reader of a kind of headers.toml; a kind without its own reader is a vocabulary of words.toml."""
    return _READERS.get(kind) or _word_reader(kind)
