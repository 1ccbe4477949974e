"""Columns of a case file that feed the variables which a firm's own templates declare, e.g. `自定义:调解组织`.

    >>> from songda.intake.headers import arrange
    >>> headers = ["案件号", "自定义：调解组织", "自定义:别的"]
    >>> layout = with_own(arrange(headers, mapping=None), headers, {"调解组织": "text"})
    >>> [column.field.key for column in layout.columns], layout.unknown
    (['case_no', '自定义:text:调解组织'], ('自定义:别的',))

A column that no template declares stays unread, with the warning that every unknown column gets.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace

from songda.intake.errors import AmbiguousColumn
from songda.intake.fields import Field
from songda.intake.headers import Column, Layout

#: What the header of such a column begins with; in the key of its field the type follows.
OWN = "自定义:"

_HEADER = re.compile(r"自定义\s*:\s*(.+)")
#: Type of a variable → kind of reader in `cells`.
_KINDS = {"text": "own_text", "date": "day", "amount": "yuan", "number": "whole", "flag": "flag"}


def with_own(layout: Layout, headers: Sequence[str], declared: Mapping[str, str]) -> Layout:
    """`layout` with the columns of the variables `declared` (name → type). Raises AmbiguousColumn."""
    names = {unicodedata.normalize("NFKC", name): name for name in declared}
    found: dict[str, Column] = {}
    for index, header in enumerate(headers):
        match = _HEADER.fullmatch(unicodedata.normalize("NFKC", header).strip())
        name = names.get(match[1].strip()) if match else None
        if name is None or header not in layout.unknown:
            continue
        if other := found.get(name):
            first, second = (f"{each}（第 {at + 1} 列）" for each, at in ((other.header, other.index), (header, index)))
            raise AmbiguousColumn(first=first, second=second, label=name)
        found[name] = Column(index, header, _field(name, declared[name]), percent=False)
    taken = {column.header for column in found.values()}
    columns = sorted((*layout.columns, *found.values()), key=lambda column: column.index)
    return replace(layout, columns=tuple(columns), unknown=tuple(each for each in layout.unknown if each not in taken))


def _field(name: str, type_: str) -> Field:
    return Field(
        f"{OWN}{type_}:{name}", name, _KINDS[type_], need="optional", when="any", format="", example="", why=""
    )
