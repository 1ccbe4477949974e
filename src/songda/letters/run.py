"""A print run: files of at most 500 letters made of the very PDFs of record, stamped, and the manifest that proves it.

    manifest = build_run(pieces, run_id=…, job=7, day=day, products=load_products(), write=sealed_file)
    verify_print(data, manifest.files[0].name, manifest, records) == []         # print = record + stamps

`write(name, data)` gets one finished file at a time, so that the caller can seal it; nothing is written here. Pages that
are equal share their fonts and pictures, so a file is smaller than its letters together. Equal runs give equal bytes.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count, islice
from typing import TYPE_CHECKING, cast

from songda.base.errors import SongdaError
from songda.base.processes import map_ahead
from songda.letters.codes import sheet_code
from songda.letters.errors import NotFitToPrint
from songda.letters.manifest import Annex, FileRow, Manifest, PieceRow
from songda.letters.omr import Omr
from songda.letters.postage import Products, sheets_of, weigh
from songda.letters.preflighting import preflight, preflight_print
from songda.letters.resources import Digests, Shared
from songda.letters.stamp import PROLOGUE, stamp

if TYPE_CHECKING:
    import pikepdf

PIECES_PER_FILE = 500
#: One piece in so many is read in full when its file is finished; the first and the last always are.
SAMPLED = 100
#: Code of a record that is not the one which the ledger knows.
RECORD_CHANGED = "record_changed"


class PiecesUnfit(SongdaError):
    """`pieces`: piece id → code of what keeps it from being printed."""

    zh = "{count} 封件不能印制，打印文件未生成"
    remedy = "这些封件会被取出、函件暂缓，其余封件照常制作"
    exit_code = 65


class DocumentChanged(SongdaError):
    """`piece_id`: the document that goes along with it is not the one that was recorded."""

    zh = "封件 {piece_id} 所附文书与登记的哈希不符"
    remedy = "本批次未生成；请撤回该委托，用法院交付的原件重新登记"
    exit_code = 65


@dataclass(frozen=True, slots=True)
class Document:
    """Somebody else's PDF that goes along as it is."""

    #: Fetches its bytes.
    read: Callable[[], bytes]
    sha256: str
    pages: int


@dataclass(frozen=True, slots=True)
class Piece:
    """One envelope of the run, in the carrier's order."""

    piece_id: str
    #: 1-based place in the run; also the piece number in the sheet codes.
    seq: int
    letter_no: str
    waybill_no: str
    #: Fetches the PDF of record.
    record: Callable[[], bytes]
    record_sha256: str
    pages: int
    document: Document | None = None


def build_run(
    pieces: Iterable[Piece],
    *,
    run_id: str,
    job: int,
    day: date,
    products: Products,
    write: Callable[[str, bytes], None],
    drill: bool = False,
    omr: Omr | None = None,
    workers: int = 1,
) -> Manifest:
    """Build the files in the order of `pieces` in `workers` processes, hand each to `write`, and return the manifest.

    A document that goes along with a piece is handed to `write` as it is, in a file of its own. Each file is read again before
    it counts: every page must be what was put into it, and a sample is read in full, codes off the paper too.
    Raises PiecesUnfit when a record's hash or page count is not the stated one or the reading objects to a piece,
    DocumentChanged, NotFitToPrint for a file that holds other pages, and TooHeavy when no envelope takes a piece.
    """
    files, rows, unfit = list[FileRow](), list[PieceRow](), dict[str, str]()
    work = _files(pieces, job=job, products=products, omr=omr, write=write)
    for name, data, batch_rows, found in map_ahead(_build_file, work, workers=workers, ahead=1):
        unfit |= found
        write(name, data)
        pages = sum(row.pages for row in batch_rows)
        files.append(FileRow(name, pages, len(batch_rows), hashlib.sha256(data).hexdigest()))
        rows += batch_rows
    if unfit:
        raise PiecesUnfit(pieces=unfit, count=len(unfit))
    return Manifest(run_id, job, day.isoformat(), products.duplex, drill, tuple(files), tuple(rows), omr)


@dataclass(frozen=True, slots=True)
class _File:
    """What one print file is made of; goes to another process."""

    name: str
    job: int
    products: Products
    #: Bars beside the sheet codes.
    omr: Omr | None
    #: Pieces as they stand on the paper, and their PDFs of record.
    pieces: list[tuple[_Piece, bytes]]


@dataclass(frozen=True, slots=True)
class _Piece:
    piece_id: str
    seq: int
    letter_no: str
    waybill_no: str
    record_sha256: str
    pages: int
    annex: Annex | None


def _files(
    pieces: Iterable[Piece], *, job: int, products: Products, omr: Omr | None, write: Callable[[str, bytes], None]
) -> Iterator[_File]:
    source = iter(pieces)
    for number in count(1):
        batch = list(islice(source, PIECES_PER_FILE))
        if not batch:
            return
        fetched = [
            (
                _Piece(
                    each.piece_id,
                    each.seq,
                    each.letter_no,
                    each.waybill_no,
                    each.record_sha256,
                    each.pages,
                    _annex(each, job, write),
                ),
                each.record(),
            )
            for each in batch
        ]
        yield _File(f"run-{job:06}-{number:03}.pdf", job, products, omr, fetched)


def _annex(piece: Piece, job: int, write: Callable[[str, bytes], None]) -> Annex | None:
    """The file of the document that goes along with the piece. A copy a piece: whoever lays them in counts no copies."""
    if piece.document is None:
        return None
    data = piece.document.read()
    if hashlib.sha256(data).hexdigest() != piece.document.sha256:
        raise DocumentChanged(piece_id=piece.piece_id)
    name = f"annex-{job:06}-{piece.seq:07}.pdf"
    write(name, data)
    return Annex(name, piece.document.sha256, piece.document.pages)


def _build_file(file: _File) -> tuple[str, bytes, list[PieceRow], dict[str, str]]:
    """Name, bytes and rows of the file, and of pieces that cannot be printed the code of why."""
    import pikepdf

    rows, out, products, unfit = list[PieceRow](), io.BytesIO(), file.products, dict[str, str]()
    with pikepdf.new() as target:
        shared = Shared(target)
        prologue = target.make_stream(PROLOGUE)
        for piece, data in file.pieces:
            first_page, sheets = len(target.pages) + 1, sheets_of(pages=piece.pages, duplex=products.duplex)
            stamps, hashes = _stamps(piece, file.job, sheets, duplex=products.duplex, omr=file.omr), []
            if (opened := _open_record(piece, data)) is None:
                unfit[piece.piece_id] = RECORD_CHANGED
                continue
            with opened as record:
                digests = Digests(record)
                for page, stamped in zip(record.pages, stamps, strict=True):
                    copy, drawn_with = shared.page(page, digests)
                    contents = [target.copy_foreign(stream) for stream in _contents(page)]
                    copy.Contents = pikepdf.Array([prologue, *contents, target.make_stream(stamped)])
                    target.pages.append(pikepdf.Page(copy))
                    hashes.append((_stream_bytes(page), stamped, drawn_with))
            behind = piece.annex.pages if piece.annex else 0
            rows.append(
                PieceRow(
                    seq=piece.seq,
                    piece_id=piece.piece_id,
                    letter_no=piece.letter_no,
                    waybill_no=piece.waybill_no,
                    pages=piece.pages,
                    sheets=sheets,
                    weight_g=weigh(sheets=sheets + behind, products=products)[1],
                    file=file.name,
                    first_page=first_page,
                    record_sha256=piece.record_sha256,
                    print_sha256=_print_hash(hashes),
                    annex=piece.annex,
                )
            )
        # The text says nothing about a person: piece, letter and waybill numbers stand in the manifest alone.
        target.save(out, object_stream_mode=pikepdf.ObjectStreamMode.generate, deterministic_id=True)
    records = {piece.piece_id: data for piece, data in file.pieces if piece.piece_id not in unfit}
    return file.name, out.getvalue(), rows, unfit | dict(_read_again(out.getvalue(), file, rows, records))


def _open_record(piece: _Piece, data: bytes) -> pikepdf.Pdf | None:
    """None unless it is the one that the ledger knows."""
    import pikepdf

    if hashlib.sha256(data).hexdigest() != piece.record_sha256:
        return None
    record = pikepdf.open(io.BytesIO(data))
    if len(record.pages) != piece.pages:
        record.close()
        return None
    return record


def _read_again(
    data: bytes, file: _File, rows: Sequence[PieceRow], records: Mapping[str, bytes]
) -> Iterator[tuple[str, str]]:
    """Pieces that the finished file does not hold as they were put in, and what a full reading of a sample objects to."""
    import pikepdf

    with pikepdf.open(io.BytesIO(data)) as printed:
        pages, digests = list(printed.pages), Digests(printed)
        if len(pages) != sum(row.pages for row in rows):
            raise NotFitToPrint(codes=("pages",))
        for row in rows:
            own = pages[row.first_page - 1 : row.first_page - 1 + row.pages]
            streams = [(_stream_bytes(page), digests.page(page)) for page in own]
            hashes = [(middle, last, drawn_with) for (_, *middle, last), drawn_with in streams]
            if any(first != PROLOGUE for (first, *_), _ in streams) or _print_hash(hashes) != row.print_sha256:
                yield row.piece_id, "preflight:print_sha256"
    sample = [row for n, row in enumerate(rows) if n % SAMPLED == 0 or n == len(rows) - 1]
    for row in sample:
        found = preflight(records[row.piece_id], pages=row.pages, products=file.products).problems
        if found:
            yield row.piece_id, f"preflight:{found[0]}"
    manifest = Manifest("", file.job, "", file.products.duplex, False, (), tuple(sample))
    for problem in preflight_print(data, file.name, manifest):
        piece_id, _, code = problem.partition(":")
        yield piece_id, f"preflight:{code}"


def _stamps(piece: _Piece | PieceRow, job: int, sheets: int, *, duplex: bool, omr: Omr | None) -> Iterator[bytes]:
    """The stamp of each page: a sheet code and the bars on every front, the waybill on page 1."""
    for index in range(piece.pages):
        front = index % 2 == 0 or not duplex
        sheet = index // 2 + 1 if duplex else index + 1
        yield stamp(
            sheet_code=sheet_code(job=job, piece=piece.seq, sheet=sheet, sheets=sheets) if front else None,
            waybill_no=piece.waybill_no if index == 0 else None,
            bars=omr.zones(piece=piece.seq, sheet=sheet, sheets=sheets) if front and omr is not None else (),
        )


def verify_print(data: bytes, name: str, manifest: Manifest, records: Callable[[str], bytes]) -> list[str]:
    """What is wrong with print file `name`; empty when every piece is its record plus exactly its stamps.

    `records(piece_id)` fetches the PDF of record. Problems read `<piece_id>:<code>` or `file:<code>`.
    """
    import pikepdf

    (entry,) = [file for file in manifest.files if file.name == name]
    problems = [] if hashlib.sha256(data).hexdigest() == entry.sha256 else ["file:sha256"]
    rows = [row for row in manifest.pieces if row.file == name]
    with pikepdf.open(io.BytesIO(data)) as print_file:
        if len(print_file.pages) != sum(row.pages for row in rows):
            return [*problems, "file:pages"]
        digests = Digests(print_file)
        for row in rows:
            printed = list(islice(print_file.pages, row.first_page - 1, row.first_page - 1 + row.pages))
            problems += [f"{row.piece_id}:{code}" for code in _piece_problems(row, printed, digests, manifest, records)]
    return problems


def _piece_problems(
    row: PieceRow,
    printed: list[pikepdf.Page],
    print_digests: Digests,
    manifest: Manifest,
    records: Callable[[str], bytes],
) -> Iterator[str]:
    import pikepdf

    data = records(row.piece_id)
    if hashlib.sha256(data).hexdigest() != row.record_sha256:
        yield "record_sha256"
        return
    hashes = []
    with pikepdf.open(io.BytesIO(data)) as record:
        digests = Digests(record)
        stamps = list(_stamps(row, manifest.job, row.sheets, duplex=manifest.duplex, omr=manifest.omr))
        if not len(record.pages) == len(printed) == row.pages:
            yield "pages"
            return
        for number, (page, copy, stamped) in enumerate(zip(record.pages, printed, stamps, strict=True), 1):
            first, *middle, last = [stream.read_bytes() for stream in _contents(copy)]
            drawn_with = print_digests.page(copy)
            if (first, last) != (PROLOGUE, stamped):
                yield f"page{number}.stamp"
            if middle != _stream_bytes(page):
                yield f"page{number}.content"
            if drawn_with != digests.page(page):
                yield f"page{number}.resources"
            hashes.append((middle, last, drawn_with))
    if _print_hash(hashes) != row.print_sha256:
        yield "print_sha256"


def _contents(page: pikepdf.Page) -> list[pikepdf.Stream]:
    import pikepdf

    contents = page.obj.Contents
    return cast("list[pikepdf.Stream]", list(contents) if isinstance(contents, pikepdf.Array) else [contents])


def _stream_bytes(page: pikepdf.Page) -> list[bytes]:
    return [stream.read_bytes() for stream in _contents(page)]


def _print_hash(pages: Iterable[tuple[list[bytes], bytes, str]]) -> str:
    """SHA-256 (hex) over the streams of the record, the stamp and the resources of each page, in order."""
    digest = hashlib.sha256()
    for record, stamped, resources in pages:
        for part in (*record, stamped, resources.encode()):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()
