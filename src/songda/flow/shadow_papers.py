"""The gates approve and lock in shadow: letters are composed anew, at each address, and judged as they were (songda.flow.shadow)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
from sqlalchemy import Connection, func, select

from songda.carriers import item_line
from songda.flow.approved import Signed, read_approvals
from songda.flow.compose import Wanted, compose
from songda.flow.gates import Said, Verdict, judge_approve, judge_lock, letter_links, read_all
from songda.flow.links import read_links
from songda.flow.reviewing import released_rules
from songda.flow.shadow_history import COURT, Found, Left, Pair, Seen, as_it_stood
from songda.flow.tenants import Tenant
from songda.letters import ApprovalVoid
from songda.store import chunks, tables

_b, _t, _lc, _d, _n, _a, _ap = (
    each.c
    for each in (
        tables.batch,
        tables.letter,
        tables.letter_case,
        tables.decision,
        tables.attempt,
        tables.approval,
        tables.approved,
    )
)


@dataclass(frozen=True, slots=True)
class _Paper:
    """A letter at an address, as it was judged."""

    #: Letter or attempt.
    object_id: str
    letter_id: str
    letter_no: str
    kind: Any
    n: int
    record_id: str
    content_sha256: str
    template_sha256: str
    archived: bool
    inputs_sha256: str


def approved(connection: Connection, pair: Pair, since: date) -> Found:
    query = (
        select(
            _a.batch_id,
            _a.id.label("approval_id"),
            _a.day,
            _t.id.label("object_id"),
            _t.id.label("letter_id"),
            _t.letter_no,
            _t.kind,
            _ap.n,
            _ap.address_record_id.label("record_id"),
            _ap.content_sha256,
            _ap.template_sha256,
            _d.inputs_sha256,
            tables.person.c.state.label("person_state"),
        )
        .join(tables.approved, _ap.approval_id == _a.id)
        .join(tables.letter, _t.id == _ap.letter_id)
        .join(tables.person, tables.person.c.id == _t.person_id)
        .join(tables.decision, (_d.object_id == _t.id) & (_d.stage == "approve") & (_d.on_day == _a.day))
        .where(_t.tenant_id == pair.tenant.id, _a.day >= since, _t.kind != COURT, _d.outcome == "approved")
        .order_by(_a.day, _a.id, _t.letter_no, _ap.n)
    )
    seen, left = _papers(connection, pair, "approve", connection.execute(query).all())
    held = (
        select(func.count())
        .select_from(tables.decision)
        .join(tables.letter, _t.id == _d.object_id)
        .where(_t.tenant_id == pair.tenant.id, _d.stage == "approve", _d.outcome == "held", _d.on_day >= since)
    )
    return seen, [*left, Left("approve", "held", connection.scalar(held) or 0)]


def locked(connection: Connection, pair: Pair, since: date) -> Found:
    query = (
        select(
            _t.batch_id,
            _t.approval_id,
            _d.on_day.label("day"),
            _n.id.label("object_id"),
            _t.id.label("letter_id"),
            _t.letter_no,
            _t.kind,
            _n.n,
            _n.address_record_id.label("record_id"),
            _ap.content_sha256,
            _ap.template_sha256,
            _n.record_sha256.is_not(None).label("archived"),
            _d.inputs_sha256,
            tables.person.c.state.label("person_state"),
        )
        .join(tables.attempt, _n.id == _d.object_id)
        .join(tables.letter, _t.id == _n.letter_id)
        .join(tables.person, tables.person.c.id == _t.person_id)
        .join(
            tables.approved,
            (_ap.letter_id == _t.id)
            & (_ap.approval_id == _t.approval_id)
            & (_ap.address_record_id == _n.address_record_id),
        )
        .where(_t.tenant_id == pair.tenant.id, _d.stage == "lock", _d.on_day >= since, _t.kind != COURT)
        .order_by(_d.on_day, _t.approval_id, _t.letter_no, _n.n)
    )
    return _papers(connection, pair, "lock", connection.execute(query).all())


def _papers(connection: Connection, pair: Pair, gate: str, rows: Sequence[Any]) -> Found:
    seen: list[Seen] = []
    counts: Counter[str] = Counter()
    counts["erased"] = len({row.object_id for row in rows if row.person_state == "erased"})
    groups: dict[tuple[str, str, date], list[_Paper]] = {}
    for row in rows:
        if row.person_state != "erased":
            # At the gate approve nothing is archived yet, and no rule asks.
            known: dict[str, Any] = {name: getattr(row, name, False) for name in _Paper.__slots__}
            groups.setdefault((row.batch_id, row.approval_id, row.day), []).append(_Paper(**known))
    signed: dict[str, Mapping[str, Signed]] = {}
    for (batch_id, approval_id, day), papers in groups.items():
        if batch_id not in signed:
            signed[batch_id] = _approvals(connection, pair.tenant, batch_id)
        if approval_id not in signed[batch_id]:
            counts["void"] += len({each.object_id for each in papers})
            continue
        lawyer = signed[batch_id][approval_id].lawyer
        judged = _judged(connection, pair, gate, papers, batch_id=batch_id, lawyer=lawyer, day=day)
        counts["not_composed"] += len({each.object_id for each in papers}) - len(judged)
        seen += judged
    return seen, [Left(gate, why, count) for why, count in counts.items()]


def _approvals(connection: Connection, tenant: Tenant, batch_id: str) -> Mapping[str, Signed]:
    """Those of the batch; none when one of them does not verify."""
    try:
        return read_approvals(connection, tenant, batch_id)
    except ApprovalVoid:
        return {}


def _judged(
    connection: Connection,
    pair: Pair,
    gate: str,
    papers: Sequence[_Paper],
    *,
    batch_id: str,
    lawyer: Any,
    day: date,
) -> list[Seen]:
    """The letters as they would come out; without those that cannot be composed any more."""
    tenant = pair.tenant
    drill = bool(connection.scalar(select(_b.drill).where(_b.id == batch_id)))
    letter_ids = sorted({each.letter_id for each in papers})
    pairs = [
        tuple(row)
        for part in chunks(letter_ids)
        for row in connection.execute(select(_lc.letter_id, _lc.case_id).where(_lc.letter_id.in_(part)))
    ]
    # By the batch: a list of ids may be longer than a statement takes.
    own = select(_lc.case_id).join(tables.letter, _t.id == _lc.letter_id).where(_t.batch_id == batch_id)
    chosen = tables.case.c.id.in_(own)
    links = read_links(connection, tenant, chosen, on=day, batch_id=batch_id)
    links = as_it_stood(connection, tenant, links, day, batch_id)
    links = letter_links(links, pairs, released_rules(connection, set(letter_ids)))
    wanted = [Wanted(each.letter_id, each.n, each.record_id) for each in papers]
    drafts = compose(connection, tenant, wanted, lawyer=lawyer, on=None, drill=drill)
    # The seal is not laid on again: that firm and lawyer are stated counts for it.
    said = read_all(drafts, tenant, before_approval=True, workers=1)
    before, after = (
        _verdicts(said, links, own, gate, papers, batch_id=batch_id, lawyer=lawyer, day=day) for own in pair.on(day)
    )
    by_object: dict[str, list[int]] = {}
    for index, (paper, words) in enumerate(zip(papers, said, strict=True)):
        if not words.problems:
            by_object.setdefault(paper.object_id, []).append(index)
    return [
        Seen(
            gate=gate,
            object_id=object_id,
            letter_no=papers[places[0]].letter_no,
            day=day,
            # It may go as long as one address is left.
            before="pass" if any(before[n].passed for n in places) else "block",
            after="pass" if any(after[n].passed for n in places) else "block",
            rules=tuple(sorted({rule for n in places for rule in set(after[n].reasons) - set(before[n].reasons)})),
            same_inputs=before[places[0]].inputs_hash == papers[places[0]].inputs_sha256,
        )
        for object_id, places in by_object.items()
    ]


def _verdicts(
    said: Sequence[Said],
    links: pl.DataFrame,
    tenant: Tenant,
    gate: str,
    papers: Sequence[_Paper],
    *,
    batch_id: str,
    lawyer: Any,
    day: date,
) -> list[Verdict]:
    kind = papers[0].kind
    if gate == "approve":
        return judge_approve(said, links, tenant, kind=kind, batch_id=batch_id, lawyer=lawyer, on=day)
    printed = pl.DataFrame(
        {
            "letter_id": [each.letter_id for each in papers],
            "letter_no": [each.letter_no for each in papers],
            "content_hash": [each.content_sha256 for each in papers],
            "template_hash": [each.template_sha256 for each in papers],
            "archived": [each.archived for each in papers],
            "item": [item_line(each.letter_no) for each in papers],
        }
    ).unique("letter_id", maintain_order=True)
    return judge_lock(said, links, tenant, kind=kind, batch_id=batch_id, lawyer=lawyer, on=day, printed=printed)
