"""Fifth stage: sealed letters become a print run. Pieces are dealt, ordered, stamped with their waybills, and locked.

    run_id = assemble(engine, tenant, batch_id, on=day, at=now)      # gate lock; pieces queued in an open run
    ...                                                              # waybills are ordered (flow.post)
    manifest = lock_run(engine, tenant, run_id, home=home, at=now)   # print files sealed, manifest fixed

Print files and posting list lie sealed in `home/runs/RUN`; the manifest names no person and lies beside them readable.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Connection, Engine, bindparam, func, insert, select, update

from songda.base import ids
from songda.base.errors import SongdaError
from songda.carriers import item_line
from songda.flow.compose import Draft, Wanted, compose
from songda.flow.decide import rules_on, write_decisions
from songda.flow.gates import Said, Verdict, judge_lock, letter_links, read_said
from songda.flow.links import read_links
from songda.flow.produce import Signed, products_of, read_approvals, record_context, seal_content
from songda.flow.sealed import LASTING, open_person
from songda.flow.tenants import Tenant
from songda.letters import (
    ApprovalItem,
    ApprovalVoid,
    Manifest,
    Piece,
    PostingRow,
    build_run,
    posting_csv,
)
from songda.store import chunks, insert_missing, move, tables
from songda.vault import mask, read_sealed, read_segment, write_sealed

POSTING_LIST = "posting.csv"


class UnknownRun(SongdaError):
    zh = "没有打印批次 {run}"
    remedy = "打印批次可用 songda press list 查看"
    exit_code = 65


class NoSuchPrintFile(SongdaError):
    zh = "打印批次 {run} 没有文件 {file}"
    remedy = "文件名见该批次的 manifest.json"
    exit_code = 66


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A sealed attempt that waits for a run."""

    attempt_id: str
    attempt_version: int
    letter_id: str
    letter_version: int
    letter_no: str
    kind: str
    n: int
    record_id: str
    adcode: str
    approval_id: str
    content_sha256: str
    template_sha256: str
    basis: str
    amount_fen: int
    archived: bool

    def item(self) -> ApprovalItem:
        return ApprovalItem(
            letter_id=self.letter_id,
            template_hash=self.template_sha256,
            content_hash=self.content_sha256,
            addressee_id=self.record_id,
            amount_fen=self.amount_fen,
            address_basis=self.basis,
        )


def assemble(engine: Engine, tenant: Tenant, batch_id: str, *, on: date, at: datetime) -> str | None:
    """The open run of the batch, with every sealed attempt that passes the gate *lock* queued in it; None: nothing to print.

    Raises ApprovalVoid when an approval of the batch does not verify.
    """
    with engine.connect() as connection:
        waiting = _candidates(connection, batch_id)
        open_run = connection.execute(
            select(tables.run.c.id).where(tables.run.c.batch_id == batch_id, tables.run.c.state == "open")
        ).scalar()
        if not waiting:
            return open_run
        verdicts = _at_the_lock(connection, tenant, batch_id, waiting, on=on)
    passed = [each for each, verdict in zip(waiting, verdicts, strict=True) if verdict.passed]
    stopped = [(each, verdict) for each, verdict in zip(waiting, verdicts, strict=True) if not verdict.passed]
    with engine.begin() as connection:
        run_id = open_run
        if passed:
            run_id = run_id or new_run(connection, tenant, batch_id, on)
            _queue(connection, tenant, run_id, passed)
        _stop(connection, stopped, at=at)
        write_decisions(
            connection,
            tenant,
            [
                (
                    each.attempt_id,
                    "printed" if verdict.passed else "stopped",
                    verdict.inputs_hash,
                    list(verdict.reasons),
                )
                for each, verdict in zip(waiting, verdicts, strict=True)
            ],
            stage="lock",
            versions={"rules": rules_on(tenant, on).label},
            on=on,
        )
    return run_id


def _candidates(connection: Connection, batch_id: str) -> list[_Candidate]:
    n, t, p, r = tables.attempt.c, tables.letter.c, tables.approved.c, tables.address_record.c
    query = (
        select(
            n.id.label("attempt_id"),
            n.version.label("attempt_version"),
            t.id.label("letter_id"),
            t.version.label("letter_version"),
            t.letter_no,
            t.kind,
            n.n,
            n.address_record_id.label("record_id"),
            r.adcode,
            p.approval_id,
            p.content_sha256,
            p.template_sha256,
            p.basis,
            t.amount_fen,
            n.record_sha256.is_not(None).label("archived"),
        )
        .join(tables.letter, t.id == n.letter_id)
        .join(tables.address_record, r.id == n.address_record_id)
        .join(
            tables.approved,
            (p.letter_id == t.id) & (p.approval_id == t.approval_id) & (p.address_record_id == n.address_record_id),
        )
        .outerjoin(tables.piece, tables.piece.c.attempt_id == n.id)
        .where(t.batch_id == batch_id, n.state == "sealed", tables.piece.c.id.is_(None))
        # The carrier sorts by where letters go.
        .order_by(r.adcode, t.letter_no)
    )
    return [_Candidate(**row._mapping) for row in connection.execute(query).all()]


def _at_the_lock(
    connection: Connection, tenant: Tenant, batch_id: str, waiting: Sequence[_Candidate], *, on: date
) -> list[Verdict]:
    """A verdict for each candidate: the letter is composed once more and must be what was approved."""
    drill = bool(connection.scalar(select(tables.batch.c.drill).where(tables.batch.c.id == batch_id)))
    approvals = read_approvals(connection, tenant, batch_id)
    t, lc, n = tables.letter.c, tables.letter_case.c, tables.attempt.c
    ours = (
        select(lc.letter_id, lc.case_id)
        .join(tables.letter, t.id == lc.letter_id)
        .join(tables.attempt, n.letter_id == t.id)
        .where(t.batch_id == batch_id, n.state == "sealed")
        .distinct()
    )
    pairs = [tuple(pair) for pair in connection.execute(ours)]
    chosen = tables.case.c.id.in_(ours.with_only_columns(lc.case_id))
    links = letter_links(read_links(connection, tenant, chosen, on=on, batch_id=batch_id), pairs)
    verdicts: dict[str, Verdict] = {}
    for approval_id in sorted({each.approval_id for each in waiting}):
        own = [each for each in waiting if each.approval_id == approval_id]
        signed = approvals[approval_id]
        said = _said(connection, tenant, own, signed, drill=drill)
        printed = pl.DataFrame(
            {
                "letter_id": [each.letter_id for each in own],
                "letter_no": [each.letter_no for each in own],
                "content_hash": [each.content_sha256 for each in own],
                "template_hash": [each.template_sha256 for each in own],
                "archived": [each.archived for each in own],
                "item": [item_line(each.letter_no) for each in own],
            }
        )
        judged = judge_lock(
            said, links, tenant, kind=own[0].kind, batch_id=batch_id, lawyer=signed.lawyer, on=on, printed=printed
        )
        verdicts |= {each.attempt_id: verdict for each, verdict in zip(own, judged, strict=True)}
    return [verdicts[each.attempt_id] for each in waiting]


def _said(
    connection: Connection, tenant: Tenant, waiting: Sequence[_Candidate], signed: Signed, *, drill: bool
) -> list[Said]:
    wanted = [Wanted(each.letter_id, each.n, each.record_id) for each in waiting]
    said = []
    drafts = compose(connection, tenant, wanted, lawyer=signed.lawyer, on=None, drill=drill)
    for each, draft in zip(waiting, drafts, strict=True):
        try:
            content = draft.content and seal_content(draft.content, signed.approval, each.item())
            said.append(read_said(Draft(draft.wanted, content or None, draft.problems), before_approval=False))
        except ApprovalVoid as error:
            void = Draft(draft.wanted, None, (f"approval_void:{error.data['reason']}",))
            said.append(read_said(void, before_approval=False))
    return said


def new_run(connection: Connection, tenant: Tenant, batch_id: str, day: date) -> str:
    """An open run of the batch; returns its id."""
    r = tables.run.c
    # Numbers count over the tenant: they stand in the codes of the sheets.
    number = (connection.scalar(select(func.max(r.number)).where(r.tenant_id == tenant.id)) or 0) + 1
    run_id = ids.derive("run", day, tenant.key.id_secret(), batch_id, number)
    row = {"id": run_id, "tenant_id": tenant.id, "batch_id": batch_id, "number": number, "day": day}
    connection.execute(insert(tables.run), {**row, "state": "open", "version": 0, "pieces": 0})
    return run_id


def _queue(connection: Connection, tenant: Tenant, run_id: str, attempts: Sequence[_Candidate]) -> None:
    last = connection.scalar(select(func.max(tables.piece.c.seq)).where(tables.piece.c.run_id == run_id)) or 0
    insert_missing(
        connection,
        tables.piece,
        [
            piece_row(tenant, each.attempt_id, copy=1, run_id=run_id, seq=seq)
            for seq, each in enumerate(attempts, last + 1)
        ],
    )


def piece_row(tenant: Tenant, attempt_id: str, *, copy: int, run_id: str, seq: int) -> dict[str, Any]:
    """A piece of an attempt; its order number is attempt and copy, so that no two orders can share it."""
    return {
        "id": ids.derive("pce", LASTING, tenant.key.id_secret(), attempt_id, copy),
        "attempt_id": attempt_id,
        "run_id": run_id,
        "copy": copy,
        "seq": seq,
        "state": "queued",
        "version": 0,
        "order_no": f"{attempt_id.removeprefix('att_')}-{copy}",
    }


def _stop(connection: Connection, stopped: Sequence[tuple[_Candidate, Verdict]], *, at: datetime) -> None:
    """Ends attempts that may not be printed. A stop order ends the letter too; what can be cured holds it."""
    move(
        connection,
        "attempt",
        [(each.attempt_id, each.attempt_version) for each, _ in stopped],
        source="sealed",
        target="dropped",
        actor="production",
        reason="gate lock",
        at=at,
    )
    # A letter that was posted before keeps its way: the end of this attempt is the end of its attempts.
    first = [(each, verdict) for each, verdict in stopped if each.n == 1]
    for target in ("withdrawn", "held"):
        group = [
            (each, v) for each, v in first if (target == "withdrawn") == any(r.startswith("S0") for r in v.reasons)
        ]
        move(
            connection,
            "letter",
            [(each.letter_id, each.letter_version) for each, _ in group],
            source="active",
            target=target,
            actor="rules",
            reason="gate lock",
            at=at,
            values=[{"reasons": list(verdict.reasons)} for _, verdict in group],
        )


def lock_run(
    engine: Engine,
    tenant: Tenant,
    run_id: str,
    *,
    home: Path,
    at: datetime,
    progress: Callable[[int], None] = lambda pieces: None,
) -> Manifest | None:
    """Builds and seals the print files of an open run and fixes its manifest; None when no piece has a waybill yet.

    Pieces whose order has no answer yet go to the next run. A crash before the end leaves an open run, which is built
    again to the same bytes. Raises RecordChanged, SegmentDamaged, DiskFull, CannotWrite.
    """
    with engine.connect() as connection:
        run = _read_run(connection, run_id)
        drill = bool(connection.scalar(select(tables.batch.c.drill).where(tables.batch.c.id == run.batch_id)))
        rows = _queued(connection, run_id)
    ordered = [row for row in rows if row.waybill_no and row.intent_state == "answered"]
    left = [row for row in rows if row not in ordered]
    if not ordered:
        return None
    folder = home / "runs" / run_id
    shutil.rmtree(folder, ignore_errors=True)

    def write(name: str, data: bytes) -> None:
        write_sealed(folder / name, io.BytesIO(data), key=tenant.key, context=file_context(run_id, name))

    pieces = list(_pieces(tenant, ordered, home=home, progress=progress))
    manifest = build_run(
        pieces, run_id=run_id, job=run.number, day=run.day, products=products_of(tenant), write=write, drill=drill
    )
    with engine.connect() as connection:
        write(POSTING_LIST, posting_csv(_posting(connection, tenant, ordered)).encode("utf-8-sig"))
    for name, text in (("manifest.json", manifest.to_json()), ("manifest.csv", "\ufeff" + manifest.to_csv())):
        (folder / name).write_text(text, encoding="utf-8", newline="")
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
            n.id.label("attempt_id"),
            n.version.label("attempt_version"),
            n.state.label("attempt_state"),
            n.record_sha256,
            n.segment,
            n.offset,
            n.length,
            n.pages,
            n.weight_g,
            n.address_record_id,
            t.letter_no,
            t.person_id,
        )
        .join(tables.attempt, n.id == p.attempt_id)
        .join(tables.letter, t.id == n.letter_id)
        .join(tables.address_record, a.id == n.address_record_id)
        .outerjoin(tables.intent, i.order_no == p.order_no)
        .where(p.run_id == run_id, p.state == "queued")
        .order_by(p.seq)
    )
    return connection.execute(query).all()


def _pieces(tenant: Tenant, rows: Sequence[Any], *, home: Path, progress: Callable[[int], None]) -> Iterator[Piece]:
    for seq, row in enumerate(rows, 1):
        yield Piece(
            piece_id=row.id,
            seq=seq,
            letter_no=row.letter_no,
            waybill_no=row.waybill_no,
            record=partial(_record, tenant, home, row, seq, progress),
            record_sha256=row.record_sha256,
            pages=row.pages,
        )


def _record(tenant: Tenant, home: Path, row: Any, seq: int, progress: Callable[[int], None]) -> bytes:
    progress(seq)
    return read_record(tenant, home, row)


def read_record(tenant: Tenant, home: Path, attempt: Any) -> bytes:
    """The PDF of record of an attempt's row (attempt_id, segment, offset, length). Raises SegmentDamaged, Unsealable."""
    sealed = read_segment(home / "letters" / attempt.segment, attempt.offset, attempt.length)
    return tenant.key.unseal(sealed, context=record_context(attempt.attempt_id))


def _posting(connection: Connection, tenant: Tenant, rows: Sequence[Any]) -> Iterator[PostingRow]:
    p = tables.person.c
    for start, part in zip(range(1, len(rows) + 1, 1000), chunks(rows, 1000), strict=True):
        sealed = dict(
            connection.execute(select(p.id, p.sealed).where(p.id.in_({row.person_id for row in part}))).tuples().all()
        )
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
    prints = {row.piece_id: row for row in manifest.pieces}
    connection.execute(
        update(tables.piece)
        .where(tables.piece.c.id == bindparam("the_id"))
        .values(seq=bindparam("the_seq"), print_sha256=bindparam("the_hash")),
        [{"the_id": row.id, "the_seq": prints[row.id].seq, "the_hash": prints[row.id].print_sha256} for row in ordered],
    )
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
        reason="run locked",
        at=at,
    )
    move(
        connection,
        "run",
        [(run.id, run.version)],
        source="open",
        target="locked",
        actor="production",
        reason="manifest fixed",
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
    """A print file or the posting list of a run, opened piece by piece. Raises NoSuchPrintFile, Unsealable."""
    path = home / "runs" / run_id / name
    if path.parent != home / "runs" / run_id or not path.is_file():
        raise NoSuchPrintFile(run=run_id, file=Path(name).name)
    return read_sealed(path, key=tenant.key, context=file_context(run_id, name))
