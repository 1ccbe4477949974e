"""The rule set: complete, dated, hashed, and only ever made stricter."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from songda.compliance import (
    GATES,
    BrokenRule,
    IllegalExpression,
    LooserThanRule,
    NoRuleSet,
    UnknownGate,
    UnknownRule,
    UnknownScope,
    fact_zh,
    load_rules,
)
from songda.compliance.facts import declared
from songda.compliance.ruleset import Rule

RULES = load_rules()

TIGHTER: list[tuple[str, dict[str, Any]]] = [
    ("T01", {"open": "09:00", "close": "21:00"}),
    ("T02", {"max": 0}),
    ("T07", {"min_days": 45}),
    ("P01", {"roles": ["debtor"]}),
    ("P01", {"roles": []}),
    ("P07", {"forbidden": [*RULES.rule("P07").params["forbidden"], "public_register"]}),  # type: ignore[misc]
    ("C05", {"cap": 0.2}),
    ("C05", {"effect": "block"}),
    ("E02", {"phone": 8}),
    ("E04", {"effect": "review"}),
    ("R03", {"days": 365}),
    ("S01", {"answer_workdays": 5}),
    # The same again is no change.
    ("T07", {"min_days": 30}),
    ("S02", {"effect": "block"}),
]

LOOSER: list[tuple[str, dict[str, Any]]] = [
    ("T01", {"open": "07:00"}),
    ("T01", {"close": "22:00:01"}),
    ("T01", {"tz": "Europe/Paris"}),
    ("T02", {"max": 4}),
    ("T07", {"min_days": 29}),
    ("P01", {"roles": ["debtor", "contact"]}),
    ("P05", {"min_age": 17}),
    ("P07", {"forbidden": ["scraped"]}),
    ("P07", {"forbidden": []}),
    ("C04", {"tolerance": 1}),
    ("C05", {"cap": 0.36}),
    ("C05", {"effect": "warn"}),
    ("C06", {"fields": []}),
    ("E02", {"phone": 4}),
    ("L04", {"pack": ["contract", "mandate", "identity", "disbursement", "repayment_ledger", "anything"]}),
    ("L06", {"demands": 1}),
    ("S02", {"effect": "review"}),
    ("S05", {"states": ["paid"]}),
    ("D01", {"effect": "alarm"}),
    ("D07", {"n": 20_000_000}),
    ("R04", {"effect": "warn"}),
]

MALFORMED: list[tuple[str, dict[str, Any]]] = [
    ("T07", {"min_days": "45"}),
    ("T07", {"min_days": True}),
    ("T07", {"min_days": float("inf")}),
    ("T07", {"min_days": float("nan")}),
    ("T07", {"min_days": None}),
    ("T07", {"days": 45}),
    ("T01", {"open": "9:00"}),
    ("P01", {"roles": "debtor"}),
    ("P01", {"roles": [1]}),
]


def test_the_set_holds_60_rules_each_complete_for_a_person() -> None:
    assert len(RULES.rules) == 60
    for rule in RULES.rules:
        assert rule.title, rule.id
        assert 2 <= len(rule.short_zh) <= 14, rule.id
        assert rule.reason_zh, rule.id
        assert rule.remedy_zh, rule.id
        assert "{" not in rule.reason_zh + rule.remedy_zh, rule.id
    assert set(RULES.blocked_reason) == {rule.id for rule in RULES.rules}


def test_every_declared_fact_is_asked_for_and_every_asked_fact_is_declared() -> None:
    asked = {name for rule in RULES.rules for gate in rule.gates for name in rule.facts(gate)}
    assert asked == set(declared())


def test_every_parameter_that_a_test_reads_may_be_tightened() -> None:
    for rule in RULES.rules:
        read = {name for name in rule.params if f"p.{name}" in rule.when}
        assert read <= set(rule.tighten), rule.id


@pytest.mark.parametrize(("rule_id", "change"), TIGHTER)
def test_a_tenant_may_be_stricter(rule_id: str, change: dict[str, Any]) -> None:
    rule = load_rules(overrides={rule_id: change}).rule(rule_id)
    for name, value in change.items():
        changed = rule.effect if name == "effect" else rule.params[name]
        assert changed == (tuple(value) if isinstance(value, list) else value)


@pytest.mark.parametrize(("rule_id", "change"), LOOSER)
def test_a_tenant_may_never_be_looser(rule_id: str, change: dict[str, Any]) -> None:
    with pytest.raises(LooserThanRule) as refused:
        load_rules(overrides={rule_id: change})
    assert refused.value.exit_code == 77
    assert rule_id in refused.value.message_zh


@pytest.mark.parametrize(("rule_id", "change"), MALFORMED)
def test_a_value_of_another_kind_is_refused(rule_id: str, change: dict[str, Any]) -> None:
    with pytest.raises(BrokenRule):
        load_rules(overrides={rule_id: change})


def test_a_value_outside_the_vocabulary_is_refused() -> None:
    forbidden = [*RULES.rule("P07").params["forbidden"], "boughtlist"]  # type: ignore[misc]
    with pytest.raises(IllegalExpression):
        load_rules(overrides={"P07": {"forbidden": forbidden}})


def test_an_override_of_a_rule_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UnknownRule):
        load_rules(overrides={"T99": {"max": 1}})


def test_the_hash_is_stable_and_changes_with_every_parameter() -> None:
    assert load_rules().sha256 == RULES.sha256
    stricter = load_rules(overrides={"T07": {"min_days": 31}})
    assert stricter.sha256 != RULES.sha256
    assert stricter.label.startswith(f"{RULES.version}+")
    assert load_rules(overrides={"T07": {"min_days": 30}}).sha256 == RULES.sha256


def test_overrides_leave_the_shipped_rules_alone() -> None:
    load_rules(overrides={"T07": {"min_days": 90}})
    assert load_rules().rule("T07").params["min_days"] == 30


def test_a_rule_holds_from_its_day_on() -> None:
    def ids(on: date) -> set[str]:
        return {rule.id for rule in load_rules(on).rules}

    assert "T04" not in ids(date(2026, 1, 29))
    assert "T04" in ids(date(2026, 1, 30))
    assert ids(date(2026, 11, 24)) == {rule.id for rule in RULES.rules}
    with pytest.raises(NoRuleSet):
        load_rules(date(2021, 10, 31))


def test_a_rule_ends_after_its_last_day() -> None:
    rule = RULES.rule("T04")
    ended = Rule(**{name: getattr(rule, name) for name in rule.__dataclass_fields__} | {"valid_to": date(2027, 1, 1)})
    assert ended.holds_on(date(2027, 1, 1))
    assert not ended.holds_on(date(2027, 1, 2))


def test_reasons_name_the_tenants_own_parameters() -> None:
    rules = load_rules(overrides={"T07": {"min_days": 45}})
    assert "45 天" in rules.reason_zh(["T07"])
    lines = rules.reason_zh(["S02", "T07"]).split("\n")
    assert [line[:3] for line in lines] == ["1. ", "2. "]
    assert rules.reason_zh([]) == ""
    with pytest.raises(UnknownRule):
        rules.reason_zh(["X1"])


def test_a_rule_explains_itself_in_plain_values() -> None:
    explained: Mapping[str, Any] = RULES.explain("C04")
    assert explained["when_at"].keys() == {"lock"}
    assert explained["params"] == {"tolerance": 0.0, "max_age": 3}
    assert explained["facts"]["lock"] == ["a.amount", "case.ledger_amount"]
    assert explained["gates"] == ["approve", "lock"]


def test_unknown_scopes_and_gates_are_refused() -> None:
    with pytest.raises(UnknownScope):
        RULES.facts_needed("fax", "accept")
    with pytest.raises(UnknownGate):
        RULES.facts_needed("letter", "later")
    assert GATES == ("accept", "approve", "lock", "hand_over", "follow_up")


def test_every_fact_has_a_chinese_name() -> None:
    assert fact_zh("case.state") == "案件状态"
    with pytest.raises(UnknownRule):
        fact_zh("case.colour")


def test_the_face_and_the_rules_load_without_polars() -> None:
    program = "import sys; from songda.compliance import load_rules; load_rules(); sys.exit('polars' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
