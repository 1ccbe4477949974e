"""`songda courier`: work lists of delivery offices, the links to them, and what the offices report."""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from songda.base import days
from songda.base.errors import SongdaError
from songda.cli.holder import holder_id
from songda.cli.letters import write_private
from songda.cli.opening import JsonFlag, TenantName, open_house, print_json
from songda.cli.tables import print_table
from songda.cli.usage import WrongUsage

if TYPE_CHECKING:
    from songda.flow.courier import Row

courier = typer.Typer(
    help="Delivery offices: work lists, links to them, and what the couriers report.", no_args_is_help=True
)

Office = Annotated[str, typer.Argument(help="The office's 8-digit code, as tracking events name it.")]


#: What a link can name.
_OFFICE = re.compile(r"\w{1,16}")


class BadOffice(SongdaError):
    zh = "网点代码的写法不对"
    remedy = "请写轨迹中的网点代码，通常为 8 位数字；songda courier offices 列出有邮件的网点"
    exit_code = 64


def add_to(app: typer.Typer) -> None:
    app.add_typer(courier, name="courier")


@courier.command()
def offices(tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """List the offices to which letters under way have come for delivery, with their numbers.

    Example: songda courier offices
    """
    from songda.dispatch import offices_reached
    from songda.flow.tracking import mapping_of

    with open_house(tenant) as house, house.engine.connect() as connection:
        rows = offices_reached(connection, house.tenant.id, at=days.now(), mapping=mapping_of(house.home))
    if as_json:
        print_json({"offices": [row._asdict() for row in rows]})
    else:
        print_table("在途邮件到过的投递网点", ("代码", "名称", "在途件数"), rows)


@courier.command("list")
def list_(
    office: Office,
    as_csv: Annotated[bool, typer.Option("--csv", help="The whole list as CSV on stdout.")] = False,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """List what lies at an office and what its team is advised. No person is named.

    Example: songda courier list 31000100 --csv > list.csv
    """
    from songda.flow.courier import told, worklist

    with open_house(tenant) as house:
        rows = worklist(house.engine, house.tenant, office, home=house.home, at=days.now())
    if as_csv:
        _print_csv(rows)
    elif as_json:
        print_json({"office": office, "items": [{"waybill_no": row.item.waybill_no, **told(row)} for row in rows]})
    else:
        print_table(
            f"网点 {office} 的投递清单",
            ("邮件号", "状态", "地址类型", "已投", "建议时段", "先打电话", "理由"),
            [
                (
                    row.item.waybill_no,
                    told(row)["state"],
                    row.place,
                    len(row.item.tries),
                    f"{row.advice.day or ''} {'-'.join(row.advice.window)}",
                    "是" if row.advice.phone_first else "否",
                    row.advice.why_then if row.advice.hold is None else row.advice.hold.text,
                )
                for row in rows
            ],
        )


@courier.command()
def link(
    office: Office,
    holder: Annotated[
        str, typer.Option(help="Id of the team that gets the link; the audit log names it. Never a name.")
    ],
    hours: Annotated[int, typer.Option(min=1, max=24, help="Hours until the link expires.")] = 12,
    base: Annotated[str, typer.Option(help="Address under which `songda serve` is reached.")] = "http://127.0.0.1:8000",
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Print a signed link to an office's list for a phone, valid until it expires. Kept in the audit log.

    Example: songda courier link 31000100 --holder team-3 --hours 12 --base https://letters.example.cn
    """
    from songda.flow.courier_links import give, signing_key
    from songda.web import courier_path

    holder_id(holder)
    if not _OFFICE.fullmatch(office):
        raise BadOffice
    with open_house(tenant) as house:
        at = days.now()
        expires = at.replace(microsecond=0) + timedelta(hours=hours)
        generation = give(house.engine, house.tenant, office, holder=holder, expires=expires, at=at)
        key = signing_key(house.tenant)
        path = courier_path(house.tenant.id, office, holder=holder, expires=expires, key=key, generation=generation)
    url = base.rstrip("/") + path
    if as_json:
        print_json({"office": office, "holder": holder, "expires": expires.isoformat(), "url": url})
    else:
        typer.echo(f"网点 {office}，{expires:%Y-%m-%d %H:%M} 前有效，持有人 {holder}", err=True)
        typer.echo(url)


@courier.command()
def links(
    office: Annotated[str | None, typer.Argument(help="Code of an office; all when absent.")] = None,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """List the links that are neither expired nor revoked: to whom they were given, and until when.

    Example: songda courier links 31000100
    """
    from songda.flow.courier_links import given_links

    with open_house(tenant) as house, house.engine.connect() as connection:
        rows = given_links(connection, house.tenant, office=office, at=days.now())
    if as_json:
        listed = [{"office": row.office, "holder": row.holder, "expires": row.expires.isoformat()} for row in rows]
        print_json({"links": listed})
    else:
        lines = [(row.office, row.holder, f"{row.expires.astimezone(days.SHANGHAI):%Y-%m-%d %H:%M}") for row in rows]
        print_table("有效的链接", ("网点", "持有人", "有效至"), lines)


@courier.command()
def revoke(
    office: Office,
    by: Annotated[str, typer.Option("--by", help="Id of the one who revokes; kept in the audit log. Never a name.")],
    holder: Annotated[str | None, typer.Option(help="Id of the team whose links to the office are revoked.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Revoke the office's links, whoever holds them.")] = False,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Take links back before they expire: a phone was lost, a team has changed. At once, for lists, names and reports.

    A holder may be given a new link afterwards; results that wait on a phone are sent with it.

    Example: songda courier revoke 31000100 --holder team-3 --by ops-7
    """
    from songda.flow.courier_links import revoke as take_back

    who = holder_id(by)
    if (holder is None) != every:
        raise WrongUsage(what="--holder 与 --all 须且只能写一个", command="songda courier revoke")
    with open_house(tenant) as house:
        taken = take_back(house.engine, house.tenant, office, holder=holder, by=who, at=days.now())
    if as_json:
        print_json({"office": office, "revoked": len(taken), "holders": sorted({link.holder for link in taken})})
    else:
        typer.echo(f"已作废网点 {office} 的 {len(taken)} 个链接，即刻生效")


@courier.command()
def reports(
    office: Annotated[str | None, typer.Argument(help="Code of an office; all when absent.")] = None,
    last_days: Annotated[int, typer.Option("--days", min=1, max=366, help="Reports of so many days.")] = 7,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """List what offices have reported. Who signed lies sealed in the evidence of the letter.

    Example: songda courier reports 31000100 --days 3
    """
    from songda.dispatch import reportable
    from songda.flow import courier_reports

    words = {row["code"]: row["zh"] for row in reportable()["outcome"]}
    with open_house(tenant) as house, house.engine.connect() as connection:
        since = days.now() - timedelta(days=last_days)
        rows = courier_reports.reports(connection, house.tenant, office=office, since=since)
    if as_json:
        print_json({"reports": [row.to_json() for row in rows]})
        return
    print_table(
        "投递网点的回报",
        ("编号", "邮件号", "结果", "网点", "持有人", "发生时间", "来源", "照片"),
        [
            (
                row.report_id,
                row.waybill_no,
                words.get(row.outcome, row.outcome),
                row.office,
                row.holder,
                f"{row.happened_at:%Y-%m-%d %H:%M}",
                "承运商程序" if row.teller == "app" else "网点页面",
                "有" if row.has_slip else "",
            )
            for row in rows
        ],
    )


@courier.command()
def slip(
    report: Annotated[str, typer.Argument(help="Report, as `songda courier reports` names it.")],
    to: Annotated[Path, typer.Option(help="File to write the JPEG to; it must not exist.")],
    by: Annotated[str, typer.Option("--by", help="Id of the one who looks; kept in the audit log. Never a name.")],
    tenant: TenantName = None,
) -> None:
    """Write the photo of a report's sign-for slip to a file. Kept in the audit log.

    Example: songda courier slip rpt_01m8… --to slip.jpg --by ops-7
    """
    from songda.flow import courier_reports

    who = holder_id(by)
    with open_house(tenant) as house:
        jpeg = courier_reports.slip(house.engine, house.tenant, house.home, report, by=who, at=days.now())
    write_private(to, jpeg)
    typer.echo(f"已写出 {to}")


def _print_csv(rows: list[Row]) -> None:
    import csv

    from songda.flow.courier import COLUMNS, lines

    writer = csv.writer(sys.stdout)
    writer.writerow(COLUMNS)
    writer.writerows(lines(rows))
