"""Preflight: our own letters pass, and each thing that a factory would trip over is named with its page."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date
from typing import Any

import pikepdf
import pytest
from PIL import Image

from songda.letters import Manifest, Piece, Rendered, build_run, load_products, preflight, preflight_print, problem_zh
from songda.letters.codes import data_matrix, png, sheet_code
from songda.letters.stamp import sheet_codes, stamp

PRODUCTS = load_products()
CODE = sheet_code(job=7, piece=1, sheet=1, sheets=1)


def check(pdf: bytes, pages: int) -> tuple[str, ...]:
    return preflight(pdf, pages=pages, products=PRODUCTS).problems


def changed(record: Rendered, change: Callable[[pikepdf.Pdf], Any]) -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(record.pdf)) as document:
        change(document)
        document.save(out)
    return out.getvalue()


def drawn(content: bytes, *, page: int = 0) -> Callable[[pikepdf.Pdf], None]:
    def change(document: pikepdf.Pdf) -> None:
        document.pages[page].contents_add(b"\nq " + content + b" Q\n")

    return change


def box(x: float, y: float, width: float, height: float) -> bytes:
    """A black box, millimetres from the upper left corner."""
    k = 72 / 25.4
    return b"%.2f %.2f %.2f %.2f re f" % (x * k, (297 - y - height) * k, width * k, height * k)


def test_every_kind_of_letter_of_ours_is_fit_to_print(records: list[Rendered]) -> None:
    for record in records:
        found = preflight(record.pdf, pages=record.pages, products=PRODUCTS)
        assert found.problems == ()
        assert (found.sheets, found.envelope) == ((record.pages + 1) // 2, "zl")
        assert found.weight_g >= 8 + 4.99 * found.sheets


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (box(10, 100, 5, 5), "page1.left_edge"),
        (box(100, 1, 20, 2), "page1.edge"),
        (box(130, 55, 5, 5), "page1.waybill_zone"),
        (box(105, 60, 12, 4), "page1.window_crossed"),
        (b"10 w 56 400 m 56 500 l S", "page1.left_edge"),
    ],
)
def test_ink_where_paper_must_stay_white_is_named_by_page_and_zone(
    records: list[Rendered], content: bytes, problem: str
) -> None:
    assert problem in check(changed(records[0], drawn(content)), records[0].pages)


def test_text_in_the_edge_is_found_by_its_width_and_place(records: list[Rendered]) -> None:
    def change(document: pikepdf.Pdf) -> None:
        font = next(iter(document.pages[0].resources["/Font"].keys()))
        document.pages[0].contents_add(f"\nBT {font} 11 Tf 1 0 0 1 20 300 Tm <00010001> Tj ET\n".encode())

    assert "page1.left_edge" in check(changed(records[0], change), records[0].pages)


def test_scripts_links_attachments_and_forms_are_refused(records: list[Rendered]) -> None:
    def script(document: pikepdf.Pdf) -> None:
        document.Root["/OpenAction"] = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")

    def link(document: pikepdf.Pdf) -> None:
        action = pikepdf.Dictionary(S=pikepdf.Name.URI, URI="https://songda.example")
        note = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=[0, 0, 9, 9], A=action)
        document.pages[0].obj["/Annots"] = pikepdf.Array([document.make_indirect(note)])

    def attach(document: pikepdf.Pdf) -> None:
        document.attachments["a.txt"] = b"a"

    def form(document: pikepdf.Pdf) -> None:
        document.Root["/AcroForm"] = pikepdf.Dictionary(Fields=pikepdf.Array())

    record = records[0]
    assert "script" in check(changed(record, script), record.pages)
    assert {"script", "page1.annotation"} <= set(check(changed(record, link), record.pages))
    assert "attachment" in check(changed(record, attach), record.pages)
    assert "form" in check(changed(record, form), record.pages)


def test_another_size_another_count_and_foreign_fonts_are_refused(records: list[Rendered]) -> None:
    def letter_size(document: pikepdf.Pdf) -> None:
        document.pages[0].obj["/MediaBox"] = pikepdf.Array([0, 0, 612, 792])

    def foreign(document: pikepdf.Pdf) -> None:
        font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
        document.pages[0].resources["/Font"]["/Strange"] = document.make_indirect(font)

    record = records[0]
    assert "page1.size" in check(changed(record, letter_size), record.pages)
    assert "page1.font" in check(changed(record, foreign), record.pages)
    assert "pages" in check(record.pdf, record.pages + 1)
    assert "too_heavy" in check(record.pdf, 500)
    assert check(b"%PDF-1.7 nothing", 1) == ("unreadable",)


def test_problems_read_as_chinese_with_their_page() -> None:
    assert problem_zh("page2.left_edge") == "第 2 页：左侧 20 毫米（张码和装订）内有内容"
    assert problem_zh("print_sha256") == "打印文件与存档件或清单不符"


def test_a_window_without_an_address_is_empty() -> None:
    document, out = pikepdf.new(), io.BytesIO()
    document.add_blank_page(page_size=(595.28, 841.89))
    document.save(out)
    assert check(out.getvalue(), 1) == ("page1.window_empty",)


def pictured(content: bytes, **entries: Any) -> Callable[[pikepdf.Pdf], None]:
    """Put a picture on the first page."""

    def change(document: pikepdf.Pdf) -> None:
        stream = document.make_stream(content, Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image, **entries)
        resources = document.pages[0].resources
        resources["/XObject"] = pikepdf.Dictionary({**dict(resources.get("/XObject", {})), "/Code": stream})
        document.pages[0].contents_add(b"\nq 40 0 0 40 300 300 cm /Code Do Q\n")

    return change


@pytest.mark.parametrize(
    ("content", "entries"),
    [
        (b"\xff\xd8 no picture", {"Filter": pikepdf.Name.DCTDecode, "ColorSpace": pikepdf.Name.DeviceGray}),
        (b"no picture", {"Filter": pikepdf.Name.JPXDecode, "ColorSpace": pikepdf.Name.DeviceGray}),
        (b"short", {"ColorSpace": pikepdf.Name.DeviceGray}),
        (b"\0" * 400, {"ColorSpace": pikepdf.Array([pikepdf.Name.Unknown])}),
        (b"\0" * 400, {}),
    ],
)
def test_a_picture_that_cannot_be_read_could_be_a_sheet_code(
    records: list[Rendered], content: bytes, entries: dict[str, Any]
) -> None:
    change = pictured(content, Width=20, Height=20, BitsPerComponent=8, **entries)
    assert "page1.picture" in check(changed(records[0], change), records[0].pages)


def test_39_a_record_that_carries_a_sheet_code_already_is_refused(records: list[Rendered]) -> None:
    """39. A page that already carries our sheet code, drawn or as a picture (pasted from an old letter), is refused."""
    image = Image.open(io.BytesIO(png(data_matrix(CODE), quiet=2))).convert("L")
    gray = {"ColorSpace": pikepdf.Name.DeviceGray, "BitsPerComponent": 8}
    picture = pictured(image.tobytes(), Width=image.width, Height=image.height, **gray)
    record, stamped = records[0], stamp(sheet_code=CODE, waybill_no=None)
    assert sheet_codes(stamped) == [CODE]
    assert "page1.sheet_code" in check(changed(record, drawn(stamped)), record.pages)
    assert "page1.sheet_code" in check(changed(record, picture), record.pages)


@pytest.fixture(scope="module")
def printed(records: list[Rendered]) -> tuple[Manifest, str, bytes]:
    def piece(seq: int, record: Rendered) -> Piece:
        number = f"{1_200_000_000_000 + seq}"
        return Piece(f"pc_{seq}", seq, f"{seq}", number, lambda: record.pdf, record.sha256, record.pages)

    files: dict[str, bytes] = {}
    pieces = [piece(seq, record) for seq, record in enumerate(records[:3], 1)]
    day = date(2026, 11, 25)
    manifest = build_run(pieces, run_id="run_1", job=7, day=day, products=PRODUCTS, write=files.__setitem__)
    ((name, data),) = files.items()
    return manifest, name, data


def test_in_a_print_file_each_sheet_carries_its_own_code_once(printed: tuple[Manifest, str, bytes]) -> None:
    manifest, name, data = printed
    assert preflight_print(data, name, manifest) == []


def test_a_foreign_doubled_or_missing_sheet_code_refuses_the_print_file(
    printed: tuple[Manifest, str, bytes],
) -> None:
    manifest, name, data = printed
    first = manifest.pieces[0]

    def with_last(stream: bytes | None) -> list[str]:
        out = io.BytesIO()
        with pikepdf.open(io.BytesIO(data)) as document:
            contents = document.pages[0].obj.Contents
            *before, last = list(contents)
            own = last.read_bytes()
            parts = [own, own] if stream is None else [stream]
            document.pages[0].obj.Contents = pikepdf.Array([*before, *(document.make_stream(part) for part in parts)])
            document.save(out)
        return preflight_print(out.getvalue(), name, manifest)

    foreign = stamp(sheet_code=sheet_code(job=7, piece=2, sheet=1, sheets=first.sheets), waybill_no=None)
    assert with_last(foreign) == [f"{first.piece_id}:page1.code_foreign"]
    assert with_last(stamp(sheet_code=None, waybill_no=None)) == [f"{first.piece_id}:page1.code_missing"]
    assert with_last(None) == [f"{first.piece_id}:page1.code_doubled"]
