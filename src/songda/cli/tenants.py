"""`songda tenant`: institutions and what they have stated."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from songda.base import days
from songda.cli.opening import JsonFlag, TenantName, open_base, open_house, print_json, tenant_names
from songda.cli.tables import print_table

tenant = typer.Typer(
    help="Institutions: import a profile, list them, print the record of processing.", no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    app.add_typer(tenant, name="tenant")


@tenant.command("import")
def import_(
    profile: Annotated[Path, typer.Argument(help="TOML file; an example: songda template tenant.toml")],
    name: Annotated[str, typer.Option("--tenant", help="Short name by which commands call the institution.")],
    as_json: JsonFlag = False,
) -> None:
    """Store a profile sealed, or replace the one that stands. What it does not state blocks the letters that need it.

    Example: songda tenant import tenant.toml --tenant bank
    """
    from songda.flow.signatures import unfit_keys
    from songda.flow.tenants import import_tenant
    from songda.intake import read_profile

    stated = read_profile(profile)
    with open_base() as (engine, master, _):
        import_tenant(
            engine,
            master,
            name=name,
            profile_toml=profile.read_text("utf-8-sig"),
            at=days.now(),
            actor="operator",
        )
    unstated, unfit = stated.unstated(), unfit_keys(stated, at=days.now())
    if as_json:
        reasons = {place: error.data["reason"] for place, error in unfit.items()}
        print_json({"tenant": name, "unstated": list(unstated), "unfit_keys": reasons})
        return
    typer.echo(f"已导入机构 {name}")
    if unstated:
        typer.echo(f"尚未填写 {len(unstated)} 项（需要它们的函件会被拦下并写明原因）：{'、'.join(unstated)}")
    for place, error in unfit.items():
        typer.secho(f"提示：{place}：{error.message_zh}", err=True, fg=typer.colors.YELLOW)


@tenant.command("list")
def list_(as_json: JsonFlag = False) -> None:
    """List the institutions of this installation.

    Example: songda tenant list
    """
    with open_base() as (engine, _, _settings):
        names = tenant_names(engine)
    if as_json:
        print_json({"tenants": names})
    else:
        print_table("机构", ("名称",), [(name,) for name in names])


@tenant.command()
def processing(tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """Print the record of entrusted processing: on which terms, by whom, how much, and what left the house. It names no person.

    Example: songda tenant processing --tenant bank
    """
    from songda.flow.processing import ACTIONS, record

    with open_house(tenant) as house:
        found = record(house.engine, house.tenant, on=days.business_day(days.now()))
    if as_json:
        print_json(found)
        return
    terms, volume, roles = (
        found["terms"],
        found["volume"],
        {"law_firm": "律师事务所", "carrier": "承运商", "outsourcer": "外包方"},
    )
    consent = {True: "已同意", False: "未同意", None: None}[terms["sub_consent"]]
    rows = [
        ("委托人", found["principal"]),
        ("目的", terms["purpose"]),
        ("期限", terms["term_until"]),
        ("方式", terms["method"]),
        ("个人信息种类", "、".join(terms["kinds"])),
        ("保护措施", terms["safeguards"]),
        ("双方义务", terms["duties"]),
        ("转委托", consent),
        ("影响评估", " ".join(filter(None, found["impact_assessment"].values()))),
        *(
            (roles[each["role"]], f"{each['name'] or '未填写'}（至 {each['term_until'] or '未填写'}）")
            for each in found["processors"]
        ),
        ("在册人员", f"{volume['persons']:,}（已删除 {volume['persons_erased']:,}）"),
        ("案件", f"{volume['cases']:,}"),
        ("已寄出函件", f"{volume['letters_posted']:,}"),
        ("案件文件", f"{volume['first_file'] or '无'} 至 {volume['last_file'] or '无'}"),
        *((ACTIONS[name], f"{count:,}") for name, count in found["actions"].items()),
    ]
    print_table(f"委托处理记录（{found['on']}）", ("项目", "内容"), [(name, text or "未填写") for name, text in rows])
