"""Predicates as Polars expressions: the same tree, a column at a time.

Null is unknown. Polars' `&`, `|` and `~` are Kleene's, comparisons with null are null; where a Polars function would
answer true or false about null, the answer is made null here.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any

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
)

if TYPE_CHECKING:
    import polars as pl

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}


def lower(node: Node) -> pl.Expr:  # noqa: PLR0911 - one return a kind of node
    """The expression for `node` over a frame of `known` facts; Boolean for a predicate."""
    import polars as pl

    match node:
        case Constant(value):
            return pl.lit(value)
        case Ask(fact):
            return pl.col(fact.name)
        case Known(of):
            return pl.when(lower(of).is_not_null()).then(statement=True)
        case Not(of):
            return ~lower(of)
        case Every(parts):
            return reduce(operator.and_, map(lower, parts))
        case Some(parts):
            return reduce(operator.or_, map(lower, parts))
        case Compare(sign, left, right):
            answer: pl.Expr = _COMPARE[sign](lower(left), lower(right))
            return answer
        case Sum(left, right, minus):
            return lower(left) - lower(right) if minus else lower(left) + lower(right)
        case Abs(of):
            return lower(of).abs()
        case _:
            return _membership(node)


def _membership(node: Among | Inside | Lacking | Shares) -> pl.Expr:
    import polars as pl

    match node:
        case Inside(text, whole):
            return lower(whole).str.contains(lower(text), literal=True)
        case Among(text, Constant(tuple() as texts)):
            sought = lower(text)
            return pl.when(sought.is_not_null()).then(sought.is_in(list(texts)))
        case Among(text, texts):
            sought, among = lower(text), lower(texts)
            both = sought.is_not_null() & among.is_not_null()
            return pl.when(both).then(among.list.contains(sought))
        case Lacking(wanted, present):
            here = lower(present)
            # Each element is looked at once; to ask for one wanted text after the other takes four times as long.
            found = here.list.filter(pl.element().is_in(list(wanted))).list.n_unique().cast(pl.Int64)
            return pl.when(here.is_not_null()).then(len(wanted) - found)
        case Shares(wanted, present):
            here = lower(present)
            shared = (here.list.contains(text) for text in wanted)
            return pl.when(here.is_not_null()).then(reduce(operator.or_, shared, pl.lit(value=False)))
