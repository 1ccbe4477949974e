"""`songda payments`: what debtors have paid, as the institution's systems tell it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from songda.base import days
from songda.base.errors import SongdaError
from songda.cli.holder import holder_id
from songda.cli.opening import JsonFlag, TenantName, open_house, print_json
from songda.cli.tables import print_table

payments = typer.Typer(help="Payments of debtors: import what the institution has booked.", no_args_is_help=True)

_OUTCOMES_ZH = {
    "withdrawn": "已撤回",
    "recalled": "从印制件中取出",
    "too_late": "已交寄，来不及",
    "missing": "找不到",
    "ended": "已办结",
}


class SomeNotBooked(SongdaError):
    zh = "有 {count} 行没有登记：{lines}"
    remedy = "其余各行已登记，不会重复；请改正这几行后整份重新导入"
    exit_code = 65


def add_to(app: typer.Typer) -> None:
    app.add_typer(payments, name="payments")


@payments.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(help="CSV (UTF-8 or GB18030), or the same as .age; songda template payments.csv.")
    ],
    by: Annotated[str, typer.Option("--by", help="Id of the one who answers for it; never a name.")],
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Book payments, each once by its reference, and stop the letters of every case that is paid in full.

    What is paid in part holds letters that state another amount, until a new case file states the amounts anew.

    Example: songda payments import payments.csv --by ops-7
    """
    from songda.flow.exchange import opened
    from songda.flow.payment_file import read_payments
    from songda.flow.payments import REFUSED_ZH, book
    from songda.intake import CannotRead, why_refused

    who, at = holder_id(by), days.now()
    with open_house(tenant) as house:
        with opened(house.home, house.tenant, file) as readable:
            try:
                data = readable.read_bytes()
            except OSError as error:
                raise CannotRead(file=file.name, reason=why_refused(error)) from None
        done = book(house.engine, house.tenant, read_payments(data, today=days.business_day(at)), by=who, at=at)
    if as_json:
        print_json(
            {
                "new": done.new,
                "known": done.known,
                "refused": [{"line": line, "reason": reason} for line, reason in done.refused],
                "settled": done.settled,
                "letters": done.letters,
            }
        )
    else:
        rows = [
            ("新登记", done.new),
            ("已登记过", done.known),
            ("未登记", len(done.refused)),
            ("结清的案件", done.settled),
        ]
        rows += [(f"函件{_OUTCOMES_ZH.get(name, name)}", count) for name, count in sorted(done.letters.items())]
        print_table("还款", ("项目", "数量"), rows)
    if done.refused:
        told = "；".join(f"第 {line} 行{REFUSED_ZH[reason]}" for line, reason in done.refused[:20])
        raise SomeNotBooked(count=len(done.refused), lines=told)
