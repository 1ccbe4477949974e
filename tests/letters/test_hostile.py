"""A thousand values that try to be more than text: refused, or printed as they stand.

Here each field prints 45 of them; `bench/letters_hostile.py` has each print every one that it takes, some 15,000.
"""

from dataclasses import replace
from functools import cache

import pytest
from hostile_values import FIELDS, NOT_ATTACKED, hostile_values, letters_with, plain_letter, template_with_own_text
from sample_letters import text_of

from songda.letters import Renderer, extra_problems, missing_glyphs, problems
from songda.letters.content import texts

VALUES = hostile_values()


def refused(field: str, value: str) -> bool:
    content = FIELDS[field](plain_letter(), value)
    said = "".join(text for _, text in texts(content))
    return bool(problems(content) or extra_problems(template_with_own_text(), content) or missing_glyphs(said))


@cache
def accepted() -> dict[str, list[str]]:
    return {field: [value for value in VALUES if not refused(field, value)] for field in FIELDS}


def test_there_are_a_thousand_and_all_differ() -> None:
    assert len(set(VALUES)) == len(VALUES) == 1000


def test_every_text_of_a_letter_is_attacked_or_says_why_not() -> None:
    paths = {path for path, _ in texts(plain_letter())}
    assert paths - set(FIELDS) == set(NOT_ATTACKED)


def test_no_hostile_value_is_the_address_of_the_page_of_a_letter() -> None:
    for value in VALUES:
        assert "check_url.form" in problems(replace(plain_letter(), check_url=value))


@pytest.mark.parametrize("field", FIELDS)
def test_what_is_unseen_or_cannot_be_drawn_is_refused_in_every_field(field: str) -> None:
    for value in accepted()[field]:
        assert value.isprintable() or all(character.isprintable() or character == "\u3000" for character in value)
        assert not missing_glyphs(value)
    assert 300 < len(accepted()[field]) < 900


def is_printed(value: str, printed: str) -> bool:
    """Whether `value` stands in what was read back, in one piece or in the two that a page's end leaves of it."""
    bare = "".join(value.split())
    return any(bare[:cut] in printed and bare[cut:] in printed for cut in range(len(bare), 0, -1))


def test_what_is_taken_is_printed_as_it_stands_in_every_field() -> None:
    renderer = Renderer(template_with_own_text())
    for content, placed in letters_with(accepted(), 45):
        printed = text_of(renderer.render(content).pdf).replace("zh-CN", "")
        assert [field for field, value in placed.items() if not is_printed(value, printed)] == []
