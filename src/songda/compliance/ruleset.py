"""The rules that hold on a day for a tenant: read, checked, hashed, explained.

rules = load_rules(date(2026, 11, 24), {"T07": {"min_days": 45}})
rules.facts_needed("lawyer_letter", "accept")
rules.evaluate(facts, scope="lawyer_letter", gate="accept")
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from songda.compliance.changes import OWN_RULE, Change
from songda.compliance.errors import BrokenRule, NoRuleSet, UnknownGate, UnknownRule, UnknownScope
from songda.compliance.facts import declared, read_yaml
from songda.compliance.language import Node, Param, facts_of, parse
from songda.compliance.tightening import (
    stated_params,
    stricter_effect,
    strictest,
    tighten_effect,
    tighten_params,
)

if TYPE_CHECKING:
    import polars as pl

#: Where rules are evaluated, in the order of a letter's life; what each is for stands at the head of rules.yaml.
GATES = ("accept", "approve", "lock", "hand_over", "follow_up")
EFFECTS = ("block", "block_close", "review", "warn", "alarm", "grade")
#: `I` is an institution's own rule.
VERIFIED = ("S", "N", "N-", "M", "D", "I")
_WAYS = frozenset({"lower", "higher", "subset", "superset"})
#: A name in braces; a brace without its other half is one too, and the name of nothing.
_BRACES = re.compile(r"\{[^{}]*\}|[{}]")


@dataclass(frozen=True, slots=True)
class Rule:
    #: T01 …: T time and frequency, P persons, C content, L lawyer letter, E envelope, R records, S stops, D data.
    id: str
    title: str
    effect: str
    #: How well the source was read: see the head of rules.yaml.
    verified: str
    source: tuple[str, ...]
    #: Kinds of action, `any` written out.
    scope: frozenset[str]
    gates: tuple[str, ...]
    #: The violation test, and its replacement at single gates.
    when: str
    when_at: Mapping[str, str]
    params: Mapping[str, Param]
    #: Parameter → lower | higher | subset | superset: which way a tenant may move it.
    tighten: Mapping[str, str]
    valid_from: date
    valid_to: date | None
    short_zh: str
    #: Why the letter was not sent and what to do; parameters filled in.
    reason_zh: str
    remedy_zh: str

    def test(self, gate: str) -> str:
        """The violation test at `gate`."""
        return self.when_at.get(gate, self.when)

    def predicate(self, gate: str) -> Node:
        """The violation test at `gate` as a tree. Raises IllegalExpression."""
        return parse(self.test(gate), params=self.params, facts=declared())

    def facts(self, gate: str) -> tuple[str, ...]:
        """Names of the facts that the test at `gate` asks for, sorted."""
        return tuple(sorted(set(facts_of(self.predicate(gate)))))

    def holds_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class RuleSet:
    version: str
    #: SHA-256 of everything that decides a verdict: rules with their parameters, facts with their types and bounds.
    sha256: str
    rules: tuple[Rule, ...]
    scopes: tuple[str, ...]

    @property
    def label(self) -> str:
        """What verdicts carry: the version, and the start of the hash, which a tenant's own parameters change."""
        return f"{self.version}+{self.sha256[:12]}"

    @property
    def blocked_reason(self) -> Mapping[str, str]:
        """Rule id → a few Chinese words, for reports."""
        return MappingProxyType({rule.id: rule.short_zh for rule in self.rules})

    def rule(self, rule_id: str) -> Rule:
        """Raises UnknownRule."""
        for rule in self.rules:
            if rule.id == rule_id:
                return rule
        raise UnknownRule(rule=rule_id)

    def at(self, scope: str, gate: str) -> tuple[Rule, ...]:
        """The rules for a kind of action at a gate. Raises UnknownScope, UnknownGate."""
        if scope not in self.scopes:
            raise UnknownScope(scope=scope, known="、".join(self.scopes))
        if gate not in GATES:
            raise UnknownGate(gate=gate, known="、".join(GATES))
        return tuple(rule for rule in self.rules if scope in rule.scope and gate in rule.gates)

    def facts_needed(self, scope: str, gate: str) -> list[str]:
        """Names of all facts that the rules for `scope` ask for at `gate`, sorted. Raises UnknownScope, UnknownGate."""
        return sorted({name for rule in self.at(scope, gate) for name in rule.facts(gate)})

    def evaluate(self, facts: pl.DataFrame, *, scope: str | pl.Expr, gate: str) -> pl.DataFrame:
        """One verdict an action: see `verdict.evaluate`."""
        from songda.compliance.verdict import evaluate

        return evaluate(self, facts, scope=scope, gate=gate)

    def explain(self, rule_id: str) -> dict[str, Any]:
        """All that is known about a rule, as plain values in the order a person reads them. Raises UnknownRule."""
        rule = self.rule(rule_id)
        explained = {each.name: getattr(rule, each.name) for each in fields(rule)}
        explained |= {"source": list(rule.source), "scope": [each for each in self.scopes if each in rule.scope]}
        explained |= {"gates": list(rule.gates), "when_at": dict(rule.when_at), "tighten": dict(rule.tighten)}
        explained["params"] = {name: list(v) if isinstance(v, tuple) else v for name, v in rule.params.items()}
        explained["facts"] = {gate: list(rule.facts(gate)) for gate in rule.gates}
        return explained

    def reason_zh(self, rule_ids: Iterable[str]) -> str:
        """Why an action was stopped and what to do, one numbered line a rule. Raises UnknownRule.

        >>> print(load_rules().reason_zh(["T07"]))
        发函间隔不足：距同一机构上次向该债务人发函不足 30 天，或上次发函日期不明。满 30 天后再发；从未发过函的应明确登记。
        """
        rules = [self.rule(rule_id) for rule_id in rule_ids]
        lines = [f"{rule.short_zh}：{rule.reason_zh}。{rule.remedy_zh}。" for rule in rules]
        if len(lines) < 2:
            return "".join(lines)
        return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


def load_rules(
    on: date | None = None,
    overrides: Mapping[str, Mapping[str, object]] | None = None,
    *,
    changes: Sequence[Change] = (),
) -> RuleSet:
    """The rules that hold on day `on`, or the newest ones, with a tenant's stricter parameters.

    `overrides`: rule id → {parameter: value}; the name `effect` stands for the rule's effect. `changes`: what two persons
    of the tenant have decided; those that hold on the day count, the strictest value of each parameter. Raises
    LooserThanRule, UnknownRule, BrokenRule, IllegalExpression, NoRuleSet (the day lies before the first rule set).
    """
    first, version, scopes, any_scope, rules = _as_shipped()
    if on is not None and on < first:
        raise NoRuleSet(on=on.isoformat(), first=first.isoformat())
    held = [each for each in changes if (each.valid_to is None if on is None else each.holds_on(on))]
    stated = [each.stricter for each in held]
    for unknown in set(overrides or ()).union(*stated) - {rule.id for rule in rules}:
        raise UnknownRule(rule=unknown)
    chosen = [
        _checked(_strictest(rule, (overrides or {}).get(rule.id, {}), [each.get(rule.id, {}) for each in stated]))
        for rule in rules
        if (rule.valid_to is None if on is None else rule.holds_on(on))
    ]
    for change in held:
        chosen += [_own(entry, scopes=scopes, any_scope=any_scope, first=first) for entry in change.own]
    _check_unique(chosen)
    # Which changes it is made of, so that whoever reads a verdict knows where to look.
    version = "/".join((version, ",".join(str(each.number) for each in held))) if held else version
    return RuleSet(version, _hash(version, tuple(chosen)), tuple(map(_worded, chosen)), scopes)


def _own(entry: Mapping[str, Any], *, scopes: tuple[str, ...], any_scope: tuple[str, ...], first: date) -> Rule:
    rule = _checked(_rule(entry, scopes=scopes, any_scope=any_scope, first=first))
    # Only names of parameters: a format string could else look into what it is given.
    names = {name for sentence in (rule.reason_zh, rule.remedy_zh) for name in _BRACES.findall(sentence)}
    if names - {f"{{{name}}}" for name in rule.params}:
        raise BrokenRule(rule=rule.id, problem="reason、remedy 的大括号中只能写参数名")
    return rule


def _check_unique(rules: Iterable[Rule]) -> None:
    ids = [rule.id for rule in rules]
    for double in sorted({each for each in ids if ids.count(each) > 1}):
        raise BrokenRule(rule=double, problem="编号重复")


@cache
def _as_shipped() -> tuple[date, str, tuple[str, ...], tuple[str, ...], tuple[Rule, ...]]:
    """First day, version, kinds of action, what `any` means, the rules."""
    raw = read_yaml("rules.yaml")
    scopes, any_scope, first = tuple(raw["scopes"]), tuple(raw["any"]), raw["valid_from"]
    rules = tuple(_rule(entry, scopes=scopes, any_scope=any_scope, first=first) for entry in raw["rules"])
    _check_unique(rules)
    for rule in rules:
        if OWN_RULE.fullmatch(rule.id):
            raise BrokenRule(rule=rule.id, problem="X 开头的编号留给机构自定的规则")
        _checked(rule)
    return first, raw["version"], scopes, any_scope, rules


def _rule(entry: Mapping[str, Any], *, scopes: tuple[str, ...], any_scope: tuple[str, ...], first: date) -> Rule:
    wanted = {"id", "title", "effect", "verified", "source", "scope", "gates", "when", "params", "tighten", "zh"}
    wanted |= {"valid_from"}
    name = str(entry.get("id", "?"))
    if wanted - entry.keys() or entry.keys() - wanted - {"when_at", "valid_to"}:
        raise BrokenRule(rule=name, problem="缺少项目或有不认识的项目")
    if set(entry["zh"]) != {"short", "reason", "remedy"}:
        raise BrokenRule(rule=name, problem="zh 应有 short、reason、remedy")
    scope = frozenset(any_scope if entry["scope"] == ["any"] else entry["scope"])
    params = {key: tuple(value) if isinstance(value, list) else value for key, value in entry["params"].items()}
    rule = Rule(
        id=name,
        title=entry["title"],
        effect=entry["effect"],
        verified=entry["verified"],
        source=tuple(map(str, entry["source"])),
        scope=scope,
        gates=tuple(entry["gates"]),
        when=entry["when"],
        when_at=MappingProxyType(dict(entry.get("when_at", {}))),
        params=MappingProxyType(params),
        tighten=MappingProxyType(dict(entry["tighten"])),
        valid_from=entry["valid_from"],
        valid_to=entry.get("valid_to"),
        short_zh=entry["zh"]["short"],
        reason_zh=entry["zh"]["reason"],
        remedy_zh=entry["zh"]["remedy"],
    )
    sound = {
        "effect": rule.effect in EFFECTS,
        "verified": rule.verified in VERIFIED,
        "scope": bool(scope) and scope <= set(scopes),
        "gates": bool(rule.gates) and set(rule.gates) <= set(GATES),
        "when_at": set(rule.when_at) <= set(rule.gates),
        "tighten": set(rule.tighten) <= set(params) and set(rule.tighten.values()) <= _WAYS,
        "valid_from": isinstance(rule.valid_from, date) and rule.valid_from >= first,
        "source": bool(rule.source),
    }
    for item, is_sound in sound.items():
        if not is_sound:
            raise BrokenRule(rule=name, problem=f"{item} 不对")
    return rule


def _strictest(rule: Rule, override: Mapping[str, object], decided: Iterable[Mapping[str, object]]) -> Rule:
    """The rule with the strictest of what the tenant's profile and its decided changes say. Raises LooserThanRule, BrokenRule."""
    found = _tightened(rule, override)
    for change in decided:
        # Once decided, a change is not refused because the package has become stricter than it: then the package holds.
        wishes = {name: value for name, value in change.items() if name != "effect"}
        stated = stated_params(rule.id, params=found.params, to=wishes)
        params = strictest(rule.tighten, found.params, stated)
        effect = stricter_effect(found.effect, str(change.get("effect", found.effect)))
        found = replace(found, params=MappingProxyType(params), effect=effect)
    return found


def _tightened(rule: Rule, change: Mapping[str, object]) -> Rule:
    if not change:
        return rule
    wishes = {name: value for name, value in change.items() if name != "effect"}
    params = tighten_params(rule.id, rule.verified, params=rule.params, ways=rule.tighten, to=wishes)
    effect = tighten_effect(rule.id, rule.verified, effect=rule.effect, to=change.get("effect", rule.effect))
    return replace(rule, params=MappingProxyType(params), effect=effect)


def _checked(rule: Rule) -> Rule:
    """The rule, once its tests have been read at every gate."""
    for gate in rule.gates:
        rule.predicate(gate)
    return rule


def _worded(rule: Rule) -> Rule:
    """The rule with its parameters in its Chinese sentences."""
    words = {name: "、".join(value) if isinstance(value, tuple) else value for name, value in rule.params.items()}
    return replace(rule, reason_zh=rule.reason_zh.format(**words), remedy_zh=rule.remedy_zh.format(**words))


def _hash(version: str, rules: tuple[Rule, ...]) -> str:
    def plain(value: object) -> object:
        match value:
            case frozenset():
                return sorted(value)
            case date():
                return value.isoformat()
            case Mapping():
                return dict(value)
        raise TypeError(type(value).__name__)

    facts = {name: asdict(fact) for name, fact in declared().items()}
    content = {"version": version, "rules": [_fields(rule) for rule in rules], "facts": facts}
    canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=plain)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _fields(rule: Rule) -> dict[str, object]:
    return {each.name: getattr(rule, each.name) for each in fields(rule)}
