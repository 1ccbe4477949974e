"""The columns that a case file may have, and the words it may use, as declared in headers.toml and words.toml.

>>> field("address2.origin").label
'地址2来源'
>>> vocabulary("relation").values["妻子"]
'spouse'
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

_NUMBERED = re.compile(r"(phone|address|contact)([1-9]\d?)(?:\.(\w+))?")
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a column can state."""

    #: `case_no`, `phone1`, `address1.text` …: what a saved mapping names.
    key: str
    #: Our Chinese name of the column.
    label: str
    #: Which reader of `cells` reads it.
    kind: str
    #: required | fact | optional, see headers.toml.
    need: str
    #: For days: past | any.
    when: str
    format: str
    example: str
    why: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    #: Folded word → our value.
    values: Mapping[str, str]
    #: The word we suggest for each of our values, in order.
    suggested: Mapping[str, str]

    @property
    def allowed(self) -> str:
        return "、".join(self.suggested.values())


def fold(text: str) -> str:
    """Text as words are compared: half-width, lower case, without blanks."""
    return _BLANKS.sub("", unicodedata.normalize("NFKC", text)).lower()


@cache
def declared() -> Mapping[str, Any]:
    """headers.toml as it stands."""
    return tomllib.loads(resources.files(__package__).joinpath("headers.toml").read_text("utf-8"))


@cache
def words(table: str) -> Mapping[str, list[str]]:
    """One table of words.toml."""
    tables: dict[str, dict[str, list[str]]] = tomllib.loads(
        resources.files(__package__).joinpath("words.toml").read_text("utf-8")
    )
    return tables[table]


@cache
def vocabulary(name: str) -> Vocabulary:
    """The words of one vocabulary; our own English value is a word too."""
    table = words(name)
    values = {fold(word): value for value, spellings in table.items() for word in [value, *spellings]}
    return Vocabulary(values, {value: spellings[0] for value, spellings in table.items()})


@cache
def field(key: str) -> Field:
    """The field that `key` names. Raises KeyError for a key that headers.toml does not know."""
    declaration = declared()["fields"].get(key)
    if declaration is None:
        return _numbered_field(key)
    return _make(key, declaration["label"], declaration)


def _numbered_field(key: str) -> Field:
    match = _NUMBERED.fullmatch(key)
    if match is None:
        raise KeyError(key)
    group_name, number, part_name = match.groups()
    group = declared()["groups"][group_name]
    if int(number) > group["limit"]:
        raise KeyError(key)
    # KeyError as well when the part is not declared.
    part = group["parts"][part_name or "number"]
    if (part_name is None) != (group_name == "phone"):
        raise KeyError(key)
    return _make(key, f"{group['label']}{number}{part['label']}", part)


def _make(key: str, label: str, declaration: Mapping[str, str]) -> Field:
    return Field(
        key=key,
        label=label,
        kind=declaration["kind"],
        need=declaration["need"],
        when=declaration.get("when", "any"),
        format=declaration["format"],
        example=declaration["example"],
        why=declaration["why"],
    )


def single_fields() -> list[Field]:
    """The fields that a row has once, in the order of headers.toml."""
    return [field(key) for key in declared()["fields"]]


def group_fields(group: str, number: int) -> list[Field]:
    """The fields of address, contact or phone number `number`."""
    parts = declared()["groups"][group]["parts"]
    return [field(f"{group}{number}" if group == "phone" else f"{group}{number}.{part}") for part in parts]
