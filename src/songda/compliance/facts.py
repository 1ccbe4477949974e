"""Facts: what a rule may ask for, by name and type, and how a frame's columns become them.

>>> declared()["a.purpose"].kind
'text'
>>> fact_zh("case.state")
'案件状态'

Two steps, because a verdict must show what it was given and must trust none of it: `stated` brings columns to their
declared types, `known` turns whatever lies outside a fact's vocabulary or bounds into null. An absent column is null.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from songda.compliance.errors import BrokenRule, UnknownRule, WrongFactType

if TYPE_CHECKING:
    import polars as pl

#: Days since a thing that never happened. Never is a known fact and must not be confused with null, which blocks.
NEVER = 99_999
#: Whole facts beyond this are unknown: sums of two stay far from overflow, and conversion to a float is exact.
LARGEST = 10**15
#: Times of day as facts and parameters state them; 7:59 without its zero would compare wrongly as text.
CLOCK = r"^(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?$"

KINDS = ("flag", "whole", "number", "text", "clock", "list")


@dataclass(frozen=True, slots=True)
class Fact:
    name: str
    #: flag | whole | number | text | clock | list
    kind: str
    #: What it is called on screens.
    zh: str
    #: Closed vocabulary, or empty.
    values: frozenset[str] = frozenset()
    least: float | None = None
    most: float | None = None


def read_yaml(name: str) -> Any:
    """A YAML file of this package."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(resources.files(__package__).joinpath(name).read_text("utf-8"), Loader=loader)  # noqa: S506


@cache
def declared() -> Mapping[str, Fact]:
    """Every fact of facts.yaml by name. Raises BrokenRule for a fact that is declared wrongly."""
    facts = {}
    for name, entry in read_yaml("facts.yaml").items():
        unknown = set(entry) - {"type", "zh", "values", "min", "max"}
        if unknown or entry.get("type") not in KINDS or not entry.get("zh"):
            raise BrokenRule(rule=name, problem="facts.yaml 中的声明不完整")
        values = frozenset(entry.get("values", ()))
        facts[name] = Fact(name, entry["type"], entry["zh"], values, entry.get("min"), entry.get("max"))
    return facts


def fact_zh(name: str) -> str:
    """What a fact is called on screens. Raises UnknownRule for a name that is no fact."""
    fact = declared().get(name)
    if fact is None:
        raise UnknownRule(rule=name)
    return fact.zh


def stated(frame: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
    """The facts as given, in their declared types, columns in the order of `names`. Raises WrongFactType."""
    facts = [declared()[name] for name in names]
    # with_columns, not select: a frame that lacks every column still has its rows.
    return frame.with_columns(_stated(frame, fact) for fact in facts).select(fact.name for fact in facts)


def _stated(frame: pl.DataFrame, fact: Fact) -> pl.Expr:
    import polars as pl

    target = _polars_type(fact.kind)
    found = frame.schema.get(fact.name, pl.Null())
    if not _fits(found, fact.kind):
        raise WrongFactType(fact=fact.name, expected=fact.kind, found=str(found))
    if fact.name not in frame.columns:
        return pl.lit(None, dtype=target).alias(fact.name)
    # An unsigned number beyond Int64 becomes null, which blocks.
    return pl.col(fact.name).cast(target, strict=False)


def as_frame(rows: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    """Actions written down one by one, e.g. as YAML, as a facts frame: a column a fact, in its declared type.

    Values of another type than declared become null.
    """
    import polars as pl

    names = sorted({name for row in rows for name in row})
    frame = pl.DataFrame({"action_id": [f"act_{number}" for number in range(len(rows))]})
    return frame.with_columns(
        pl.Series(name, [row.get(name) for row in rows], _polars_type(declared()[name].kind), strict=False)
        for name in names
    )


def _polars_type(kind: str) -> pl.DataType:
    import polars as pl

    return {
        "flag": pl.Boolean(),
        "whole": pl.Int64(),
        "number": pl.Float64(),
        "text": pl.String(),
        "clock": pl.String(),
        "list": pl.List(pl.String()),
    }[kind]


def _fits(found: pl.DataType, kind: str) -> bool:
    import polars as pl

    if found == pl.Null:
        return True
    if kind == "flag":
        return found == pl.Boolean
    if kind == "whole":
        return found.is_integer()
    if kind == "number":
        return found.is_integer() or found.is_float()
    if kind == "list":
        return isinstance(found, pl.List) and (found.inner == pl.Null or found.inner in _text_types())
    return found in _text_types()


def _text_types() -> tuple[type[pl.DataType], ...]:
    import polars as pl

    return pl.String, pl.Categorical, pl.Enum


def known(frame: pl.DataFrame) -> pl.DataFrame:
    """`stated` facts with null in place of everything that cannot be meant: see the head of facts.yaml."""
    return frame.with_columns(_known(declared()[name]) for name in frame.columns)


def _known(fact: Fact) -> pl.Expr:
    import polars as pl

    column = pl.col(fact.name)
    if fact.kind in {"whole", "number"}:
        least = -LARGEST if fact.least is None else fact.least
        most = LARGEST if fact.most is None else fact.most
        # NaN is greater than every number, so it lies outside too.
        return pl.when(column.is_between(least, most)).then(column)
    if fact.kind == "clock":
        return pl.when(column.str.contains(CLOCK)).then(column)
    if fact.kind == "text":
        text = column.str.strip_chars()
        return pl.when(text.is_in(sorted(fact.values)) if fact.values else text != "").then(text).alias(fact.name)
    if fact.values:
        # One element that nobody declared makes the whole list doubtful: a misspelt flag must not pass for none.
        strange = pl.element().is_in(sorted(fact.values)).fill_null(value=False).not_()
        return pl.when(column.list.eval(strange).list.any().not_()).then(column)
    return column
