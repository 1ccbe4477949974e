"""`songda press`: print runs, their sealed files, and what the factory says about them."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from songda.base import days
from songda.base.errors import SongdaError
from songda.cli.holder import holder_id
from songda.cli.letters import CannotWriteFile
from songda.cli.opening import JsonFlag, TenantName, day_of, open_house, print_json
from songda.cli.tables import print_table

press = typer.Typer(
    help="Print runs: list, open, hand to the factory, take its results in, balance, post.", no_args_is_help=True
)

Run = Annotated[str, typer.Argument(help="Print run, as `songda press list` names it.")]
AsOf = Annotated[
    datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="Business day; today when absent.")
]


class BadSpoiled(SongdaError):
    zh = "登记损坏的写法不对：{text}"
    remedy = "请写成 封件编号=原因，例如 --spoiled pce_01m8…=jam"
    exit_code = 64


class MayBePrinted(SongdaError):
    zh = "中止批次之前，须向印制方确认一张都没有印"
    remedy = "确认后加 --not-printed；已经开印的，请登记装封结果后结平"
    exit_code = 64


def add_to(app: typer.Typer) -> None:
    app.add_typer(press, name="press")


@press.command("list")
def list_(tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """List the print runs with state, pieces and manifest hash.

    Example: songda press list
    """
    from sqlalchemy import select

    from songda.store import tables

    r = tables.run.c
    with open_house(tenant) as house, house.engine.connect() as connection:
        rows = connection.execute(
            select(r.id, r.number, r.day, r.state, r.pieces, r.manifest_sha256)
            .where(r.tenant_id == house.tenant.id)
            .order_by(r.number)
        ).all()
    if as_json:
        print_json({"runs": [{**row._mapping, "day": row.day.isoformat()} for row in rows]})
        return
    print_table(
        "打印批次",
        ("批次", "编号", "日期", "状态", "封件", "清单哈希"),
        [
            (row.id, f"{row.number:06}", row.day.isoformat(), row.state, row.pieces, row.manifest_sha256 or "")
            for row in rows
        ],
    )


@press.command("open")
def open_(
    run: Run,
    file: Annotated[
        str | None, typer.Option(help="A file of manifest.json, or posting.csv; the first print file when absent.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="File to write (made new, mode 0600); stdout when absent.")] = None,
    tenant: TenantName = None,
) -> None:
    """Stream a sealed print file or the posting list to the one who may print it. Kept in the audit log.

    Example: songda press open run_01m8… | lp
    """
    from songda.flow.audit import write_audit
    from songda.flow.press import check_run, open_file, read_manifest
    from songda.intake import why_refused

    with open_house(tenant) as house:
        check_run(house.engine, house.tenant, run)
        name = file or read_manifest(house.home, run).files[0].name
        pieces = open_file(house.tenant, run, name, home=house.home)
        with house.engine.begin() as connection:
            write_audit(
                connection,
                at=days.now(),
                actor="operator",
                action="press.open",
                object_id=run,
                details={"file": name},
            )
        if to is None:
            for piece in pieces:
                sys.stdout.buffer.write(piece)
            return
        # Written under another name first: what does not verify to its end is no print file.
        draft = to.with_name(f".{to.name}.part")
        try:
            if to.exists():
                raise FileExistsError(17, "文件已存在")
            with open(draft, "xb", opener=_private) as target:
                for piece in pieces:
                    target.write(piece)
            draft.replace(to)
        except OSError as error:
            raise CannotWriteFile(path=str(to), reason=why_refused(error)) from error
        finally:
            draft.unlink(missing_ok=True)


@press.command()
def link(
    run: Run,
    file: Annotated[int, typer.Option(min=1, help="Number of the print file in the run.")] = 1,
    holder: Annotated[
        str, typer.Option(help="Id of the one who gets the link; the audit log names it. Never a person's name.")
    ] = "operator",
    hours: Annotated[int, typer.Option(min=1, max=72, help="Hours until the link expires.")] = 4,
    base: Annotated[str, typer.Option(help="Address under which `songda serve` is reached.")] = "http://127.0.0.1:8000",
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Print a signed link with which its holder downloads one print file until it expires. Kept in the audit log.

    Example: songda press link run_01m8… --file 1 --holder factory-2 --base https://letters.example.cn
    """
    from songda.flow.doors import audit_link, link_key, print_file
    from songda.web import press_path

    holder_id(holder)
    with open_house(tenant) as house:
        name = print_file(house.engine, house.tenant, house.home, run, file).name
        at = days.now()
        expires = at.replace(microsecond=0) + timedelta(hours=hours)
        path = press_path(run, file, holder=holder, expires=expires, key=link_key(house.tenant))
        audit_link(house.engine, run, file, holder=holder, expires=expires, at=at)
    url = base.rstrip("/") + path
    if as_json:
        print_json({"run": run, "file": name, "holder": holder, "expires": expires.isoformat(), "url": url})
    else:
        typer.echo(f"{name}，{expires:%Y-%m-%d %H:%M} 前有效，持有人 {holder}", err=True)
        typer.echo(url)


@press.command()
def acknowledge(
    run: Run,
    manifest_sha256: Annotated[str, typer.Argument(help="Hash of the manifest that the factory holds (run_sha256).")],
    tenant: TenantName = None,
) -> None:
    """The factory answers: it holds the same manifest. Another hash rejects the run; nothing is then printed.

    Example: songda press acknowledge run_01m8… 6f1c…
    """
    from songda.flow import factory
    from songda.flow.press import check_run

    with open_house(tenant) as house:
        check_run(house.engine, house.tenant, run)
        factory.acknowledge(house.engine, run, manifest_sha256=manifest_sha256, at=days.now())
    typer.echo(f"打印批次 {run} 的清单已确认")


@press.command()
def abort(
    run: Run,
    not_printed: Annotated[
        bool, typer.Option("--not-printed", help="You have the factory's word that nothing of the run was printed.")
    ] = False,
    tenant: TenantName = None,
) -> None:
    """Give a locked run up before it is printed; its pieces go to the next run with the waybills they have.

    Example: songda press abort run_01m8… --not-printed
    """
    from songda.flow import factory
    from songda.flow.press import check_run

    if not not_printed:
        raise MayBePrinted
    with open_house(tenant) as house:
        check_run(house.engine, house.tenant, run)
        factory.abort(house.engine, run, at=days.now())
    typer.echo(f"打印批次 {run} 已中止，封件由 songda run --resume 编入下一批次")


@press.command()
def report(
    run: Run,
    spoiled: Annotated[
        list[str] | None, typer.Option(help="PIECE=REASON of a spoiled piece; may be repeated. It is made anew.")
    ] = None,
    tenant: TenantName = None,
) -> None:
    """The factory reports the run as printed and enveloped; every piece that is not named as spoiled is good.

    Example: songda press report run_01m8… --spoiled pce_01m8…=jam
    """
    from songda.flow import factory
    from songda.flow.press import check_run

    bad = {}
    for text in spoiled or ():
        piece, sign, reason = text.partition("=")
        if not (piece and sign and reason):
            raise BadSpoiled(text=text[:80])
        bad[piece] = reason
    with open_house(tenant) as house:
        check_run(house.engine, house.tenant, run)
        factory.report(house.engine, house.tenant, run, at=days.now(), spoiled=bad)
    typer.echo(f"打印批次 {run} 已登记：损坏 {len(bad)} 件，其余完好")


@press.command()
def post(run: Run, tenant: TenantName = None, as_of: AsOf = None, as_json: JsonFlag = False) -> None:
    """Record that the balanced run was handed over to the carrier; stop orders take their pieces out first.

    Example: songda press post run_01m8…
    """
    from songda.flow.post import post_run
    from songda.flow.press import check_run

    day = day_of(as_of)
    with open_house(tenant) as house:
        check_run(house.engine, house.tenant, run)
        at = days.at(day, 17) if as_of else days.now()
        handed = post_run(house.engine, house.tenant, run, carrier=None, on=day, at=at)
    if as_json:
        print_json({"run": run, "posted": handed.posted, "pulled": handed.pulled, "spoiled": handed.spoiled})
    else:
        typer.echo(f"打印批次 {run} 已交寄 {handed.posted} 件，撤下 {handed.pulled} 件")


def _private(path: str, flags: int) -> int:
    import os

    return os.open(path, flags, 0o600)
