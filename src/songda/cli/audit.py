"""`songda audit`: is the record of who did what still what was written?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from songda.base import days
from songda.base.errors import SongdaError
from songda.cli.opening import JsonFlag, TenantName, open_base, open_house, print_json

audit = typer.Typer(help="The hash-chained audit log, sealed daily.", no_args_is_help=True)

_KINDS_ZH = {
    "changed": "被改动",
    "removed": "有缺失",
    "reordered": "次序不对或重复",
    "forged": "封印或其时间戳与此前的记录不符",
}


class AuditBroken(SongdaError):
    zh = "审计日志被改动：{breaks}"
    remedy = "请立即保全数据库和备份，并通知信息安全负责人；以此前另存的副本比对"
    exit_code = 65


class NoSuchCopy(SongdaError):
    zh = "读不到文件 {file}"
    remedy = "请检查路径和权限"
    exit_code = 66


def add_to(app: typer.Typer) -> None:
    app.add_typer(audit, name="audit")


@audit.command()
def verify(
    copy: Annotated[
        Path | None, typer.Argument(help="A copy made by `songda audit export`; absent: the database.")
    ] = None,
    trust: Annotated[
        list[Path] | None,
        typer.Option(help="Key of an institution (`songda evidence key`) by which seals are checked, for a copy."),
    ] = None,
    authority: Annotated[
        list[Path] | None,
        typer.Option(help="Root certificate of the authority by which timestamps of seals are checked, for a copy."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Compute the chain again, check the seals and their timestamps, and name every entry that was changed, removed or reordered.

    A copy needs no database and no secret. What is said of seals holds against somebody who has computed all hashes anew.

    Example: songda audit verify
    Example: songda audit verify audit.jsonl --trust bank.pem --authority tsa.pem
    """
    from songda.flow.audit import institution_keys, verify_audit, verify_copy
    from songda.flow.audit_stamps import authorities

    try:
        keys = [path.read_text("utf-8") for path in trust or ()]
        roots = [path.read_bytes() for path in authority or ()]
        lines = None if copy is None else copy.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise NoSuchCopy(file=getattr(error, "filename", None) or copy) from None
    if lines is not None:
        found = verify_copy(lines, keys=keys, roots=roots)
    else:
        with open_base() as (engine, master, _settings):
            keys += institution_keys(engine, master)
            roots += authorities(engine, master)
            with engine.connect() as connection:
                found = verify_audit(connection, keys=keys, roots=roots)
    if as_json:
        print_json(
            {
                "entries": found.entries,
                "head": found.head,
                "breaks": [[each.seq, each.kind] for each in found.breaks],
                "seals_checked": bool(keys),
                "sealed": found.sealed,
                "sealed_on": found.sealed_on,
                "stamped": found.stamped,
                "stamped_at": found.stamped_at,
            }
        )
    else:
        typer.echo(f"审计链 {found.entries:,} 条，末端 {found.head}")
        typer.echo(_sealed(found.entries, found.sealed, found.sealed_on, checked=bool(keys)))
        if found.stamped_at:
            typer.echo(f"前 {found.stamped:,} 条的封印由第三方时间戳证明早于 {found.stamped_at}")
    if found.breaks:
        raise AuditBroken(breaks="、".join(f"第 {each.seq} 条{_KINDS_ZH[each.kind]}" for each in found.breaks[:10]))


def _sealed(entries: int, sealed: int, day: str | None, *, checked: bool) -> str:
    if not checked:
        return "没有给出机构的公钥，封印未核对（--trust，见 songda evidence key）"
    if not sealed:
        return "还没有封印"
    rest = f"第 {sealed + 1:,} 条起尚无封印" if sealed + 1 < entries else "此后没有新记录"
    return f"前 {sealed:,} 条由 {day} 的封印覆盖，{rest}"


@audit.command()
def seal(tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """Sign for the chain as it stands, once a business day, and have the seal stamped; `songda run` does it by itself.

    Example: songda audit seal
    """
    from songda.flow.audit import seal_audit
    from songda.flow.audit_stamps import stamp_audit

    with open_house(tenant) as house:
        sealed = seal_audit(house.engine, house.tenant, at=days.now())
        error = stamp_audit(house.engine, house.tenant, at=days.now())
    if as_json:
        print_json({"sealed": sealed})
    else:
        typer.echo(f"封印覆盖前 {sealed:,} 条")
    if error is not None:
        raise error


@audit.command()
def export(
    to: Annotated[Path, typer.Option(help="File to be written, a JSON object a line; it holds ids and no person.")],
) -> None:
    """Copy the log, to be kept where nobody of this house can change it and verified there.

    Example: songda audit export --to audit-2026-11-26.jsonl
    """
    from songda.flow.audit import export_audit
    from songda.vault.durable import new_file

    with open_base() as (engine, _, _settings), engine.connect() as connection, new_file(to) as file:
        for line in export_audit(connection):
            file.write(line.encode())
    typer.echo(f"已写入 {to}")
