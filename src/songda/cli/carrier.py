"""`songda carrier`: the table of tracking codes, events that it does not know, folding again what was stored, and orders in doubt."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from songda.base import days
from songda.base.errors import SongdaError
from songda.cli.holder import holder_id
from songda.cli.opening import JsonFlag, TenantName, open_base, open_house, print_json
from songda.cli.tables import print_table
from songda.cli.usage import WrongUsage

carrier = typer.Typer(
    help="The carrier: what its tracking codes mean, orders whose answer was lost.", no_args_is_help=True
)
mapping = typer.Typer(help="The table of tracking codes.", no_args_is_help=True)

TableFile = Annotated[Path, typer.Argument(help="CSV with the columns of `songda carrier mapping show --csv`.")]

#: Changes shown one by one; --json gives all.
_SHOWN = 20

#: What came instead of the answer to an order (songda.carriers.NoAnswer.reason).
_KNOWN_ZH = {
    "interrupted": "等待答复时程序中断",
    "awaited": "承运商收到清单后一直没有回执",
    "ReadTimeout": "已发出，超时没有答复",
    "ReadError": "已发出，等待答复时连接中断",
    "RemoteProtocolError": "已发出，等待答复时连接中断",
    "other_order_no": "答复写的是另一个订单号",
    "other_waybill_no": "答复写的是另一个运单号",
    "waybill_shape": "答复中的运单号格式与合同不符",
    "waybill_held_by_another": "答复中的运单号已用于另一件",
}


class NoFallback(SongdaError):
    zh = "机构档案中没有可接收推送的备用轨迹来源"
    remedy = "请在 [carrier.fallback] 中填写账号；快递100 还须填写 salt"
    exit_code = 78


def add_to(app: typer.Typer) -> None:
    carrier.add_typer(mapping, name="mapping")
    app.add_typer(carrier, name="carrier")


@mapping.command()
def show(
    as_csv: Annotated[bool, typer.Option("--csv", help="The shipped table as CSV, to copy rows from.")] = False,
) -> None:
    """Show the version in force, or the shipped table.

    Example: songda carrier mapping show --csv > codes.csv
    """
    from songda.carriers import shipped_codes
    from songda.flow.tracking import mapping_of

    if as_csv:
        typer.echo(shipped_codes(), nl=False)
        return
    with open_base() as (_engine, _master, settings):
        table = mapping_of(settings.home)
    typer.echo(f"现行代码表 {table.version}：{len(table.codes)} 个代码，{len(table.facts)} 种含义")


@mapping.command("shadow")
def shadow_(file: TableFile, tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """List which outcomes the rows of FILE would change; nothing is written.

    Example: songda carrier mapping shadow codes.csv
    """
    from dataclasses import asdict

    from songda.dispatch import shadow
    from songda.flow.tracking import mapping_of, proposed

    with open_house(tenant) as house:
        now, other = mapping_of(house.home), proposed(file)
        changes = list(shadow(house.engine, tenant_id=house.tenant.id, mapping=now, other=other, at=days.now()))
    if as_json:
        print_json({"before": now.version, "after": other.version, "changes": [asdict(change) for change in changes]})
        return
    counts = Counter((change.before, change.after) for change in changes)
    typer.echo(f"{now.version} → {other.version}：{len(changes):,} 件会改变")
    if changes:
        print_table("变化", ("现在", "改后", "件数"), [(*key, count) for key, count in counts.most_common()])
        print_table(
            f"前 {min(_SHOWN, len(changes))} 件",
            ("函件", "状态", "现在", "改后", "无法识别（改后）"),
            [(c.letter_id, c.state, c.before, c.after, " ".join(c.parked_after)) for c in changes[:_SHOWN]],
        )


@mapping.command()
def adopt(file: TableFile) -> None:
    """Put the rows of FILE in force beside the shipped table; run `shadow` first and `replay` after.

    Example: songda carrier mapping adopt codes.csv
    """
    from songda.flow.tracking import adopt as put_in_force

    with open_base() as (engine, _master, settings):
        table = put_in_force(engine, settings.home, file, actor="operator", at=days.now())
    typer.echo(f"现行代码表 {table.version}。用 songda carrier replay 按新表重算已存的轨迹")


@carrier.command()
def ping(tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """Ask the carrier of the contract, and the fallback, one harmless question: do they answer, and do the clocks agree?

    Example: songda carrier ping
    """
    import os

    from songda.flow.post import carrier_of
    from songda.flow.tracking import ping as ask

    with open_house(tenant) as house, carrier_of(house.tenant, os.environ) as connected:
        answers = ask(connected)
    if as_json:
        print_json({name: {"answer": answer, "clock_skew_s": skew} for name, answer, skew in answers})
        return
    words = {"answered": "有应答", "refused": "被拒绝（请核对合同设置）", "clock_skew": "时钟不一致，请求被拒"}
    rows = [
        (name, words.get(answer, f"没有应答（{answer}）"), "" if skew is None else f"{skew:+d} 秒")
        for name, answer, skew in answers
    ]
    print_table("承运商", ("对象", "结果", "本机时钟与对方相差"), rows)


@carrier.command()
def subscribe(
    base: Annotated[str, typer.Option(help="Address under which the aggregator reaches this server (songda serve).")],
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Ask the fallback to push what it hears of the letters under way, once a letter.

    Example: songda carrier subscribe --base https://letters.example
    """
    import os
    from dataclasses import asdict

    from songda.carriers import open_aggregator
    from songda.dispatch import subscribe as ask
    from songda.flow.post import fallback_of
    from songda.flow.shared_secrets import valid
    from songda.web import push_path

    with open_house(tenant) as house:
        account, now = fallback_of(house.tenant, os.environ), days.now()
        if account is None or (account.kind == "kuaidi100" and not account.salt):
            raise NoFallback
        token = valid(house.engine, house.tenant, "push", at=now)[0].text
        url = base.rstrip("/") + push_path(house.tenant.name, token)
        with open_aggregator(account) as tracker:
            report = ask(house.engine, tenant_id=house.tenant.id, tracker=tracker, callback_url=url, at=now)
    if as_json:
        print_json(asdict(report))
        return
    typer.echo(f"已订阅 {report.taken:,} 件，被拒绝 {report.refused:,} 件，未应答 {report.left:,} 件")


@carrier.command()
def parked(tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """List the codes that the table does not know, and how many letters heard them.

    Example: songda carrier parked
    """
    from songda.dispatch import parked_codes
    from songda.flow.tracking import mapping_of

    with open_house(tenant) as house:
        table = mapping_of(house.home)
        codes = parked_codes(house.engine, tenant_id=house.tenant.id, mapping=table, at=days.now())
    if as_json:
        print_json({"version": table.version, "codes": dict(codes)})
        return
    print_table("无法识别的轨迹代码", ("代码", "件数"), codes.most_common())


@carrier.command()
def replay(tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """Fold all stored events again with the table in force, without asking the carrier.

    Example: songda carrier replay
    """
    from dataclasses import asdict

    from songda.dispatch import settle
    from songda.flow.tracking import mapping_of

    with open_house(tenant) as house:
        table = mapping_of(house.home)
        settled = settle(house.engine, tenant_id=house.tenant.id, at=days.now(), mapping=table, again=True)
    if as_json:
        print_json({"version": table.version, **asdict(settled)})
        return
    typer.echo(
        f"按代码表 {table.version} 重算 {settled.folded:,} 件：已有结果 {settled.reported:,}，更正 {settled.corrected:,}，"
        f"定级后修订 {settled.revised:,}，仍有无法识别轨迹 {settled.parked:,}，待人工复核 {settled.review:,}"
    )


@carrier.command()
def doubts(tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """List orders whose answer was lost and that wait for a person: what is known, and what to do.

    Example: songda carrier doubts
    """
    from songda.flow.doubtful_orders import open_orders

    with open_house(tenant) as house, house.engine.connect() as connection:
        orders = open_orders(connection, house.tenant)
    if as_json:
        print_json(
            {
                "orders": [
                    {
                        "order_no": each.order_no,
                        "letter_no": each.letter_no,
                        "since": each.since.astimezone(days.SHANGHAI).isoformat(timespec="seconds"),
                        "known": each.known,
                        "waybill_no": each.waybill_no,
                        "remedy": "settle" if each.waybill_no is None else "asked_with_every_run",
                    }
                    for each in orders
                ]
            }
        )
        return
    print_table(
        "答复丢失、待核实的订单",
        ("订单号", "函号", "自", "已知情况", "怎么办"),
        [
            (
                each.order_no,
                each.letter_no or "",
                f"{each.since.astimezone(days.SHANGHAI):%Y-%m-%d %H:%M}",
                _KNOWN_ZH.get(each.known, f"答复不完整或无法读懂（{each.known}）"),
                _remedy_zh(each.order_no, each.waybill_no),
            )
            for each in orders
        ],
    )


def _remedy_zh(order_no: str, waybill_no: str | None) -> str:
    ask = f"请承运商按订单号查询，再用 songda carrier settle {order_no} 登记"
    return ask if waybill_no is None else f"每次运行都按运单号 {waybill_no} 查询；急用时{ask}"


@carrier.command()
def settle(
    order: Annotated[str, typer.Argument(help="Order number, as `songda carrier doubts` names it.")],
    by: Annotated[str, typer.Option("--by", help="Id of the one who asked the carrier; kept in the audit log.")],
    waybill: Annotated[str | None, typer.Option(help="The carrier took the order under this number.")] = None,
    not_accepted: Annotated[
        bool, typer.Option("--not-accepted", help="The carrier never got the order: it leaves again with the next run.")
    ] = False,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Take down what the carrier said about an order whose answer was lost. Kept in the audit log, and never changed again.

    Say --not-accepted only after the carrier has looked for the order number: an order that it has would be made twice.

    Example: songda carrier settle 01m8…-1 --waybill 9800000000006 --by ops-7
    """
    from songda.flow.doubtful_orders import settle as settled

    who = holder_id(by)
    if (waybill is None) != not_accepted:
        raise WrongUsage(what="--waybill 与 --not-accepted 须且只能写一个", command="songda carrier settle")
    with open_house(tenant) as house:
        done = settled(house.engine, house.tenant, order, waybill_no=waybill, by=who, at=days.now())
    outcome = "not_accepted" if not_accepted else "found"
    if as_json:
        print_json({"order_no": done.order_no, "letter_no": done.letter_no, "outcome": outcome})
    else:
        then = "重新下单" if not_accepted else "照此印制"
        typer.echo(f"已登记订单 {done.order_no}（函件 {done.letter_no}），下次 songda run --resume 时{then}")
