"""Stricter rules, run in shadow over the letters that were decided: what the gate *accept* would say. Nothing is changed.

Verdicts keep the hash of their inputs, not the inputs. The facts of each batch's day are read again from the ledger, which
may know more by now; whether they are still those that were judged, the stored hash tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl
from sqlalchemy import Connection, select

from songda.compliance import load_rules
from songda.flow.decide import overrides_of, rules_on, scope_of
from songda.flow.facts import accept_facts
from songda.flow.links import read_frame, read_links
from songda.flow.tenants import Tenant
from songda.store import tables

#: What stops more, last.
_ORDER = ("pass", "review", "block")


@dataclass(frozen=True, slots=True)
class Changed:
    """A letter that would come out otherwise."""

    letter_id: str
    #: None: it was never numbered.
    letter_no: str | None
    #: pass | review | block, at the address where it fares best
    before: str
    after: str
    #: Ids of the rules that fire only with the change, at any address.
    rules: tuple[str, ...]
    #: Whether the facts read again are those that were judged.
    same_inputs: bool


def shadow(connection: Connection, tenant: Tenant, changes: Mapping[str, Mapping[str, object]]) -> Iterator[Changed]:
    """Letters of all batches that demand something, in their order, which `changes` (rule → parameter → value) would move.

    Raises LooserThanRule, UnknownRule, BrokenRule; NoRuleSet for a batch before the first rules.
    """
    # Refused even where there is no history.
    load_rules(None, changes)
    b, t = tables.batch.c, tables.letter.c
    query = select(b.id, b.as_of, t.kind).join(tables.letter, t.batch_id == b.id)
    query = query.where(b.tenant_id == tenant.id, t.kind != "court_forward").distinct().order_by(b.as_of, b.id)
    for batch in connection.execute(query).all():
        yield from _of_batch(connection, tenant, batch.id, batch.as_of, batch.kind, changes)


def _of_batch(
    connection: Connection,
    tenant: Tenant,
    batch_id: str,
    on: date,
    kind: str,
    changes: Mapping[str, Mapping[str, object]],
) -> Iterator[Changed]:
    t, lc, d = tables.letter.c, tables.letter_case.c, tables.decision.c
    letters = read_frame(
        connection,
        select(t.id.label("letter_id"), t.letter_no, lc.case_id, d.inputs_sha256)
        .join(tables.letter_case, lc.letter_id == t.id)
        .join(tables.decision, d.object_id == t.id)
        .where(t.batch_id == batch_id, d.stage == "accept")
        .order_by(t.id, lc.case_id),
    )
    links = read_links(connection, tenant, tables.case.c.batch_id == batch_id, on=on, batch_id=batch_id)
    facts = accept_facts(links, tenant, on=on, lawyer=None)
    own = overrides_of(tenant)
    merged = {rule: {**own.get(rule, {}), **changes.get(rule, {})} for rule in own.keys() | changes.keys()}
    before, after = (
        rules.evaluate(facts, scope=scope_of(kind), gate="accept")
        for rules in (rules_on(tenant, on), load_rules(on, merged))
    )
    judged = (
        links.select("action_id", "case_id")
        .join(before.select("action_id", "verdict", "rules", "inputs_hash"), on="action_id")
        .join(after.select("action_id", after="verdict", new="rules"), on="action_id")
        .join(letters, on="case_id")
    )
    best = pl.Enum(_ORDER)
    by_letter = (
        judged.with_columns(
            pl.col("verdict", "after").cast(best).to_physical(), new=pl.col("new").list.set_difference("rules")
        )
        .group_by("letter_id", maintain_order=True)
        .agg(
            pl.first("letter_no"),
            pl.min("verdict", "after"),
            pl.col("new").explode().drop_nulls().unique().sort(),
            same=(pl.col("inputs_hash") == pl.col("inputs_sha256")).any(),
        )
        .filter(pl.col("verdict") != pl.col("after"))
    )
    for row in by_letter.sort("letter_no", "letter_id", nulls_last=True).iter_rows(named=True):
        yield Changed(
            letter_id=row["letter_id"],
            letter_no=row["letter_no"],
            before=_ORDER[row["verdict"]],
            after=_ORDER[row["after"]],
            rules=tuple(row["new"]),
            same_inputs=row["same"],
        )
