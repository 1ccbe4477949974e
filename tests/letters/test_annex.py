"""Somebody else's document behind a letter: what may be one, and that the press leaves it as it is."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pikepdf
import pytest

from songda.letters import (
    Document,
    DocumentChanged,
    Manifest,
    Piece,
    Rendered,
    build_run,
    expected_pieces,
    inserter_csv,
    load_products,
    preflight_document,
    read_inserter,
    verify_print,
)

PRODUCTS = load_products()


def made(change: Callable[[pikepdf.Pdf], None] = lambda pdf: None, *, pages: int = 3, **how: object) -> bytes:
    with pikepdf.new() as pdf:
        for _ in range(pages):
            page = pdf.add_blank_page(page_size=(595, 842))
            page.contents_add(pdf.make_stream(b"60 100 200 40 re f"))
        change(pdf)
        out = io.BytesIO()
        pdf.save(out, deterministic_id=not how, **how)  # type: ignore[arg-type]
    return out.getvalue()


RULING = made()


def document(data: bytes = RULING, pages: int = 3) -> Document:
    return Document(lambda: data, hashlib.sha256(RULING).hexdigest(), pages)


def run_of(records: list[Rendered], *documents: Document | None) -> tuple[Manifest, dict[str, bytes]]:
    files: dict[str, bytes] = {}
    pieces = [
        Piece(
            f"pc_{seq}",
            seq,
            f"（2026）{seq}号",
            f"{1_200_000_000_000 + seq}",
            lambda r=record: r.pdf,
            record.sha256,
            record.pages,
            each,
        )  # type: ignore[misc]
        for seq, (record, each) in enumerate(zip(records, documents, strict=False), 1)
    ]
    day = date(2026, 11, 25)
    manifest = build_run(pieces, run_id="run_1", job=7, day=day, products=PRODUCTS, write=files.__setitem__)
    return manifest, files


def test_the_press_writes_the_very_bytes_into_a_file_of_their_own(records: list[Rendered]) -> None:
    manifest, files = run_of(records, document(), None)
    first, second = manifest.pieces
    assert files.keys() == {"run-000007-001.pdf", "annex-000007-0000001.pdf"}
    assert files["annex-000007-0000001.pdf"] == RULING
    assert first.annex is not None
    assert (first.annex.sha256, first.annex.pages) == (hashlib.sha256(RULING).hexdigest(), 3)
    assert second.annex is None
    # The print file holds our pages and our codes alone.
    read = {f"pc_{n}": record.pdf for n, record in enumerate(records, 1)}
    assert verify_print(files["run-000007-001.pdf"], "run-000007-001.pdf", manifest, read.__getitem__) == []
    assert Manifest.from_json(manifest.to_json()) == manifest
    head, line, other = csv.reader(io.StringIO(manifest.to_csv()))
    assert head[-3:] == ["annex_file", "annex_sha256", "annex_pages"]
    assert (line[-1], other[-1]) == ("3", "")


def test_a_run_without_any_is_spelt_as_it_was_before_there_were_any(records: list[Rendered]) -> None:
    manifest, _ = run_of(records, None, None)
    assert "annex" not in manifest.to_json()
    assert "annex" not in manifest.to_csv()
    assert "annex" not in inserter_csv(expected_pieces(manifest, PRODUCTS))
    assert "annex" not in json.dumps(manifest.pieces[0].plain())


def test_another_byte_than_the_recorded_ones_is_not_printed(records: list[Rendered]) -> None:
    with pytest.raises(DocumentChanged):
        run_of(records, document(RULING + b"\n"))


def test_a_changed_hash_of_an_annex_is_another_manifest(records: list[Rendered]) -> None:
    manifest, _ = run_of(records, document())
    text = manifest.to_json().replace(hashlib.sha256(RULING).hexdigest(), "0" * 64)
    with pytest.raises(ValueError, match="changed"):
        Manifest.from_json(text)


def test_a_sheet_of_the_annex_too_few_or_too_many_does_not_pass_the_scale(records: list[Rendered]) -> None:
    manifest, _ = run_of(records, document())
    (line,) = read_inserter(inserter_csv(expected_pieces(manifest, PRODUCTS))).values()
    assert (line.annex, line.annex_sheets) == ("annex-000007-0000001.pdf", 3)
    full = PRODUCTS.envelopes[0].empty_g + (line.sheets + 3) * PRODUCTS.sheet_g
    assert line.weight_fits(full)
    assert not line.weight_fits(full - PRODUCTS.sheet_g)
    assert not line.weight_fits(full + PRODUCTS.sheet_g)
    assert not line.weight_fits(full - 3 * PRODUCTS.sheet_g)
    assert manifest.pieces[0].weight_g >= full


def test_a_long_annex_needs_a_larger_envelope(records: list[Rendered]) -> None:
    long = made(pages=7)
    manifest, _ = run_of(records, replace(document(long, 7), sha256=hashlib.sha256(long).hexdigest()))
    (line,) = expected_pieces(manifest, PRODUCTS)
    assert line.envelope == "c5"


def _fields(pdf: pikepdf.Pdf, kind: str) -> None:
    field = pikepdf.Dictionary(FT=pikepdf.Name(kind), T=pikepdf.String("a"))
    pdf.Root.AcroForm = pdf.make_indirect(pikepdf.Dictionary(Fields=[field]))


def _xfa(pdf: pikepdf.Pdf) -> None:
    pdf.Root.AcroForm = pdf.make_indirect(pikepdf.Dictionary(Fields=[], XFA=pikepdf.String("<xdp/>")))


def _launch(pdf: pikepdf.Pdf) -> None:
    action = pikepdf.Dictionary(S=pikepdf.Name.Launch, F=pikepdf.String("a.exe"))
    note = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=[0, 0, 9, 9], A=action)
    pdf.pages[0].Annots = pdf.make_indirect(pikepdf.Array([pdf.make_indirect(note)]))


def _link(pdf: pikepdf.Pdf) -> None:
    action = pikepdf.Dictionary(S=pikepdf.Name.URI, URI=pikepdf.String("https://court.example.invalid"))
    note = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=[0, 0, 9, 9], A=action)
    pdf.pages[0].Annots = pdf.make_indirect(pikepdf.Array([pdf.make_indirect(note)]))


def _attached(pdf: pikepdf.Pdf) -> None:
    pdf.attachments["a.txt"] = b"hidden"


def _turned(pdf: pikepdf.Pdf) -> None:
    pdf.pages[2].Rotate = 90


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (RULING, ()),
        (made(lambda pdf: _fields(pdf, "/Sig")), ()),
        (made(_link), ()),
        (made(lambda pdf: _fields(pdf, "/Tx")), ("form",)),
        (made(_xfa), ("form",)),
        (made(_launch), ("script",)),
        (made(_attached), ("attachment",)),
        (made(_turned), ("page3.size",)),
        (made(pages=0), ("no_pages",)),
        (made(encryption=pikepdf.Encryption(owner="o", user="")), ("encrypted",)),
        (made(encryption=pikepdf.Encryption(owner="o", user="u")), ("encrypted",)),
        (b"", ("unreadable",)),
        (RULING[:-200], ("unreadable",)),
    ],
)
def test_what_prints_the_same_everywhere_may_be_an_annex(data: bytes, found: tuple[str, ...]) -> None:
    assert preflight_document(data)[1] == found


def test_a_page_that_bears_a_sheet_code_of_ours_may_not(records: list[Rendered]) -> None:
    _, files = run_of(records, None)
    assert "page1.sheet_code" in preflight_document(files["run-000007-001.pdf"])[1]
