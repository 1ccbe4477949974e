"""Fifth stage, second half: an open run whose pieces have their waybills is stamped, sealed and locked.

    manifest = lock_run(engine, tenant, run_id, home=home, at=now)   # print files sealed, manifest fixed

Print files and posting list lie sealed in `home/runs/RUN`; the manifest names no person and lies beside them readable.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, select, update

from songda.base.errors import SongdaError
from songda.dispatch import lock_attempts, set_aside
from songda.flow.court import Entrustment, entrustments_of, read_document
from songda.flow.dealing import new_run
from songda.flow.plant import read_plant
from songda.flow.produce import FEW, model_context, record_context
from songda.flow.run_key import NoSuchPrintFile, new_run_key, run_key
from songda.flow.sealed import open_person
from songda.flow.stationery import products_of
from songda.flow.tenants import Tenant
from songda.letters import (
    Document,
    Manifest,
    Packing,
    Piece,
    PiecesUnfit,
    PostingRow,
    build_run,
    expected_pieces,
    inserter_csv,
    posting_csv,
)
from songda.store import Conflict, chunks, move, tables
from songda.vault import mask, read_sealed, read_segment, write_sealed
from songda.vault.durable import held, new_file

POSTING_LIST = "posting.csv"
#: What the inserter has to make of each piece; nobody is named.
INSERTER_FILE = "inserter.csv"
#: Segments whose models are kept at hand; a carrier's order jumps between the segments of a batch.
_SEGMENTS_AT_HAND = 256
#: Times that a run is built whose pieces are taken out meanwhile.
_BUILDS = 3


class UnknownRun(SongdaError):
    zh = "没有打印批次 {run}"
    remedy = "打印批次可用 songda press list 查看"
    exit_code = 65


def check_run(engine: Engine, tenant: Tenant, run_id: str) -> None:
    """Raises UnknownRun unless the run is the tenant's."""
    r = tables.run.c
    with engine.connect() as connection:
        if connection.scalar(select(r.id).where(r.id == run_id, r.tenant_id == tenant.id)) is None:
            raise UnknownRun(run=run_id)


def lock_run(
    engine: Engine,
    tenant: Tenant,
    run_id: str,
    *,
    home: Path,
    at: datetime,
    workers: int = 1,
    progress: Callable[[int], None] = lambda pieces: None,
) -> Manifest | None:
    """Builds and seals the print files of an open run and fixes its manifest; None when no piece has a waybill yet.

    Pieces whose order has no answer yet go to the next run. A crash before the end leaves an open run, which is built
    again to the same bytes; so does a stop order that comes while the files are made. Pieces that cannot be printed are taken
    out with the reason, their letters held, and the rest is built. Raises DocumentChanged, NotFitToPrint, SegmentDamaged,
    DiskFull, CannotWrite, and Conflict when stop orders never cease.
    """
    conflicts = 0
    while True:
        try:
            return _build(engine, tenant, run_id, home=home, at=at, workers=workers, progress=progress)
        except PiecesUnfit as error:
            _set_aside(engine, error.data["pieces"], at=at)
        except Conflict:
            conflicts += 1
            if conflicts == _BUILDS:
                raise


def _set_aside(engine: Engine, pieces: Mapping[str, str], *, at: datetime) -> None:
    by_code: dict[str, list[str]] = {}
    for piece, code in pieces.items():
        by_code.setdefault(code, []).append(piece)
    with engine.begin() as connection:
        for code, group in sorted(by_code.items()):
            set_aside(connection, group, actor="production", reason="gate_lock", at=at, why=f"print:{code}")


def _build(
    engine: Engine,
    tenant: Tenant,
    run_id: str,
    *,
    home: Path,
    at: datetime,
    workers: int,
    progress: Callable[[int], None],
) -> Manifest | None:
    with engine.connect() as connection:
        run = _read_run(connection, run_id)
        drill = bool(connection.scalar(select(tables.batch.c.drill).where(tables.batch.c.id == run.batch_id)))
        rows = _queued(connection, run_id)
        along = entrustments_of(connection, tenant, {row.letter_id for row in rows})
    ordered: list[Any] = []
    left: list[Any] = []
    for row in rows:
        (ordered if row.waybill_no and row.intent_state == "answered" else left).append(row)
    if not ordered:
        return None
    folder, plant = home / "runs" / run_id, read_plant(home)
    with held(home):
        shutil.rmtree(folder, ignore_errors=True)
    key = new_run_key(tenant, run_id, home)

    def write(name: str, data: bytes) -> None:
        write_sealed(folder / name, io.BytesIO(data), key=key, context=file_context(run_id, name))

    pieces = list(_pieces(tenant, ordered, along, home=home, progress=progress))
    manifest = build_run(
        pieces,
        run_id=run_id,
        job=run.number,
        day=run.day,
        products=products_of(tenant),
        write=write,
        drill=drill,
        omr=plant.omr,
        workers=workers if len(ordered) > FEW else 1,
    )
    with engine.connect() as connection:
        posting = io.BytesIO(posting_csv(_posting(connection, tenant, ordered)).encode("utf-8-sig"))
    # It proves the posting, so it outlives the key of the run.
    context = file_context(run_id, POSTING_LIST)
    write_sealed(folder / POSTING_LIST, posting, key=tenant.key, context=context)
    machine = inserter_csv(expected_pieces(manifest, products_of(tenant), tolerance=plant.tolerance))
    for name, text in (
        ("manifest.json", manifest.to_json()),
        ("manifest.csv", "\ufeff" + manifest.to_csv()),
        (INSERTER_FILE, machine),
    ):
        # On the disk before the ledger says that the run is locked.
        with new_file(folder / name) as file:
            file.write(text.encode())
    with engine.begin() as connection:
        _lock(connection, tenant, run, ordered, left, manifest, at=at)
    return manifest


def file_context(run_id: str, name: str) -> str:
    """Context under which a file of a run is sealed."""
    return f"run:{run_id}/{name}"


def _read_run(connection: Connection, run_id: str) -> Any:
    run = connection.execute(select(tables.run).where(tables.run.c.id == run_id)).first()
    if run is None:
        raise UnknownRun(run=run_id)
    return run


def _queued(connection: Connection, run_id: str) -> Sequence[Any]:
    p, n, t, i, a = (
        each.c for each in (tables.piece, tables.attempt, tables.letter, tables.intent, tables.address_record)
    )
    query = (
        select(
            p.id,
            p.version,
            p.waybill_no,
            i.state.label("intent_state"),
            i.answer,
            a.adcode,
            p.seq,
            n.id.label("attempt_id"),
            n.version.label("attempt_version"),
            n.state.label("attempt_state"),
            n.record_sha256,
            n.segment,
            n.offset,
            n.length,
            n.model_length,
            n.pages,
            n.weight_g,
            n.address_record_id,
            n.letter_id,
            t.letter_no,
            t.person_id,
        )
        .join(tables.attempt, n.id == p.attempt_id)
        .join(tables.letter, t.id == n.letter_id)
        .join(tables.address_record, a.id == n.address_record_id)
        .outerjoin(tables.intent, i.order_no == p.order_no)
        .where(p.run_id == run_id, p.state == "queued")
    )
    # The carrier sorts by its own route codes, else by where letters go; what was dealt later stands among its own.
    return sorted(connection.execute(query), key=lambda row: (route_of(row), row.adcode or "", row.seq))


def route_of(row: Any) -> str:
    """四段码 of the carrier's answer to the order; "" when it gave none."""
    return str((row.answer or {}).get("route_code", ""))


def _pieces(
    tenant: Tenant,
    rows: Sequence[Any],
    along: Mapping[str, Entrustment],
    *,
    home: Path,
    progress: Callable[[int], None],
) -> Iterator[Piece]:
    """`along`: letter → what it forwards."""
    read = record_reader(tenant, home)
    documents = {
        each.id: Document(partial(read_document, home, tenant, each.id), each.entrusted.sha256, each.entrusted.pages)
        for each in along.values()
    }
    for seq, row in enumerate(rows, 1):
        yield Piece(
            piece_id=row.id,
            seq=seq,
            letter_no=row.letter_no,
            waybill_no=row.waybill_no,
            record=partial(_record, read, row, seq, progress),
            record_sha256=row.record_sha256,
            pages=row.pages,
            document=documents[along[row.letter_id].id] if row.letter_id in along else None,
        )


def _record(read: Callable[[Any], bytes], row: Any, seq: int, progress: Callable[[int], None]) -> bytes:
    progress(seq)
    return read(row)


def record_reader(tenant: Tenant, home: Path) -> Callable[[Any], bytes]:
    """A function from an attempt's row (attempt_id, segment, offset, length, model_length) to its PDF of record.

    It remembers what the records of the last segments were packed with. Raises SegmentDamaged, Unsealable.
    """
    packings: dict[str, Packing] = {}

    def read(attempt: Any) -> bytes:
        path = home / "letters" / attempt.segment
        if attempt.segment not in packings:
            if len(packings) == _SEGMENTS_AT_HAND:
                packings.pop(next(iter(packings)))
            model = tenant.key.unseal(read_segment(path, 0, attempt.model_length), context=model_context(path.name))
            packings[attempt.segment] = Packing(model)
        sealed = read_segment(path, attempt.offset, attempt.length)
        return packings[attempt.segment].unpack(tenant.key.unseal(sealed, context=record_context(attempt.attempt_id)))

    return read


def _posting(connection: Connection, tenant: Tenant, rows: Sequence[Any]) -> Iterator[PostingRow]:
    p = tables.person.c
    for start, part in zip(range(1, len(rows) + 1, 1000), chunks(rows, 1000), strict=True):
        persons = connection.execute(select(p.id, p.sealed).where(p.id.in_({row.person_id for row in part})))
        sealed = {row.id: row.sealed for row in persons}
        tenant.key.of_persons(sealed)
        for seq, row in enumerate(part, start):
            person = open_person(tenant.key, row.person_id, sealed[row.person_id])
            address = person["addresses"][row.address_record_id]
            yield PostingRow(
                seq=seq,
                waybill_no=row.waybill_no,
                masked_name=mask.show("name", person["name"], role="waybill") or "",
                city=address["city"] or address["province"] or "",
                postcode=address["postcode"] or "",
                weight_g=row.weight_g,
                route_code=route_of(row),
            )


def _lock(
    connection: Connection,
    tenant: Tenant,
    run: Any,
    ordered: Sequence[Any],
    left: Sequence[Any],
    manifest: Manifest,
    *,
    at: datetime,
) -> None:
    lock_attempts(connection, {row.attempt_id for row in ordered})
    prints = {row.piece_id: row for row in manifest.pieces}
    held = connection.execute(
        update(tables.piece)
        .where(tables.piece.c.id == bindparam("the_id"), tables.piece.c.state == "queued")
        .values(seq=bindparam("the_seq"), print_sha256=bindparam("the_hash")),
        [{"the_id": row.id, "the_seq": prints[row.id].seq, "the_hash": prints[row.id].print_sha256} for row in ordered],
    ).rowcount
    if held != len(ordered):
        raise Conflict(object="piece", count=len(ordered) - held)
    if left:
        following = new_run(connection, tenant, run.batch_id, run.day)
        connection.execute(
            update(tables.piece)
            .where(tables.piece.c.id == bindparam("the_id"))
            .values(run_id=following, seq=bindparam("the_seq")),
            [{"the_id": row.id, "the_seq": seq} for seq, row in enumerate(left, 1)],
        )
    move(
        connection,
        "attempt",
        [(row.attempt_id, row.attempt_version) for row in ordered if row.attempt_state == "sealed"],
        source="sealed",
        target="locked",
        actor="production",
        reason="manifest_fixed",
        at=at,
    )
    move(
        connection,
        "run",
        [(run.id, run.version)],
        source="open",
        target="locked",
        actor="production",
        reason="manifest_fixed",
        at=at,
        values=[{"manifest_sha256": manifest.run_sha256, "pieces": len(ordered)}],
    )


def read_manifest(home: Path, run_id: str) -> Manifest:
    """The manifest of a locked run. Raises UnknownRun, ValueError when it was changed."""
    try:
        return Manifest.from_json((home / "runs" / run_id / "manifest.json").read_text("utf-8"))
    except FileNotFoundError:
        raise UnknownRun(run=run_id) from None


def open_file(tenant: Tenant, run_id: str, name: str, *, home: Path) -> Iterator[bytes]:
    """A print file or the posting list of a run, opened piece by piece.

    Raises NoSuchPrintFile, RunKeyDestroyed, Unsealable.
    """
    path = home / "runs" / run_id / name
    if path.parent != home / "runs" / run_id or not path.is_file():
        raise NoSuchPrintFile(run=run_id, file=Path(name).name)
    key = tenant.key if name == POSTING_LIST else run_key(tenant, run_id, home)
    return read_sealed(path, key=key, context=file_context(run_id, name))
