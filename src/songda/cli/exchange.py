"""`songda exchange`: the key to which an institution encrypts the files that it hands over."""

from __future__ import annotations

import typer

from songda.base import days
from songda.cli.opening import JsonFlag, TenantName, open_house, print_json

exchange = typer.Typer(help="Encrypted files between an institution and this house.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(exchange, name="exchange")


@exchange.command()
def key(tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """Show the public key to which the institution encrypts its files (age); made on first use.

    Example: songda exchange key --tenant bank
    """
    from songda.flow.audit import write_audit
    from songda.flow.exchange import exchange_key, has_key

    with open_house(tenant) as house:
        known = has_key(house.home, house.tenant)
        public = exchange_key(house.home, house.tenant)
        if not known:
            with house.engine.begin() as connection:
                write_audit(
                    connection,
                    at=days.now(),
                    actor="operator",
                    action="exchange.key",
                    object_id=house.tenant.id,
                    details={"public": public},
                )
    if as_json:
        print_json({"public_key": public})
        return
    typer.echo(public)
    typer.echo(
        "请把公钥交给委托机构（另走一条渠道核对）。机构加密：age -r 公钥 -o 案件.xlsx.age 案件.xlsx；"
        "然后 songda run 案件.xlsx.age",
        err=True,
    )
