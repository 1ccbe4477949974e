"""`songda court`: documents that a court has entrusted the firm to forward: recorded, confirmed, forwarded, withdrawn."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from songda.base import days
from songda.base.errors import SongdaError
from songda.cli.holder import holder_id
from songda.cli.opening import JsonFlag, TenantName, day_of, open_house, print_json
from songda.cli.stops import ANSWERS_ZH
from songda.cli.tables import print_table

if TYPE_CHECKING:
    from songda.flow.court import Entrustment

court = typer.Typer(help="Documents that a court has entrusted the firm to forward.", no_args_is_help=True)

By = Annotated[str, typer.Option("--by", help="Id of the one who says so; kept in the audit log. Never a name.")]
Which = Annotated[str, typer.Argument(help="Entrustment, as `songda court list` names it.")]

_STATES_ZH = {"recorded": "待第二人确认", "confirmed": "已确认", "withdrawn": "已撤回"}


class WithdrawReason(StrEnum):
    """Why an entrustment ends (songda.flow.court.WITHDRAW_REASONS)."""

    COURT_WITHDREW = "court_withdrew"
    RECORDED_WRONGLY = "recorded_wrongly"


class UnreadableFile(SongdaError):
    zh = "文件 {name} 读不了"
    remedy = "请检查文件名和权限"
    exit_code = 66


def add_to(app: typer.Typer) -> None:
    app.add_typer(court, name="court")


@court.command()
def entrust(
    file: Annotated[Path, typer.Argument(help="The document as the court handed it over, PDF. It is never changed.")],
    sha256: Annotated[str, typer.Option(help="Its SHA-256, from the court or computed by you.")],
    court_name: Annotated[str, typer.Option("--court", help="Full name of the court.")],
    docket: Annotated[str, typer.Option(help="Docket number (案号) on the document.")],
    document: Annotated[str, typer.Option(help="What the document calls itself, e.g. 执行裁定书.")],
    number: Annotated[str, typer.Option(help="Number of the court's written entrustment (委托编号).")],
    on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Day of the entrustment.")],
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day on which it counts.")],
    by: By,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Record what a court has entrusted; a second person has to confirm it before anything is forwarded.

    Example: songda court entrust 裁定书.pdf --sha256 9f86… --court 青石市人民法院 --docket （2026）测0101执123号
    --document 执行裁定书 --number （2026）测0101委送45号 --on 2026-11-20 --until 2026-12-20 --by ops-7
    """
    from songda.flow.court import record
    from songda.flow.stationery import products_of
    from songda.letters import Entrusted

    entrusted = Entrusted(court_name, docket, number, on.date(), document, pages=0, sha256=sha256.strip())
    try:
        pdf = file.read_bytes()
    except OSError as error:
        raise UnreadableFile(name=file.name) from error
    with open_house(tenant) as house:
        made = record(
            house.engine,
            house.tenant,
            entrusted,
            pdf,
            valid_until=until.date(),
            products=products_of(house.tenant),
            home=house.home,
            by=holder_id(by),
            at=days.now(),
        )
    if as_json:
        print_json({"entrustment": made})
    else:
        typer.echo(f"委托已登记：{made}。请由另一人核对法院的委托函和文书后运行 songda court confirm")


@court.command()
def confirm(
    entrustment: Which,
    docket: Annotated[str, typer.Option(help="Docket number, entered anew from the court's papers.")],
    sha256: Annotated[str, typer.Option(help="SHA-256 of the document, computed anew.")],
    by: By,
    tenant: TenantName = None,
) -> None:
    """Confirm an entrustment as a second person, who enters docket number and hash from the court's own papers.

    Example: songda court confirm ent_01m8… --docket （2026）测0101执123号 --sha256 9f86… --by ops-2
    """
    from songda.flow.court import confirm as say

    with open_house(tenant) as house:
        say(
            house.engine,
            house.tenant,
            entrustment,
            docket_no=docket,
            sha256=sha256,
            by=holder_id(by),
            at=days.now(),
        )
    typer.echo(f"委托 {entrustment} 已确认，可以转送：songda court forward {entrustment} --case 案件编号")


@court.command()
def forward(
    entrustment: Which,
    case: Annotated[list[str], typer.Option(help="Case number whose person gets the document; may be repeated.")],
    by: By,
    tenant: TenantName = None,
    as_of: Annotated[
        datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="Business day; today when absent.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Decide on a cover letter with the document to the person of each case; two lawyers then sign (songda letters approve).

    Example: songda court forward ent_01m8… --case A-1001 --by ops-7
    """
    from songda.flow.decide import rules_on
    from songda.flow.figures import reason_zh
    from songda.flow.forward import forward as send
    from songda.flow.run import alone

    on = day_of(as_of)
    at = days.at(as_of.date(), 17) if as_of else days.now()
    with open_house(tenant) as house, alone(house):
        made = send(house, entrustment, case, on=on, by=holder_id(by), at=at)
        rules = rules_on(house.tenant, on)
    if as_json:
        print_json({"batch": made.batch_id, "letters": list(made.letters)})
        return
    print_table(
        f"批次 {made.batch_id}",
        ("函号", "状态", "理由"),
        [
            (
                each["letter_no"] or "",
                each["state"],
                "；".join(reason_zh(code, rules) for code in each["reasons"] if code != "chosen"),
            )
            for each in made.letters
        ],
    )
    typer.echo(f"须两名律师先后签发：songda letters approve {made.batch_id} --lawyer 姓名 --key 密钥")


@court.command()
def withdraw(
    entrustment: Which,
    reason: Annotated[WithdrawReason, typer.Option(help="Why.")],
    by: By,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """End an entrustment. Letters that are not handed over are stopped; for the others it is said that it is too late.

    Example: songda court withdraw ent_01m8… --reason court_withdrew --by ops-7
    """
    from songda.flow.court import withdraw as end
    from songda.flow.stop import letter_numbers, places_in_runs

    with open_house(tenant) as house:
        answers = end(house.engine, house.tenant, entrustment, reason=reason, by=holder_id(by), at=days.now())
        with house.engine.connect() as connection:
            numbers = letter_numbers(connection, answers)
            where = places_in_runs(connection, [piece for each in answers.values() for piece in each.pieces])
    rows: list[dict[str, Any]] = [
        {"letter_no": numbers[letter], "outcome": each.outcome, "pieces": [where[piece] for piece in each.pieces]}
        for letter, each in answers.items()
    ]
    if as_json:
        print_json({"entrustment": entrustment, "letters": rows})
        return
    print_table(
        f"委托 {entrustment} 已撤回",
        ("函号", "结果", "要取出的封件（打印批次/序号）"),
        [(row["letter_no"] or "", ANSWERS_ZH[row["outcome"]], "、".join(row["pieces"])) for row in rows],
    )


@court.command("list")
def list_(tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """List entrustments: state, days, pages, who recorded and confirmed them. Court and docket number are not shown.

    Example: songda court list
    """
    from songda.flow.court import entrustments

    with open_house(tenant) as house, house.engine.connect() as connection:
        rows = [_row(each) for each in entrustments(connection, house.tenant)]
    if as_json:
        print_json({"entrustments": rows})
        return
    print_table(
        "法院委托",
        ("编号", "状态", "委托日期", "有效至", "页数", "文书哈希", "登记", "确认"),
        [
            (
                row["id"],
                _STATES_ZH[row["state"]],
                row["entrusted_on"],
                row["valid_until"],
                row["pages"],
                row["document_sha256"][:16],
                row["recorded_by"],
                row["confirmed_by"] or "",
            )
            for row in rows
        ],
    )


@court.command()
def show(
    entrustment: Which,
    to: Annotated[Path, typer.Option(help="PDF file to write (made new, mode 0600): the document, byte for byte.")],
    tenant: TenantName = None,
) -> None:
    """Show what was recorded, and write the document for the eyes of the one who confirms or signs. Kept in the audit log.

    Example: songda court show ent_01m8… --to 裁定书.pdf
    """
    from songda.cli.letters import write_private
    from songda.flow.audit import write_audit
    from songda.flow.court import read_document, read_entrustment

    with open_house(tenant) as house:
        with house.engine.begin() as connection:
            found = read_entrustment(connection, house.tenant, entrustment)
            pdf = read_document(house.home, house.tenant, entrustment)
            write_audit(
                connection,
                at=days.now(),
                actor="operator",
                action="court.shown",
                object_id=entrustment,
                details={},
            )
        write_private(to, pdf)
    stated = found.entrusted
    print_table(
        f"委托 {entrustment}：{_STATES_ZH[found.state]}",
        ("项目", "内容"),
        [
            ("法院", stated.court),
            ("案号", stated.docket_no),
            ("文书", f"{stated.document}，{stated.pages} 页"),
            ("委托编号", stated.no),
            ("委托日期、有效至", f"{stated.on.isoformat()}、{found.valid_until.isoformat()}"),
            ("文书 SHA-256", stated.sha256),
        ],
    )
    typer.echo(f"已写出 {to}（含个人信息，请勿转发，用后删除）")


def _row(each: Entrustment) -> dict[str, Any]:
    return {
        "id": each.id,
        "state": each.state,
        "entrusted_on": each.entrusted.on.isoformat(),
        "valid_until": each.valid_until.isoformat(),
        "pages": each.entrusted.pages,
        "document_sha256": each.entrusted.sha256,
        "recorded_by": each.recorded_by,
        "recorded_at": each.recorded_at.isoformat(),
        "confirmed_by": each.confirmed_by,
        "confirmed_at": each.confirmed_at.isoformat() if each.confirmed_at else None,
    }
