"""The grammar of generate.toml, compiled to functions that say a part of a line."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from songda.address.compiled.tagger import LABELS

T = TypeVar("T")
_CHINESE = "零一二三四五六七八九"


@dataclass(frozen=True, slots=True)
class Place:
    """A district and its towns; names are empty where the level does not exist, the short ones lack the class word."""

    prov: tuple[str, str]
    city: tuple[str, str]
    district: tuple[str, str]
    #: What stands first on a parcel: the province, in a municipality its name.
    head: str
    #: (full name, short name, names of its villages joined by "|").
    towns: tuple[tuple[str, str, str], ...]
    #: Names of zones on the ground.
    zones: tuple[str, ...]
    roads: tuple[str, ...]
    estates: tuple[str, ...]


@dataclass(slots=True)
class Line:
    """One line in the making."""

    random: Callable[[], float]
    place: Place
    town: tuple[str, str, str] | None = None
    #: (blank before it, text, label).
    pieces: list[tuple[str, str, str]] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)


Say = Callable[[Line], str]
Put = Callable[[Line], None]


def pick(options: Sequence[T], chance: Callable[[], float]) -> T:
    return options[int(chance() * len(options))]


def _number(line: Line, most: int) -> str:
    return str(1 + int(most * line.random() ** 2))


def chinese(line: Line, most: int) -> str:
    number = 1 + int(most * line.random() ** 2)
    tens, ones = divmod(number, 10)
    head = "" if not tens else "十" if tens == 1 else _CHINESE[tens] + "十"
    return head + (_CHINESE[ones] if ones else "")


def digits(line: Line, count: int) -> str:
    return str(10 ** (count - 1) + int(9 * 10 ** (count - 1) * line.random()))


_REFERENCE = re.compile(r"\{([^{}]+)\}")
_NUMBERS = {"n": _number, "cn": chinese, "digits": digits}


class Compiler:
    """Turns the tables of the grammar into functions that draw and say."""

    def __init__(self, source: dict[str, Any], builtins: dict[str, Say]) -> None:
        self.source = source
        self.says = builtins
        self.puts: dict[str, Put] = {}

    def styles(self) -> Put:
        drawn = [(int(style["weight"]), self.sequence_of(style["lines"])) for style in self.source["styles"].values()]
        return _any_of([put for weight, put in drawn for _ in range(weight)])

    def say(self, name: str) -> Say:
        """What `{name}` stands for."""
        if name.startswith("<"):
            return lambda line: line.kept.get(name[1:], "")
        if ">" in name:
            inner, key = name.split(">")
            return _keep(self.say(inner), key)
        if ":" in name:
            kind, most = name.split(":")
            return partial(_say_number, how=_NUMBERS[kind], most=int(most))
        if name not in self.says:
            self.says[name] = partial(_late, says=self.says, name=name)  # a name may mean itself further down
            if name in self.source["words"]:
                self.says[name] = _one_of(_weighed(self.source["words"][name]))
            else:
                self.says[name] = self._templates(name)
        return self.says[name]

    def _templates(self, name: str) -> Say:
        options: list[str | Say] = []
        for row in self.source["names"][name].strip().splitlines():
            weight, _, template = row.strip().partition(" ")
            options += [self.template(template)] * int(weight)
        return _one_of(options)

    def template(self, text: str) -> str | Say:
        parts: list[str | Say] = [
            self.say(part) if at % 2 else part for at, part in enumerate(_REFERENCE.split(text)) if part
        ]
        if all(isinstance(part, str) for part in parts):
            return text
        if len(parts) == 1:
            return parts[0]
        return partial(_join, parts=parts)

    def sequence(self, name: str) -> Put:
        if name not in self.puts:
            self.puts[name] = self.sequence_of(self.source["pieces"][name])
        return self.puts[name]

    def sequence_of(self, rows: str) -> Put:
        options: list[Put] = []
        for row in rows.strip().splitlines():
            weight, *tokens = row.split()
            options += [partial(_put_all, puts=[self.token(token) for token in tokens])] * int(weight)
        return _any_of(options)

    def token(self, token: str) -> Put:
        if token.startswith("?"):
            share, _, rest = token[1:].partition(":")
            return partial(_perhaps, share=int(share) / 100, put=self.token(rest))
        if token.startswith("@"):
            return self.sequence(token[1:])
        blank = " " if token.startswith("_") else ""
        template, _, label = token.removeprefix("_").rpartition("/")
        if label not in LABELS:
            raise ValueError(f"generate.toml: no such label: {token}")
        return partial(_put, blank=blank, say=self.template(template), label=label)


def _weighed(words: str) -> list[str | Say]:
    found: list[str | Say] = []
    for word in words.split():
        text, _, times = word.partition("*")
        found += [text] * int(times or 1)
    return found


def _one_of(options: list[str | Say]) -> Say:
    def say(line: Line) -> str:
        option = options[int(line.random() * len(options))]
        return option if isinstance(option, str) else option(line)

    return say


def _any_of(options: list[Put]) -> Put:
    def put(line: Line) -> None:
        options[int(line.random() * len(options))](line)

    return put


def _late(line: Line, says: dict[str, Say], name: str) -> str:
    return says[name](line)


def _join(line: Line, parts: list[str | Say]) -> str:
    return "".join([part if isinstance(part, str) else part(line) for part in parts])


def _keep(say: Say, key: str) -> Say:
    def keep(line: Line) -> str:
        line.kept[key] = said = say(line)
        return said

    return keep


def _say_number(line: Line, how: Callable[[Line, int], str], most: int) -> str:
    return how(line, most)


def _put(line: Line, blank: str, say: str | Say, label: str) -> None:
    text = say if isinstance(say, str) else say(line)
    if text:
        line.pieces.append((blank, text, label))


def _put_all(line: Line, puts: list[Put]) -> None:
    for put in puts:
        put(line)


def _perhaps(line: Line, share: float, put: Put) -> None:
    if line.random() < share:
        put(line)
