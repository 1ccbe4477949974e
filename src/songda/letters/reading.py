"""From a template as a law firm writes it to its parts, with each mistake and where it stands.

    wording, findings = read_wording(text)      # None when something is wrong

A template is a head in TOML between two lines `+++` and paragraphs divided by blank lines. `# ` starts a heading, `**…**` is
bold, `{{名称}}` prints a variable, `{{如果 名称}}…{{否则}}…{{结束}}` chooses within a paragraph or, each on a line of its own,
between paragraphs; `{{表 金额}}` and the like place a block. Nothing else has a meaning: no text of a template is ever run.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, cast, get_args

from songda.letters.content import UNSEEN, Kind
from songda.letters.glyphs import missing_glyphs
from songda.letters.wording import (
    OWN_TYPES,
    Block,
    Choice,
    Finding,
    Heading,
    Inline,
    Paragraph,
    Part,
    Strong,
    Text,
    Value,
    Variable,
    Wording,
    blocks,
    from_example,
    house_variables,
    kinds,
    value_problem,
)

#: Longest template, characters: several times the longest seen.
LONGEST = 40_000
#: Deepest nesting of conditions and bold.
DEEPEST = 8

_HEAD = re.compile(r"\A\ufeff?\+\+\+[ \t]*\n(.*?\n)\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL)
_TAG = re.compile(r"\{\{(.*?)\}\}|\*\*|\{\{", re.DOTALL)
_ALONE = re.compile(r"\s*\{\{([^{}]*)\}\}\s*")
_NAME = re.compile(r"[^\W\d_]\w{0,29}")
#: Words of the notation.
IF, ELSE, END = "如果", "否则", "结束"
_BOLD, _OPEN = "**", "{{"
#: Blocks that state a debt.
_OF_DEBT = ("表 金额", "表 还款账户", "附件 还款情况")


class _Token(NamedTuple):
    #: What stands in a tag, `**`, a `{{` that is never closed, or None for words.
    tag: str | None
    text: str
    start: int
    end: int


class _Span(NamedTuple):
    """A paragraph as it stands in the file."""

    start: int
    text: str
    #: What stands in its tag, when it is nothing but a tag.
    tag: str | None

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def read_wording(text: str) -> tuple[Wording | None, tuple[Finding, ...]]:
    """The template in `text`, and what is wrong with it. A template with an error is none."""
    reader = _Reader(text)
    wording = reader.read()
    found = tuple(sorted(reader.findings, key=lambda each: (each.start, each.code)))
    return (None if any(each.severity == "error" for each in found) else wording), found


class _Wrong(Exception):
    """A paragraph that cannot be read on; what is wrong is among the findings."""


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.findings: list[Finding] = []
        self.variables: dict[str, Variable] = dict(house_variables())
        self.used: set[str] = set()

    def error(self, code: str, start: int, end: int, text: str = "") -> None:
        self.findings.append(Finding("error", code, start, end, text or self.text[start:end]))

    def read(self) -> Wording | None:
        if len(self.text) > LONGEST:
            self.error("too_long", LONGEST, LONGEST + 1, str(LONGEST))
            return None
        self._characters()
        found = _HEAD.match(self.text)
        if found is None:
            self.error("head.missing", 0, 0, "+++")
            return None
        head = self._head(found)
        if head is None:
            return None
        kind, name, own = head
        self.variables.update({each.name: each for each in own})
        spans = deque(self._spans(found.end()))
        parts = self._parts(spans, depth=0)
        for span in spans:
            self.error("condition.stray", span.start, span.end)
        self._needs(kind, parts)
        for each in own:
            if each.name not in self.used:
                self.findings.append(Finding("review", "variable.unused", 0, 0, each.name))
        return Wording(kind, name, own, parts)

    def _characters(self) -> None:
        for offset, character in enumerate(self.text):
            if character == "\n" or (offset == 0 and character == "\ufeff"):
                continue
            if unicodedata.category(character) in UNSEEN:
                self.error("character.unseen", offset, offset + 1, f"U+{ord(character):04X}")
            elif missing_glyphs(character):
                self.error("character.missing", offset, offset + 1, f"U+{ord(character):04X}")

    def _head(self, found: re.Match[str]) -> tuple[Kind, str, tuple[Variable, ...]] | None:
        start = found.start(1)
        try:
            head = tomllib.loads(found[1])
        except tomllib.TOMLDecodeError:
            self.error("head.toml", start, start, "+++")
            return None
        for key in sorted(head.keys() - {"kind", "name", "variables"}):
            self.error("head.unknown", start, start, key)
        kind, name, own = head.get("kind"), head.get("name"), head.get("variables", [])
        if kind not in get_args(Kind):
            self.error("head.kind", start, start, str(kind)[:40])
            return None
        if not (isinstance(name, str) and name.strip() and len(name) <= 60):
            self.error("head.name", start, start, "name")
            return None
        variables = [self._own(stated, start) for stated in own] if isinstance(own, list) else [None]
        stated = [each for each in variables if each is not None]
        if len({each.name for each in stated}) < len(stated):
            self.error("variable.twice", start, start, "variables")
        if not isinstance(own, list):
            self.error("head.variables", start, start, "variables")
        return cast(Kind, kind), name, tuple(stated)

    def _own(self, stated: object, start: int) -> Variable | None:
        wanted = {"name": str, "type": str, "meaning": str, "example": str, "required": bool}
        name = str(stated.get("name", ""))[:30] if isinstance(stated, dict) else ""
        ok = (
            isinstance(stated, dict)
            and stated.keys() == wanted.keys()
            and all(type(stated[key]) is type_ for key, type_ in wanted.items())
            and _NAME.fullmatch(stated["name"])
            and name not in {IF, ELSE, END}
            and stated["type"] in OWN_TYPES
            and stated["meaning"].strip()
        )
        if not ok:
            self.error("variable.declared", start, start, name)
            return None
        if name in house_variables():
            self.error("variable.taken", start, start, name)
            return None
        variable = Variable(**cast(dict[str, Any], stated))
        if value_problem(variable, from_example(variable)):
            self.error("variable.example", start, start, name)
        return variable

    def _spans(self, start: int) -> Iterator[_Span]:
        """Paragraphs: a heading and a tag on a line of its own are paragraphs too."""
        offset, gathered, first = start, list[str](), start
        for line in self.text[start:].split("\n"):
            tag = _ALONE.fullmatch(line)
            alone = line.startswith("# ") or tag is not None
            if (alone or not line.strip()) and gathered:
                yield _Span(first, "\n".join(gathered), None)
                gathered = []
            if alone:
                yield _Span(offset, line, _name(tag[1]) if tag else None)
            elif line.strip():
                first = first if gathered else offset
                gathered.append(line)
            offset += len(line) + 1
        if gathered:
            yield _Span(first, "\n".join(gathered), None)

    def _parts(self, spans: deque[_Span], *, depth: int) -> tuple[Part, ...]:
        """Parts up to an 否则 or 结束 that belongs to the condition around them, which is left in `spans`."""
        parts: list[Part] = []
        while spans and spans[0].tag not in {ELSE, END}:
            span = spans.popleft()
            if span.tag is not None and _is_condition(span.tag):
                parts += self._between(span, span.tag, spans, depth=depth)
            elif span.tag is not None and span.tag in blocks():
                if depth:
                    self.error("block.conditional", span.start, span.end, span.tag)
                if Block(span.tag) in parts:
                    self.error("block.twice", span.start, span.end, span.tag)
                parts.append(Block(span.tag))
            else:
                parts += self._prose(span)
        return tuple(parts)

    def _between(self, span: _Span, tag: str, spans: deque[_Span], *, depth: int) -> list[Part]:
        """A choice between paragraphs."""
        variable = self._condition(tag, span.start, span.end)
        if depth >= DEEPEST:
            self.error("condition.deep", span.start, span.end)
            return []
        then = self._parts(spans, depth=depth + 1)
        otherwise: tuple[Part, ...] = ()
        if spans and spans[0].tag == ELSE:
            spans.popleft()
            otherwise = self._parts(spans, depth=depth + 1)
        if not spans or spans[0].tag != END:
            self.error("condition.open", span.start, span.end)
            return []
        spans.popleft()
        return [Choice(variable, then, otherwise)] if variable else []

    def _condition(self, tag: str, start: int, end: int) -> Variable | None:
        name = tag.removeprefix(IF).strip()
        if name not in self.variables:
            self.error("variable.unknown", start, end, name[:30])
            return None
        self.used.add(name)
        return self.variables[name]

    def _prose(self, span: _Span) -> list[Part]:
        is_heading = span.text.startswith("# ")
        skip = 2 if is_heading else 0
        try:
            parts, _ = self._inline(deque(_tokens(span.text[skip:].rstrip(), span.start + skip)), frozenset(), depth=0)
        except _Wrong:
            return []
        return [Heading(parts) if is_heading else Paragraph(parts)]

    def _inline(
        self, tokens: deque[_Token], closing: frozenset[str], *, depth: int, opened: _Token | None = None
    ) -> tuple[tuple[Inline, ...], str]:
        """Parts up to the first of the tags `closing`, and that tag. Raises _Wrong where a tag is left open."""
        parts: list[Inline] = []
        while tokens:
            token = tokens.popleft()
            if token.tag in closing:
                return tuple(parts), token.tag
            parts += self._one(token, tokens, depth=depth)
        if opened is not None:
            self.error("bold.open" if opened.tag == _BOLD else "condition.open", opened.start, opened.end)
            raise _Wrong
        return tuple(parts), ""

    def _one(self, token: _Token, tokens: deque[_Token], *, depth: int) -> list[Inline]:
        tag, text, start, end = token
        if tag is None:
            # Lines of one paragraph are one text: Chinese has no blank between words.
            return [Text(text.replace("\n", ""), start)]
        if tag in {_OPEN, ELSE, END} or depth >= DEEPEST:
            self.error("tag.open" if tag == _OPEN else "condition.stray", start, end)
            raise _Wrong
        if tag == _BOLD:
            inner, _ = self._inline(tokens, frozenset({_BOLD}), depth=depth + 1, opened=token)
            return [Strong(inner)]
        if _is_condition(tag):
            return self._choice(token, tag, tokens, depth=depth)
        if tag in blocks():
            self.error("block.in_line", start, end)
        elif tag not in self.variables:
            self.error("variable.unknown", start, end, tag[:30])
        else:
            self.used.add(tag)
            if self.variables[tag].type in {"flag", "list"}:
                self.error("variable.condition_only", start, end)
            return [Value(self.variables[tag])]
        return []

    def _choice(self, token: _Token, tag: str, tokens: deque[_Token], *, depth: int) -> list[Inline]:
        variable = self._condition(tag, token.start, token.end)
        then, closed = self._inline(tokens, frozenset({ELSE, END}), depth=depth + 1, opened=token)
        otherwise: tuple[Inline, ...] = ()
        if closed == ELSE:
            otherwise, _ = self._inline(tokens, frozenset({END}), depth=depth + 1, opened=token)
        return [Choice(variable, then, otherwise)] if variable else []

    def _needs(self, kind: Kind, parts: tuple[Part, ...]) -> None:
        """What a template of this kind must print whatever the values (kinds.toml), and what it must not."""
        needs, last = kinds()[kind], len(self.text)
        placed = {part.name for part in parts if isinstance(part, Block)}
        always = list(_always(parts))
        printed = {part.variable.name for part in always if isinstance(part, Value)}
        said = "".join(part.text for part in always if isinstance(part, Text))
        missing = {
            "block.missing": [name for name in needs.blocks if name not in placed],
            "variable.missing": [name for name in needs.variables if name not in printed],
            "word.missing": [word for word in needs.words if word not in said],
            "block.not_here": [] if needs.debt else [name for name in _OF_DEBT if name in placed],
        }
        for code, names in missing.items():
            for name in names:
                self.error(code, last, last, name)


def _tokens(text: str, offset: int) -> Iterator[_Token]:
    position = 0
    for found in _TAG.finditer(text):
        if found.start() > position:
            yield _Token(None, text[position : found.start()], offset + position, offset + found.start())
        tag = found[0] if found[1] is None else _name(found[1])
        yield _Token(tag, found[0], offset + found.start(), offset + found.end())
        position = found.end()
    if position < len(text):
        yield _Token(None, text[position:], offset + position, offset + len(text))


def _name(tag: str) -> str:
    return " ".join(tag.split())


def _is_condition(tag: str) -> bool:
    return tag == IF or tag.startswith(f"{IF} ")


def _always(parts: Iterable[Part | Inline]) -> Iterator[Inline]:
    """What is printed in every letter: not what stands inside a choice."""
    for part in parts:
        match part:
            case Text() | Value():
                yield part
            case Strong(inner) | Heading(inner) | Paragraph(inner):
                yield from _always(inner)
            case _:
                pass
