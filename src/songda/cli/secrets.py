"""`songda secrets`: what an institution's partners hold: the carrier's push path, the keys of the feed, of the couriers and
of those who ask for permits to contact."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from songda.base import days
from songda.cli.opening import JsonFlag, TenantName, open_house, print_json
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
def rotate(name: Name, overlap_days: OverlapDays = 7, tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """Make a new secret; the last one stays valid until the overlap is over.

    Example: songda secrets rotate push --overlap-days 7
    """
    from songda.flow.shared_secrets import renew, valid

    with open_house(tenant) as house:
        at, overlap = days.now(), timedelta(days=overlap_days)
        renew(house.engine, house.tenant, name.value, overlap=overlap, at=at, actor="operator")
        _print(valid(house.engine, house.tenant, name.value, at=at), as_json=as_json)


def _print(shared: list[Shared], *, as_json: bool) -> None:
    if as_json:
        until = [None if each.until is None else each.until.isoformat() for each in shared]
        print_json({"secrets": [{"secret": s.text, "until": u} for s, u in zip(shared, until, strict=True)]})
        return
    for each in shared:
        end = "当前" if each.until is None else f"有效至 {each.until.astimezone(days.SHANGHAI):%Y-%m-%d %H:%M}"
        typer.echo(f"{each.text}\t{end}")
