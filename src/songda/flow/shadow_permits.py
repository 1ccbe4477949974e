"""Permits to contact in shadow: judged again by the changed rules whose facts the permit keeps (songda.flow.shadow)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
from sqlalchemy import Connection, select

from songda.base.days import SHANGHAI
from songda.compliance import RuleSet
from songda.flow.contact_facts import contact_rules
from songda.flow.shadow_history import Found, Left, Pair, Seen
from songda.store import tables

#: Facts that a permit keeps, besides its counters.
_KEPT = ("a.mode", "a.purpose", "a.role", "a.hhmm")


def permitted(connection: Connection, pair: Pair, since: date) -> Found:
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
