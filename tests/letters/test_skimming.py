"""The quick look at a fresh record: our own pass it, and whatever a full reading objects to never does."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pikepdf
import pytest
from sample_letters import letter

from songda.letters import Content, Kind, Rendered, Renderer, RenderFailure, house_template, passages, render_many
from songda.letters import pool as pool_module
from songda.letters.codes import data_matrix, pixels, png, qr, sheet_code
from songda.letters.skimming import is_clean, problems_of_record
from songda.letters.stamp import stamp
from songda.letters.view import QR

CONTENT = letter(lines=2)


@pytest.fixture(scope="module")
def record(lawyer_letters: Renderer) -> Rendered:
    return lawyer_letters.render(CONTENT)


def clean(renderer: Renderer, content: Content, record: Rendered) -> bool:
    words = "".join("".join(each.text.split()) for each in passages(renderer.template, content))
    return is_clean(record.pdf, pages=record.pages, words=words, pictures=[(pixels(qr(content.check_url), **QR), None)])


def changed(record: Rendered, change: Callable[[pikepdf.Pdf], Any]) -> Rendered:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(record.pdf)) as document:
        change(document)
        document.save(out)
    return replace(record, pdf=out.getvalue())


@pytest.mark.parametrize(
    "content",
    [
        letter(),
        letter(lines=3),
        letter(lines=14),
        letter(drill=True),
        letter(seal=None),
        letter(name="𬎆䶮", address=("西藏自治区那曲市色尼区（）()\\那曲镇",)),
        letter(drill=True, seal=None, lines=2),
    ],
)
def test_our_own_letters_are_clean_at_the_first_look(lawyer_letters: Renderer, content: Content) -> None:
    rendered = lawyer_letters.render(content)
    assert clean(lawyer_letters, content, rendered)
    assert problems_of_record(lawyer_letters.template, content, rendered) == ()


@pytest.mark.parametrize("kind", ["reminder", "lawyer_letter"])
def test_a_record_saved_anew_by_another_program_is_read_all_the_same(kind: Kind) -> None:
    renderer = Renderer(house_template(kind))
    content = letter(5, kind=kind)
    again = changed(renderer.render(content), lambda document: None)
    assert problems_of_record(renderer.template, content, again) == ()


def drawn(content: bytes, *, page: int = 0) -> Callable[[pikepdf.Pdf], None]:
    def change(document: pikepdf.Pdf) -> None:
        stream = document.pages[page].Contents
        stream.write(stream.read_bytes() + b"\n" + content)

    return change


WAY = b"q 1 0 0 -1 %d %d cm/c0 CS 0 SCN 1 w 4 M 0 0 m 40 0 l\nS\nQ"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (drawn(WAY % (20, 300)), "page1.left_edge"),
        (drawn(WAY % (570, 300)), "page1.edge"),
        (drawn(WAY % (380, 680)), "page1.waybill_zone"),
        (drawn(WAY % (300, 660)), "page1.window_crossed"),
        (drawn(WAY % (20, 300), page=1), "page2.left_edge"),
        (drawn(stamp(sheet_code=sheet_code(job=7, piece=1, sheet=1, sheets=1), waybill_no=None)), "page1.sheet_code"),
        (lambda document: document.pages[0].obj.__setitem__("/MediaBox", [0, 0, 612, 792]), "page1.size"),
        (lambda document: document.Root.__setitem__("/AcroForm", pikepdf.Dictionary(Fields=[])), "form"),
        (lambda document: document.Root.__setitem__("/OpenAction", pikepdf.Dictionary(S=pikepdf.Name.URI)), "script"),
        (lambda document: document.pages[0].obj.__setitem__("/AA", pikepdf.Dictionary()), "page1.annotation"),
        (lambda document: document.pages.__delitem__(1), "pages"),
    ],
)
def test_what_a_full_reading_objects_to_is_named_by_it(
    lawyer_letters: Renderer, record: Rendered, change: Callable[[pikepdf.Pdf], Any], problem: str
) -> None:
    spoilt = changed(record, change)
    assert not clean(lawyer_letters, CONTENT, spoilt)
    assert problem in problems_of_record(lawyer_letters.template, CONTENT, spoilt)


def test_a_paper_that_says_something_else_than_was_proofread_is_not_printed(
    lawyer_letters: Renderer, record: Rendered
) -> None:
    def more(document: pikepdf.Pdf) -> None:
        stream = document.pages[0].Contents
        data = stream.read_bytes()
        start = data.index(b"BT 0 Tr", data.index(b"/Span"))
        shown = data[start : data.index(b"ET", start) + 2]
        place = b"/Span<</MCID 999>>BDC\nq 1 0 0 -1 200 100 cm/c0 cs 0 scn\n" + shown + b"\nQ\nEMC"
        stream.write(data + place)

    spoilt = changed(record, more)
    assert problems_of_record(lawyer_letters.template, CONTENT, spoilt) == ("text",)
    other = replace(CONTENT, letter_no=CONTENT.letter_no.replace("1", "2"))
    assert problems_of_record(lawyer_letters.template, other, record) == ("text",)


def test_another_picture_than_the_code_of_the_letter_is_not_clean(lawyer_letters: Renderer, record: Rendered) -> None:
    other = replace(CONTENT, check_url="https://elsewhere.example/l/000001")
    assert not clean(lawyer_letters, other, record)

    def swapped(document: pikepdf.Pdf) -> None:
        ((_, picture),) = document.pages[-1].get_images().items()
        matrix = data_matrix(sheet_code(job=7, piece=1, sheet=1, sheets=1))
        picture.write(pixels(matrix, scale=4, quiet=2))
        picture.Width = picture.Height = (matrix.width + 4) * 4

    spoilt = changed(record, swapped)
    assert f"page{record.pages}.sheet_code" in problems_of_record(lawyer_letters.template, CONTENT, spoilt)


def test_a_page_of_another_shape_is_left_to_the_full_reading_quickly(
    lawyer_letters: Renderer, record: Rendered
) -> None:
    for odd in (
        b"q 1 0 0 -1 " + b"1" * 50_000,
        b"[" + b"(" * 50_000,
        b"[" + b"1 " * 50_000,
        b"/Span<<" + b"<" * 50_000,
    ):
        assert not clean(lawyer_letters, CONTENT, changed(record, drawn(odd)))


def test_pixels_are_what_a_reader_unpacks_of_the_picture() -> None:
    from PIL import Image

    code = qr("https://check.example/l/1")
    assert Image.open(io.BytesIO(png(code, **QR))).convert("L").tobytes() == pixels(code, **QR)


def test_letters_that_fail_preflight_come_out_as_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "problems_of_record", lambda *_: ("page1.edge", "text"))
    ((_, failed),) = render_many([("l1", letter())], 1)
    assert isinstance(failed, RenderFailure)
    assert (failed.code, failed.data["codes"]) == ("preflight:page1.edge", ("page1.edge", "text"))
    assert "印前检查" in failed.message_zh
