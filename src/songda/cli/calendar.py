"""`songda calendar`: is a day worked, and how far does the table reach."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from songda.cli.opening import JsonFlag, day_of, print_json


def add_to(app: typer.Typer) -> None:
    app.command()(calendar)


def calendar(
    day: Annotated[datetime | None, typer.Argument(formats=["%Y-%m-%d"], help="Day; today when absent.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Say whether a day is worked in China, which working day comes next, and up to when holidays are known.

    Example: songda calendar 2026-10-10
    """
    from songda.base.calendar import load_calendar

    table, asked = load_calendar(), day_of(day)
    working, following = table.is_working(asked), table.add_working(asked, 1)
    if as_json:
        figures = {"day": asked, "next_working_day": following, "known_until": table.last}
        print_json({"working": working} | {name: value.isoformat() for name, value in figures.items()})
        return
    typer.echo(
        f"{asked} {'上班' if working else '放假'}；下一个工作日 {following}；节假日安排已知至 {table.last}"
        "（之后的年份用环境变量 SONGDA_CALENDAR 补充）"
    )
