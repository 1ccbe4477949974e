"""Texts of users on a terminal: nothing in them steers it, and brackets are no markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from songda.cli.opening import print_json
from songda.cli.tables import print_table

#: Rows that a table on the screen shows.
SHOWN = 50
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


class Complaint(NamedTuple):
    """What is wrong with a row of a list that somebody keeps by hand."""

    row_no: int
    column: str
    problem: str
    remedy: str


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table whose cells may hold anything."""
    from rich.markup import escape

    cells = [[escape(visible(cell)) if isinstance(cell, str) else cell for cell in row] for row in rows]
    print_table(title, columns, cells)


def visible(text: str) -> str:
    """What a text says, without characters that would steer the terminal or hide words."""
    return _STEERING.sub("\ufffd", text)


def complain(found: Sequence[Complaint], *, as_json: bool) -> None:
    """The rows that a list is refused for, by number."""
    if as_json:
        print_json({"problems": [each._asdict() for each in found]})
        return
    show_table(
        f"问题（共 {len(found):,} 处{f'，列出前 {SHOWN} 处' if len(found) > SHOWN else ''}）",
        ("行号", "所在", "问题", "处理办法"),
        [(str(each.row_no or ""), each.column, each.problem, each.remedy) for each in found[:SHOWN]],
    )
