"""From a wording to the source that the typesetting engine runs: words as string literals, values as look-ups in the data.

The source is made from the template alone. What a letter says reaches the engine as JSON, never as source, and a firm's own
words are quoted whole: neither a name nor a template can become code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from songda.letters.wording import (
    Block,
    Choice,
    Heading,
    Inline,
    Paragraph,
    Part,
    Strong,
    Text,
    Value,
    Variable,
    Wording,
)
from songda.letters.wording import blocks as blocks_of_the_frame

_HEAD: Final = """#import "@local/frame:1.0.0": *
#let d = json("data.json") + (imprint: use => bytes(json(use + ".json")))
#show: frame.with(title: d.title, status: d.status)
#opening(d)
"""
_SIGNATURE, _CHECK = Block("块 落款"), Block("块 核验")
_TABLES = (Block("表 金额"), Block("表 还款账户"))


def typst_source(wording: Wording) -> str:
    """Source of the letter: one statement a line, in the order of the wording."""
    return _HEAD + "\n".join(f"#{{\n{part}\n}}" for part in _together(wording.parts)) + "\n"


def _together(parts: Sequence[Part]) -> Iterable[str]:
    """Statements, with what must not be torn apart in one block: the check box or the last words, and the signature."""
    signed = parts.index(_SIGNATURE) if _SIGNATURE in parts else -1
    checked = parts.index(_CHECK) if _CHECK in parts else -1
    # A check box close before the signature goes with it, else the paragraph before.
    first = checked if 0 <= signed - checked <= 3 and checked >= 0 else signed - 1
    for place, part in enumerate(parts):
        if signed >= 0 and place == first and place < signed:
            kept = "\n".join(_part(each) for each in parts[first : signed + 1])
            yield f"block(breakable: false, {{\n{kept}\n}})"
        elif not (signed >= 0 and max(first, 0) <= place <= signed and first < signed and first >= 0):
            sticky = isinstance(part, Paragraph) and place + 1 < len(parts) and parts[place + 1] in _TABLES
            yield f"block(sticky: true, {_part(part)})" if sticky else _part(part)


def _part(part: Part) -> str:
    match part:
        case Heading(parts):
            return f"heading-zh({_inline(parts)})"
        case Paragraph(parts):
            return f"par({_inline(parts)})"
        case Block(name):
            return f"{blocks_of_the_frame()[name][0]}(d)"
        case Choice(variable, then, otherwise):
            chosen = f"if {_condition(variable)} {{\n{_lines(then)}\n}}"
            return f"{chosen} else {{\n{_lines(otherwise)}\n}}" if otherwise else chosen


def _lines(parts: Iterable[Part]) -> str:
    return "\n".join(map(_part, parts))


def _inline(parts: Iterable[Inline]) -> str:
    return "[" + "".join(f"#{_word(part)};" for part in parts) + "]"


def _word(part: Inline) -> str:
    match part:
        case Text(text, _):
            return _quoted(text)
        case Value(variable):
            return _look_up(variable)
        case Strong(parts):
            return f"strong({_inline(parts)})"
        case Choice(variable, then, otherwise):
            chosen = f"if {_condition(variable)} {_inline(then)}"
            return f"{chosen} else {_inline(otherwise)}" if otherwise else chosen


def _look_up(variable: Variable) -> str:
    return f"d.{variable.path}" if variable.path else f"d.extra.at({_quoted(variable.name)})"


def _condition(variable: Variable) -> str:
    value = _look_up(variable)
    match variable.type:
        case "flag":
            return value
        case "list":
            return f"{value}.len() > 0"
        case _:
            return f'{value} != ""'


def _quoted(text: str) -> str:
    """A string literal of the engine. Control characters were refused when the template was read."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
