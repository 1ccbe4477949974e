"""Every rule: what passes, what fires, where the line runs, and that an unknown fact fires."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from songda.compliance import load_rules
from songda.compliance.facts import declared

CASES: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("rule_cases.yaml").read_text("utf-8"))
RULES = load_rules()
_TYPES = {
    "flag": pl.Boolean(),
    "whole": pl.Int64(),
    "number": pl.Float64(),
    "text": pl.String(),
    "clock": pl.String(),
    "list": pl.List(pl.String()),
}


def actions(rows: list[dict[str, object]]) -> pl.DataFrame:
    """A facts frame of the columns that the rows name, each in its declared type."""
    names = sorted({name for row in rows for name in row})
    frame = pl.DataFrame({"action_id": [f"act_{number}" for number in range(len(rows))]})
    return frame.with_columns(
        pl.Series(name, [row.get(name) for row in rows], _TYPES[declared()[name].kind], strict=False) for name in names
    )


def fired(rule_id: str, changes: list[dict[str, object]]) -> list[bool]:
    case = CASES[rule_id]
    scope, gate = case["at"]
    verdicts = RULES.evaluate(actions([case["base"] | change for change in changes]), scope=scope, gate=gate)
    return verdicts["rules"].list.contains(rule_id).to_list()


def test_the_tables_cover_all_60_rules_with_every_kind_of_case() -> None:
    assert list(CASES) == [rule.id for rule in RULES.rules]
    assert len(CASES) == 60
    for rule_id, case in CASES.items():
        for kind in ("passes", "fires", "edge_passes", "edge_fires", "missing"):
            assert case[kind], (rule_id, kind)
        assert set(case["base"]) == set(RULES.rule(rule_id).facts(case["at"][1])), rule_id


@pytest.mark.parametrize("rule_id", CASES)
def test_what_is_lawful_does_not_fire(rule_id: str) -> None:
    case = CASES[rule_id]
    changes = [{}, *case["passes"], *case["edge_passes"]]
    assert fired(rule_id, changes) == [False] * len(changes), changes


@pytest.mark.parametrize("rule_id", CASES)
def test_what_is_unlawful_fires(rule_id: str) -> None:
    case = CASES[rule_id]
    changes = [*case["fires"], *case["edge_fires"]]
    assert fired(rule_id, changes) == [True] * len(changes), changes


@pytest.mark.parametrize("rule_id", CASES)
def test_an_unknown_fact_that_matters_fires_and_is_named(rule_id: str) -> None:
    case = CASES[rule_id]
    scope, gate = case["at"]
    rows = [case["base"] | {name: None} for name in case["missing"]]
    verdicts = RULES.evaluate(actions(rows), scope=scope, gate=gate)
    for name, names, missing in zip(case["missing"], verdicts["rules"], verdicts["missing"], strict=True):
        assert rule_id in names.to_list(), name
        assert name in missing.to_list(), name


@pytest.mark.parametrize("rule_id", CASES)
def test_a_rule_of_which_nothing_is_known_fires(rule_id: str) -> None:
    scope, gate = CASES[rule_id]["at"]
    verdict = RULES.evaluate(pl.DataFrame({"action_id": ["a"]}), scope=scope, gate=gate).row(0, named=True)
    assert rule_id in verdict["rules"]
    assert set(RULES.rule(rule_id).facts(gate)) <= set(verdict["missing"])


def test_the_age_of_the_amount_counts_at_approval_only() -> None:
    old = CASES["C04"]["base"] | {"a.amount_age_days": 40}
    moved = old | {"case.ledger_amount": 99_999}
    assert [
        ["C04" in rules for rules in RULES.evaluate(actions([old, moved]), scope="lawyer_letter", gate=gate)["rules"]]
        for gate in ("approve", "lock")
    ] == [[True, True], [False, True]]
    assert "a.amount_age_days" not in RULES.facts_needed("lawyer_letter", "lock")


def test_the_hand_over_of_a_letter_asks_for_stop_orders_only() -> None:
    assert {rule.id for rule in RULES.at("lawyer_letter", "hand_over")} == {"S01", "S02", "S03", "S04", "S05", "S07"}


def test_every_act_is_judged_before_it_cannot_be_undone() -> None:
    watched = {"R01", "R02", "R03", "R04", "D05", "D07"}
    planned = {"C05", "D04"}
    for rule in RULES.rules:
        assert ("lock" in rule.gates) == (rule.id not in watched | planned), rule.id
