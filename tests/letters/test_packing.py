import pytest
from sample_letters import letter

from songda.letters import Renderer, house_template
from songda.letters.packing import Packing


@pytest.fixture(scope="module")
def pdfs(lawyer_letters: Renderer) -> list[bytes]:
    return [lawyer_letters.render(letter(number)).pdf for number in range(1, 4)]


def test_a_record_comes_back_byte_for_byte_from_a_tenth_of_its_size(pdfs: list[bytes]) -> None:
    packing = Packing(pdfs[0])
    for pdf in pdfs:
        packed = packing.pack(pdf)
        assert len(packed) * 10 < len(pdf)
        assert Packing(pdfs[0]).unpack(packed) == pdf


def test_letters_of_two_templates_pack_against_one_of_each(pdfs: list[bytes]) -> None:
    reminders = [Renderer(house_template("reminder")).render(letter(number, kind="reminder")).pdf for number in (4, 5)]
    like = reminders[0] + pdfs[0]
    for pdf in (pdfs[1], reminders[1]):
        packed = Packing(like).pack(pdf)
        assert len(packed) * 10 < len(pdf)
        assert Packing(like).unpack(packed) == pdf


def test_another_model_or_damage_is_noticed(pdfs: list[bytes]) -> None:
    packed = Packing(pdfs[0]).pack(pdfs[2])
    with pytest.raises(ValueError, match="another model"):
        Packing(pdfs[1]).unpack(packed)
    with pytest.raises(ValueError, match="damaged"):
        Packing(pdfs[0]).unpack(packed[:-1])


def test_anything_can_be_packed(pdfs: list[bytes]) -> None:
    packing = Packing(pdfs[0])
    for data in (b"", b"x", bytes(range(256)) * 100):
        assert packing.unpack(packing.pack(data)) == data
