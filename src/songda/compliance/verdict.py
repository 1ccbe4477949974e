"""Verdicts: all rules of a scope and gate over a frame of actions, a slice at a time.

Frame in: one row an action, `action_id` and one column a fact (facts.yaml); optionally `released`, a list of ids of
rules whose effect is `review` and which a person has decided for this action.

Frame out (VERDICTS), rows in the order of the actions:

    action_id    as given
    verdict      pass | review | block
    rules        ids of the rules that fired, in the order of the rule file
    effects      their effects, strictest first, each once
    missing      facts of the fired rules that are unknown, sorted
    inputs_hash  SHA-256 of the facts as given: a JSON object, names sorted, no blanks, UTF-8, null for an absent fact
    rule_set     label of the rule set
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial, reduce
from hashlib import sha256
from operator import or_
from typing import TYPE_CHECKING

import polars as pl

from songda.compliance.errors import BadActions, NoRulesHere, UnknownScope
from songda.compliance.facts import known, stated
from songda.compliance.language import facts_of
from songda.compliance.lowering import lower
from songda.compliance.ruleset import EFFECTS

if TYPE_CHECKING:
    from songda.compliance.ruleset import RuleSet

VERDICTS = pl.Schema(
    {
        "action_id": pl.String(),
        "verdict": pl.String(),
        "rules": pl.List(pl.String()),
        "effects": pl.List(pl.String()),
        "missing": pl.List(pl.String()),
        "inputs_hash": pl.String(),
        "rule_set": pl.String(),
    }
)

#: Effect → verdict; an effect that is not here lets the action pass and is reported.
_STOPS = {"block": "block", "block_close": "block", "review": "review"}
#: Rows a slice: the inputs of one row are about 2 kB of JSON while they are hashed.
_SLICE = 25_000
#: Slices at a time, where Polars may use as many cores: each holds some hundred megabytes.
_ABREAST = 4
#: Flags that one Int64 holds.
_WORD = 62


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is computed for one scope at one gate."""

    facts: Sequence[str]
    #: Rule id → its test; in the order of the rule file.
    tests: Mapping[str, pl.Expr]
    effects: Mapping[str, str]
    #: Fact → ids of the rules that ask for it.
    askers: Mapping[str, Sequence[str]]


def evaluate(rules: RuleSet, facts: pl.DataFrame, *, scope: str | pl.Expr, gate: str) -> pl.DataFrame:
    """One verdict an action. `scope` is the kind of all actions, or an expression that yields each one's.

    Raises BadActions, WrongFactType, UnknownScope, UnknownGate, NoRulesHere.
    """
    _check_actions(facts)
    if isinstance(scope, str):
        return _evaluate(rules, facts, scope=scope, gate=gate)
    order, kind = "songda.order", "songda.scope"
    marked = facts.with_columns(scope.cast(pl.String).alias(kind)).with_row_index(order)
    if marked[kind].null_count():
        raise UnknownScope(scope="（空）", known="、".join(rules.scopes))
    parts = [
        _evaluate(rules, part, scope=str(name), gate=gate).with_columns(part[order])
        for (name,), part in marked.partition_by(kind, as_dict=True, maintain_order=True).items()
    ]
    return pl.concat(parts).sort(order).drop(order) if parts else _empty(facts)


def _check_actions(facts: pl.DataFrame) -> None:
    if "action_id" not in facts.columns:
        raise BadActions(problem="没有 action_id 列")
    ids = facts["action_id"]
    if ids.null_count():
        raise BadActions(problem="有动作没有 action_id")
    if ids.n_unique() != len(ids):
        raise BadActions(problem="action_id 重复")
    if "released" in facts.columns and facts.schema["released"] not in {pl.List(pl.String), pl.List(pl.Null), pl.Null}:
        raise BadActions(problem="released 应为规则编号的列表")


def _evaluate(rules: RuleSet, facts: pl.DataFrame, *, scope: str, gate: str) -> pl.DataFrame:
    plan = _plan(rules, scope=scope, gate=gate)
    slices = _judged(plan, list(facts.iter_slices(_SLICE)))
    verdicts = pl.concat(slices) if slices else _empty(facts)
    return verdicts.with_columns(rule_set=pl.lit(rules.label)).select(VERDICTS.names())


def _judged(plan: _Plan, slices: Sequence[pl.DataFrame]) -> list[pl.DataFrame]:
    """Verdicts of the slices, in order. Threads are enough: whatever takes long lets go of the interpreter."""
    abreast = min(_ABREAST, pl.thread_pool_size(), len(slices))
    if abreast < 2:
        return [_judge(plan, piece) for piece in slices]
    with ThreadPoolExecutor(abreast) as pool:
        return list(pool.map(partial(_judge, plan), slices))


def _empty(facts: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame(schema=VERDICTS).with_columns(facts["action_id"].clear())


def _plan(rules: RuleSet, *, scope: str, gate: str) -> _Plan:
    chosen = rules.at(scope, gate)
    if not chosen:
        # To pass because nobody looked would be to fail open.
        raise NoRulesHere(scope=scope, gate=gate)
    trees = {rule.id: rule.predicate(gate) for rule in chosen}
    asked = {rule_id: set(facts_of(tree)) for rule_id, tree in trees.items()}
    facts = sorted(set().union(*asked.values()))
    return _Plan(
        facts=facts,
        # An unknown test is a violation.
        tests={rule_id: lower(tree).fill_null(value=True).alias(rule_id) for rule_id, tree in trees.items()},
        effects={rule.id: rule.effect for rule in chosen},
        askers={fact: [rule_id for rule_id, names in asked.items() if fact in names] for fact in facts},
    )


def _judge(plan: _Plan, actions: pl.DataFrame) -> pl.DataFrame:
    """Verdicts of one slice, all columns but rule_set."""
    given = stated(actions, plan.facts)
    released = _released(actions)
    checked = known(given).with_columns(released).with_columns(**plan.tests)
    fired = checked.select(plan.tests.keys())
    effects = [effect for effect in EFFECTS if effect in plan.effects.values()]
    unknown = {fact: pl.col(fact).is_null() & pl.any_horizontal(by) for fact, by in plan.askers.items()}
    return actions.select("action_id").with_columns(
        # with_columns: without a rule that stops, the verdict is one constant.
        checked.with_columns(verdict=_verdict(plan))["verdict"],
        rules=_names(fired),
        effects=_names(fired.select(_any(plan, effect).alias(effect) for effect in effects)),
        missing=_names(checked.select(**unknown)),
        inputs_hash=_hash(given.with_columns(released) if "released" in actions.columns else given),
    )


def _released(actions: pl.DataFrame) -> pl.Series:
    if "released" not in actions.columns:
        return pl.Series("released", [], pl.List(pl.String)).extend_constant(None, actions.height)
    return actions["released"].cast(pl.List(pl.String))


def _verdict(plan: _Plan) -> pl.Expr:
    def stopped(by: str) -> list[pl.Expr]:
        return [_stands(rule, effect) for rule, effect in plan.effects.items() if _STOPS.get(effect) == by]

    block, review = (pl.any_horizontal(stopped(by) or pl.lit(value=False)) for by in ("block", "review"))
    return pl.when(block).then(pl.lit("block")).when(review).then(pl.lit("review")).otherwise(pl.lit("pass"))


def _stands(rule: str, effect: str) -> pl.Expr:
    """Whether a rule fired and no person has released what may be released."""
    if effect != "review":
        return pl.col(rule)
    return pl.col(rule) & ~pl.col("released").list.contains(rule).fill_null(value=False)


def _any(plan: _Plan, effect: str) -> pl.Expr:
    return pl.any_horizontal([rule for rule, its in plan.effects.items() if its == effect])


def _names(flags: pl.DataFrame) -> pl.Series:
    """The names of the columns that are true, as a list a row.

    Rows fail in few ways: the flags are packed into whole numbers, and each pattern that occurs is spelt out once.
    """
    words = [flags.columns[start : start + _WORD] for start in range(0, flags.width, _WORD)]
    if not words:
        return pl.Series([[]], dtype=pl.List(pl.String)).new_from_index(0, flags.height)
    packed = flags.select(_packed(word).alias(str(number)) for number, word in enumerate(words))
    patterns = packed.unique()
    # No id and no name of a fact holds a blank.
    spelt = [
        " ".join(name for word, bits in zip(words, row, strict=True) for name in _set(word, bits))
        for row in patterns.iter_rows()
    ]
    names = pl.Series("names", spelt, dtype=pl.String).str.split(" ").list.filter(pl.element() != "")
    named = patterns.with_columns(names)
    return packed.join(named, on=packed.columns, how="left", maintain_order="left")["names"]


def _set(word: Sequence[str], bits: int) -> Iterator[str]:
    """The names of the bits that are set: few of many."""
    while bits:
        lowest = bits & -bits
        yield word[lowest.bit_length() - 1]
        bits ^= lowest


def _packed(flags: Sequence[str]) -> pl.Expr:
    return reduce(or_, (pl.col(name).cast(pl.Int64) * (1 << at) for at, name in enumerate(flags)))


def _hash(given: pl.DataFrame) -> pl.Series:
    # As bytes: to make a text of each row only to encode it again takes as long as the hash.
    rows = given.select(pl.struct(sorted(given.columns)).struct.json_encode().cast(pl.Binary)).to_series()
    return pl.Series([sha256(row).digest() for row in rows.to_list()], dtype=pl.Binary).bin.encode("hex")
