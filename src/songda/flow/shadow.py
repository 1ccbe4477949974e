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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
from sqlalchemy import Connection, func, select

from songda.compliance import load_rules, read_change
from songda.flow.decide import rules_on, scope_of
from songda.flow.facts import accept_facts
from songda.flow.links import read_frame, read_links
from songda.flow.shadow_history import COURT, Found, Left, Pair, Seen, as_it_stood
from songda.flow.shadow_papers import approved, locked
from songda.flow.shadow_permits import permitted
from songda.flow.stopped import judge_by_rules
from songda.flow.tenants import Tenant
from songda.store import chunks, tables

#: What stops more, last.
_ORDER = ("pass", "review", "block")
_RANK = pl.Enum(_ORDER)

_b, _t, _lc, _d, _n = (
    each.c for each in (tables.batch, tables.letter, tables.letter_case, tables.decision, tables.attempt)
)


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
    pair = Pair(tenant, document, number)
    # Refused even where there is no history.
    _check(document, number)
    seen: list[Seen] = []
    left: list[Left] = [Left("follow_up", "never_judged", None)]
    for found in (_accept, approved, locked, _hand_over, permitted):
        more_seen, more_left = found(connection, pair, since)
        seen += more_seen
        left += more_left
    gates = tuple(_summed(gate, [each for each in seen if each.gate == gate]) for gate in _GATES)
    changed = tuple(each for each in seen if each.before != each.after)
    return Shadow(gates, tuple(each for each in left if each.count != 0), changed)


_GATES = ("accept", "approve", "lock", "hand_over", "contact")


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


def _accept(connection: Connection, pair: Pair, since: date) -> Found:
    own = (_b.tenant_id == pair.tenant.id, _b.as_of >= since)
    query = select(_b.id, _b.as_of, _t.kind).join(tables.letter, _t.batch_id == _b.id).where(*own, _t.kind != COURT)
    batches = connection.execute(query.distinct().order_by(_b.as_of, _b.id)).all()
    seen = [each for batch in batches for each in _of_batch(connection, pair, batch.id, batch.as_of, batch.kind)]
    return seen, [Left("accept", "court", _of_court(connection, pair, since))]


def _of_court(connection: Connection, pair: Pair, since: date) -> int:
    query = select(func.count()).select_from(tables.letter).join(tables.batch, _b.id == _t.batch_id)
    return connection.scalar(query.where(_b.tenant_id == pair.tenant.id, _b.as_of >= since, _t.kind == COURT)) or 0


def _of_batch(connection: Connection, pair: Pair, batch_id: str, on: date, kind: str) -> Iterator[Seen]:
    letters = read_frame(
        connection,
        select(_t.id.label("letter_id"), _t.letter_no, _lc.case_id, _d.inputs_sha256)
        .join(tables.letter_case, _lc.letter_id == _t.id)
        .join(tables.decision, _d.object_id == _t.id)
        .where(_t.batch_id == batch_id, _d.stage == "accept")
        .order_by(_t.id, _lc.case_id),
    )
    chosen = tables.case.c.batch_id == batch_id
    links = as_it_stood(
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


# The gate hand_over


def _hand_over(connection: Connection, pair: Pair, since: date) -> Found:
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
