"""One action at a time: the verdict that `verdict.evaluate` gives a frame of one row, without the frame.

    judge = Judge(load_rules(day), scope="call", gate="lock")
    judge({"a.hhmm": "21:59:59", …}).verdict        # pass | review | block

For doors that must answer within milliseconds: a frame costs tens of them, however few its rows are. Rules, facts and the
meaning of unknown are the same; tests hold the two equal on random facts.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from songda.compliance.errors import NoRulesHere, WrongFactType
from songda.compliance.facts import CLOCK, LARGEST, Fact, declared
from songda.compliance.language import (
    Abs,
    Among,
    Ask,
    Compare,
    Constant,
    Every,
    Inside,
    Known,
    Lacking,
    Node,
    Not,
    Shares,
    Some,
    Sum,
    facts_of,
)
from songda.compliance.ruleset import EFFECTS, RuleSet

#: Facts by name as they are known; absent or None: unknown.
Facts = Mapping[str, Any]
_Test = Callable[[Facts], Any]

_CLOCK = re.compile(CLOCK)
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}
_TYPES: Mapping[str, tuple[type, ...]] = {
    "flag": (bool,),
    "whole": (int,),
    "number": (int, float),
    "text": (str,),
    "clock": (str,),
    "list": (list, tuple),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """As the columns of `verdict.VERDICTS`."""

    #: pass | review | block
    verdict: str
    rules: tuple[str, ...]
    effects: tuple[str, ...]
    missing: tuple[str, ...]
    inputs_hash: str
    rule_set: str


class Judge:
    """The rules of one scope at one gate, read once."""

    def __init__(self, rules: RuleSet, *, scope: str, gate: str) -> None:
        """Raises UnknownScope, UnknownGate, NoRulesHere."""
        chosen = rules.at(scope, gate)
        if not chosen:
            raise NoRulesHere(scope=scope, gate=gate)
        trees = {rule.id: rule.predicate(gate) for rule in chosen}
        self.rules, self.scope, self.gate = rules, scope, gate
        self._tests = [(rule_id, _compiled(tree)) for rule_id, tree in trees.items()]
        self._effects = {rule.id: rule.effect for rule in chosen}
        self._asked = {rule_id: frozenset(facts_of(tree)) for rule_id, tree in trees.items()}
        self._facts = [declared()[name] for name in sorted(frozenset().union(*self._asked.values()))]

    def __call__(self, facts: Facts) -> Verdict:
        """Raises WrongFactType."""
        given, known = dict[str, Any](), dict[str, Any]()
        for fact in self._facts:
            value = facts.get(fact.name)
            # Most facts are flags or not there.
            plain = value is None or (fact.kind == "flag" and isinstance(value, bool))
            given[fact.name] = value if plain else _stated(fact, value)
            known[fact.name] = value if plain else _known(fact, given[fact.name])
        # An unknown test is a violation.
        fired = tuple(rule_id for rule_id, test in self._tests if test(known) is not False)
        effects = {self._effects[rule_id] for rule_id in fired}
        stops = "block" if effects & {"block", "block_close"} else "review" if "review" in effects else "pass"
        missing = {name for rule_id in fired for name in self._asked[rule_id] if known[name] is None}
        return Verdict(
            verdict=stops,
            rules=fired,
            effects=tuple(effect for effect in EFFECTS if effect in effects),
            missing=tuple(sorted(missing)),
            inputs_hash=sha256(orjson.dumps(given)).hexdigest(),
            rule_set=self.rules.label,
        )


def _stated(fact: Fact, value: Any) -> Any:
    right = isinstance(value, _TYPES[fact.kind]) and (fact.kind == "flag" or not isinstance(value, bool))
    if not right or (fact.kind == "list" and not all(isinstance(each, str) for each in value)):
        raise WrongFactType(fact=fact.name, expected=fact.kind, found=type(value).__name__)
    if fact.kind == "list":
        return list(value)
    return float(value) if fact.kind == "number" else value


def _known(fact: Fact, value: Any) -> Any:
    """None in place of what cannot be meant: see the head of facts.yaml."""
    match fact.kind:
        case "whole" | "number":
            least = -LARGEST if fact.least is None else fact.least
            most = LARGEST if fact.most is None else fact.most
            return value if math.isfinite(value) and least <= value <= most else None
        case "clock":
            return value if _CLOCK.search(value) else None
        case "text":
            text = value.strip()
            return text if (text in fact.values if fact.values else text) else None
        case "list" if fact.values:
            return value if fact.values.issuperset(value) else None
    return value


def _compiled(node: Node) -> _Test:  # noqa: PLR0911 - one return a kind of node
    """The value of `node` for known facts; None is unknown."""
    match node:
        case Constant(value):
            return lambda _: value
        case Ask(fact):
            return operator.itemgetter(fact.name)
        case Known(of):
            known = _compiled(of)
            return lambda facts: None if known(facts) is None else True
        case Not(of):
            inner = _compiled(of)
            return lambda facts: None if (value := inner(facts)) is None else not value
        case Every(parts):
            return _joined([_compiled(part) for part in parts], decides=False)
        case Some(parts):
            return _joined([_compiled(part) for part in parts], decides=True)
        case Abs(of):
            number = _compiled(of)
            return lambda facts: None if (value := number(facts)) is None else abs(value)
        case Compare(sign, left, right):
            return _of_both(_COMPARE[sign], left, right)
        case Sum(left, right, minus):
            return _of_both(operator.sub if minus else operator.add, left, right)
        case Among(text, whole) | Inside(text, whole):
            return _of_both(lambda sought, among: sought in among, text, whole)
        case _:
            return _of_list(node)


def _of_list(node: Lacking | Shares) -> _Test:
    here, wanted = _compiled(node.present), node.wanted
    if isinstance(node, Shares):
        return lambda facts: None if (texts := here(facts)) is None else any(text in texts for text in wanted)
    return lambda facts: None if (texts := here(facts)) is None else sum(text not in texts for text in wanted)


def _of_both(function: Callable[[Any, Any], Any], left: Node, right: Node) -> _Test:
    one, other = _compiled(left), _compiled(right)

    def answer(facts: Facts) -> Any:
        a, b = one(facts), other(facts)
        return None if a is None or b is None else function(a, b)

    return answer


def _joined(parts: list[_Test], *, decides: bool) -> _Test:
    """Kleene's and (False decides) and or (True decides)."""

    def answer(facts: Facts) -> bool | None:
        unknown = False
        for part in parts:
            value: bool | None = part(facts)
            if value is decides:
                return decides
            unknown |= value is None
        return None if unknown else not decides

    return answer
