"""Verdicts over frames: what they hold, in which order, and what is refused."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songda.compliance import BadActions, NoRulesHere, UnknownScope, WrongFactType, load_rules
from songda.compliance.verdict import VERDICTS

RULES = load_rules()

#: What a stop order looks at, all in order.
FREE: dict[str, Any] = {
    "a.purpose": "demand",
    "a.role": "debtor",
    "case.dispute_open": False,
    "case.state": "open",
    "debtor.flags": [],
    "debtor.state": "normal",
}
_SCHEMA = {
    "a.purpose": pl.String(),
    "a.role": pl.String(),
    "case.dispute_open": pl.Boolean(),
    "case.state": pl.String(),
    "debtor.flags": pl.List(pl.String()),
    "debtor.state": pl.String(),
}


def frame(*changes: dict[str, Any]) -> pl.DataFrame:
    rows = [FREE | change for change in changes]
    return pl.DataFrame(rows, schema=_SCHEMA).with_columns(
        action_id=pl.Series([f"ltr_{number}" for number in range(len(rows))])
    )


def judge(facts: pl.DataFrame) -> list[dict[str, Any]]:
    return RULES.evaluate(facts, scope="lawyer_letter", gate="hand_over").to_dicts()


def test_the_verdict_is_that_of_the_strictest_rule_and_lists_all_in_order() -> None:
    free, flagged, stopped = judge(
        frame({}, {"debtor.flags": ["over_70"]}, {"debtor.flags": ["over_70"], "case.state": "paid"})
    )
    assert (free["verdict"], free["rules"], free["effects"], free["missing"]) == ("pass", [], [], [])
    assert (flagged["verdict"], flagged["rules"], flagged["effects"]) == ("review", ["S07"], ["review"])
    assert (stopped["verdict"], stopped["rules"]) == ("block", ["S05", "S07"])
    assert stopped["effects"] == ["block", "review"]


def test_the_frame_has_the_declared_schema_also_when_it_is_empty() -> None:
    for facts in (frame({}), frame({})[:0]):
        verdicts = RULES.evaluate(facts, scope="lawyer_letter", gate="hand_over")
        assert verdicts.schema == VERDICTS
        assert verdicts.height == facts.height
    assert RULES.evaluate(frame({})[:0], scope=pl.col("a.role"), gate="hand_over").schema == VERDICTS


def test_the_hash_is_that_of_the_facts_as_given() -> None:
    (verdict,) = judge(frame({"debtor.state": "死亡", "a.role": None}))
    given_facts = {name: (FREE | {"debtor.state": "死亡", "a.role": None})[name] for name in sorted(FREE)}
    canonical = json.dumps(given_facts, ensure_ascii=False, separators=(",", ":"))
    assert verdict["inputs_hash"] == hashlib.sha256(canonical.encode()).hexdigest()


def test_every_fact_of_the_gate_counts_in_the_hash_and_no_other() -> None:
    one, same, other = judge(frame({}, {}, {"debtor.flags": ["hospital"]}))
    assert one["inputs_hash"] == same["inputs_hash"] != other["inputs_hash"]
    (with_more,) = judge(frame({}).with_columns(pl.lit(7).alias("a.collectors")))
    assert with_more["inputs_hash"] == one["inputs_hash"]


def test_an_absent_column_is_an_unknown_fact() -> None:
    (verdict,) = judge(frame({}).drop("case.state"))
    assert verdict["verdict"] == "block"
    assert verdict["rules"] == ["S05"]
    assert verdict["missing"] == ["case.state"]


def test_a_frame_of_ids_alone_is_blocked_row_by_row() -> None:
    verdicts = judge(pl.DataFrame({"action_id": ["a", "b"]}))
    assert [verdict["verdict"] for verdict in verdicts] == ["block", "block"]


def test_the_rule_set_is_named() -> None:
    stricter = load_rules(overrides={"S07": {"effect": "block"}})
    verdict = stricter.evaluate(frame({"debtor.flags": ["hospital"]}), scope="letter", gate="hand_over").row(
        0, named=True
    )
    assert verdict["rule_set"] == stricter.label != RULES.label
    assert verdict["verdict"] == "block"


def test_a_person_may_release_what_is_for_review_and_nothing_else() -> None:
    facts = frame({"debtor.flags": ["over_70"]}, {"case.state": "paid"}, {"debtor.flags": ["over_70"]}).with_columns(
        released=pl.Series([["S07"], ["S05"], None])
    )
    verdicts = judge(facts)
    assert [verdict["verdict"] for verdict in verdicts] == ["pass", "block", "review"]
    assert verdicts[0]["rules"] == ["S07"]
    assert verdicts[0]["inputs_hash"] != verdicts[2]["inputs_hash"]


def test_each_action_may_be_of_its_own_kind_and_the_order_stays() -> None:
    facts = pl.DataFrame(
        {
            "action_id": ["1", "2", "3", "4"],
            "kind": ["letter", "call", "letter", "visit"],
            "a.role": ["contact"] * 4,
            "person.refused": [True, True, False, True],
        }
    ).with_columns(pl.lit(value).alias(name) for name, value in FREE.items() if name not in {"a.role", "debtor.flags"})
    facts = facts.with_columns(pl.Series("debtor.flags", [[]] * 4, pl.List(pl.String)))
    verdicts = RULES.evaluate(facts, scope=pl.col("kind"), gate="hand_over")
    assert verdicts["action_id"].to_list() == ["1", "2", "3", "4"]
    # A visit is not in the scope of P04.
    assert verdicts["rules"].to_list() == [["P04"], ["P04"], [], []]


@pytest.mark.parametrize("kind", [None, "fax", ""])
def test_an_action_of_unknown_kind_is_refused(kind: str | None) -> None:
    with pytest.raises(UnknownScope):
        RULES.evaluate(frame({}).with_columns(kind=pl.lit(kind)), scope=pl.col("kind"), gate="hand_over")


def test_nothing_passes_because_nobody_looked() -> None:
    with pytest.raises(NoRulesHere):
        RULES.evaluate(frame({}), scope="tenant", gate="accept")


@pytest.mark.parametrize(
    "column",
    [
        pl.Series("case.dispute_open", ["false"]),
        pl.Series("case.dispute_open", [0]),
        pl.Series("case.state", [1]),
        pl.Series("debtor.flags", ["over_70"]),
        pl.Series("debtor.flags", [[1]]),
    ],
)
def test_a_column_of_another_type_is_a_mistake_of_the_caller(column: pl.Series) -> None:
    with pytest.raises(WrongFactType) as refused:
        judge(frame({}).with_columns(column))
    assert column.name in str(refused.value)


def test_related_types_are_taken_as_they_are_meant() -> None:
    facts = frame({}).with_columns(
        pl.col("case.state").cast(pl.Categorical),
        pl.col("debtor.state").cast(pl.Enum(["normal", "deceased"])),
        pl.Series("debtor.flags", [[]]),
    )
    assert judge(facts)[0]["verdict"] == "pass"
    age = pl.DataFrame({"action_id": ["a"], "person.age": pl.Series([30], dtype=pl.UInt8)})
    assert "D08" not in RULES.evaluate(age, scope="letter", gate="accept")["rules"][0]


def test_a_number_too_large_for_its_column_is_unknown_and_never_wraps() -> None:
    facts = pl.DataFrame(
        {
            "action_id": ["a", "b"],
            "a.amount": pl.Series([2**64 - 1, 2**63 + 5], dtype=pl.UInt64),
            "case.ledger_amount": pl.Series([-1, 5], dtype=pl.Int64),
        }
    )
    verdicts = RULES.evaluate(facts, scope="letter", gate="lock")
    assert all("C04" in rules for rules in verdicts["rules"])
    assert all("a.amount" in missing for missing in verdicts["missing"])


@pytest.mark.parametrize(
    "facts",
    [
        pl.DataFrame({"a.role": ["debtor"]}),
        pl.DataFrame({"action_id": ["a", None]}),
        pl.DataFrame({"action_id": ["a", "a"]}),
        pl.DataFrame({"action_id": ["a"], "released": ["S07"]}),
    ],
)
def test_actions_need_an_id_of_their_own(facts: pl.DataFrame) -> None:
    with pytest.raises(BadActions):
        judge(facts)


def test_errors_name_no_values() -> None:
    with pytest.raises(WrongFactType) as refused:
        judge(frame({}).with_columns(pl.Series("case.state", [13800000000])))
    assert "13800000000" not in str(refused.value) + refused.value.message_zh


def test_slices_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = frame({}, {"case.state": "paid"}, {"debtor.flags": None}, {"debtor.state": "x"}, {})
    whole = judge(facts)
    monkeypatch.setattr("songda.compliance.verdict._SLICE", 2)
    assert judge(facts) == whole


_STATES = st.fixed_dictionaries(
    {
        "a.purpose": st.sampled_from([None, "demand", "inform", "?"]),
        "a.role": st.sampled_from([None, "debtor", "estate", "guardian"]),
        "case.dispute_open": st.sampled_from([None, True, False]),
        "case.state": st.sampled_from([None, "open", "paid"]),
        "debtor.flags": st.sampled_from([None, [], ["hospital"], ["?"], [None]]),
        "debtor.state": st.sampled_from([None, "normal", "deceased", "no_capacity", "bankruptcy", "?"]),
    }
)


@settings(deadline=None, max_examples=100)
@given(_STATES, st.sampled_from(sorted(FREE)))
def test_to_forget_a_fact_never_silences_a_rule(facts: dict[str, Any], forgotten: str) -> None:
    before, after = judge(frame(facts, facts | {forgotten: None}))
    assert set(before["rules"]) <= set(after["rules"])
