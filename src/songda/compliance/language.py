"""The rule language: a predicate over facts and parameters, read from text into a small typed tree.

    parse("a.collectors < p.min", params={"min": 2}, facts=declared())

Grammar (a strict part of Python's expressions, read with its parser and never executed):

    a.collectors, case.state …      a fact of facts.yaml; a text is true when it is known
    p.max                           a parameter of the rule
    and  or  not                    three-valued (Kleene): unknown and false is false, unknown or true is true
    <  <=  ==  !=  >=  >            numbers, times of day; texts and flags only == and !=; chains allowed
    in  not in                      a text in a list; a text in a text
    +  -  abs(x)                    numbers
    cnt(kind, window, key)          fact cnt.KIND.WINDOW.KEY: how often a thing happened
    last_days(kind, key)            fact last_days.KIND.KEY: days since it last happened (NEVER when it never did)
    text_hits(list), cover_hits(list)      facts text_hits.LIST, cover_hits.LIST: what the linter found
    missing(p.x), missing_evidence(p.x), missing_record(p.x), chain_missing(p.x)
                                    how many of a parameter's texts a.fields, case.evidence, a.record, chain.present lack
    debtor.flags_any(p.x)           whether debtor.flags has one of them

Types are checked here, so that a rule that could never fire (a misspelt role, a time compared with a number) does not
load. Every test with an unknown fact that matters is unknown, and an unknown test counts as a violation.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from songda.compliance.errors import IllegalExpression
from songda.compliance.facts import CLOCK, LARGEST, Fact

_MAX_CHARACTERS, _MAX_NODES = 1_000, 200
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_HITS = {"text_hits": 1, "cover_hits": 1, "last_days": 2, "cnt": 3}
_LACKING = {
    "missing": "a.fields",
    "missing_evidence": "case.evidence",
    "missing_record": "a.record",
    "chain_missing": "chain.present",
}
_SIGNS: dict[type[ast.cmpop], Order] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.GtE: ">=",
    ast.Gt: ">",
}

Order: TypeAlias = Literal["<", "<=", "==", "!=", ">=", ">"]
Kind: TypeAlias = Literal["flag", "number", "text", "clock", "list"]
Param: TypeAlias = str | int | float | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Constant:
    """A number or text of the expression, or a parameter's value."""

    value: Param


@dataclass(frozen=True, slots=True)
class Ask:
    """The value of a fact."""

    fact: Fact


@dataclass(frozen=True, slots=True)
class Known:
    """True for a known text, else unknown: what a text means as a condition (blank texts are unknown)."""

    of: Node


@dataclass(frozen=True, slots=True)
class Not:
    of: Node


@dataclass(frozen=True, slots=True)
class Every:
    """`and`."""

    of: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """`or`."""

    of: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    sign: Order
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Among:
    """A text in a list of texts."""

    text: Node
    texts: Node


@dataclass(frozen=True, slots=True)
class Inside:
    """A text in a text."""

    text: Node
    whole: Node


@dataclass(frozen=True, slots=True)
class Sum:
    left: Node
    right: Node
    minus: bool


@dataclass(frozen=True, slots=True)
class Abs:
    of: Node


@dataclass(frozen=True, slots=True)
class Lacking:
    """How many of `wanted` the list of a fact lacks."""

    wanted: tuple[str, ...]
    present: Ask


@dataclass(frozen=True, slots=True)
class Shares:
    """Whether the list of a fact has one of `wanted`."""

    wanted: tuple[str, ...]
    present: Ask


Node: TypeAlias = Constant | Ask | Known | Not | Every | Some | Compare | Among | Inside | Sum | Abs | Lacking | Shares


def parse(source: str, *, params: Mapping[str, Param], facts: Mapping[str, Fact]) -> Node:
    """The predicate in `source` as a tree. Raises IllegalExpression for whatever the grammar above does not allow."""
    return _Reader(source, params, facts).predicate()


def facts_of(node: Node) -> Iterator[str]:
    """Names of the facts that a predicate asks for, in order of appearance, repeated as they are."""
    match node:
        case Ask(fact):
            yield fact.name
        case Known(of) | Not(of) | Abs(of):
            yield from facts_of(of)
        case Every(parts) | Some(parts):
            for part in parts:
                yield from facts_of(part)
        case Compare(_, left, right) | Among(left, right) | Inside(left, right) | Sum(left, right, _):
            yield from facts_of(left)
            yield from facts_of(right)
        case Lacking(_, present) | Shares(_, present):
            yield present.fact.name


class _Reader:
    """One reading of one source: the source is kept for messages, the parameters and facts for names."""

    def __init__(self, source: str, params: Mapping[str, Param], facts: Mapping[str, Fact]) -> None:
        self._source, self._params, self._facts = source, params, facts

    def predicate(self) -> Node:
        if len(self._source) > _MAX_CHARACTERS:
            raise self._illegal("表达式过长")
        # Escapes could write what a reviewer does not see, and Python's parser warns about some of them.
        if "\\" in self._source:
            raise self._illegal("不允许反斜杠")
        try:
            tree = ast.parse(self._source, mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise self._illegal("语法错误") from None
        if sum(1 for _ in ast.walk(tree)) > _MAX_NODES:
            raise self._illegal("表达式过大")
        return self._condition(tree.body)

    def _illegal(self, problem: str) -> IllegalExpression:
        return IllegalExpression(problem=problem, source=self._source[:200])

    def _condition(self, node: ast.expr) -> Node:
        """A node that is true, false or unknown."""
        read, kind = self._read(node)
        if kind == "flag":
            return read
        if kind in {"text", "clock"} and isinstance(read, Ask):
            return Known(read)
        raise self._illegal(f"{ast.unparse(node)} 不是条件")

    def _read(self, node: ast.expr) -> tuple[Node, Kind]:  # noqa: PLR0911 - one return a kind of node
        match node:
            case ast.Constant():
                return self._constant(node.value)
            case ast.Attribute():
                return self._name(node)
            case ast.BoolOp(op, values):
                parts = tuple(self._condition(value) for value in values)
                return (Every(parts) if isinstance(op, ast.And) else Some(parts)), "flag"
            case ast.UnaryOp(ast.Not(), operand):
                return Not(self._condition(operand)), "flag"
            case ast.UnaryOp(ast.USub(), ast.Constant(int() | float() as value)) if not isinstance(value, bool):
                return self._constant(-value)
            case ast.BinOp(left, ast.Add() | ast.Sub() as op, right):
                return Sum(self._number(left), self._number(right), isinstance(op, ast.Sub)), "number"
            case ast.Compare(left, ops, comparators):
                return self._comparison(left, ops, comparators), "flag"
            case ast.Call(func, arguments, []):
                return self._call(func, arguments)
        raise self._illegal(f"不允许 {type(node).__name__}")

    def _constant(self, value: object) -> tuple[Node, Kind]:
        if isinstance(value, str) and len(value) <= 100:
            return Constant(value), "clock" if re.fullmatch(CLOCK, value) else "text"
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST:
            return Constant(value), "number"
        raise self._illegal("常量只能是短文本或不超过 10^15 的数")

    def _name(self, node: ast.Attribute) -> tuple[Node, Kind]:
        if not isinstance(node.value, ast.Name):
            raise self._illegal("名称只能有一个点")
        owner, name = node.value.id, node.attr
        if not (_NAME.fullmatch(owner) and _NAME.fullmatch(name)):
            raise self._illegal("名称只能用小写字母、数字和下划线，且不以下划线开头")
        if owner == "p":
            return self._param(name)
        return self._fact(f"{owner}.{name}")

    def _param(self, name: str) -> tuple[Node, Kind]:
        if name not in self._params:
            raise self._illegal(f"没有参数 p.{name}")
        value = self._params[name]
        if isinstance(value, tuple):
            return Constant(value), "list"
        if isinstance(value, float) and not math.isfinite(value):
            raise self._illegal(f"参数 p.{name} 不是有限的数")
        return self._constant(value)

    def _fact(self, name: str) -> tuple[Ask, Kind]:
        fact = self._facts.get(name)
        if fact is None:
            raise self._illegal(f"没有登记的事实 {name}")
        kinds: dict[str, Kind] = {
            "flag": "flag",
            "whole": "number",
            "number": "number",
            "text": "text",
            "clock": "clock",
            "list": "list",
        }
        return Ask(fact), kinds[fact.kind]

    def _number(self, node: ast.expr) -> Node:
        read, kind = self._read(node)
        if kind != "number":
            raise self._illegal(f"{ast.unparse(node)} 不是数")
        return read

    def _comparison(self, left: ast.expr, ops: list[ast.cmpop], rights: list[ast.expr]) -> Node:
        tests = []
        for op, right in zip(ops, rights, strict=True):
            tests.append(self._test(left, op, right))
            left = right
        return tests[0] if len(tests) == 1 else Every(tuple(tests))

    def _test(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Node:
        (one, its_kind), (other, other_kind) = self._read(left), self._read(right)
        if isinstance(op, ast.In | ast.NotIn):
            found = self._membership(one, its_kind, other, other_kind)
            return Not(found) if isinstance(op, ast.NotIn) else found
        sign = _SIGNS.get(type(op))
        if sign is None:
            raise self._illegal("不允许 is")
        kinds = {its_kind, other_kind}
        ordered = kinds in ({"number"}, {"clock"})
        if not ordered and (sign not in {"==", "!="} or not (kinds == {"flag"} or kinds <= {"text", "clock"})):
            raise self._illegal(f"{ast.unparse(left)} 与 {ast.unparse(right)} 不能这样比较")
        self._in_vocabulary(one, other)
        self._in_vocabulary(other, one)
        return Compare(sign, one, other)

    def _membership(self, one: Node, its_kind: Kind, other: Node, other_kind: Kind) -> Node:
        if its_kind not in {"text", "clock"}:
            raise self._illegal("in 的左边只能是文本")
        if other_kind == "list":
            self._in_vocabulary(one, other)
            return Among(one, other)
        if other_kind == "text" and isinstance(other, Ask) and isinstance(one, Ask):
            return Inside(one, other)
        raise self._illegal("in 的右边只能是列表，或作为事实的文本")

    def _in_vocabulary(self, asked: Node, constant: Node) -> None:
        """A value that the fact can never have is a slip of the pen, and the rule would never fire (or always)."""
        if not (isinstance(asked, Ask) and asked.fact.values and isinstance(constant, Constant)):
            return
        values = constant.value if isinstance(constant.value, tuple) else (constant.value,)
        for value in values:
            if value not in asked.fact.values:
                raise self._illegal(f"{asked.fact.name} 没有“{value}”这个值")

    def _call(self, func: ast.expr, arguments: list[ast.expr]) -> tuple[Node, Kind]:
        match func:
            case ast.Name("abs") if len(arguments) == 1:
                return Abs(self._number(arguments[0])), "number"
            case ast.Name(name) if name in _HITS and len(arguments) == _HITS[name]:
                return self._fact(".".join([name, *map(self._literal, arguments)]))
            case ast.Name(name) if name in _LACKING and len(arguments) == 1:
                return Lacking(*self._list_and_fact(arguments[0], _LACKING[name])), "number"
            case ast.Attribute(ast.Name("debtor"), "flags_any") if len(arguments) == 1:
                return Shares(*self._list_and_fact(arguments[0], "debtor.flags")), "flag"
        raise self._illegal(f"不允许调用 {ast.unparse(func)[:60]}")

    def _literal(self, node: ast.expr) -> str:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        raise self._illegal("函数的参数只能是写明的文本")

    def _list_and_fact(self, node: ast.expr, name: str) -> tuple[tuple[str, ...], Ask]:
        read, _ = self._read(node)
        if not (isinstance(read, Constant) and isinstance(read.value, tuple)):
            raise self._illegal("这里需要列表参数")
        present, kind = self._fact(name)
        if kind != "list":
            raise self._illegal(f"{name} 不是列表")
        self._in_vocabulary(present, read)
        return tuple(dict.fromkeys(read.value)), present
