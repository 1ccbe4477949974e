"""Dates, amounts, rates, flags, words and identifiers: each kind of cell, as text and as a spreadsheet holds it."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songda.base.money import yuan
from songda.intake.cells import Reading, clean, displayed, reader
from songda.intake.fields import vocabulary, words
from songda.intake.problems import BadCell, messages

TODAY = date(2026, 11, 24)
PAST, ANY = Reading(as_of=TODAY, when="past"), Reading(as_of=TODAY)


def read(kind, cell, reading=ANY):
    return reader(kind)(cell, reading)


def refusal(kind, cell, reading=ANY) -> str:
    with pytest.raises(BadCell) as caught:
        read(kind, cell, reading)
    return caught.value.code


@pytest.mark.parametrize(
    "cell",
    [
        "2026-01-02",
        "2026/1/2",
        "2026.01.02",
        "20260102",
        "2026年1月2日",
        "2026年01月02号",
        "2026 年 1 月 2 日",
        "２０２６－０１－０２",
        "2026-01-02 00:00:00",
        "2026-01-02T09:30",
        "46024",
        46024.0,
        46024.75,
        20260102.0,
        date(2026, 1, 2),
        datetime(2026, 1, 2, 9, 30),  # noqa: DTZ001 -- as a spreadsheet holds it
    ],
)
def test_every_usual_way_to_write_a_day_is_read(cell):
    assert read("day", cell, PAST) == date(2026, 1, 2)


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("1900-01-00", "day_form"),
        ("1900-01-01", "day_1900"),
        (date(1900, 1, 1), "day_1900"),
        (date(1899, 12, 31), "day_1900"),
        (0.0, "day_1900"),
        (1.0, "day_1900"),
        ("0", "day_1900"),
        (time(0, 0), "day_1900"),
        (timedelta(0), "day_1900"),
        ("1949-10-01", "day_range"),
        ("2101-01-01", "day_range"),
        ("9999-12-31", "day_range"),
        ("26-01-02", "day_two_digit_year"),
        ("1/2/2026", "day_two_digit_year"),
        ("01.02.26", "day_two_digit_year"),
        ("2026-02-30", "day_form"),
        ("2026-13-01", "day_form"),
        ("20261301", "day_form"),
        ("昨天", "day_form"),
        ("2026年1月", "day_form"),
        (True, "day_form"),
        (1e300, "day_form"),
        (-5.0, "day_form"),
        (float("nan"), "day_form"),
        ("2026-11-25", "day_future"),
    ],
)
def test_an_impossible_day_is_refused_with_its_reason(cell, code):
    assert refusal("day", cell, PAST) == code


def test_only_days_of_things_that_happened_must_lie_in_the_past():
    assert read("day", "2026-11-24", PAST) == TODAY
    assert read("day", "2031-03-15", ANY) == date(2031, 3, 15)


@given(st.dates(date(1980, 1, 1), date(2100, 12, 31)))
def test_a_day_means_the_same_in_every_spelling(day):
    serial = (day - date(1899, 12, 30)).days
    spellings = [day.isoformat(), f"{day:%Y/%m/%d}", f"{day:%Y%m%d}", f"{day.year}年{day.month}月{day.day}日", serial]
    assert {read("day", spelling if isinstance(spelling, str) else float(spelling)) for spelling in spellings} == {day}


@given(st.text(max_size=20) | st.floats())
def test_whatever_is_read_as_a_day_is_a_day_or_refused(cell):
    try:
        day = read("day", cell)
    except BadCell:
        return
    assert date(1980, 1, 1) <= day <= date(2100, 12, 31)


@pytest.mark.parametrize(
    ("cell", "fen"),
    [
        ("1234.50", 123450),
        ("1,234.5", 123450),
        ("￥1,234.50", 123450),
        ("1234.50元", 123450),
        ("１２３４．５", 123450),
        ("1234.500", 123450),
        ("0", 0),
        (1234.5, 123450),
        (0.1 + 0.2, 30),
        (1234567890.12, 123456789012),
        (0.0, 0),
    ],
)
def test_amounts_are_read_to_the_fen(cell, fen):
    assert read("yuan", cell) == fen


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("1e300", "amount_too_large"),
        ("1.2E+05", "mangled_number"),
        ("1E+300", "amount_too_large"),
        (1e300, "amount_too_large"),
        (float("inf"), "amount_too_large"),
        (float("nan"), "amount_too_large"),
        ("9" * 20, "amount_too_large"),
        ("-5", "amount_negative"),
        (-0.01, "amount_negative"),
        ("1.234", "amount_decimals"),
        (1.234, "amount_decimals"),
        (1e-7, "amount_decimals"),
        ("一千", "amount_form"),
        ("1.2万", "amount_form"),
        ("1.2.3", "amount_form"),
        ("12,34", "amount_form"),
        ("=1+1", "amount_form"),
        (True, "amount_form"),
        (date(2026, 1, 2), "amount_form"),
    ],
)
def test_what_is_not_an_amount_is_refused_with_its_reason(cell, code):
    assert refusal("yuan", cell) == code


@given(st.integers(0, 10**12))
def test_an_amount_survives_being_written_and_read(fen):
    assert read("yuan", yuan(fen)) == fen
    assert read("yuan", fen / 100) == fen


@pytest.mark.parametrize(
    ("cell", "percent", "rate"),
    [
        ("18%", False, 0.18),
        ("18 %", False, 0.18),
        ("0.18", False, 0.18),
        (0.18, False, 0.18),
        ("18", True, 0.18),
        (18.0, True, 0.18),
        ("18%", True, 0.18),
        ("0", False, 0.0),
        ("0.5%", False, 0.005),
        ("120%", False, 1.2),
    ],
)
def test_a_rate_is_a_share_a_year(cell, percent, rate):
    assert read("rate", cell, Reading(as_of=TODAY, percent=percent)) == pytest.approx(rate)


@pytest.mark.parametrize(
    ("cell", "percent", "code"),
    [
        ("18", False, "rate_unit"),
        (18.0, False, "rate_unit"),
        (0.18, True, "rate_unit"),
        ("600%", False, "rate_range"),
        ("-1%", False, "rate_form"),
        ("十八", False, "rate_form"),
        (-0.1, False, "rate_range"),
    ],
)
def test_a_rate_of_unclear_unit_is_refused_and_never_guessed(cell, percent, code):
    assert refusal("rate", cell, Reading(as_of=TODAY, percent=percent)) == code


@pytest.mark.parametrize(
    ("cell", "flag"),
    [
        ("是", True),
        ("否", False),
        ("有", True),
        ("无", False),
        ("Y", True),
        ("n", False),
        (1.0, True),
        (0.0, False),
        (True, True),
        ("FALSE", False),
    ],
)
def test_flags_are_read(cell, flag):
    assert read("flag", cell) is flag


@pytest.mark.parametrize("cell", ["也许", "2", 2.0, "不"])
def test_an_unclear_flag_is_refused(cell):
    assert refusal("flag", cell) == "flag_word"


def test_none_as_a_circumstance_is_a_statement_and_differs_from_silence():
    assert read("debtor_flags", "无") == []
    assert read("debtor_flags", "重病、残疾") == ["serious_illness", "disability"]
    assert refusal("debtor_flags", "无、残疾") == "flags_none_mixed"
    assert refusal("debtor_flags", "有点困难") == "word"


VOCABULARIES = [
    "product",
    "role",
    "owner_role",
    "state",
    "debtor_state",
    "origin",
    "origin_contact",
    "basis",
    "relation",
]


@pytest.mark.parametrize("name", VOCABULARIES)
def test_every_word_of_a_vocabulary_is_read_in_chinese_and_english(name):
    for value, spellings in words(name).items():
        for word in [value, value.upper(), *spellings, f" {spellings[0]} "]:
            assert read(name, word) == value


@pytest.mark.parametrize("name", VOCABULARIES)
def test_no_word_of_a_vocabulary_means_two_things(name):
    spellings = [word for each in words(name).values() for word in each]
    assert len(spellings) == len(set(spellings))


@pytest.mark.parametrize("name", VOCABULARIES)
def test_an_unknown_word_is_refused_and_the_allowed_ones_are_named(name):
    with pytest.raises(BadCell) as caught:
        read(name, "天知道")
    assert caught.value.data["allowed"] == vocabulary(name).allowed
    assert "、" in vocabulary(name).allowed


@pytest.mark.parametrize(
    ("word", "origin"),
    [
        ("购买", "bought_list"),
        ("通讯录", "phone_book_upload"),
        ("快递", "courier_data"),
        ("爬取", "scraped"),
        ("通话记录", "call_records"),
        ("来源不明", "unknown"),
    ],
)
def test_forbidden_origins_are_understood_so_that_the_rules_can_block_them(word, origin):
    assert read("origin", word) == read("origin_contact", word) == origin


def test_writing_off_in_the_books_is_not_forgiving():
    assert refusal("state", "核销") == "word"


@pytest.mark.parametrize(
    ("cell", "code"), [(12345.0, "12345"), ("ＡＢ－１", "AB-1"), ("=1+1", "=1+1"), ("00123", "00123")]
)
def test_identifiers_stay_text(cell, code):
    assert read("code", cell) == code


@pytest.mark.parametrize(
    ("kind", "cell", "code"),
    [
        ("code", "1.1E+17", "mangled_number"),
        ("code", "1E+20", "mangled_number"),
        ("code", 1.1e17, "mangled_number"),
        ("code", 1.5, "mangled_number"),
        ("code", "123456.0", "trailing_zero"),
        ("code", "x" * 65, "code_length"),
        ("code", date(2026, 1, 2), "not_text"),
        ("code", True, "not_text"),
        ("id_number", 3.70102199001010e17, "id_as_number"),
        ("id_number", "3.70102E+17", "id_as_number"),
        ("id_number", "1.1E+17", "id_as_number"),
        ("id_number", "370102199001010010.0", "trailing_zero"),
        ("phone", "1.99E+10", "mangled_number"),
        ("phone", "19900000001.0", "trailing_zero"),
        ("phone", 1.99e16, "mangled_number"),
        ("phone_one", "19900000001,19900000002", "phone_several"),
        ("name", 12.0, "name_character"),
        ("name", date(2026, 1, 2), "not_text"),
        ("address", True, "not_text"),
    ],
)
def test_10_numbers_mangled_by_a_spreadsheet_are_caught(kind, cell, code):
    assert refusal(kind, cell) == code


def test_a_phone_that_the_spreadsheet_keeps_exactly_is_read():
    assert read("phone", 19900000001.0) == ["19900000001"]


@pytest.mark.parametrize(
    ("char", "code", "point"),
    [
        ("\x00", "control_character", "U+0000"),
        ("\x1f", "control_character", "U+001F"),
        ("\x7f", "control_character", "U+007F"),
        ("\x85", "control_character", "U+0085"),
        ("\u2028", "control_character", "U+2028 LINE SEPARATOR"),
        ("\u200b", "invisible_character", "U+200B ZERO WIDTH SPACE"),
        ("\ufeff", "invisible_character", "U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        ("\u00ad", "invisible_character", "U+00AD SOFT HYPHEN"),
        ("\ufe0f", "invisible_character", "U+FE0F VARIATION SELECTOR-16"),
        ("\U000e0041", "invisible_character", "U+E0041 TAG LATIN CAPITAL LETTER A"),
        ("\u202e", "bidi_character", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("\u2066", "bidi_character", "U+2066 LEFT-TO-RIGHT ISOLATE"),
        ("\ue863", "private_character", "U+E863"),
        ("\ufffd", "private_character", "U+FFFD REPLACEMENT CHARACTER"),
    ],
)
@pytest.mark.parametrize("kind", ["name", "address", "code", "id_number", "yuan", "day"])
def test_what_nobody_can_see_is_refused_in_every_field_and_named(kind, char, code, point):
    for text in (f"甲{char}乙", f"甲乙{char}"):
        with pytest.raises(BadCell) as caught:
            clean(text, kind=kind)
        assert caught.value.code == code
        assert caught.value.data["point"] == point


def test_line_breaks_are_layout_in_an_address_and_refused_in_a_name():
    assert clean("济南市\n泉城路1号", kind="address") == "济南市 泉城路1号"
    with pytest.raises(BadCell) as caught:
        clean("王\n安", kind="name")
    assert caught.value.data["point"] == "U+000A"


def test_a_cell_of_500_characters_is_read_whole_and_of_501_refused():
    assert clean("路" * 500, kind="address") == "路" * 500
    with pytest.raises(BadCell):
        clean("路" * 501, kind="address")
    with pytest.raises(BadCell) as caught:
        clean("路" * 10_000, kind="address")
    assert caught.value.code == "too_long"
    assert caught.value.data == {"length": 10_000, "limit": 500}


@pytest.mark.parametrize("text", ["", "  ", "　", "NULL", "n/a", "#N/A", "nan", "-", "——", "/", "\\N"])
def test_what_systems_write_into_empty_cells_is_silence(text):
    assert clean(text, kind="text") is None


def test_an_error_value_of_a_spreadsheet_is_refused():
    with pytest.raises(BadCell) as caught:
        clean("#REF!", kind="text")
    assert caught.value.code == "spreadsheet_error"


KINDS = [
    "code",
    "name",
    "id_number",
    "phone",
    "phone_one",
    "text",
    "address",
    "yuan",
    "day",
    "rate",
    "flag",
    "debtor_flags",
    *VOCABULARIES,
]
CELLS = st.one_of(
    st.text(max_size=40),
    st.floats(),
    st.integers(),
    st.booleans(),
    st.dates(),
    st.datetimes(),
    st.times(),
    st.timedeltas(),
)


@given(st.sampled_from(KINDS), CELLS)
def test_any_cell_in_any_field_is_read_or_refused_with_a_message_and_nothing_else_happens(kind, cell):
    cell = float(cell) if isinstance(cell, int) and not isinstance(cell, bool) and abs(cell) < 10**300 else cell
    try:
        kept = clean(cell, kind=kind)
        if kept is not None:
            read(kind, kept)
    except BadCell as error:
        text = messages()[error.code]
        text["message"].format(**error.data)
        text["remedy"].format(**error.data)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (3.701021990010113e17, "3.70102199001011E+17"),
        (19900000001.0, "19900000001"),
        (0.24, "0.24"),
        (True, "TRUE"),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2), "2026-01-02"),  # noqa: DTZ001 -- as a spreadsheet holds it
        ("=1+1", "=1+1"),
        ("", ""),
    ],
)
def test_cells_are_handed_back_as_the_person_sees_them(cell, text):
    assert displayed(cell) == text
