"""What the wording of a letter is made of: paragraphs, values, choices and blocks; its variables; what each kind has to print.

wording, findings = read_wording(text)      # songda.letters.reading
wording.kind, wording.name, wording.variables, wording.parts
words(wording.parts, stated=True)           # all that it can say, for the linter
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from songda.letters.content import Kind

#: What a variable of a firm's own may hold. Days are ISO days, amounts fen.
OWN_TYPES = ("text", "date", "amount", "number", "flag")


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    #: text | date | amount | number | flag, and list for one of the house.
    type: str
    meaning: str
    example: str
    required: bool
    #: Where the view has it, e.g. `firm.name`; empty for a firm's own.
    path: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    #: Offset of its first character in the file.
    start: int


@dataclass(frozen=True, slots=True)
class Value:
    variable: Variable


@dataclass(frozen=True, slots=True)
class Strong:
    parts: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """`then` when the variable is stated (text, list) or true (flag), else `otherwise`."""

    variable: Variable
    then: tuple[Any, ...]
    otherwise: tuple[Any, ...]


Inline = Text | Value | Strong | Choice


@dataclass(frozen=True, slots=True)
class Heading:
    parts: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    parts: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Block:
    name: str


Part = Heading | Paragraph | Block | Choice


@dataclass(frozen=True, slots=True)
class Wording:
    kind: Kind
    name: str
    #: The firm's own, in the order of the head.
    variables: tuple[Variable, ...]
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a template, and where: text[start:end]."""

    #: error: not a template; block: not to be sent; review: a person decides.
    severity: str
    #: e.g. `variable.unknown`, `block.missing`, `threat`.
    code: str
    start: int
    end: int
    #: What stands there, or what is missing.
    text: str


@dataclass(frozen=True, slots=True)
class KindNeeds:
    title: str
    debt: bool
    blocks: tuple[str, ...]
    variables: tuple[str, ...]
    words: tuple[str, ...]


@cache
def kinds() -> Mapping[Kind, KindNeeds]:
    """What every template of a kind has to print (kinds.toml)."""
    found = {
        name: KindNeeds(each["title"], each["debt"], *(tuple(each[key]) for key in ("blocks", "variables", "words")))
        for name, each in _toml("kinds.toml").items()
    }
    return MappingProxyType(cast(dict[Kind, KindNeeds], found))


@cache
def house_variables() -> Mapping[str, Variable]:
    """Variables that every template may use, by name (variables.toml)."""
    return MappingProxyType(
        {name: Variable(name, **each) for name, each in _toml("variables.toml")["variables"].items()}
    )


@cache
def blocks() -> Mapping[str, tuple[str, str]]:
    """Blocks of the frame by name: what sets them, what they are."""
    return MappingProxyType(
        {name: (each["call"], each["meaning"]) for name, each in _toml("variables.toml")["blocks"].items()}
    )


def _toml(name: str) -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / name).read_text("utf-8"))


def words(parts: Iterable[Part | Inline], *, stated: bool) -> str:
    """All that the parts can say, a paragraph a line, with both sides of each choice.

    Values stand as their examples; unless `stated`, what may be empty is, so that nothing hides behind it.
    """
    said = []
    for part in parts:
        match part:
            case Text(text, _):
                said.append(text)
            case Value(variable):
                said.append(variable.example if stated or variable.required else "")
            case Strong(inner):
                said.append(words(inner, stated=stated))
            case Choice(_, then, otherwise):
                said.append(words(then, stated=stated) + words(otherwise, stated=stated))
            case Heading(inner) | Paragraph(inner):
                said.append(words(inner, stated=stated) + "\n")
            case Block():
                said.append("\n")
    return "".join(said)


def place_of(text: str, offset: int) -> tuple[int, int]:
    """1-based line and column of an offset, as an editor counts them."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def from_example(variable: Variable) -> str | int | bool:
    """The example of a firm's own variable as a value of its type; the example itself when it is none."""
    text = variable.example
    if variable.type == "flag":
        return {"是": True, "否": False}.get(text, text)
    if variable.type in {"amount", "number"} and re.fullmatch(r"\d{1,15}", text):
        return int(text)
    return text


def value_problem(variable: Variable, value: object) -> str | None:
    """Why `value` cannot stand for a firm's own variable: `missing`, `type`; None when it can."""
    if value is None or value == "":
        return "missing" if variable.required else None
    match variable.type:
        case "flag":
            ok = isinstance(value, bool)
        case "amount" | "number":
            ok = type(value) is int and 0 <= value < 10**15
        case "date":
            ok = isinstance(value, str) and bool(re.fullmatch(r"\d{4}-\d{2}-\d{2}", value)) and _is_day(value)
        case _:
            ok = isinstance(value, str) and len(value) <= 200
    return None if ok else "type"


def _is_day(text: str) -> bool:
    import datetime

    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True
