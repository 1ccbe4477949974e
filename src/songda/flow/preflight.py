"""A locked run read page by page, from the files as they lie there: on demand, and for whatever is not fresh from our press.

for finding in preflight_run(engine, tenant, run_id, home=home, workers=2):
    finding.piece_id, finding.code          # "pce_…", "page2.left_edge"; none: fit to print
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine, select

from songda.base.days import now
from songda.base.errors import SongdaError
from songda.base.processes import map_ahead
from songda.flow.audit import write_audit
from songda.flow.press import open_file, read_manifest, record_reader
from songda.flow.stationery import products_of
from songda.flow.tenants import Tenant
from songda.letters import Products, picture_of_zones, preflight, preflight_print, verify_print
from songda.store import tables


class NoSuchPiece(SongdaError):
    zh = "打印批次 {run} 中没有封件 {piece}"
    remedy = "封件编号见该批次的 manifest.csv"
    exit_code = 65


class Finding(NamedTuple):
    #: "" of a whole print file.
    piece_id: str
    #: Code of songda.letters.preflighting or of `verify_print`, with the page where there is one.
    code: str


class _Record(NamedTuple):
    piece_id: str
    pdf: bytes
    pages: int
    products: Products


def preflight_run(engine: Engine, tenant: Tenant, run_id: str, *, home: Path, workers: int = 1) -> Iterator[Finding]:
    """What is wrong with the records, print files and annexes of a locked run, in its order.

    Raises UnknownRun, RunKeyDestroyed, SegmentDamaged, Unsealable.
    """
    manifest, read = read_manifest(home, run_id), record_reader(tenant, home)
    p, n = tables.piece.c, tables.attempt.c
    query = (
        select(p.id.label("piece_id"), n.id.label("attempt_id"), n.segment, n.offset, n.length, n.model_length, n.pages)
        .join(tables.attempt, n.id == p.attempt_id)
        .where(p.run_id == run_id, p.print_sha256.is_not(None))
        .order_by(p.seq)
    )
    with engine.connect() as connection:
        rows: dict[str, Any] = {row.piece_id: row for row in connection.execute(query)}
    products = products_of(tenant)
    records = (_Record(row.piece_id, read(row), row.pages, products) for row in rows.values())
    for findings in map_ahead(_look, records, workers=workers, ahead=8):
        yield from findings
    for file in manifest.files:
        data = b"".join(open_file(tenant, run_id, file.name, home=home))
        problems = verify_print(data, file.name, manifest, lambda piece_id: read(rows[piece_id]))
        for problem in [*problems, *preflight_print(data, file.name, manifest)]:
            piece_id, _, code = problem.partition(":")
            yield Finding("" if piece_id == "file" else piece_id, code)
    for row in manifest.pieces:
        # Somebody else's: neither format nor zones are ours to ask for, only that not a byte is another.
        if row.annex is not None:
            data = b"".join(open_file(tenant, run_id, row.annex.file, home=home))
            if hashlib.sha256(data).hexdigest() != row.annex.sha256:
                yield Finding(row.piece_id, "annex_changed")


def draw_pieces(
    engine: Engine, tenant: Tenant, run_id: str, piece_ids: Sequence[str], *, home: Path, dpi: int = 110
) -> Iterator[tuple[str, bytes]]:
    """Piece id and a picture of its record with the zones of the paper. Each is kept in the audit log.

    Raises NoSuchPiece, SegmentDamaged, Unsealable.
    """
    read = record_reader(tenant, home)
    p, n = tables.piece.c, tables.attempt.c
    query = select(p.id, n.id.label("attempt_id"), n.letter_id, n.segment, n.offset, n.length, n.model_length)
    query = query.join(tables.attempt, n.id == p.attempt_id).where(p.run_id == run_id, p.print_sha256.is_not(None))
    for piece_id in piece_ids:
        with engine.begin() as connection:
            row = connection.execute(query.where(p.id == piece_id)).first()
            if row is None:
                raise NoSuchPiece(run=run_id, piece=piece_id)
            write_audit(
                connection,
                at=now(),
                actor="operator",
                action="letter.shown",
                object_id=row.letter_id,
                details={"as": "overlay", "piece": piece_id},
            )
        yield piece_id, picture_of_zones(read(row), dpi=dpi)


def _look(record: _Record) -> list[Finding]:
    found = preflight(record.pdf, pages=record.pages, products=record.products)
    return [Finding(record.piece_id, code) for code in found.problems]
