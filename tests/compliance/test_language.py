"""The rule language: nothing but the grammar gets in, and it means what three-valued logic says."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Mapping
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songda.compliance import IllegalExpression
from songda.compliance.facts import Fact
from songda.compliance.language import facts_of, parse
from songda.compliance.lowering import lower

FACTS = {
    fact.name: fact
    for fact in (
        Fact("a.x", "flag", "甲"),
        Fact("a.y", "flag", "乙"),
        Fact("a.z", "flag", "丙"),
        Fact("a.n", "whole", "数"),
        Fact("a.m", "number", "量"),
        Fact("a.t", "text", "文"),
        Fact("a.u", "text", "字"),
        Fact("a.role", "text", "身份", frozenset({"debtor", "contact"})),
        Fact("a.hhmm", "clock", "时"),
        Fact("a.fields", "list", "列"),
        Fact("case.evidence", "list", "证"),
        Fact("a.record", "list", "录"),
        Fact("chain.present", "list", "链"),
        Fact("debtor.flags", "list", "情形"),
        Fact("cnt.dial.day.debtor+number", "whole", "次"),
        Fact("last_days.sent.debtor", "whole", "天"),
        Fact("text_hits.threat", "whole", "威胁"),
    )
}
PARAMS: dict[str, Any] = {"max": 3, "share": 0.5, "open": "08:00", "names": ("debtor",), "many": ("p", "q"), "none": ()}

ATTACKS = [
    "__import__('os').system('true')",
    "a.__class__",
    "a.x.__class__",
    "a.x.real",
    "().__class__.__bases__[0]",
    "p.__init__",
    "_a.x",
    "a._x",
    "lambda: 1",
    "(lambda: a.x)()",
    "[x for x in a.x]",
    "{a.x: 1}",
    "a.x if a.y else a.z",
    "(b := a.x)",
    "f'{a.x}'",
    "a['x']",
    "a.x.y",
    "a.x()",
    "x",
    "True",
    "None",
    "not None",
    "a.x == None",
    "a.x is a.y",
    "a.n * a.n > 0",
    "a.n ** 99999 > 0",
    "2 ** 99999 > a.n",
    "a.n / 0 > 1",
    "a.n % 2 == 0",
    "a.n << 64 > 1",
    "~a.n > 0",
    "-a.n > 0",
    "a.n > 1e999",
    "a.n > 99999999999999999999",
    "a.n > " + "9" * 900,
    "a.n > 1j",
    "a.t == b'x'",
    "a.t == 'x' 'y' * 9",
    "a.t == '\\x41'",
    "a.t == '" + "x" * 101 + "'",
    "abs(a.n, a.n) > 0",
    "abs(*a.n) > 0",
    "abs(x=a.n) > 0",
    "abs() > 0",
    "eval('1') > 0",
    "open('/etc/passwd')",
    "getattr(a, 'x')",
    "cnt('dial', 'day') > 0",
    "cnt('dial', 'day', a.t) > 0",
    "cnt('dial', 'hour', 'debtor') > 0",
    "text_hits('no_such_list') > 0",
    "missing(('p',)) > 0",
    "missing(p.max) > 0",
    "missing(a.fields) > 0",
    "debtor.flags_all(p.many)",
    "case.flags_any(p.many)",
    "a.unknown_fact",
    "p.unknown == 1",
    "...",
    "",
    "   ",
    "a.x and",
    "a.x; a.y",
    "a.x\nimport os",
    "a.x # comment \\",
    "(" * 400 + "a.x" + ")" * 400,
    " or ".join(["a.x"] * 200),
    "not " * 240 + "a.x",
    "a.x\0",
    "await a.x",
    "yield",
    "*a.x",
    "@a.x",
]

ILL_TYPED = [
    "a.n",
    "a.n + 1",
    "p.max",
    "'text'",
    "not a.n",
    "a.fields",
    "a.fields == 'x'",
    "a.x > 1",
    "a.x == 1",
    "a.x == 'true'",
    "a.x > a.y",
    "a.t > 'x'",
    "a.t == 1",
    "a.n == '1'",
    "a.t + a.u == 'x'",
    "abs(a.t) > 0",
    "a.n in p.many",
    "a.t in 'a constant text'",
    "'x' in a.t",
    "a.t in p.max",
    "a.hhmm < 'noon'",
    "a.hhmm < 8",
    "a.role == 'debter'",
    "a.role in p.many",
    "a.x + a.y > 0",
]


@pytest.mark.parametrize("source", ATTACKS)
def test_what_is_not_in_the_grammar_does_not_load(source: str) -> None:
    with pytest.raises(IllegalExpression) as refused:
        parse(source, params=PARAMS, facts=FACTS)
    assert refused.value.exit_code == 78


@pytest.mark.parametrize("source", ILL_TYPED)
def test_what_mixes_types_does_not_load(source: str) -> None:
    with pytest.raises(IllegalExpression):
        parse(source, params=PARAMS, facts=FACTS)


@given(st.text(max_size=80))
def test_any_text_either_loads_or_is_refused(source: str) -> None:
    with contextlib.suppress(IllegalExpression):
        parse(source, params=PARAMS, facts=FACTS)


@given(
    st.recursive(
        st.sampled_from(["a.x", "a.n", "p.max", "a.t", "1", "'x'"]),
        lambda inner: st.one_of(
            inner.map(lambda one: f"not ({one})"),
            inner.map(lambda one: f"abs({one})"),
            inner.map(lambda one: f"({one}).real"),
            st.tuples(inner, st.sampled_from(["and", "or", "<", "==", "in", "+", "*", "if"]), inner).map(
                lambda three: f"({three[0]}) {three[1]} ({three[2]})"
            ),
        ),
        max_leaves=8,
    )
)
def test_whatever_loads_is_a_predicate_over_declared_facts(source: str) -> None:
    try:
        tree = parse(source, params=PARAMS, facts=FACTS)
    except IllegalExpression:
        return
    assert set(facts_of(tree)) <= set(FACTS)
    assert evaluate_column(source, {}).dtype == pl.Boolean


# ── the reference: the same grammar over single values, in plain Python ──────────────────────────────────────────────


def kleene_and(values: list[bool | None]) -> bool | None:
    return False if False in values else None if None in values else True


def kleene_or(values: list[bool | None]) -> bool | None:
    return True if True in values else None if None in values else False


def kleene_not(value: bool | None) -> bool | None:
    return None if value is None else not value


_LACKING = {
    "missing": "a.fields",
    "missing_evidence": "case.evidence",
    "missing_record": "a.record",
    "chain_missing": "chain.present",
}


def reference(source: str, facts: Mapping[str, Any]) -> bool | None:
    return condition(ast.parse(source, mode="eval").body, facts)


def condition(node: ast.expr, facts: Mapping[str, Any]) -> bool | None:
    value = calculate(node, facts)
    return True if isinstance(value, str) else value


def calculate(node: ast.expr, facts: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value):
            return value
        case ast.Attribute(ast.Name("p"), name):
            return PARAMS[name]
        case ast.Attribute(ast.Name(owner), name):
            return facts.get(f"{owner}.{name}")
        case ast.BoolOp(op, values):
            results = [condition(value, facts) for value in values]
            return kleene_and(results) if isinstance(op, ast.And) else kleene_or(results)
        case ast.UnaryOp(ast.Not(), operand):
            return kleene_not(condition(operand, facts))
        case ast.BinOp(left, op, right):
            one, other = calculate(left, facts), calculate(right, facts)
            if one is None or other is None:
                return None
            return one + other if isinstance(op, ast.Add) else one - other
        case ast.Compare(left, ops, rights):
            results = []
            for op, right in zip(ops, rights, strict=True):
                results.append(test(calculate(left, facts), op, calculate(right, facts)))
                left = right
            return kleene_and(results)
        case ast.Call(func, arguments):
            return call(ast.unparse(func), [calculate(argument, facts) for argument in arguments], facts)
    raise AssertionError(ast.dump(node))


def test(one: Any, op: ast.cmpop, other: Any) -> bool | None:
    if one is None or other is None:
        return None
    match op:
        case ast.Lt():
            return one < other
        case ast.LtE():
            return one <= other
        case ast.Gt():
            return one > other
        case ast.GtE():
            return one >= other
        case ast.Eq():
            return one == other
        case ast.NotEq():
            return one != other
        case ast.In():
            return one in other
        case ast.NotIn():
            return one not in other
    raise AssertionError(op)


test.__test__ = False  # type: ignore[attr-defined]


def call(name: str, values: list[Any], facts: Mapping[str, Any]) -> Any:
    if name == "abs":
        return None if values[0] is None else abs(values[0])
    if name in _LACKING:
        present = facts.get(_LACKING[name])
        return None if present is None else sum(wanted not in present for wanted in values[0])
    if name == "debtor.flags_any":
        present = facts.get("debtor.flags")
        return None if present is None else any(wanted in present for wanted in values[0])
    return facts.get(".".join([name, *values]))


_TYPES = {
    "flag": pl.Boolean(),
    "whole": pl.Int64(),
    "number": pl.Float64(),
    "text": pl.String(),
    "clock": pl.String(),
    "list": pl.List(pl.String()),
}


def evaluate_column(source: str, facts: Mapping[str, Any]) -> pl.Series:
    frame = pl.DataFrame(
        [pl.Series(name, [facts.get(name)], _TYPES[fact.kind], strict=False) for name, fact in FACTS.items()]
    )
    return frame.with_columns(answer=lower(parse(source, params=PARAMS, facts=FACTS)))["answer"]


_TEXTS = st.one_of(st.none(), st.sampled_from(["x", "xy", "y", "debtor"]))
_LISTS = st.one_of(st.none(), st.lists(st.sampled_from(["p", "q", "r"]), max_size=3))
_VALUES = {
    "flag": st.one_of(st.none(), st.booleans()),
    "whole": st.one_of(st.none(), st.integers(-5, 5)),
    "number": st.one_of(st.none(), st.sampled_from([-1.5, 0.0, 0.5, 0.25, 3.0])),
    "text": _TEXTS,
    "clock": st.one_of(st.none(), st.sampled_from(["00:00", "07:59:59", "08:00", "23:59"])),
    "list": _LISTS,
}
GIVEN = st.fixed_dictionaries({name: _VALUES[fact.kind] for name, fact in FACTS.items()})

_NUMBERS = st.sampled_from(
    [
        "a.n",
        "a.m",
        "p.max",
        "p.share",
        "2",
        "abs(a.n - a.m)",
        "a.n + p.max",
        "missing(p.many)",
        "missing(p.none)",
        "missing_evidence(p.many)",
        "missing_record(p.many)",
        "chain_missing(p.many)",
        "text_hits('threat')",
        "cnt('dial', 'day', 'debtor+number')",
        "last_days('sent', 'debtor')",
    ]
)
_SIGNS = st.sampled_from(["<", "<=", "==", "!=", ">=", ">"])
_ATOMS = st.one_of(
    st.sampled_from(["a.x", "a.y", "a.z", "a.t", "a.hhmm", "debtor.flags_any(p.many)", "debtor.flags_any(p.none)"]),
    st.sampled_from(["a.t in a.u", "a.t not in a.u", "a.role in p.names", "a.t not in p.many", "a.t in a.fields"]),
    st.sampled_from(["a.t not in a.fields", "a.t == a.u", "a.t != 'x'", "a.x == a.y", "a.role != 'contact'"]),
    st.sampled_from(["p.open <= a.hhmm", "p.open <= a.hhmm < '22:00'", "a.role in p.none"]),
    st.tuples(_NUMBERS, _SIGNS, _NUMBERS).map(" ".join),
    st.tuples(_NUMBERS, _SIGNS, _NUMBERS, _SIGNS, _NUMBERS).map(" ".join),
)
PREDICATES = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        inner.map(lambda one: f"not ({one})"),
        st.tuples(inner, st.sampled_from([" and ", " or "]), inner).map(lambda it: f"({it[0]}){it[1]}({it[2]})"),
        st.tuples(inner, inner, inner).map(lambda it: f"({it[0]}) or ({it[1]}) or ({it[2]})"),
    ),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(PREDICATES, GIVEN)
def test_columns_mean_what_the_reference_says_of_single_values(source: str, facts: dict[str, Any]) -> None:
    assert evaluate_column(source, facts).item() is reference(source, facts), (source, facts)


@pytest.mark.parametrize("one", [True, False, None])
@pytest.mark.parametrize("other", [True, False, None])
def test_the_nine_lines_of_kleenes_tables(one: bool | None, other: bool | None) -> None:
    facts = {"a.x": one, "a.y": other}
    ranks = {False: 0, None: 1, True: 2}
    by_rank = {rank: value for value, rank in ranks.items()}
    assert evaluate_column("a.x and a.y", facts).item() is by_rank[min(ranks[one], ranks[other])]
    assert evaluate_column("a.x or a.y", facts).item() is by_rank[max(ranks[one], ranks[other])]
    assert evaluate_column("not a.x", facts).item() is by_rank[2 - ranks[one]]
