"""What may be said under a permit and what must not: the constraints of scripts.toml for a channel and a role.

>>> [each.rule for each in constraints("sms", "contact") if each.kind == "say"]
['P03', 'P04']
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

#: Roles of a case that answer for the debt (rule P01); all others are treated as contacts.
LIABLE = frozenset(("debtor", "co_debtor", "guarantor", "guardian", "estate"))


@dataclass(frozen=True, slots=True)
class Constraint:
    #: The rule that asks for it.
    rule: str
    #: say | never
    kind: str
    channels: frozenset[str]
    #: liable | contact
    roles: frozenset[str]
    text: str


@cache
def constraints(channel: str, role: str | None) -> tuple[Constraint, ...]:
    whom = "liable" if role in LIABLE else "contact"
    return tuple(each for each in load_constraints() if channel in each.channels and whom in each.roles)


@cache
def load_constraints() -> tuple[Constraint, ...]:
    """All of scripts.toml."""
    raw = tomllib.loads(files("songda.contacts").joinpath("scripts.toml").read_text("utf-8"))
    return tuple(_constraint(entry) for entry in raw["constraint"])


def _constraint(entry: Mapping[str, str]) -> Constraint:
    channels, roles = frozenset(entry["channels"]), frozenset(entry["roles"])
    return Constraint(entry["rule"], entry["kind"], channels, roles, entry["text"])
