"""Names, ID numbers, phones: what is accepted, and what is refused with which reason."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songda.intake.identity import id_number, person_name, phones
from songda.intake.problems import BadCell

TODAY = date(2026, 11, 24)
# The two numbers that GB 11643-1999 prints as examples.
STANDARD_EXAMPLES = ["11010519491231002X", "440524188001010014"]


def with_check(seventeen: str) -> str:
    """The check character by the definition of ISO 7064 MOD 11-2, which the standard takes over."""
    remainder = 0
    for digit in seventeen:
        remainder = (remainder + int(digit)) * 2 % 11
    check = (12 - remainder) % 11
    return seventeen + ("X" if check == 10 else str(check))


def refusal(function, *args, **kwargs) -> str:
    with pytest.raises(BadCell) as caught:
        function(*args, **kwargs)
    return caught.value.code


def test_the_example_of_the_standard_is_accepted():
    assert id_number(STANDARD_EXAMPLES[0], as_of=TODAY) == STANDARD_EXAMPLES[0]


def test_a_person_born_in_1880_is_not_plausible_today():
    assert refusal(id_number, STANDARD_EXAMPLES[1], as_of=TODAY) == "id_birth"
    assert id_number(STANDARD_EXAMPLES[1], as_of=date(1990, 1, 1)) == STANDARD_EXAMPLES[1]


@pytest.mark.parametrize("text", ["11010519491231002x", "１１０１０５１９４９１２３１００２Ｘ", "110105 19491231 002X"])
def test_width_case_and_blanks_of_an_id_number_do_not_matter(text):
    assert id_number(text, as_of=TODAY) == "11010519491231002X"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("110105491231002", "id_15"),
        ("1101051949123100", "id_form"),
        ("E12345678", "id_form"),
        ("11010519491231002*", "id_masked"),
        ("110105********002X", "id_masked"),
        ("110105194912310021", "id_checksum"),
        ("370102199001010000", "id_precision"),
        (with_check("00010519491231002"), "id_region"),
        (with_check("11010519491331002"), "id_birth"),
        (with_check("11010519490230002"), "id_birth"),
        (with_check("11010520300101002"), "id_birth"),
    ],
)
def test_a_wrong_id_number_is_refused_with_its_reason(text, code):
    assert refusal(id_number, text, as_of=TODAY) == code


@given(st.integers(0, 16), st.integers(1, 9))
def test_any_single_wrong_digit_of_an_id_number_is_caught(position, shift):
    digits = list("11010519491231002X")
    digits[position] = str((int(digits[position]) + shift) % 10)
    with pytest.raises(BadCell):
        id_number("".join(digits), as_of=TODAY)


@given(st.integers(0, 16))
def test_any_swap_of_two_different_neighbours_is_caught(position):
    digits = list("11010519491231002X")
    if digits[position] != digits[position + 1]:
        digits[position], digits[position + 1] = digits[position + 1], digits[position]
        with pytest.raises(BadCell):
            id_number("".join(digits), as_of=TODAY)


@pytest.mark.parametrize(
    "name", ["王安然", "㛃儿", "䶮明", "𬎆若谷", "𡋾文", "欧阳明远", "阿依古丽·买买提", "Anna Müller", "〇一"]
)
def test_names_of_people_are_accepted_as_they_are(name):
    assert person_name(name) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("王　安　然", "王安然"),
        ("阿依古丽•买买提", "阿依古丽·买买提"),
        ("阿依古丽.买买提", "阿依古丽·买买提"),
        ("阿依古丽 · 买买提", "阿依古丽·买买提"),
        ("Ａｎｎａ Lee", "Anna Lee"),
    ],
)
def test_spellings_of_a_name_become_one(text, name):
    assert person_name(text) == name


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{{7*7}}", "name_character"),
        ('#read("/etc/passwd")', "name_character"),
        ("王{安}", "name_character"),
        ("=HYPERLINK(1)", "name_formula"),
        ("＝王安", "name_formula"),
        ("@王安", "name_formula"),
        ("-王安", "name_formula"),
        ("+王安", "name_formula"),
        ("王*", "name_masked"),
        ("王安2", "name_character"),
        ("王", "name_length"),
        ("王" * 51, "name_length"),
        ("王先生", "name_placeholder"),
        ("测试", "name_placeholder"),
        ("·王安", "name_placeholder"),
        ("王安👍", "name_character"),
    ],
)
def test_what_is_not_a_name_is_refused_with_its_reason(text, code):
    assert refusal(person_name, text) == code


def test_a_refused_character_is_named_by_its_code_point_and_place():
    with pytest.raises(BadCell) as caught:
        person_name("王{安")
    assert caught.value.data == {"point": "U+007B LEFT CURLY BRACKET", "position": 2}


@given(st.text(max_size=30))
def test_an_accepted_name_is_accepted_again_unchanged_and_holds_no_syntax(text):
    try:
        name = person_name(text)
    except BadCell:
        return
    assert person_name(name) == name
    assert not set(name) & set("{}#\"'`$%<>()=+@*\\/\n\r\t")


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("19900000001", ["19900000001"]),
        ("+86 199-0000-0001", ["19900000001"]),
        ("8619900000001", ["19900000001"]),
        ("008619900000001", ["19900000001"]),
        ("010-88880000", ["01088880000"]),
        ("0531-88888888", ["053188888888"]),
        ("(0531)8888888", ["05318888888"]),
        ("１９９" + "０" * 7 + "１", ["19900000001"]),
        ("19900000001、19900000002", ["19900000001", "19900000002"]),
        ("19900000001/0531-88888888;", ["19900000001", "053188888888"]),
        ("19900000001 19900000002", ["19900000001", "19900000002"]),
    ],
)
def test_phones_are_read_as_people_write_them(text, numbers):
    assert phones(text) == numbers


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1990000000", "phone_form"),
        ("199000000011", "phone_form"),
        ("12900000001", "phone_form"),
        ("88888888", "phone_form"),
        ("95588", "phone_form"),
        ("199****0001", "phone_masked"),
        ("无", "phone_form"),
        ("²9900000001", "phone_form"),
    ],
)
def test_a_wrong_phone_is_refused_with_its_reason(text, code):
    assert refusal(phones, text) == code


@given(st.text(alphabet="0123456789+-() 、，/;八六１２", max_size=40))
def test_every_number_read_from_any_text_is_digits_of_a_possible_length(text):
    try:
        numbers = phones(text)
    except BadCell:
        return
    assert all(number.isascii() and number.isdigit() and 10 <= len(number) <= 12 for number in numbers)
