"""What an institution decides about the rules can only stop more, and every verdict names it."""

from __future__ import annotations

import random
from datetime import date
from typing import Any

import polars as pl
import pytest

from songda.compliance import BrokenRule, IllegalExpression, UnknownRule, load_rules, read_change
from songda.compliance.cases import rule_cases
from songda.compliance.facts import as_frame

DAY = date(2026, 12, 1)
RULES = load_rules(DAY)

OWN: dict[str, Any] = {
    "title": "小额不发函",
    "effect": "block",
    "scope": ["letter", "lawyer_letter"],
    "gates": ["approve", "lock"],
    "when": "a.amount < p.least",
    "params": {"least": 50_000},
    "short": "金额过小",
    "reason": "函件所载金额少于 {least} 分",
    "remedy": "不发函",
}


def changed(*documents: dict[str, Any], on: date = DAY, first: date = DAY) -> Any:
    changes = [read_change(each, number=n, valid_from=first) for n, each in enumerate(documents, 1)]
    return load_rules(on, changes=changes)


def test_the_strictest_of_all_changes_holds_whatever_their_order() -> None:
    for documents in (
        ({"T07": {"min_days": 45}}, {"T07": {"min_days": 60}}),
        ({"T07": {"min_days": 60}}, {"T07": {"min_days": 45}}),
    ):
        assert changed(*documents).rule("T07").params["min_days"] == 60
    both = changed({"P01": {"roles": ["debtor", "guarantor"]}}, {"P01": {"roles": ["guarantor", "estate"]}})
    assert both.rule("P01").params["roles"] == ("guarantor",)
    more = changed(
        {"P08": {"modes": ["posted_public", "door_pasted", "group_chat", "by_hand"]}}, {"S07": {"effect": "block"}}
    )
    assert more.rule("P08").params["modes"][-1] == "by_hand"
    assert more.rule("S07").effect == "block"
    late = changed({"T01": {"open": "09:00"}}, {"T01": {"open": "08:30", "close": "20:00"}}).rule("T01").params
    assert (late["open"], late["close"]) == ("09:00", "20:00")


def test_a_decided_change_never_loosens_what_the_package_or_the_profile_says() -> None:
    # As after an update of the package that is stricter by now.
    loose = changed({"C05": {"cap": 0.36}}, {"T07": {"min_days": 1}}, {"T07": {"effect": "warn"}})
    assert loose.rule("C05").params["cap"] == 0.24
    assert loose.rule("T07").params["min_days"] == 30
    assert loose.rule("T07").effect == "block"
    change = read_change({"T07": {"min_days": 45}}, number=1, valid_from=DAY)
    assert load_rules(DAY, {"T07": {"min_days": 90}}, changes=[change]).rule("T07").params["min_days"] == 90


def test_a_change_holds_from_its_first_day_to_its_last_and_the_label_names_it() -> None:
    change = read_change({"T07": {"min_days": 45}}, number=7, valid_from=DAY, valid_to=date(2026, 12, 31))
    for day, holds in ((date(2026, 11, 30), False), (DAY, True), (date(2026, 12, 31), True), (date(2027, 1, 1), False)):
        rules = load_rules(day, changes=[change])
        assert (rules.rule("T07").params["min_days"] == 45) == holds
        assert rules.label.startswith("2026.11.26/7+" if holds else "2026.11.26+")
        assert (rules.label == load_rules(day).label) != holds


def test_a_rule_of_ones_own_stops_what_it_says_and_nothing_that_was_stopped_passes() -> None:
    rules = changed({"X01": OWN})
    assert rules.rule("X01").reason_zh == "函件所载金额少于 50000 分"
    case = rule_cases()["C04"]
    base = case["base"]
    facts = as_frame([{**base, "a.amount": amount, "case.ledger_amount": amount} for amount in (49_999, 50_000, None)])
    before, after = (each.evaluate(facts, scope="lawyer_letter", gate="approve") for each in (RULES, rules))
    own = after["rules"].list.contains("X01")
    assert own.to_list() == [True, False, True]
    rank = pl.Enum(["pass", "review", "block"])
    assert (after["verdict"].cast(rank).to_physical() >= before["verdict"].cast(rank).to_physical()).all()


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({"T99": {"max": 1}}, UnknownRule),
        ({"T07": {"days": 1}}, BrokenRule),
        ({"T07": {"min_days": "many"}}, BrokenRule),
        ({"T07": {}}, BrokenRule),
        ({"T07": 45}, BrokenRule),
        ({"X01": {**OWN, "when": "__import__('os')"}}, IllegalExpression),
        ({"X01": {**OWN, "when": "a.nothing == 1"}}, IllegalExpression),
        ({"X01": {**OWN, "effect": "pass"}}, BrokenRule),
        ({"X01": {**OWN, "scope": ["letters"]}}, BrokenRule),
        ({"X01": {**OWN, "gates": []}}, BrokenRule),
        ({"X01": {**OWN, "reason": "{least.__class__}"}}, BrokenRule),
        ({"X01": {**OWN, "reason": "{nobody}"}}, BrokenRule),
        ({"X01": {**OWN, "verified": "S"}}, BrokenRule),
        ({"X01": {key: value for key, value in OWN.items() if key != "when"}}, BrokenRule),
    ],
)
def test_what_is_no_change_is_refused(document: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        changed(document)


def test_two_changes_cannot_bring_the_same_rule() -> None:
    with pytest.raises(BrokenRule):
        changed({"X01": OWN}, {"X01": OWN})


#: Further values of lists that are compared with a closed vocabulary.
MORE = {"P03": "guarantor", "P07": "earlier_letter", "P08": "by_hand", "S03": "bankruptcy", "S05": "open"}


def _stricter(rule_id: str, way: str, old: Any, chance: random.Random) -> Any:
    if way == "subset":
        return [each for each in old if chance.random() < 0.6]
    if way == "superset":
        return [*old] if rule_id == "S07" else [*old, MORE.get(rule_id, "x")]
    if isinstance(old, str):
        hour = int(old[:2])
        return f"{chance.randint(hour, 23) if way == 'higher' else chance.randint(0, hour - 1):02}:00"
    step = chance.choice([1, 3, 40]) if isinstance(old, int) else chance.random()
    return old + step if way == "higher" else max(old - step, 0)


@pytest.mark.parametrize("seed", range(4))
def test_no_stricter_values_let_anything_through_that_was_stopped(seed: int) -> None:
    """All that any case of any rule says of an action, under stricter values of all rules at once, in two changes."""
    chance = random.Random(seed)
    documents: list[dict[str, Any]] = [{}, {}]
    for rule in RULES.rules:
        for name, way in rule.tighten.items():
            value = _stricter(rule.id, way, rule.params[name], chance)
            # An empty list is no value that a file can state.
            documents[chance.randrange(2)].setdefault(rule.id, {})[name] = value or rule.params[name]
    stricter = changed(*documents)
    rank = pl.Enum(["pass", "review", "block"])
    judged = 0
    for rule_id, case in rule_cases().items():
        scope, gate = case["at"]
        changes = [{}, *(each for kind in ("passes", "edge_passes", "fires", "edge_fires") for each in case[kind])]
        facts = as_frame([case["base"] | change for change in changes])
        before, after = (rules.evaluate(facts, scope=scope, gate=gate) for rules in (RULES, stricter))
        worse = after["verdict"].cast(rank).to_physical() >= before["verdict"].cast(rank).to_physical()
        kept = before["rules"].list.set_difference(after["rules"]).list.len() == 0
        assert (worse & kept).all(), (rule_id, seed)
        judged += facts.height
    assert judged > 200
