"""One action without a frame gets the verdict of the frame, whatever its facts are."""

from __future__ import annotations

import random
from dataclasses import asdict
from datetime import date
from typing import Any

import polars as pl
import pytest

from songda.compliance import Judge, NoRulesHere, WrongFactType, load_rules
from songda.compliance.facts import Fact, declared

RULES = load_rules(date(2026, 11, 26))
_KINDS = {"call": "lock", "sms": "lock", "letter": "accept"}
_DTYPES = {"flag": pl.Boolean, "whole": pl.Int64, "number": pl.Float64, "text": pl.String, "clock": pl.String}


def values_of(fact: Fact) -> list[Any]:
    words = [*sorted(fact.values), "", " ", "strange"]
    return {
        "flag": [True, False],
        "whole": [-1, 0, 1, 2, 3, 6, 14, 18, 30, 10**16],
        "number": [0.0, 0.15, 0.24, 0.36, 1001.0, -1.5],
        "text": words,
        "clock": ["07:59:59", "08:00", "08:00:00", "21:59:59", "22:00:00", "7:59", "24:00"],
        "list": [[], *([word] for word in words), words[:2]],
    }[fact.kind]


@pytest.mark.parametrize("kind", _KINDS)
def test_a_verdict_is_that_of_the_frame(kind: str) -> None:
    needed, chance = RULES.facts_needed(kind, _KINDS[kind]), random.Random(kind)
    # Mostly known, so that rules also pass.
    rows = [{name: chance.choice([None, *values_of(declared()[name]) * 3]) for name in needed} for _ in range(500)]
    schema = {name: _DTYPES.get(declared()[name].kind, pl.List(pl.String)) for name in needed}
    frame = pl.DataFrame(rows, schema=schema).with_columns(action_id=pl.int_range(len(rows)).cast(pl.String))
    judge = Judge(RULES, scope=kind, gate=_KINDS[kind])
    for facts, framed in zip(rows, RULES.evaluate(frame, scope=kind, gate=_KINDS[kind]).to_dicts(), strict=True):
        found = asdict(judge(facts))
        assert {name: list(v) if isinstance(v, tuple) else v for name, v in found.items()} == {
            name: value for name, value in framed.items() if name != "action_id"
        }


def test_nothing_known_blocks_and_says_what_is_missing() -> None:
    verdict = Judge(RULES, scope="call", gate="lock")({})
    assert verdict.verdict == "block"
    assert "cnt.dial.day.debtor+number" in verdict.missing


@pytest.mark.parametrize("wrong", [{"a.hhmm": 800}, {"a.recording": 1}, {"debtor.flags": [1]}, {"debtor.flags": "x"}])
def test_a_fact_of_another_type_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(WrongFactType):
        Judge(RULES, scope="call", gate="lock")(wrong)


def test_a_scope_without_rules_at_a_gate_has_no_judge() -> None:
    with pytest.raises(NoRulesHere):
        Judge(RULES, scope="tenant", gate="accept")
