"""Which column of a file is the wanted one: by the header that was stated, or by the headers of `words.toml`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from songda.cli.address.errors import NoColumn, WhichColumn
from songda.cli.address.words import words


class Column(NamedTuple):
    """A column that a command wants."""

    #: Our name for it.
    name: str
    #: Headers by which it is known when none is stated.
    headers: tuple[str, ...]
    #: What a message calls it.
    label: str
    stated: str | None = None
    required: bool = True


def address_column(stated: str | None) -> Column:
    return Column("text", words().headers["address"], "地址", stated)


def division_columns() -> tuple[Column, Column]:
    headers = words().headers
    return Column("code", headers["code"], "代码"), Column("name", headers["name"], "名称")


def rule_columns() -> tuple[Column, ...]:
    """Columns of a file of rules that somebody wrote."""
    headers, address = words().rule_headers, words().headers["address"]
    labels = {"address": "地址", "level": "级别", "reason": "原因", "valid_from": "生效日期"}
    labels |= {"valid_to": "失效日期", "source": "来源"}
    return tuple(
        Column(
            name,
            (*address, *known) if name == "address" else known,
            labels.get(name, name),
            required=name in ("level", "reason"),
        )
        for name, known in headers.items()
    )


def match(columns: Sequence[Column], headers: Sequence[str], file: Path) -> dict[str, int] | None:
    """Where each wanted column stands; None when a required one is not among `headers`. Raises WhichColumn."""
    places: dict[str, int] = {}
    for each in columns:
        if each.stated is not None:
            fitting = [index for index, header in enumerate(headers) if header == each.stated]
        else:
            fitting = [index for index, header in enumerate(headers) if _plain(header) in each.headers]
        if len(fitting) > 1:
            listed = "、".join(headers[index] for index in fitting)
            raise WhichColumn(file=file.name, column=each.label, headers=listed)
        if fitting:
            places[each.name] = fitting[0]
        elif each.required:
            return None
    return places


def must_match(columns: Sequence[Column], headers: Sequence[str], file: Path) -> dict[str, int]:
    """`match`, or NoColumn."""
    places = match(columns, headers, file)
    if places is None:
        raise no_column(columns, headers, file)
    return places


def no_column(columns: Sequence[Column], cells: Sequence[str], file: Path) -> NoColumn:
    wanted = "、".join(each.stated or each.label for each in columns if each.required)
    return NoColumn(file=file.name, column=wanted, headers="、".join(safe_headers(cells)) or "没有像标题的字")


def safe_headers(cells: Sequence[str]) -> list[str]:
    """The cells when they can be headers. A file without header begins with a person's data, which no message repeats."""
    said = [cell for cell in cells if cell]
    return [] if any(len(cell) > 12 or re.search(r"\d", cell) for cell in said) else said[:20]


def code_and_name(cells: Sequence[str]) -> Mapping[str, int] | None:
    """A list of divisions without header: code, name, …"""
    return {"code": 0, "name": 1} if len(cells) > 1 and re.fullmatch(r"\d{2,12}", cells[0]) else None


def _plain(header: str) -> str:
    return re.sub(r"[\s*＊]|[(（].*[)）]$", "", header).lower()
