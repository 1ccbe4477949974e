"""The life of every object that has one: which states there are, who moves it from where to where, why, and how long it may wait.

>>> allowed("letter", "ready", "approved"), allowed("letter", "closed", "active")
(True, False)
>>> sorted(terminal("task"))
['done', 'dropped']
>>> wait("attempt", "silent")
Wait(name='silent', state='silent', amount=10, unit='days', then='settled')

One file a machine lies in `machines/`; `move` refuses whatever is not in them, and docs/lifecycle.md is printed from them
(songda.store.lifecycle).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

#: Machines in the order of a letter's way; each is the table of that name.
OBJECTS = (
    "batch",
    "letter",
    "attempt",
    "piece",
    "run",
    "stop_order",
    "entrustment",
    "rule_change",
    "model",
    "intent",
    "task",
    "person",
)


@dataclass(frozen=True, slots=True)
class Transition:
    source: str
    target: str
    #: What happened.
    when: str
    #: Who may do it.
    who: frozenset[str]
    #: What must hold, in words.
    guard: str
    #: Codes that the history may give; one that ends in ":" stands for all that begin with it.
    reasons: frozenset[str]
    #: Modules that do it, from src/songda; none: nobody does it yet.
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """How long a thing may stay in a state."""

    name: str
    state: str
    amount: int
    #: hours | days | working days
    unit: str
    #: What the sweepers then do: a state to which the thing goes, `task`, or `frozen` (nothing is asked any more).
    then: str


@dataclass(frozen=True, slots=True)
class Machine:
    object: str
    about: str
    #: State in which a thing comes into the world.
    created: str
    #: State → what it means.
    states: Mapping[str, str]
    transitions: tuple[Transition, ...]
    waits: tuple[Wait, ...]


class IllegalTransition(ValueError):
    """A transition that no table knows: a mistake in the program, never in the data."""


@cache
def machine(object: str) -> Machine:
    """The life of `object`. Raises KeyError for one that has none, ValueError for a table that names unknown states."""
    if object not in OBJECTS:
        raise KeyError(object)
    table = tomllib.loads(files("songda.store").joinpath("machines", f"{object}.toml").read_text("utf-8"))
    found = Machine(
        object=object,
        about=table["about"],
        created=table["created"],
        states={name: state["means"] for name, state in table["states"].items()},
        transitions=tuple(line for move in table.get("moves", ()) for line in _lines(move)),
        waits=tuple(_wait(entry) for entry in table.get("waits", ())),
    )
    named = {found.created}.union(
        *({line.source, line.target} for line in found.transitions), (each.state for each in found.waits)
    )
    if strange := named - found.states.keys():
        raise ValueError(f"{object}: no such state: {min(strange)}")
    return found


def _lines(move: Mapping[str, Any]) -> list[Transition]:
    return [
        Transition(
            source=source,
            target=move["to"],
            when=move["when"],
            who=frozenset(move["who"]),
            guard=move.get("guard", ""),
            reasons=frozenset(move["reasons"]),
            by=tuple(move["by"]),
        )
        for source in move["from"]
    ]


def _wait(entry: Mapping[str, str]) -> Wait:
    amount, unit = re.fullmatch(r"([0-9]+) (hours|days|working days)", entry["wait"]).groups()  # type: ignore[union-attr]
    return Wait(entry["name"], entry["state"], int(amount), unit, entry["then"])


@cache
def _table(object: str) -> Mapping[tuple[str, str], Transition]:
    return {(line.source, line.target): line for line in machine(object).transitions}


def allowed(object: str, source: str, target: str) -> bool:
    """Whether `object` may go from `source` to `target`."""
    return object in OBJECTS and (source, target) in _table(object)


def check(object: str, source: str, target: str, *, actor: str, reason: str) -> None:
    """Raises IllegalTransition unless the tables know this change, by this actor and for this reason."""
    if not allowed(object, source, target):
        raise IllegalTransition(f"{object}: {source} → {target}")
    line = _table(object)[source, target]
    if actor not in line.who:
        raise IllegalTransition(f"{object}: {source} → {target} is not done by {actor}")
    head, sign, _ = reason.partition(":")
    if reason not in line.reasons and f"{head}{sign}" not in line.reasons:
        raise IllegalTransition(f"{object}: {source} → {target} is not done for {reason}")


@cache
def wait(object: str, name: str) -> Wait:
    """The wait of that name. Raises KeyError."""
    return {each.name: each for each in machine(object).waits}[name]


@cache
def terminal(object: str) -> frozenset[str]:
    """States that nothing leaves; a revision, which stays where it is, does not count."""
    its = machine(object)
    return frozenset(its.states) - {line.source for line in its.transitions if line.source != line.target}
