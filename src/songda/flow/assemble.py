"""Fifth stage, first half: sealed letters pass the gate *lock* and are dealt as pieces of an open print run.

    run_id = assemble(engine, tenant, batch_id, on=day, at=now)

Each letter is composed once more and must be what the lawyer signed; what may not be printed ends here, before anything
was ordered for it. Pieces of a run whose manifest the factory rejected were never printed: they go to the open run as they
are, with the waybills they have.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import polars as pl
from sqlalchemy import Connection, Engine, select

from songda.carriers import item_line
from songda.dispatch import STOP, lock_attempts, stopped_letters
from songda.flow.approved import Signed, read_approvals, seal_content
from songda.flow.compose import Draft, Wanted, compose
from songda.flow.countersigning import approvers, needs_two
from songda.flow.court import facts_of_letters
from songda.flow.dealing import deal_again, new_run, open_run, queue_pieces, replace_lost
from songda.flow.decide import rules_on, write_decisions
from songda.flow.gates import Verdict, judge_lock, letter_links, read_all
from songda.flow.links import read_links
from songda.flow.money import OVER_BUDGET, recheck
from songda.flow.reviewing import NAME_CONFLICT, released_rules
from songda.flow.stationery import products_of
from songda.flow.tenants import Tenant
from songda.letters import ApprovalItem, ApprovalVoid, Kind
from songda.store import chunks, move, tables


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A sealed attempt that waits for a run."""

    attempt_id: str
    attempt_version: int
    letter_id: str
    letter_version: int
    letter_no: str
    kind: Kind
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


def assemble(
    engine: Engine,
    tenant: Tenant,
    batch_id: str,
    *,
    on: date,
    at: datetime,
    workers: int = 1,
    home: Path | None = None,
) -> str | None:
    """The open run of the batch, with every sealed attempt that passes the gate *lock* queued in it; None: nothing to print.

    `home`: where documents lie that letters forward.
    Raises ApprovalVoid when an approval of the batch does not verify.
    """
    with engine.begin() as connection:
        deal_again(connection, tenant, batch_id, on)
        replace_lost(connection, tenant, batch_id, products=products_of(tenant), on=on, at=at)
    with engine.connect() as connection:
        waiting = _candidates(connection, batch_id)
        if not waiting:
            return open_run(connection, batch_id)
        verdicts = _at_the_lock(connection, tenant, batch_id, waiting, on=on, workers=workers, home=home)
    with engine.begin() as connection:
        still = _still_sealed(connection, waiting)
        judged = [(e, v) for e, v in zip(waiting, verdicts, strict=True) if e.attempt_id in still]
        going = [each.attempt_id for each, verdict in judged if verdict.passed]
        dear = recheck(connection, going, products=products_of(tenant), on=on, at=at)
        judged = [
            (each, replace(verdict, passed=False, reasons=(OVER_BUDGET,)) if each.attempt_id in dear else verdict)
            for each, verdict in judged
        ]
        run_id = open_run(connection, batch_id)
        if passed := [(each.attempt_id, 1) for each, verdict in judged if verdict.passed]:
            run_id = run_id or new_run(connection, tenant, batch_id, on)
            queue_pieces(connection, tenant, run_id, passed)
        _stop(connection, [(each, verdict) for each, verdict in judged if not verdict.passed], at=at)
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
                for each, verdict in judged
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
    home: Path | None,
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
    ids = {each.letter_id for each in waiting}
    links = read_links(connection, tenant, chosen, on=on, batch_id=batch_id)
    links = letter_links(links, pairs, released_rules(connection, ids))
    if any(needs_two(each.kind) for each in waiting):
        given = approvers(connection, tenant, batch_id)
        court = facts_of_letters(connection, tenant, ids, on=on, home=home, approvers=given)
        links = links.join(court, on="letter_id", how="left", maintain_order="left")
    barred = dict.fromkeys(links.filter(pl.col("person_state") != "active")["letter_id"], NAME_CONFLICT)
    barred |= {letter: f"{STOP}{reason}" for letter, reason in stopped_letters(connection, tenant.id, ids).items()}
    verdicts: dict[str, Verdict] = {}
    for approval_id in sorted({each.approval_id for each in waiting}):
        own = [each for each in waiting if each.approval_id == approval_id]
        signed = approvals[approval_id]
        drafts = _sealed(connection, tenant, own, signed, barred, drill=drill)
        said = read_all(drafts, tenant, before_approval=False, workers=workers)
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
    barred: Mapping[str, str],
    *,
    drill: bool,
) -> Iterator[Draft]:
    """The letters under the seal of their approval; one that is not what was approved has that for its problem.

    `barred`: letter → what has come up since the lawyer signed: a stop order, or a second name under the ID number.
    """
    wanted = [Wanted(each.letter_id, each.n, each.record_id) for each in waiting]
    drafts = compose(connection, tenant, wanted, lawyer=signed.lawyer, on=None, drill=drill)
    for each, draft in zip(waiting, drafts, strict=True):
        if draft.content is None:
            yield draft
            continue
        if each.letter_id in barred:
            yield Draft(draft.wanted, None, (barred[each.letter_id],))
            continue
        try:
            yield replace(draft, content=seal_content(tenant, draft.content, signed.approval, each.item()))
        except ApprovalVoid as error:
            yield Draft(draft.wanted, None, (f"approval_void:{error.data['reason']}",))


def _still_sealed(connection: Connection, candidates: Sequence[_Candidate]) -> set[str]:
    """Ids of the attempts that stand as they were read, held until the transaction ends.

    A stop order that came meanwhile has ended its attempt; one that comes now waits, and then finds the piece.
    """
    lock_attempts(connection, [each.attempt_id for each in candidates])
    n, found = tables.attempt.c, dict[str, int]()
    for part in chunks([each.attempt_id for each in candidates]):
        query = select(n.id, n.version).where(n.id.in_(part), n.state == "sealed")
        found |= {row.id: row.version for row in connection.execute(query)}
    return {each.attempt_id for each in candidates if found.get(each.attempt_id) == each.attempt_version}


def _stop(connection: Connection, stopped: Sequence[tuple[_Candidate, Verdict]], *, at: datetime) -> None:
    """Ends attempts that may not be printed. A stop order ends the letter too; what can be cured holds it."""
    move(
        connection,
        "attempt",
        [(each.attempt_id, each.attempt_version) for each, _ in stopped],
        source="sealed",
        target="dropped",
        actor="production",
        reason="gate_lock",
        at=at,
    )
    # A letter that was posted before keeps its way: the end of this attempt is the end of its attempts.
    n, ids = tables.attempt.c, [each.letter_id for each, _ in stopped]
    posted: set[str] = set()
    for part in chunks(ids):
        query = select(n.letter_id).where(n.letter_id.in_(part), n.posted_on.is_not(None))
        posted |= set(connection.scalars(query))
    groups: dict[tuple[str, str], list[tuple[_Candidate, Verdict]]] = defaultdict(list)
    for each, verdict in stopped:
        if each.letter_id not in posted:
            groups[_end_of(verdict)].append((each, verdict))
    for (target, reason), group in sorted(groups.items()):
        move(
            connection,
            "letter",
            [(each.letter_id, each.letter_version) for each, _ in group],
            source="active",
            target=target,
            actor="rules",
            reason=reason,
            at=at,
            values=[{"reasons": list(verdict.reasons)} for _, verdict in group],
        )


def _end_of(verdict: Verdict) -> tuple[str, str]:
    """Where the letter goes, and for which reason: a stop ends it, what can be cured waits."""
    if order := next((reason for reason in verdict.reasons if reason.startswith(STOP)), None):
        return "withdrawn", order
    return ("withdrawn" if any(reason.startswith("S0") for reason in verdict.reasons) else "held"), "gate_lock"
