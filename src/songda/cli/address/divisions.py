"""`songda address editions`: yearly lists of the divisions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from songda.base import days
from songda.cli.address.columns import code_and_name, division_columns
from songda.cli.address.errors import NoRows
from songda.cli.address.screen import Complaint, complain, show_table
from songda.cli.address.source import read
from songda.cli.opening import JsonFlag, print_json


def import_edition(
    file: Annotated[Path, typer.Argument(help="The ministry's four-level list, CSV or Excel: code and name per row.")],
    year: Annotated[int | None, typer.Option(min=1980, max=2100, help="Year; else from the file's name.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the edition of that year.")] = False,
    accept_gone: Annotated[
        bool, typer.Option("--accept-gone", help="Import although more than a tenth of the divisions is gone.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Check a yearly list of the divisions, compare it with the edition before, and keep it with what it changes.

    Addresses are read by the dictionary that ships with songda, whatever is imported.

    Example: songda address editions import 2026年行政区划代码.xlsx --year 2026
    """
    import hashlib

    import polars as pl

    from songda.address import editions as kept

    source = read(file, division_columns(), bare=code_and_name)
    chosen = kept.year_of(file.name, year)
    rows = list(source.frames)
    if not rows:
        raise NoRows(file=file.name)
    divisions, problems = kept.parse(pl.concat(rows))
    if problems.height:
        found = [Complaint(*row) for row in problems.rows()]
        complain(found, as_json=as_json)
        raise kept.EditionRefused(count=len(found))
    against, before = kept.in_force()
    diff = kept.compare(divisions, before)
    if not accept_gone:
        kept.require_whole(diff, before)
    with file.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    folder = kept.keep(
        divisions,
        diff,
        year=chosen,
        against=against,
        source=file.name,
        sha256=sha256,
        at=days.now(),
        replace=replace,
    )
    told = kept.about(folder)
    if as_json:
        print_json(told | {"folder": str(folder), "current": str(kept.current())})
        return
    typer.echo(f"{chosen} 年区划，与{'随附清单' if against == kept.SHIPPED else f' {against} 年的'}相比：")
    show_table("", ("变化", "个数"), [(word, told["changes"][change]) for change, word in kept.CHANGES.items()])
    typer.echo(f"已导入 {divisions.height:,} 个区划：{folder}（逐项变化见 diff.csv）")


def list_editions(as_json: JsonFlag = False) -> None:
    """List the imported editions; the next is compared with the newest, or with the list that ships when there is none.

    Example: songda address editions list
    """
    from songda.address import editions as kept

    found = [kept.about(kept.folder() / str(year)) for year in kept.years()]
    current = kept.current()
    name = current.name if current else kept.SHIPPED
    if as_json:
        print_json({"current": name, "editions": found})
        return
    rows = [
        (
            f"{each['year']}{'（最新）' if str(each['year']) == name else ''}",
            sum(each["divisions"].values()),
            *(each["changes"][change] for change in kept.CHANGES),
            each["imported_at"][:10],
            each["source"],
        )
        for each in found
    ]
    if name == kept.SHIPPED:
        rows.append(("随附清单", kept.shipped().height, *[""] * len(kept.CHANGES), "", ""))
    show_table("行政区划的版本", ("年份", "区划", *kept.CHANGES.values(), "导入日期", "来源"), rows)
