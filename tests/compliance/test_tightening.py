"""No rule can be made looser by an institution, whatever its parameter and however well its source was read."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songda.compliance import LooserThanRule, load_rules
from songda.compliance.facts import CLOCK, declared
from songda.compliance.language import Param
from songda.compliance.tightening import tighten_effect, tighten_params

RULES = load_rules().rules
PARAMS = [(rule, name) for rule in RULES for name in rule.params]
_ROLES = sorted(declared()["a.role"].values)
_CLOCKS = st.times().map(lambda time: time.strftime("%H:%M"))


def like(value: Param) -> st.SearchStrategy[Param]:
    """Other values of the same kind."""
    match value:
        case tuple():
            return st.lists(st.sampled_from(sorted({*value, *_ROLES})), unique=True).map(tuple)
        case str() if re.fullmatch(CLOCK, value):
            return _CLOCKS
        case str():
            return st.text("abc", min_size=1)
    return st.integers(-1000, 1000) | st.floats(-1000, 1000)


def looser(way: str | None, old: Param, new: Param) -> bool:
    """Whether `new` lets something pass that `old` stops, or is fixed; written apart from the code on trial."""
    match way, old, new:
        case None, _, _:
            return new != old
        case "lower", int() | float() | str(), int() | float() | str():
            return not new <= old  # type: ignore[operator]
        case "higher", int() | float() | str(), int() | float() | str():
            return not new >= old  # type: ignore[operator]
        case "subset", tuple(), tuple():
            return bool(set(new) - set(old))
        case "superset", tuple(), tuple():
            return bool(set(old) - set(new))
    raise AssertionError(way)


@given(st.data())
@settings(max_examples=600, deadline=None)
def test_a_parameter_moves_in_the_stricter_direction_only(data: st.DataObject) -> None:
    rule, name = data.draw(st.sampled_from(PARAMS))
    old = rule.params[name]
    new = data.draw(like(old))
    if looser(rule.tighten.get(name), old, new):
        with pytest.raises(LooserThanRule):
            tighten_params(rule.id, rule.verified, params=rule.params, ways=rule.tighten, to={name: new})
    else:
        moved = tighten_params(rule.id, rule.verified, params=rule.params, ways=rule.tighten, to={name: new})
        assert moved == {**rule.params, name: new}


def test_no_effect_becomes_milder() -> None:
    order = ["warn", "review", "block"]
    for rule in RULES:
        for to in ["warn", "review", "block", "alarm", "grade", "block_close", "pass", None, 1]:
            stricter = to in order and rule.effect in order and order.index(to) >= order.index(rule.effect)
            if to == rule.effect or stricter:
                assert tighten_effect(rule.id, rule.verified, effect=rule.effect, to=to) == to
            else:
                with pytest.raises(LooserThanRule):
                    tighten_effect(rule.id, rule.verified, effect=rule.effect, to=to)
