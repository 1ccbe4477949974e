"""What an institution has decided about the rules: parameters made stricter, rules of its own, each with its days.

    change = read_change({"T07": {"min_days": 45}}, number=1, valid_from=date(2026, 12, 1))
    load_rules(date(2026, 12, 1), changes=[change]).label            # 2026.11.26/1+…

A document has a table a rule. `[T07]` holds parameters of a rule of the package, or `effect`; `[X01]` (X and two digits) is
a rule of the institution's own, written out: title, effect, scope, gates, when, short, reason, remedy, and if need be
params, source. Both can only stop more: parameters go in the stricter direction, and a rule more lets nothing through.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any

from songda.compliance.errors import BrokenRule

#: Ids of an institution's own rules; the package has none that begin so.
OWN_RULE = re.compile(r"X\d\d")
#: What an institution's own rule may do: the gates know no other way to heed it.
_OWN_EFFECTS = ("block", "review", "warn")
_OWN = frozenset(("title", "effect", "scope", "gates", "when", "short", "reason", "remedy"))
_TEXTS = ("title", "effect", "when", "short", "reason", "remedy")
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Change:
    #: Counted within the institution, from 1; the labels of rule sets name it.
    number: int
    #: SHA-256 of the document, as JSON with its names sorted and without blanks.
    sha256: str
    #: Rule of the package → parameter (or `effect`) → value. What the hash stands for is not compared.
    stricter: Mapping[str, Mapping[str, object]] = field(compare=False)
    #: The institution's own rules, as entries of rules.yaml.
    own: Sequence[Mapping[str, Any]] = field(compare=False)
    valid_from: date
    #: The last day; None: until further notice.
    valid_to: date | None = None

    @property
    def rules(self) -> tuple[str, ...]:
        """Ids of the rules that it changes or adds."""
        return tuple(sorted((*self.stricter, *(str(entry["id"]) for entry in self.own))))

    def holds_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


def read_change(
    document: Mapping[str, object], *, number: int, valid_from: date, valid_to: date | None = None
) -> Change:
    """The change that a document states. Raises BrokenRule for what is not written as the head of this module says.

    Whether its rules and parameters exist and are stricter, `load_rules` tells.
    """
    stricter: dict[str, Mapping[str, object]] = {}
    own = []
    for name, table in document.items():
        if not isinstance(table, Mapping) or not table:
            raise BrokenRule(rule=name[:40], problem="应是一节，节内有参数")
        if OWN_RULE.fullmatch(name):
            own.append(_entry(name, table, valid_from=valid_from))
        else:
            stricter[name] = dict(table)
    # What is no JSON is refused later, as a value of another type than its parameter.
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    return Change(number, sha256(text.encode()).hexdigest(), stricter, tuple(own), valid_from, valid_to)


def _entry(name: str, table: Mapping[str, Any], *, valid_from: date) -> dict[str, Any]:
    """The entry of rules.yaml for an institution's own rule."""
    if _OWN - table.keys() or table.keys() - _OWN - {"params", "source"}:
        raise BrokenRule(rule=name, problem="自定规则应写明 " + "、".join(sorted(_OWN)) + "，可另有 params、source")
    for each in _TEXTS:
        text = table[each]
        longest = 1_000 if each == "when" else _LONGEST
        if not isinstance(text, str) or not text.strip() or len(text) > longest or not text.isprintable():
            raise BrokenRule(rule=name, problem=f"{each} 应是 1 至 {longest} 个字")
    for each in ("scope", "gates", "source"):
        texts = table.get(each, ["institution"])
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
            raise BrokenRule(rule=name, problem=f"{each} 应是文本的列表")
    if table["effect"] not in _OWN_EFFECTS:
        raise BrokenRule(rule=name, problem="effect 只能是 " + "、".join(_OWN_EFFECTS))
    params = table.get("params", {})
    if not isinstance(params, Mapping) or not all(map(_is_param, params.values())):
        raise BrokenRule(rule=name, problem="params 应是数、文本或文本的列表")
    return {
        "id": name,
        **{each: table[each] for each in ("title", "effect", "scope", "gates", "when")},
        # Nobody has read a law for it: it is the institution's own word.
        "verified": "I",
        "source": table.get("source", ["institution"]),
        "params": dict(params),
        "tighten": {},
        "zh": {each: table[each] for each in ("short", "reason", "remedy")},
        "valid_from": valid_from,
    }


def _is_param(value: object) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(each, str) and each for each in value)
    return isinstance(value, str | int | float) and not isinstance(value, bool)
