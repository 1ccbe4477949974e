"""Cases of every rule, as data: what passes, what fires, where the line runs, and that an unknown fact fires.

    judged = run_cases(load_rules())
    [case for case in judged if not case.as_expected]      # []

cases.yaml holds the cases: they ship with the rules, so that whoever changes a rule can run them (`songda rules test`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from songda.compliance.facts import as_frame, read_yaml

if TYPE_CHECKING:
    from songda.compliance.ruleset import RuleSet

#: Kind of case → whether the rule must fire. `missing` names facts whose absence alone makes it fire.
KINDS = {"passes": False, "edge_passes": False, "fires": True, "edge_fires": True, "missing": True}


@dataclass(frozen=True, slots=True)
class JudgedCase:
    rule: str
    #: passes | edge_passes | fires | edge_fires | missing
    kind: str
    #: The facts by which it differs from the lawful action of its rule.
    change: Mapping[str, object]
    fired: bool
    #: Facts that the verdict says are unknown.
    missing: tuple[str, ...]

    @property
    def as_expected(self) -> bool:
        if self.fired != KINDS[self.kind]:
            return False
        return self.kind != "missing" or self.change.keys() <= set(self.missing)


def rule_cases() -> Mapping[str, Mapping[str, Any]]:
    """Rule id → `at` (scope, gate), `base` (facts of a lawful action), and per kind the changes of it."""
    cases: Mapping[str, Mapping[str, Any]] = read_yaml("cases.yaml")
    return cases


def run_cases(rules: RuleSet, only: Sequence[str] = ()) -> Iterator[JudgedCase]:
    """Every case of the rules in `only`, or of all, in the order of the file. Raises UnknownRule."""
    cases = rule_cases()
    for rule_id in only or cases:
        rules.rule(rule_id)
        yield from _judged(rules, rule_id, cases[rule_id])


def _judged(rules: RuleSet, rule_id: str, case: Mapping[str, Any]) -> Iterator[JudgedCase]:
    scope, gate = case["at"]
    changes: list[tuple[str, dict[str, object]]] = [("passes", {})]
    for kind in KINDS:
        changes += [(kind, {each: None} if kind == "missing" else each) for each in case[kind]]
    verdicts = rules.evaluate(as_frame([case["base"] | change for _, change in changes]), scope=scope, gate=gate)
    for (kind, change), fired, missing in zip(changes, verdicts["rules"], verdicts["missing"], strict=True):
        yield JudgedCase(rule_id, kind, change, rule_id in fired.to_list(), tuple(missing))
