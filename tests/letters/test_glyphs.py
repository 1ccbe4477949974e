from dataclasses import replace

import pytest
from sample_letters import letter, text_of

from songda.letters import MissingGlyph, Renderer, missing_glyphs


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("柳如烟", []),
        ("㛃䶮𬎆𡋾", []),
        ("〇·Àé№㎡", []),
        ("\ue123", ["U+E123"]),
        ("\U00031350柳\U0002ebf0", ["U+2EBF0", "U+31350"]),
        ("\ufffd😀", ["U+FFFD", "U+1F600"]),
    ],
)
def test_what_no_face_draws_is_named_by_code_point(text: str, missing: list[str]) -> None:
    assert missing_glyphs(text) == missing


@pytest.mark.parametrize("character", ["\ue123", "\uf8ff", "\U000f0000", "\ufffd", "\U00031350"])
def test_20_a_letter_with_such_a_character_is_held(lawyer_letters: Renderer, character: str) -> None:
    with pytest.raises(MissingGlyph) as held:
        lawyer_letters.render(letter(name=f"柳{character}烟"))
    assert held.value.data == {"characters": [f"U+{ord(character):04X}"]}
    assert "柳" not in held.value.message_zh + str(held.value)


def test_the_engine_itself_refuses_what_the_list_overlooks(
    lawyer_letters: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("songda.letters.render.missing_glyphs", lambda text: [])
    with pytest.raises(MissingGlyph) as held:
        lawyer_letters.render(letter(name="柳\ue123烟"))
    assert held.value.data == {"characters": ["U+E123"]}


def test_rare_characters_are_drawn(lawyer_letters: Renderer) -> None:
    content = letter(name="㛃䶮𬎆𡋾")
    rare = replace(content, addressee=replace(content.addressee, address_lines=("𠮷野家路㙍村〇〇一号",)))
    text = text_of(lawyer_letters.render(rare).pdf)
    assert text.count("㛃䶮𬎆𡋾") == 2
    assert rare.addressee.address_lines[0] in text
