"""What a tenant may change about a rule: a parameter in the stricter direction, or a milder effect into a block.

    tighten("T07", params={"min_days": 30}, ways={"min_days": "higher"}, to={"min_days": 45}, …)

Which direction is stricter is declared with each rule (`tighten` in rules.yaml). Whatever is not declared is fixed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from songda.compliance.errors import BrokenRule, LooserThanRule
from songda.compliance.facts import CLOCK, LARGEST
from songda.compliance.language import Param

#: Effects from mild to strict, as far as one can take the place of another.
_STRICTER = ("warn", "review", "block")


def tighten_params(
    rule: str, verified: str, *, params: Mapping[str, Param], ways: Mapping[str, str], to: Mapping[str, object]
) -> dict[str, Param]:
    """`params` with the tenant's values. Raises LooserThanRule, BrokenRule for a value of another type."""
    tightened = stated_params(rule, params=params, to=to)
    for name, value in tightened.items():
        if value != params[name] and not _stricter(ways.get(name), params[name], value):
            raise LooserThanRule(rule=rule, parameter=name, verified=verified)
    return tightened


def stated_params(rule: str, *, params: Mapping[str, Param], to: Mapping[str, object]) -> dict[str, Param]:
    """`params` with other values, stricter or not. Raises BrokenRule for one that there is not, or of another type."""
    stated = dict(params)
    for name, wish in to.items():
        if name not in params:
            raise BrokenRule(rule=rule, problem=f"没有参数“{name}”")
        stated[name] = _like(params[name], wish, rule=rule, name=name)
    return stated


def tighten_effect(rule: str, verified: str, *, effect: str, to: object) -> str:
    """The tenant's effect. Raises LooserThanRule for a milder or another kind of effect."""
    if to == effect:
        return effect
    if to not in _STRICTER or effect not in _STRICTER or _STRICTER.index(str(to)) < _STRICTER.index(effect):
        raise LooserThanRule(rule=rule, parameter="effect", verified=verified)
    return str(to)


def strictest(ways: Mapping[str, str], one: Mapping[str, Param], other: Mapping[str, Param]) -> dict[str, Param]:
    """Of two sets of values of the same parameters the stricter value of each; what nobody may move is `one`'s."""
    return {name: _stricter_of(ways.get(name), value, other[name]) for name, value in one.items()}


def stricter_effect(one: str, other: str) -> str:
    """The stricter of two effects; one that no other can take the place of stays."""
    both = one in _STRICTER and other in _STRICTER
    return max(one, other, key=_STRICTER.index) if both else one


def _stricter_of(way: str | None, one: Param, other: Param) -> Param:
    match way, one, other:
        case "subset", tuple(), tuple():
            # Possibly nothing: two changes that leave nothing in common allow nothing.
            return tuple(each for each in one if each in other)
        case "superset", tuple(), tuple():
            return (*one, *(each for each in other if each not in one))
    return other if _stricter(way, one, other) else one


def _like(old: Param, wish: object, *, rule: str, name: str) -> Param:
    """`wish` as a value of the kind that `old` is."""
    match old, wish:
        case tuple(), list() | tuple() if all(isinstance(each, str) and each for each in wish):
            return tuple(dict.fromkeys(wish))
        case str(), str() if bool(re.fullmatch(CLOCK, old)) == bool(re.fullmatch(CLOCK, wish)):
            return wish
        case int() | float(), bool():
            pass
        case int() | float(), int() | float() if math.isfinite(wish) and abs(wish) <= LARGEST:
            return wish
    raise BrokenRule(rule=rule, problem=f"参数“{name}”的类型不对")


def _stricter(way: str | None, old: Param, new: Param) -> bool:
    match way, old, new:
        case "lower" | "higher", int() | float(), int() | float():
            return (new < old) == (way == "lower")
        case "lower" | "higher", str(), str():
            return (new < old) == (way == "lower")
        case "subset", tuple(), tuple():
            return set(new) <= set(old)
        case "superset", tuple(), tuple():
            return set(new) >= set(old)
    return False
