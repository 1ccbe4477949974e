"""`songda secrets`: what an institution's partners hold: the carrier's push path, the keys of the feed, of the couriers and
of those who ask for permits to contact; and the rotation of the keys under which its data lie."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from songda.base import days
from songda.cli.opening import JsonFlag, TenantName, open_base, open_house, open_one, print_json
from songda.cli.webhooks import OverlapDays

if TYPE_CHECKING:
    from songda.flow.shared_secrets import Shared

secrets = typer.Typer(
    help="Secrets that partners hold: the path of the carrier's pushes, the keys of the feed, couriers, permits and stops.",
    no_args_is_help=True,
)


class Which(StrEnum):
    PUSH = "push"
    API = "api"
    COURIER = "courier"
    CONTACTS = "contacts"
    STOPS = "stops"


class Rotated(StrEnum):
    PUSH = "push"
    API = "api"
    COURIER = "courier"
    CONTACTS = "contacts"
    STOPS = "stops"
    DATA_KEY = "data-key"
    MASTER_KEY = "master-key"


RotatedName = Annotated[
    Rotated,
    typer.Argument(
        help="A partner's secret (see `show`); data-key: under which the institution's data lie; master-key: of the whole house."
    ),
]
GraceMinutes = Annotated[
    int,
    typer.Option(
        min=5, help="Of data-key and master-key: how long nothing may have needed the old one before it is destroyed."
    ),
]
Suite = Annotated[str | None, typer.Option(help="Of data-key: its cipher from now on, AES-256-GCM or SM4-GCM.")]
By = Annotated[str, typer.Option(help="Who does it, for the audit log.")]
Name = Annotated[
    Which,
    typer.Argument(
        help="push: part of the carrier's path; api: key of /api/v1/events; courier: of /api/v1/courier; contacts: of permits; "
        "stops: of /api/v1/stops."
    ),
]


def add_to(app: typer.Typer) -> None:
    app.add_typer(secrets, name="secrets")


@secrets.command()
def show(name: Name, tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """Show the valid secrets: one, or two while a rotation is under way.

    Example: songda secrets show api --tenant bank
    """
    from songda.flow.shared_secrets import valid

    with open_house(tenant) as house:
        _print(valid(house.engine, house.tenant, name.value, at=days.now()), as_json=as_json)


@secrets.command()
def rotate(
    name: RotatedName,
    overlap_days: OverlapDays = 7,
    grace_minutes: GraceMinutes = 60,
    suite: Suite = None,
    by: By = "operator",
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a new secret; the last one stays valid until the overlap is over.

    data-key and master-key: everything is sealed or wrapped anew while other processes go on working. Run it again after the
    grace (or after a crash): it goes on, and destroys the old key.

    Example: songda secrets rotate push --overlap-days 7
    """
    if name in (Rotated.DATA_KEY, Rotated.MASTER_KEY):
        _rotate_key(name, timedelta(minutes=grace_minutes), suite=suite, by=by, tenant=tenant, as_json=as_json)
        return
    from songda.flow.shared_secrets import renew, valid

    with open_house(tenant) as house:
        at, overlap = days.now(), timedelta(days=overlap_days)
        renew(house.engine, house.tenant, name.value, overlap=overlap, at=at, actor="operator")
        _print(valid(house.engine, house.tenant, name.value, at=at), as_json=as_json)


def _rotate_key(
    which: Rotated, grace: timedelta, *, suite: str | None, by: str, tenant: str | None, as_json: bool
) -> None:
    from songda.flow.rotation import rotate_data_key, rotate_master_key

    if suite not in (None, "AES-256-GCM", "SM4-GCM"):
        raise typer.BadParameter("AES-256-GCM, SM4-GCM", param_hint="--suite")
    with open_base() as (engine, master, settings):
        if which is Rotated.MASTER_KEY:
            ours = settings.key_service is None and settings.master_key is None
            path = settings.master_key_file if ours else None
            done = rotate_master_key(engine, master, path, grace=grace, actor=by, clock=days.now)
        else:
            name = open_one(engine, master, tenant).name
            done = rotate_data_key(
                engine, master, settings.home, name=name, grace=grace, actor=by, clock=days.now, suite=suite
            )
    until = None if done.destroy_from is None else done.destroy_from.astimezone(days.SHANGHAI)
    if as_json:
        counts = {"begun": done.begun, "rows": done.rows, "files": done.files, "destroyed": done.destroyed}
        print_json({"key": done.key, **counts, "destroy_from": None if until is None else until.isoformat()})
        return
    typer.echo(
        f"现用密钥 {done.key}{'（新）' if done.begun else ''}；改用它的记录 {done.rows} 条，文件 {done.files} 个"
    )
    if done.destroyed:
        typer.echo("旧密钥已销毁")
    elif which is Rotated.MASTER_KEY and path is None:
        typer.echo(f"{until:%Y-%m-%d %H:%M} 之后可由保管者销毁旧主密钥")
    else:
        typer.echo(f"旧密钥暂留：{until:%Y-%m-%d %H:%M} 之后再运行一次，即销毁")


def _print(shared: list[Shared], *, as_json: bool) -> None:
    if as_json:
        until = [None if each.until is None else each.until.isoformat() for each in shared]
        print_json({"secrets": [{"secret": s.text, "until": u} for s, u in zip(shared, until, strict=True)]})
        return
    for each in shared:
        end = "当前" if each.until is None else f"有效至 {each.until.astimezone(days.SHANGHAI):%Y-%m-%d %H:%M}"
        typer.echo(f"{each.text}\t{end}")
