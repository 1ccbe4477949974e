"""Fifth stage, first half: sealed letters pass the gate *lock* and are dealt as pieces of an open print run.

    run_id = assemble(engine, tenant, batch_id, on=day, at=now)

Each letter is composed once more and must be what the lawyer signed; what may not be printed ends here, before anything
was ordered for it. Pieces of a run whose manifest the factory rejected were never printed: they go to the open run as they
are, with the waybills they have.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import polars as pl
from sqlalchemy import Connection, Engine, bindparam, func, insert, select, update

from songda.base import ids
from songda.carriers import item_line
from songda.flow.approved import Signed, read_approvals, seal_content
from songda.flow.compose import Draft, Wanted, compose
from songda.flow.decide import rules_on, write_decisions
from songda.flow.gates import Verdict, judge_lock, letter_links, read_all
from songda.flow.links import read_links
from songda.flow.sealed import LASTING
from songda.flow.tenants import Tenant
from songda.letters import ApprovalItem, ApprovalVoid
from songda.store import insert_missing, move, tables


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


def assemble(engine: Engine, tenant: Tenant, batch_id: str, *, on: date, at: datetime, workers: int = 1) -> str | None:
    """The open run of the batch, with every sealed attempt that passes the gate *lock* queued in it; None: nothing to print.

    Raises ApprovalVoid when an approval of the batch does not verify.
    """
    with engine.begin() as connection:
        _deal_again(connection, tenant, batch_id, on)
    with engine.connect() as connection:
        waiting = _candidates(connection, batch_id)
        open_run = connection.execute(
            select(tables.run.c.id).where(tables.run.c.batch_id == batch_id, tables.run.c.state == "open")
        ).scalar()
        if not waiting:
            return open_run
        verdicts = _at_the_lock(connection, tenant, batch_id, waiting, on=on, workers=workers)
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
    connection: Connection,
    tenant: Tenant,
    batch_id: str,
    waiting: Sequence[_Candidate],
    *,
    on: date,
    workers: int,
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
    conflicts = set(links.filter(pl.col("person_state") != "active")["letter_id"])
    verdicts: dict[str, Verdict] = {}
    for approval_id in sorted({each.approval_id for each in waiting}):
        own = [each for each in waiting if each.approval_id == approval_id]
        signed = approvals[approval_id]
        drafts = _sealed(connection, tenant, own, signed, conflicts, drill=drill)
        said = read_all(drafts, before_approval=False, workers=workers)
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


def _sealed(
    connection: Connection,
    tenant: Tenant,
    waiting: Sequence[_Candidate],
    signed: Signed,
    conflicts: Collection[str],
    *,
    drill: bool,
) -> Iterator[Draft]:
    """The letters under the seal of their approval; one that is not what was approved has that for its problem.

    `conflicts`: letters to an ID number that has come to bear two names since the lawyer signed.
    """
    wanted = [Wanted(each.letter_id, each.n, each.record_id) for each in waiting]
    drafts = compose(connection, tenant, wanted, lawyer=signed.lawyer, on=None, drill=drill)
    for each, draft in zip(waiting, drafts, strict=True):
        if draft.content is None:
            yield draft
            continue
        if each.letter_id in conflicts:
            yield Draft(draft.wanted, None, ("name_conflict",))
            continue
        try:
            yield replace(draft, content=seal_content(draft.content, signed.approval, each.item()))
        except ApprovalVoid as error:
            yield Draft(draft.wanted, None, (f"approval_void:{error.data['reason']}",))


def new_run(connection: Connection, tenant: Tenant, batch_id: str, day: date) -> str:
    """An open run of the batch; returns its id."""
    r = tables.run.c
    # Numbers count over the tenant: they stand in the codes of the sheets.
    number = (connection.scalar(select(func.max(r.number)).where(r.tenant_id == tenant.id)) or 0) + 1
    run_id = ids.derive("run", day, tenant.key.id_secret(), batch_id, number)
    row = {"id": run_id, "tenant_id": tenant.id, "batch_id": batch_id, "number": number, "day": day}
    connection.execute(insert(tables.run), {**row, "state": "open", "version": 0, "pieces": 0})
    return run_id


def _deal_again(connection: Connection, tenant: Tenant, batch_id: str, day: date) -> None:
    """Moves the pieces of rejected runs into the open run of the batch."""
    r, p = tables.run.c, tables.piece.c
    rejected = (
        select(p.id)
        .join(tables.run, r.id == p.run_id)
        .where(r.batch_id == batch_id, r.state == "rejected", p.state == "queued")
        .order_by(r.number, p.seq)
    )
    pieces = connection.scalars(rejected).all()
    if not pieces:
        return
    open_run = connection.scalar(select(r.id).where(r.batch_id == batch_id, r.state == "open"))
    following = open_run or new_run(connection, tenant, batch_id, day)
    last = connection.scalar(select(func.max(p.seq)).where(p.run_id == following)) or 0
    connection.execute(
        update(tables.piece)
        .where(p.id == bindparam("the_id"))
        .values(run_id=following, seq=bindparam("the_seq"), print_sha256=None),
        [{"the_id": piece, "the_seq": seq} for seq, piece in enumerate(pieces, last + 1)],
    )


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
