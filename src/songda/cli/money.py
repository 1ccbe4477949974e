"""`songda money`: what an institution allows for letters, what is reserved and spent, and whether the books balance."""

from __future__ import annotations

from typing import Annotated

import typer

from songda.base.days import SHANGHAI
from songda.base.money import yuan
from songda.cli.opening import JsonFlag, TenantName, open_house, print_json
from songda.cli.tables import print_table

money = typer.Typer(help="Money for letters: granted, reserved, spent; the journal.", no_args_is_help=True)

#: Chinese words for the parts of an account.
_PARTS = {"limit": "额度", "free": "可用", "reserved": "预留", "spent": "支出"}
_SCOPES = {"batch": "批次", "month": "月份"}


def add_to(app: typer.Typer) -> None:
    app.add_typer(money, name="money")


@money.command()
def show(tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """Show what every batch and month may cost, and what is free, reserved and spent. Amounts in yuan, in JSON in fen.

    Example: songda money show --tenant bank
    """
    from songda.store import read_accounts

    with open_house(tenant) as house, house.engine.connect() as connection:
        accounts = read_accounts(connection, house.tenant.id)
    if as_json:
        names = ("id", "scope", "period", "granted_fen", "free_fen", "reserved_fen", "spent_fen")
        print_json({"accounts": [{name: getattr(each, name) for name in names} for each in accounts]})
        return
    print_table(
        "函件费用（元）",
        ("账户", "范围", "批次或月份", "额度", "可用", "预留", "支出"),
        [
            (
                each.id,
                _SCOPES[each.scope],
                each.period,
                *map(yuan, (each.granted_fen, each.free_fen, each.reserved_fen, each.spent_fen)),
            )
            for each in accounts
        ],
    )


@money.command()
def journal(
    account: Annotated[str, typer.Argument(help="Account, as `songda money show` names it.")],
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Print every booking on an account, first to last.

    Example: songda money journal acc_01m8…
    """
    from songda.flow.money import UnknownAccount
    from songda.store import read_accounts, read_journal

    with open_house(tenant) as house, house.engine.connect() as connection:
        if account not in {each.id for each in read_accounts(connection, house.tenant.id)}:
            raise UnknownAccount(account=account)
        bookings = read_journal(connection, account)
    if as_json:
        names = ("seq", "object_id", "source", "target", "fen")
        lines = [{name: getattr(each, name) for name in names} | {"at": each.at.isoformat()} for each in bookings]
        print_json({"account": account, "bookings": lines})
        return
    print_table(
        "流水（元）",
        ("序号", "时间", "投递", "从", "到", "金额"),
        [
            (
                str(each.seq),
                f"{each.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}",
                "" if each.object_id == account else each.object_id,
                _PARTS[each.source],
                _PARTS[each.target],
                yuan(each.fen),
            )
            for each in bookings
        ],
    )


@money.command()
def check(tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """Add the journal up and compare it with accounts and reservations; exit code 65 when anything differs.

    Example: songda money check
    """
    from songda.store import out_of_balance

    with open_house(tenant) as house, house.engine.connect() as connection:
        wrong = out_of_balance(connection, house.tenant.id)
    if as_json:
        print_json({"balanced": not wrong, "differences": wrong})
    elif wrong:
        for account, parts in wrong.items():
            for part, (stands, should) in parts.items():
                typer.echo(f"{account} {part}：账面 {yuan(stands)}，流水合计 {yuan(should)}")
    else:
        typer.echo("账目相符")
    if wrong:
        raise typer.Exit(65)
