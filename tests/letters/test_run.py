import io
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pikepdf
import pytest
from sample_letters import codes_on, members, page_image

from songda.letters import (
    Manifest,
    Piece,
    PiecesUnfit,
    Rendered,
    build_run,
    load_products,
    parse_sheet_code,
    sheets_of,
    verify_print,
)

DAY = date(2026, 11, 25)
PRODUCTS = load_products()


def pieces_of(records: list[Rendered], count: int) -> list[Piece]:
    def piece(seq: int, record: Rendered) -> Piece:
        return Piece(
            piece_id=f"pc_{seq}",
            seq=seq,
            letter_no=f"（2026）{seq}号",
            waybill_no=f"{1_200_000_000_000 + seq}",
            record=lambda: record.pdf,
            record_sha256=record.sha256,
            pages=record.pages,
        )

    return [piece(seq, records[(seq - 1) % len(records)]) for seq in range(1, count + 1)]


def build(pieces: list[Piece], *, duplex: bool = True) -> tuple[Manifest, dict[str, bytes]]:
    files: dict[str, bytes] = {}
    products = replace(PRODUCTS, duplex=duplex)
    manifest = build_run(pieces, run_id="run_1", job=7, day=DAY, products=products, write=files.__setitem__)
    return manifest, files


def keeper(pieces: list[Piece]) -> Callable[[str], bytes]:
    return lambda piece_id: next(piece.record() for piece in pieces if piece.piece_id == piece_id)


@pytest.fixture(scope="module")
def run(records: list[Rendered]) -> tuple[list[Piece], Manifest, dict[str, bytes]]:
    pieces = pieces_of(records, 6)
    return pieces, *build(pieces)


Run = tuple[list[Piece], Manifest, dict[str, bytes]]


def test_each_piece_printed_is_its_record_plus_its_stamps(run: Run) -> None:
    pieces, manifest, files = run
    ((name, data),) = files.items()
    assert name == "run-000007-001.pdf"
    assert verify_print(data, name, manifest, keeper(pieces)) == []
    assert Manifest.from_json(manifest.to_json()) == manifest
    first = 1
    for piece, row in zip(pieces, manifest.pieces, strict=True):
        assert (row.piece_id, row.waybill_no, row.first_page, row.pages) == (
            piece.piece_id,
            piece.waybill_no,
            first,
            piece.pages,
        )
        assert row.sheets == sheets_of(pages=piece.pages, duplex=True)
        first += piece.pages


def test_one_sided_printing_stamps_every_page(records: list[Rendered]) -> None:
    pieces = pieces_of(records, 2)
    manifest, files = build(pieces, duplex=False)
    ((name, data),) = files.items()
    assert [row.sheets for row in manifest.pieces] == [piece.pages for piece in pieces]
    assert verify_print(data, name, manifest, keeper(pieces)) == []


def test_codes_read_back_from_the_paper(run: Run, tmp_path: Path) -> None:
    _, manifest, files = run
    (data,) = files.values()
    (longest,) = [row for row in manifest.pieces if row.pages > 2]
    assert longest.piece_id == "pc_3"
    front = codes_on(page_image(data, tmp_path, page=longest.first_page))
    assert front["Code128"] == longest.waybill_no
    code = parse_sheet_code(front["DataMatrix"])
    assert (code.job, code.piece, code.sheet, code.sheets) == (7, 3, 1, longest.sheets)
    second = codes_on(page_image(data, tmp_path, page=longest.first_page + 2))
    assert parse_sheet_code(second["DataMatrix"]).sheet == 2
    assert "Code128" not in second
    back = codes_on(page_image(data, tmp_path, page=longest.first_page + 1, dpi=150))
    assert set(back) <= {"QRCode"}


def test_a_stamp_changes_nothing_outside_its_zone(run: Run, tmp_path: Path) -> None:
    pieces, _, files = run
    (data,) = files.values()
    record = page_image(pieces[0].record(), tmp_path, dpi=100)
    printed = page_image(data, tmp_path, dpi=100)
    scale = record.width / 210
    for box in ((5, 261, 19, 275), (119, 47, 187, 71)):
        area = tuple(int(side * scale) for side in box)
        printed.paste(record.crop(area), area)
    assert printed.tobytes() == record.tobytes()


Tamper = Callable[[pikepdf.Pdf], None]


def _draw_over(pdf: pikepdf.Pdf) -> None:
    contents = pdf.pages[0].obj.Contents
    contents[2] = pdf.make_stream(contents[2].read_bytes() + b"\n0 0 10 10 re f\n")


def _change_text(pdf: pikepdf.Pdf) -> None:
    contents = pdf.pages[1].obj.Contents
    contents[1] = pdf.make_stream(contents[1].read_bytes().replace(b"1", b"2", 1))


def _swap_faces(pdf: pikepdf.Pdf) -> None:
    fonts = pdf.pages[0].obj.Resources.Font
    fonts["/f0"], fonts["/f1"] = fonts["/f1"], fonts["/f0"]


def _change_face(pdf: pikepdf.Pdf) -> None:
    font = pdf.pages[0].obj.Resources.Font["/f0"].DescendantFonts[0].FontDescriptor.FontFile3
    font.write(font.read_bytes() + b"\0")


def _change_size(pdf: pikepdf.Pdf) -> None:
    pdf.pages[1].obj.MediaBox = pikepdf.Array([0, 0, 595, 800])


def _swap_pages(pdf: pikepdf.Pdf) -> None:
    first, second = pdf.pages[0].obj, pdf.pages[1].obj
    first.Contents, second.Contents = second.Contents, first.Contents


@pytest.mark.parametrize(
    ("tamper", "problem"),
    [
        (_draw_over, "pc_1:page1.stamp"),
        (_change_text, "pc_1:page2.content"),
        (_swap_faces, "pc_1:page1.resources"),
        (_change_face, "pc_1:page1.resources"),
        (_change_size, "pc_1:page2.resources"),
        (_swap_pages, "pc_1:page1.content"),
    ],
)
def test_a_tampered_file_is_found(run: Run, tamper: Tamper, problem: str) -> None:
    pieces, manifest, files = run
    ((name, data),) = files.items()
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(data)) as pdf:
        tamper(pdf)
        pdf.save(out)
    problems = verify_print(out.getvalue(), name, manifest, keeper(pieces))
    assert "file:sha256" in problems
    assert problem in problems


def test_a_file_saved_anew_without_a_change_differs_in_its_hash_alone(run: Run) -> None:
    pieces, manifest, files = run
    ((name, data),) = files.items()
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(data)) as pdf:
        pdf.save(out)
    assert verify_print(out.getvalue(), name, manifest, keeper(pieces)) == ["file:sha256"]


def test_a_missing_page_is_found(run: Run) -> None:
    pieces, manifest, files = run
    ((name, data),) = files.items()
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(data)) as pdf:
        del pdf.pages[3]
        pdf.save(out)
    assert verify_print(out.getvalue(), name, manifest, keeper(pieces)) == ["file:sha256", "file:pages"]


def test_a_record_that_the_ledger_does_not_know_stops_the_run(records: list[Rendered]) -> None:
    good = pieces_of(records, 1)[0]
    for bad in (replace(good, record_sha256="0" * 64), replace(good, pages=good.pages + 1)):
        with pytest.raises(PiecesUnfit) as stopped:
            build([bad, pieces_of(records, 2)[1]])
        assert stopped.value.data["pieces"] == {"pc_1": "record_changed"}


def test_a_changed_record_is_found_later(run: Run) -> None:
    pieces, manifest, files = run
    ((name, data),) = files.items()
    problems = verify_print(data, name, manifest, lambda piece_id: pieces[0].record() + b" ")
    assert problems == [f"{piece.piece_id}:record_sha256" for piece in pieces]


def test_501_pieces_make_two_files_and_equal_things_lie_in_them_once(records: list[Rendered]) -> None:
    pieces = pieces_of(records, 501)
    manifest, files = build(pieces)
    assert [(file.name, file.pieces) for file in manifest.files] == [
        ("run-000007-001.pdf", 500),
        ("run-000007-002.pdf", 1),
    ]
    assert manifest.pieces[-1].first_page == 1
    # The same four records again and again: contents and stamps grow, fonts do not.
    assert len(files["run-000007-001.pdf"]) < 30_000 * 500 < sum(len(piece.record()) for piece in pieces)
    second = files["run-000007-002.pdf"]
    assert verify_print(second, "run-000007-002.pdf", manifest, keeper(pieces)) == []


def test_equal_runs_give_equal_bytes(records: list[Rendered]) -> None:
    assert build(pieces_of(records, 5)) == build(pieces_of(records, 5))


def test_a_print_file_says_nothing_about_its_run_or_people(run: Run) -> None:
    (data,) = run[2].values()
    with pikepdf.open(io.BytesIO(data)) as pdf:
        assert dict(pdf.docinfo) == {}
        assert "/Metadata" not in pdf.Root
    strings = members(data)["strings"]
    assert not [row for row in run[1].pieces if row.waybill_no in strings or row.letter_no in strings]


@pytest.mark.parametrize("number", ["12-3", "柳", "ea1"])
def test_a_waybill_number_with_other_characters_is_refused(records: list[Rendered], number: str) -> None:
    with pytest.raises(ValueError, match="waybill"):
        build([replace(pieces_of(records, 1)[0], waybill_no=number)])
