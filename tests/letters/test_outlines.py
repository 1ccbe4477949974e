import io
import re
import shutil
import zlib
from dataclasses import replace
from pathlib import Path

import pikepdf
import pytest
import typst
from sample_letters import SEAL, letter, page_image

from songda.letters import Content, Kind, Renderer, house_template, invented
from songda.letters.outlines import FONTS, HOLLOW, RARE, cut, face, with_outlines
from songda.letters.template import PACKAGES

FACES = sorted(path.stem for path in HOLLOW.glob("*.otf"))
LETTERS = [
    letter(1),
    letter(2, kind="reminder", lines=3),
    letter(3, lines=9, name="㛃䶮𬎆𡋾", address=("㙍村𠮷野家路〇〇一号",)),
    replace(invented(house_template("assignment_notice")), drill=True),
    replace(letter(5), seal=None),
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> typst.Fonts:
    """Our faces with their outlines, for the engine itself to cut."""
    folder = tmp_path_factory.mktemp("faces")
    for path in [*FONTS.glob("*.otf"), *RARE.glob("*.otf")]:
        shutil.copy(path, folder)
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[folder])


def by_the_engine(content: Content, fonts: typst.Fonts, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The letter as the engine writes it when it knows the outlines itself."""
    renderer = Renderer(house_template(content.kind))
    renderer._compiler = typst.Compiler(
        root=PACKAGES, font_paths=fonts, package_path=PACKAGES, package_cache_path=PACKAGES
    )
    with monkeypatch.context() as patch:
        patch.setattr("songda.letters.render.with_outlines", lambda pdf: pdf)
        return renderer.render(content).pdf


def programs(pdf: bytes) -> dict[str, bytes]:
    with pikepdf.open(io.BytesIO(pdf)) as document:
        fonts = [item for item in document.objects if isinstance(item, pikepdf.Dictionary) and "/FontName" in item]
        return {str(font.FontName): font.FontFile3.read_bytes() for font in fonts}


@pytest.mark.parametrize("content", LETTERS, ids=lambda content: content.letter_no)
def test_outlines_are_the_very_bytes_that_the_engine_would_cut(
    content: Content, whole: typst.Fonts, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = programs(Renderer(house_template(content.kind)).render(content).pdf)
    assert ours == programs(by_the_engine(content, whole, monkeypatch))
    assert len(ours) >= 6


def test_a_letter_looks_as_if_the_engine_had_drawn_it_alone(
    whole: typst.Fonts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    content = LETTERS[2]
    ours = Renderer(house_template(content.kind)).render(content)
    theirs = by_the_engine(content, whole, monkeypatch)
    for page in range(1, ours.pages + 1):
        images = [page_image(pdf, tmp_path, page=page, dpi=100) for pdf in (ours.pdf, theirs)]
        assert images[0].tobytes() == images[1].tobytes()
        assert images[0].getextrema()[0] < 60


def test_nothing_but_programs_and_their_boxes_differs_from_what_the_engine_writes(
    whole: typst.Fonts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rest(pdf: bytes) -> list[bytes]:
        with pikepdf.open(io.BytesIO(pdf)) as document:
            assert document.check_pdf_syntax() == []
            items = [item.unparse(resolved=True) for item in document.objects if not is_program(item)]
        # The box of the whole face stands for that of the glyphs; the number of the file follows from both.
        return [re.sub(rb"/FontBBox \[[^]]*\]|/Length \d+", b"", item) for item in items]

    def is_program(item: object) -> bool:
        return isinstance(item, pikepdf.Stream) and item.stream_dict.get("/Subtype") == "/CIDFontType0C"

    content = LETTERS[1]
    ours = Renderer(house_template(content.kind)).render(content).pdf
    assert rest(ours) == rest(by_the_engine(content, whole, monkeypatch))


@pytest.mark.parametrize("name", FACES)
def test_a_hollow_face_has_the_measures_of_its_face(name: str) -> None:
    hollow, whole = (tables((folder / f"{name}.otf").read_bytes()) for folder in (HOLLOW, FONTS))
    assert hollow.keys() == whole.keys()
    assert {table for table in whole if whole[table] != hollow[table]} == {"CFF ", "head"}  # head holds a checksum
    assert hollow["head"][:8] + hollow["head"][12:] == whole["head"][:8] + whole["head"][12:]


def tables(font: bytes) -> dict[str, bytes]:
    records = [font[at : at + 16] for at in range(12, 12 + 16 * int.from_bytes(font[4:6], "big"), 16)]
    places = [(each[:4].decode(), *(int.from_bytes(each[n : n + 4], "big") for n in (8, 12))) for each in records]
    return {tag: font[start : start + length] for tag, start, length in places}


def test_a_program_holds_its_glyphs_in_their_order() -> None:
    figures = face("SongdaFigures-Regular")
    forward, backward = cut(figures, [0, 5, 20, 97]), cut(figures, [0, 97, 20, 5])
    assert len(forward) == len(backward)
    assert forward != backward
    for glyph in (5, 20, 97):
        assert figures.charstrings[glyph] in forward


def test_a_file_of_another_form_is_refused() -> None:
    pdf = b"%PDF-1.7\n" + zlib.compress(b"no table") + b"\nstartxref\n9\n%%EOF"
    with pytest.raises(ValueError, match="cross-reference"):
        with_outlines(pdf)


@pytest.mark.parametrize("kind", ["lawyer_letter", "court_forward"])
def test_every_object_lies_where_the_table_says(kind: Kind) -> None:
    template = house_template(kind)
    pdf = Renderer(template).render(replace(invented(template), seal=SEAL)).pdf
    start = int(pdf[pdf.rindex(b"startxref\n") + 10 :].split()[0])
    count = int(pdf[start:].split(b"\n", 2)[1].split()[1])
    first = pdf.index(b"\n", start + 5) + 1
    for number in range(1, count):
        place = int(pdf[first + number * 20 :][:10])
        assert pdf[place:].startswith(b"%d 0 obj\n" % number)
