"""`songda plan`: who is printed on a day, and why the others are not."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from songda.base import days
from songda.cli.opening import JsonFlag, day_of, open_base, print_json
from songda.cli.tables import print_table

plan = typer.Typer(
    help="The printing plan: factory, capacity by province, shares of institutions.", no_args_is_help=True
)

#: Chinese words for lanes and reasons.
_WORDS = {
    "urgent": "时效临近",
    "again": "再次投递",
    "share": "机构保底份额",
    "leftover": "剩余产能，先到先印",
    "print_cap": "当日印制产能已满",
    "province_cap": "该省寄递产能已满",
    "factory_closed": "印制方当日不工作",
    "carrier_closed": "承运商当日不收寄",
    "after_cut_off": "已过当日截止时间",
    "calendar_unknown": "没有该年的节假日安排",
}

AsOf = Annotated[
    datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="Business day; today when absent.")
]


def add_to(app: typer.Typer) -> None:
    app.add_typer(plan, name="plan")


@plan.command()
def show(as_of: AsOf = None, as_json: JsonFlag = False) -> None:
    """Show how many letters of each institution got a slot of the day, or none, and why.

    Example: songda plan show --as-of 2026-11-26
    """
    from songda.flow.slots import tallies

    day = day_of(as_of)
    with open_base() as (engine, *_):
        counted = tallies(engine, day)
    if as_json:
        names = ("tenant", "outcome", "reason", "letters")
        slots = [{name: getattr(each, name) for name in names} for each in counted]
        print_json({"day": day.isoformat(), "slots": slots})
        return
    print_table(
        f"排产 {day}",
        ("机构", "今日", "原因", "函件"),
        [
            (each.tenant, "印制" if each.outcome == "today" else "等待", _WORDS[each.reason], each.letters)
            for each in counted
        ],
    )


@plan.command()
def check(as_of: AsOf = None, as_json: JsonFlag = False) -> None:
    """Read plan.toml and say what holds on a day; nothing is planned.

    Example: songda plan check --as-of 2026-12-01
    """
    from songda.cli.opening import tenant_names
    from songda.flow.plan import capacity_on, read_plan, shut
    from songda.planning import shares

    day = day_of(as_of)
    with open_base() as (engine, _, settings):
        names = tenant_names(engine)
        stated = read_plan(settings.home)
    if stated is None:
        if as_json:
            print_json({"limited": False})
        else:
            typer.echo(f"没有 {settings.home / 'plan.toml'}：不限产能，批准的函件当日全部印制")
        return
    capacity = capacity_on(stated, day, dict(zip(names, names, strict=True)))
    closed = shut(stated, on=day, at=days.at(day, 0))
    own = {tenant: shares(capacity)(tenant) for tenant in sorted(capacity.declared)}
    unknown = sorted({each.tenant for each in stated.share} - set(names))
    if as_json:
        figures: dict[str, object] = {"limited": True, "day": day.isoformat(), "shut": closed}
        figures |= {"per_day": capacity.per_day, "per_province": dict(capacity.per_province), "shares": own}
        print_json(figures | {"unknown_tenants": unknown})
        return
    typer.echo(f"{day}：{_WORDS[closed] if closed else f'印制 {capacity.per_day:,} 封'}")
    if own:
        print_table("保底份额", ("机构", "封/日"), list(own.items()))
    if capacity.per_province:
        print_table("各省寄递上限", ("行政区划代码", "封/日"), sorted(capacity.per_province.items()))
    if unknown:
        typer.echo(f"plan.toml 中的机构尚未导入：{'、'.join(unknown)}")
