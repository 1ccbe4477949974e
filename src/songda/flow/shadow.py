"""A change of the rules, run in shadow over the letters and permits that were decided: who would be refused then. Nothing is changed.

    seen = shadow(connection, tenant, {"T07": {"min_days": 45}})
    [(gate.gate, gate.judged, gate.more, gate.by_rule) for gate in seen.gates]

Verdicts keep the hash of their inputs, not the inputs. The facts of each day are made again from the ledger, by the functions of
the gates themselves, and judged without and with the change. The ledger may know more by now: whether the facts are still those
that were judged, the stored hash tells (`same_inputs`). What cannot be made again is counted (`left`) and never guessed:

- accept: every letter of every batch, but those that forward a court's document (as at approve and lock).
- approve: letters that a lawyer signed for, composed anew, at each approved address. Not those that were held there: nobody wrote
  down at which addresses. Not those of erased persons, and none under an approval that does not verify any more.
- lock: every attempt that was judged there, as at approve.
- hand_over: every piece that was judged there, by the rules alone, without the stop orders.
- contact: permits, by those changed rules whose facts the permit keeps (counters, mode, purpose, role, time). Consents, scripts
  and the letters of that moment are not kept.
- follow_up: nothing; no stage of the flow judges there yet.

A permit that would have been refused would not have counted either; those after it are judged as if it had been granted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
from sqlalchemy import Connection, func, select

from songda.base.days import SHANGHAI
from songda.carriers import item_line
from songda.compliance import RuleSet, load_rules, read_change
from songda.contacts import last_letters
from songda.flow.approved import Signed, read_approvals
from songda.flow.compose import Wanted, compose
from songda.flow.contact_facts import contact_rules
from songda.flow.decide import rules_on, scope_of
from songda.flow.facts import accept_facts
from songda.flow.gates import Said, Verdict, judge_approve, judge_lock, letter_links, read_all
from songda.flow.links import read_frame, read_links
from songda.flow.reviewing import released_rules
from songda.flow.rule_changes import with_change
from songda.flow.stopped import judge_by_rules
from songda.flow.tenants import Tenant
from songda.letters import ApprovalVoid
from songda.store import chunks, tables

#: What stops more, last.
_ORDER = ("pass", "review", "block")
_RANK = pl.Enum(_ORDER)
_COURT = "court_forward"
#: Facts that a permit keeps, besides its counters.
_KEPT = ("a.mode", "a.purpose", "a.role", "a.hhmm")

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
class Seen:
    """A letter, attempt, piece or permit as it would come out."""

    #: accept | approve | lock | hand_over | contact
    gate: str
    object_id: str
    #: None: it was never numbered.
    letter_no: str | None
    day: date
    #: pass | review | block; of a letter, at the address where it fares best. At the later gates pass or block.
    before: str
    after: str
    #: Ids of the rules that fire only with the change, at any address.
    rules: tuple[str, ...]
    #: Whether the facts made again are those that were judged.
    same_inputs: bool


@dataclass(frozen=True, slots=True)
class AtGate:
    gate: str
    judged: int
    #: Of those judged: whose facts are still those of the day.
    same_inputs: int
    #: How many more would be refused or held, and how many fewer.
    more: int
    fewer: int
    #: Rule → of those more, how many it would stop.
    by_rule: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Left:
    """What could not be judged again."""

    gate: str
    #: court | erased | void | held | not_composed | no_facts | never_judged
    why: str
    #: None: not a number of things, but all of them, or the rule `what`.
    count: int | None
    what: str = ""


@dataclass(frozen=True, slots=True)
class Shadow:
    gates: tuple[AtGate, ...]
    left: tuple[Left, ...]
    #: Those that would come out otherwise.
    changed: tuple[Seen, ...]


def shadow(
    connection: Connection,
    tenant: Tenant,
    document: Mapping[str, Any],
    *,
    number: int = 0,
    since: date = date.min,
) -> Shadow:
    """What the change in `document` would have done to what was decided from the day `since` on.

    `number`: of a change that is kept; it is then judged without it and with it, whatever its state. Raises LooserThanRule,
    UnknownRule, BrokenRule, IllegalExpression; NoRuleSet for a batch before the first rules.
    """
    pair = _Pair(tenant, document, number)
    # Refused even where there is no history.
    _check(document, number)
    seen: list[Seen] = []
    left: list[Left] = [Left("follow_up", "never_judged", None)]
    for found in (_accept, _approve, _lock, _hand_over, _contact):
        more_seen, more_left = found(connection, pair, since)
        seen += more_seen
        left += more_left
    gates = tuple(_summed(gate, [each for each in seen if each.gate == gate]) for gate in _GATES)
    changed = tuple(each for each in seen if each.before != each.after)
    return Shadow(gates, tuple(each for each in left if each.count != 0), changed)


_GATES = ("accept", "approve", "lock", "hand_over", "contact")
_Found = tuple[list[Seen], list[Left]]


@dataclass(frozen=True, slots=True)
class _Pair:
    tenant: Tenant
    document: Mapping[str, Any]
    number: int

    def on(self, day: date) -> tuple[Tenant, Tenant]:
        """The institution on a day without the change, and with it."""
        others = tuple(each for each in self.tenant.rule_changes if each.number != self.number)
        without = replace(self.tenant, rule_changes=others)
        return without, with_change(without, read_change(self.document, number=self.number, valid_from=day))


def _check(document: Mapping[str, Any], number: int) -> None:
    change = read_change(document, number=number, valid_from=date.max)
    load_rules(None, change.stricter)
    load_rules(None, changes=[change])


def _summed(gate: str, seen: Sequence[Seen]) -> AtGate:
    more = [each for each in seen if _ORDER.index(each.after) > _ORDER.index(each.before)]
    fewer = sum(_ORDER.index(each.after) < _ORDER.index(each.before) for each in seen)
    by_rule = Counter(rule for each in more for rule in each.rules)
    return AtGate(
        gate, len(seen), sum(each.same_inputs for each in seen), len(more), fewer, dict(sorted(by_rule.items()))
    )


# The gate accept


def _accept(connection: Connection, pair: _Pair, since: date) -> _Found:
    own = (_b.tenant_id == pair.tenant.id, _b.as_of >= since)
    query = select(_b.id, _b.as_of, _t.kind).join(tables.letter, _t.batch_id == _b.id).where(*own, _t.kind != _COURT)
    batches = connection.execute(query.distinct().order_by(_b.as_of, _b.id)).all()
    seen = [each for batch in batches for each in _of_batch(connection, pair, batch.id, batch.as_of, batch.kind)]
    return seen, [Left("accept", "court", _of_court(connection, pair, since))]


def _of_court(connection: Connection, pair: _Pair, since: date) -> int:
    query = select(func.count()).select_from(tables.letter).join(tables.batch, _b.id == _t.batch_id)
    return connection.scalar(query.where(_b.tenant_id == pair.tenant.id, _b.as_of >= since, _t.kind == _COURT)) or 0


def _of_batch(connection: Connection, pair: _Pair, batch_id: str, on: date, kind: str) -> Iterator[Seen]:
    letters = read_frame(
        connection,
        select(_t.id.label("letter_id"), _t.letter_no, _lc.case_id, _d.inputs_sha256)
        .join(tables.letter_case, _lc.letter_id == _t.id)
        .join(tables.decision, _d.object_id == _t.id)
        .where(_t.batch_id == batch_id, _d.stage == "accept")
        .order_by(_t.id, _lc.case_id),
    )
    chosen = tables.case.c.batch_id == batch_id
    links = _as_it_stood(
        connection, pair.tenant, read_links(connection, pair.tenant, chosen, on=on, batch_id=batch_id), on, batch_id
    )
    facts = accept_facts(links, pair.tenant, on=on, lawyer=None)
    before, after = (
        rules_on(tenant, on).evaluate(facts, scope=scope_of(kind), gate="accept") for tenant in pair.on(on)
    )
    judged = (
        links.select("action_id", "case_id")
        .join(before.select("action_id", "verdict", "rules", "inputs_hash"), on="action_id")
        .join(after.select("action_id", after="verdict", new="rules"), on="action_id")
        .join(letters, on="case_id")
    )
    by_letter = (
        judged.with_columns(
            pl.col("verdict", "after").cast(_RANK).to_physical(), new=pl.col("new").list.set_difference("rules")
        )
        .group_by("letter_id", maintain_order=True)
        .agg(
            pl.first("letter_no"),
            pl.min("verdict", "after"),
            pl.col("new").explode().drop_nulls().unique().sort(),
            same=(pl.col("inputs_hash") == pl.col("inputs_sha256")).any(),
        )
    )
    for row in by_letter.sort("letter_no", "letter_id", nulls_last=True).iter_rows(named=True):
        yield Seen(
            gate="accept",
            object_id=row["letter_id"],
            letter_no=row["letter_no"],
            day=on,
            before=_ORDER[row["verdict"]],
            after=_ORDER[row["after"]],
            rules=tuple(row["new"]),
            same_inputs=row["same"],
        )


def _as_it_stood(connection: Connection, tenant: Tenant, links: pl.DataFrame, on: date, batch_id: str) -> pl.DataFrame:
    """`links` with the days since the last letter as they were counted on `on`: what was posted later is not there yet."""
    earlier = (_n.posted_on < on) | ((_n.posted_on == on) & (_t.batch_id != batch_id))
    query = (
        select(_t.person_id, func.max(_n.posted_on))
        .join(tables.attempt, _n.letter_id == _t.id)
        .where(_t.tenant_id == tenant.id, earlier, func.coalesce(_n.grade, "").not_in(("E", "F")))
        .group_by(_t.person_id)
    )
    last = {person: (on - day).days for person, day in connection.execute(query)}
    persons = links["person_id"].unique().to_list()
    for part in chunks(persons):
        for person, day in last_letters(connection, tenant.id, part).items():
            if day <= on:
                last[person] = min(last.get(person, (on - day).days), (on - day).days)
    known = pl.col("person_id").replace_strict(last, default=None, return_dtype=pl.Int64)
    return links.with_columns(last_days=known if last else pl.lit(None, pl.Int64))


# The gates approve and lock: letters are composed anew


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


def _approve(connection: Connection, pair: _Pair, since: date) -> _Found:
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
        .where(_t.tenant_id == pair.tenant.id, _a.day >= since, _t.kind != _COURT, _d.outcome == "approved")
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


def _lock(connection: Connection, pair: _Pair, since: date) -> _Found:
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
        .where(_t.tenant_id == pair.tenant.id, _d.stage == "lock", _d.on_day >= since, _t.kind != _COURT)
        .order_by(_d.on_day, _t.approval_id, _t.letter_no, _n.n)
    )
    return _papers(connection, pair, "lock", connection.execute(query).all())


def _papers(connection: Connection, pair: _Pair, gate: str, rows: Sequence[Any]) -> _Found:
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
    pair: _Pair,
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
    links = _as_it_stood(connection, tenant, links, day, batch_id)
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


# The gate hand_over


def _hand_over(connection: Connection, pair: _Pair, since: date) -> _Found:
    p = tables.piece.c
    query = (
        select(p.id, _n.letter_id, _t.letter_no, _d.on_day, _d.inputs_sha256)
        .join(tables.piece, p.id == _d.object_id)
        .join(tables.attempt, _n.id == p.attempt_id)
        .join(tables.letter, _t.id == _n.letter_id)
        .where(_t.tenant_id == pair.tenant.id, _d.stage == "hand_over", _d.on_day >= since)
        .order_by(_d.on_day, _t.letter_no, p.id)
    )
    by_day: dict[date, list[Any]] = {}
    for row in connection.execute(query):
        by_day.setdefault(row.on_day, []).append(row)
    seen = []
    for day, rows in by_day.items():
        letter_ids = sorted({row.letter_id for row in rows})
        before, after = (
            {
                letter: judged
                for part in chunks(letter_ids)
                for letter, judged in judge_by_rules(connection, tenant, part, on=day).items()
            }
            for tenant in pair.on(day)
        )
        for row in rows:
            one, other = before.get(row.letter_id), after.get(row.letter_id)
            if one is not None and other is not None:
                seen.append(
                    Seen(
                        gate="hand_over",
                        object_id=row.id,
                        letter_no=row.letter_no,
                        day=day,
                        before="block" if one.stopped else "pass",
                        after="block" if other.stopped else "pass",
                        rules=tuple(sorted(set(other.reasons) - set(one.reasons))),
                        same_inputs=one.inputs_hash == row.inputs_sha256,
                    )
                )
    return seen, []


# Permits to contact


def _contact(connection: Connection, pair: _Pair, since: date) -> _Found:
    p = tables.permit.c
    query = select(tables.permit).where(p.tenant_id == pair.tenant.id, p.on_day >= since).order_by(p.on_day, p.id)
    groups: dict[tuple[date, str, str], list[Any]] = {}
    for row in connection.execute(query):
        groups.setdefault((row.on_day, row.verdict["scope"], row.verdict["gate"]), []).append(row)
    seen: list[Seen] = []
    unknown: Counter[str] = Counter()
    for (day, scope, gate), rows in groups.items():
        without, with_it = (contact_rules(tenant, day) for tenant in pair.on(day))
        counters = tuple(sorted({name for row in rows for name in row.verdict["counts"]}))
        told, silent = _by_facts(without, with_it, scope, gate, {*counters, *_KEPT})
        unknown.update(dict.fromkeys(silent, len(rows)))
        if not told:
            continue
        facts = pl.DataFrame([_kept(row, counters) for row in rows], schema_overrides=dict.fromkeys(_KEPT, pl.String))
        before, after = (_fired(rules, told, facts, scope, gate) for rules in (without, with_it))
        for row, one, (stops, fired) in zip(rows, before, after, strict=True):
            seen.append(
                Seen(
                    gate="contact",
                    object_id=row.id,
                    letter_no=None,
                    day=day,
                    before="pass" if row.granted else "block",
                    after="block" if stops or not row.granted else "pass",
                    rules=tuple(sorted(fired - one[1])),
                    # The counters are those of the moment: they are kept, not counted again.
                    same_inputs=True,
                )
            )
    return seen, [Left("contact", "no_facts", count, rule) for rule, count in sorted(unknown.items())]


def _by_facts(without: RuleSet, with_it: RuleSet, scope: str, gate: str, known: set[str]) -> tuple[set[str], set[str]]:
    """The changed rules whose facts are all known, and the others."""
    old = {rule.id: rule for rule in without.at(scope, gate)}
    changed = [rule for rule in with_it.at(scope, gate) if old.get(rule.id) != rule]
    told = {rule.id for rule in changed if set(rule.facts(gate)) <= known}
    return told, {rule.id for rule in changed} - told


def _kept(row: Any, counters: Iterable[str]) -> dict[str, Any]:
    at: datetime = row.asked_at.replace(tzinfo=row.asked_at.tzinfo or UTC).astimezone(SHANGHAI)
    return {
        "action_id": row.id,
        **{name: row.verdict["counts"].get(name) for name in counters},
        "a.mode": row.mode,
        "a.purpose": row.purpose,
        "a.role": row.role,
        "a.hhmm": f"{at:%H:%M:%S}",
    }


def _fired(rules: RuleSet, only: set[str], facts: pl.DataFrame, scope: str, gate: str) -> list[tuple[bool, set[str]]]:
    """Of each action, whether one of the rules `only` stops it, and which of them fire."""
    own = replace(rules, rules=tuple(rule for rule in rules.rules if rule.id in only))
    if not own.at(scope, gate):
        # A rule of the change's own, looked at without the change.
        return [(False, set())] * facts.height
    verdicts = own.evaluate(facts, scope=scope, gate=gate)
    return [(verdict != "pass", set(fired)) for verdict, fired in verdicts.select("verdict", "rules").iter_rows()]
