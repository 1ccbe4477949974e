"""Which letters may not go on now: a stop order stands, or a case is paid, disputed, of somebody who died …

The rules of the gate *hand_over* and the standing orders, asked before a run is handed over, before a second attempt and
before the replacement of a lost piece.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import polars as pl
from sqlalchemy import Connection, select

from songda.dispatch import STOP, stopped_letters
from songda.flow.countersigning import approvers, needs_two
from songda.flow.court import facts_of_letters
from songda.flow.decide import rules_on, scope_of
from songda.flow.facts import stop_facts
from songda.flow.links import read_frame
from songda.flow.tenants import Tenant
from songda.store import chunks, tables


@dataclass(frozen=True, slots=True)
class Judged:
    """A letter at the gate *hand_over*."""

    stopped: bool
    #: stop:reason, or ids of the rules that fired; also of those that do not stop here (S07, which a person has released).
    reasons: tuple[str, ...]
    #: Of what the rules looked at; empty where a standing order decided.
    inputs_hash: str


def who_is_stopped(
    connection: Connection, tenant: Tenant, letter_ids: Collection[str], *, on: date
) -> dict[str, tuple[list[str], str]]:
    """Letter → (stop:reason or ids of rules, hash of what they looked at), for those of the letters that are stopped."""
    judged = judge_hand_over(connection, tenant, letter_ids, on=on)
    return {letter: (list(each.reasons), each.inputs_hash) for letter, each in judged.items() if each.stopped}


def judge_hand_over(
    connection: Connection, tenant: Tenant, letter_ids: Collection[str], *, on: date
) -> dict[str, Judged]:
    """Letter → what the standing orders and the rules of the gate say of it, for all of the letters that have cases."""
    found = {
        letter: Judged(True, (f"{STOP}{reason}",), "")
        for letter, reason in stopped_letters(connection, tenant.id, letter_ids).items()
    }
    for part in chunks(sorted(set(letter_ids) - found.keys())):
        found |= judge_by_rules(connection, tenant, part, on=on)
    return found


def judge_by_rules(
    connection: Connection, tenant: Tenant, letter_ids: Collection[str], *, on: date
) -> dict[str, Judged]:
    """As `judge_hand_over`, without the standing orders."""
    t, lc, c = (each.c for each in (tables.letter, tables.letter_case, tables.case))
    query = (
        select(
            t.id.label("letter_id"),
            c.id.label("case_id"),
            t.kind,
            t.batch_id,
            c.role,
            c.state,
            c.dispute_open,
            c.debtor_state,
            c.debtor_flags,
        )
        .join(tables.letter_case, lc.letter_id == t.id)
        .join(tables.case, c.id == lc.case_id)
        .where(t.id.in_(letter_ids))
        .order_by(t.id, c.row_no, c.id)
    )
    cases = read_frame(connection, query)
    if cases.is_empty():
        return {}
    cases = cases.with_columns(action_id=pl.concat_str("letter_id", "case_id", separator="/"))
    found: dict[str, Judged] = {}
    # Letters of several batches stand side by side, and a rule of one kind is no rule of another.
    for own in cases.partition_by("kind", maintain_order=True):
        found |= _of_a_kind(connection, tenant, own, on=on)
    return found


def _of_a_kind(connection: Connection, tenant: Tenant, cases: pl.DataFrame, *, on: date) -> dict[str, Judged]:
    if needs_two(cases["kind"][0]):
        batches = cases["batch_id"].unique(maintain_order=True)
        given = {letter: count for batch in batches for letter, count in approvers(connection, tenant, batch).items()}
        # The paper is printed: nobody looks at the document any more.
        court = facts_of_letters(connection, tenant, set(cases["letter_id"]), on=on, home=None, approvers=given)
        cases = cases.join(court, on="letter_id", how="left", maintain_order="left")
    kind = scope_of(cases["kind"][0])
    verdicts = rules_on(tenant, on).evaluate(stop_facts(cases), scope=kind, gate="hand_over")
    hit = cases.select("action_id", "letter_id").join(verdicts, on="action_id", maintain_order="left")
    blocks = pl.col("verdict") == "block"
    # A case that blocks stands for its letter; else the first one.
    first = hit.sort(blocks, descending=True, maintain_order=True).unique(
        "letter_id", keep="first", maintain_order=True
    )
    return {
        row["letter_id"]: Judged(row["verdict"] == "block", tuple(row["rules"]), row["inputs_hash"])
        for row in first.iter_rows(named=True)
    }
