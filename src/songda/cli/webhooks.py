"""`songda webhooks`: who is told what becomes of the letters."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Annotated

import typer

from songda.base import days
from songda.cli.opening import JsonFlag, TenantName, open_base, open_house, open_one, print_json, tenant_names
from songda.cli.tables import print_table

webhooks = typer.Typer(help="Webhooks: who is told what becomes of the letters.", no_args_is_help=True)

Webhook = Annotated[str, typer.Argument(help="Webhook, as `songda webhooks list` names it.")]
OverlapDays = Annotated[
    float, typer.Option("--overlap-days", min=0, max=90, help="How long the last secret stays valid; 0: it has leaked.")
]


def add_to(app: typer.Typer) -> None:
    app.add_typer(webhooks, name="webhooks")


@webhooks.command()
def add(
    url: Annotated[str, typer.Argument(help="https address that takes the events.")],
    types: Annotated[
        list[str] | None, typer.Option("--type", help="Type of event, e.g. letter.closed; all when absent. Repeatable.")
    ] = None,
    after: Annotated[
        int | None, typer.Option("--after", min=0, help="Cursor to begin behind; 0: with the first event ever.")
    ] = None,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Add a receiver; it hears what happens from now on. Prints the secret with which it verifies the signatures.

    Example: songda webhooks add https://bank.example/songda --type letter.closed --type letter.revised
    """
    from songda.flow import webhooks as flow

    with open_house(tenant) as house:
        at = days.now()
        webhook_id = flow.add(house.engine, house.tenant, url, types=types, after=after, at=at, actor="operator")
        ((secret, _),) = flow.secrets_of(house.engine, house.tenant, webhook_id, at=at)
    if as_json:
        print_json({"webhook": webhook_id, "secret": secret})
        return
    typer.echo(f"已添加 {webhook_id}\n签名密钥（请交给接收方保存）：{secret}\n发送：songda webhooks deliver --stay")


@webhooks.command("list")
def list_(tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """List the receivers: how far they have come, and which of them fail.

    Example: songda webhooks list
    """
    from songda.notices import read_receivers, waiting

    with open_house(tenant) as house, house.engine.begin() as connection:
        rows = [
            (each, waiting(connection, house.tenant.id, each.id))
            for each in read_receivers(connection, house.tenant.id)
        ]
    if as_json:
        listed = [
            {
                "webhook": each.id,
                "host": each.host,
                "types": each.types,
                "cursor": each.after,
                "waiting": behind,
                "failures": each.failures,
                "failing_since": _text(each.failing_since),
                "failed_with": each.failed_with,
                "next_try_at": _text(each.next_try_at),
                "disabled_for": each.disabled_for,
            }
            for each, behind in rows
        ]
        print_json({"webhooks": listed})
        return
    states = {"gone": "已停用：接收方不再接收", "failing": "已停用：多日未能送达"}
    print_table(
        "Webhook",
        ("编号", "主机", "事件", "游标", "待发送", "状态"),
        [
            (
                each.id,
                each.host,
                "、".join(each.types or ("全部",)),
                each.after,
                behind,
                states.get(each.disabled_for or "", f"失败 {each.failures} 次" if each.failures else "正常"),
            )
            for each, behind in rows
        ],
    )


@webhooks.command("test")
def try_(webhook: Webhook, tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """Send one event of type songda.test now and tell what it came to.

    Example: songda webhooks test whk_01m8…
    """
    from songda.notices import open_http, try_out

    with open_house(tenant) as house, open_http() as http:
        tried = try_out(
            house.engine, tenant_id=house.tenant.id, key=house.tenant.key, webhook_id=webhook, http=http, clock=days.now
        )
    if as_json:
        print_json({"webhook": webhook, "ok": tried.ok, "status": tried.status, "result": tried.code})
    else:
        typer.echo("接收方已收下" if tried.ok else f"没有收下：{_said(tried.code)}")
    if not tried.ok:
        raise typer.Exit(75)


@webhooks.command()
def replay(
    webhook: Webhook,
    after: Annotated[int | None, typer.Option("--after", min=0, help="Cursor behind which everything is sent.")] = None,
    since: Annotated[
        datetime | None, typer.Option("--since", formats=["%Y-%m-%d"], help="Day from which everything is sent.")
    ] = None,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Send everything behind a cursor, or since a day, again; ids are those of the first time.

    Example: songda webhooks replay whk_01m8… --since 2026-11-20
    """
    from songda.flow import webhooks as flow
    from songda.notices import cursor_before

    with open_house(tenant) as house:
        if after is None:
            with house.engine.begin() as connection:
                after = cursor_before(connection, house.tenant.id, days.at(since.date(), 0)) if since else 0
        flow.replay(house.engine, house.tenant, webhook, after=after, at=days.now(), actor="operator")
    if as_json:
        print_json({"webhook": webhook, "cursor": after})
        return
    typer.echo(f"{webhook} 将从游标 {after} 之后重新发送")


@webhooks.command()
def rotate(
    webhook: Webhook, overlap_days: OverlapDays = 7, tenant: TenantName = None, as_json: JsonFlag = False
) -> None:
    """Make a new signing secret; until the overlap is over every event is signed with both.

    Example: songda webhooks rotate whk_01m8… --overlap-days 7
    """
    from songda.flow import webhooks as flow

    with open_house(tenant) as house:
        at, overlap = days.now(), timedelta(days=overlap_days)
        flow.renew(house.engine, house.tenant, webhook, overlap=overlap, at=at, actor="operator")
        secrets = flow.secrets_of(house.engine, house.tenant, webhook, at=at)
    if as_json:
        print_json({"webhook": webhook, "secrets": [{"secret": s, "until": _text(until)} for s, until in secrets]})
        return
    for secret, until in secrets:
        typer.echo(
            f"{secret}\t{'当前' if until is None else f'有效至 {until.astimezone(days.SHANGHAI):%Y-%m-%d %H:%M}'}"
        )


@webhooks.command()
def enable(webhook: Webhook, tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """Send again to a receiver that was given up, from where it stopped.

    Example: songda webhooks enable whk_01m8…
    """
    from songda.flow import webhooks as flow

    with open_house(tenant) as house:
        flow.resume(house.engine, house.tenant, webhook, at=days.now(), actor="operator")
    _tell(webhook, f"{webhook} 已恢复，从停下的地方继续发送", as_json=as_json)


@webhooks.command()
def remove(webhook: Webhook, tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """Remove a receiver. The events stay in the feed.

    Example: songda webhooks remove whk_01m8…
    """
    from songda.flow import webhooks as flow

    with open_house(tenant) as house:
        flow.remove(house.engine, house.tenant, webhook, at=days.now(), actor="operator")
    _tell(webhook, f"已移除 {webhook}", as_json=as_json)


@webhooks.command()
def deliver(
    stay: Annotated[bool, typer.Option("--stay", help="Go on until interrupted; once when absent.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Send what is waiting, to all receivers of all institutions. `songda serve` does it too; several may run at once.

    Example: songda webhooks deliver --stay
    """
    from threading import Event

    from songda.flow.webhooks import deliver_all, keep_delivering
    from songda.notices import open_http

    with open_base() as (engine, master, _):
        if stay:
            # An interruption loses nothing: what was not acknowledged is sent again.
            with suppress(KeyboardInterrupt):
                keep_delivering(engine, master, Event(), clock=days.now)
            return
        tenants = [open_one(engine, master, name) for name in tenant_names(engine)]
        with open_http() as http:
            done = deliver_all(engine, tenants, http=http, clock=days.now)
    if as_json:
        print_json({"events": done.events, "behind": done.behind, "disabled": done.disabled})
        return
    typer.echo(f"已送达 {done.events:,} 个事件" + (f"；{done.behind} 个接收方还有未送达的" if done.behind else ""))


def _tell(webhook: str, text: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"webhook": webhook})
    else:
        typer.echo(text)


def _said(code: str) -> str:
    words = {"timeout": "超时没有应答", "unreachable": "连接不上"}
    return words.get(code, f"应答 {code.removeprefix('http_')}")


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
