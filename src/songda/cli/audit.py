"""`songda audit`: is the record of who did what still what was written?"""

from __future__ import annotations

import typer

from songda.base.errors import SongdaError
from songda.cli.opening import JsonFlag, open_base, print_json

audit = typer.Typer(help="The hash-chained audit log.", no_args_is_help=True)


class AuditBroken(SongdaError):
    zh = "审计日志被改动：{breaks}"
    remedy = "请立即保全数据库和备份，并通知信息安全负责人"
    exit_code = 65


def add_to(app: typer.Typer) -> None:
    app.add_typer(audit, name="audit")


@audit.callback()
def _group() -> None:
    """Keeps `verify` a command of its own."""


@audit.command()
def verify(as_json: JsonFlag = False) -> None:
    """Compute the chain again and name every entry that was changed, removed or reordered.

    Example: songda audit verify
    """
    from songda.flow.audit import verify_audit

    with open_base() as (engine, _, _settings), engine.connect() as connection:
        count, head, breaks = verify_audit(connection)
    if as_json:
        print_json({"entries": count, "head": head, "breaks": [[each.seq, each.kind] for each in breaks]})
    else:
        typer.echo(f"审计链 {count:,} 条，末端 {head}")
    if breaks:
        raise AuditBroken(breaks="、".join(f"第 {each.seq} 条（{each.kind}）" for each in breaks[:10]))
