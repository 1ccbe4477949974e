"""`songda tenant`: institutions and what they have stated."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from songda.base import days
from songda.cli.opening import JsonFlag, open_base, print_json, tenant_names
from songda.cli.tables import print_table

tenant = typer.Typer(help="Institutions: import a profile, list them.", no_args_is_help=True)


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
