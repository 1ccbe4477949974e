"""What is wrong with a file, a row or a cell, said in Chinese with what to do about it.

    >>> problem("amount_negative", row_no=7, column="本金(元)").message
    '金额为负数'

Sentences are data (`messages.toml`, by code). They never repeat what a cell holds, so a `Problem` may be logged; a
`RejectedRow` may not.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong (a row is refused) or worth knowing (a warning)."""

    #: The row number that the person sees in the spreadsheet.
    row_no: int
    #: The header as the person wrote it; empty when the whole row is meant.
    column: str
    #: Key of messages.toml.
    code: str
    #: What is wrong, Chinese.
    message: str
    #: What to do, Chinese.
    remedy: str


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that could not be read, as the person typed it. Holds personal data: memory only."""

    row_no: int
    #: One text a column of the file, in its order.
    values: tuple[str, ...] = field(repr=False)
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of the file in its order. Frames hold personal data: memory only."""

    #: Spreadsheet row numbers of the first and the last row that is not blank.
    first_row: int
    last_row: int
    #: Schemas: songda.base.schemas CASES, ADDRESSES, CONTACTS; linked by `row_no`.
    cases: pl.DataFrame = field(repr=False)
    addresses: pl.DataFrame = field(repr=False)
    contacts: pl.DataFrame = field(repr=False)
    rejected: list[RejectedRow]
    warnings: list[Problem]


_PLACEHOLDER = re.compile(r"\{\w+\}")


class BadCell(Exception):
    """A cell cannot be read. `code` is a key of messages.toml, `data` fills its placeholders."""

    def __init__(self, code: str, **data: object) -> None:
        self.code, self.data = code, data
        super().__init__(code)


@cache
def messages() -> Mapping[str, Mapping[str, str]]:
    """messages.toml: code → {message, remedy}."""
    return tomllib.loads(resources.files(__package__).joinpath("messages.toml").read_text("utf-8"))


def problem_label(code: str) -> str:
    """The sentence of a code for tables of counts, with … where a row's own data would stand.

    >>> problem_label("missing")
    '缺少…'
    """
    text = messages().get(code)
    return code if text is None else _PLACEHOLDER.sub("…", text["message"])


def problem(code: str, *, row_no: int, column: str = "", **data: object) -> Problem:
    """The problem `code` of messages.toml, its placeholders filled from `data`."""
    text = messages()[code]
    return Problem(row_no, column, code, text["message"].format(**data), text["remedy"].format(**data))
