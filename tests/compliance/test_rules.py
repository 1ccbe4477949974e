"""Every rule: what passes, what fires, where the line runs, and that an unknown fact fires."""

from __future__ import annotations

import polars as pl
import pytest

from songda.compliance import load_rules
from songda.compliance.cases import KINDS, rule_cases, run_cases
from songda.compliance.facts import as_frame

CASES = rule_cases()
RULES = load_rules()


def test_the_tables_cover_all_60_rules_with_every_kind_of_case() -> None:
    assert list(CASES) == [rule.id for rule in RULES.rules]
    assert len(CASES) == 60
    for rule_id, case in CASES.items():
        for kind in KINDS:
            assert case[kind], (rule_id, kind)
        assert set(case["base"]) == set(RULES.rule(rule_id).facts(case["at"][1])), rule_id


@pytest.mark.parametrize("rule_id", CASES)
def test_every_case_comes_out_as_written(rule_id: str) -> None:
    assert [case for case in run_cases(RULES, [rule_id]) if not case.as_expected] == []


def test_a_rule_that_was_moved_fails_its_cases() -> None:
    stricter = load_rules(None, {"T07": {"min_days": 31}})
    assert [(case.kind, case.fired) for case in run_cases(stricter, ["T07"]) if not case.as_expected] == [
        ("edge_passes", True)
    ]


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
        ["C04" in rules for rules in RULES.evaluate(as_frame([old, moved]), scope="lawyer_letter", gate=gate)["rules"]]
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
