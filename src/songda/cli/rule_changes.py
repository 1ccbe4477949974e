"""`songda rules propose | approve | withdraw | shadow`: what an institution decides about the rules, by two persons."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from songda.base import days
from songda.base.errors import SongdaError
from songda.cli.holder import holder_id
from songda.cli.opening import JsonFlag, TenantName, open_house, print_json
from songda.cli.rules import GATES_ZH, rules
from songda.cli.tables import print_table

if TYPE_CHECKING:
    from songda.flow.shadow import Shadow

By = Annotated[str, typer.Option("--by", help="Id of the one who says so; kept in the audit log. Never a name.")]


class WhichChange(SongdaError):
    zh = "请给出变更文件或 --change 编号，取其一"
    remedy = "例如 songda rules shadow 收紧.toml，或 songda rules shadow --change 1"
    exit_code = 64


class UnreadableFile(SongdaError):
    zh = "文件 {name} 读不了"
    remedy = "请检查文件名和权限"
    exit_code = 66


def add_to(app: typer.Typer) -> None:
    for command in (propose, approve, withdraw, shadow):
        rules.command()(command)


def propose(
    file: Annotated[Path, typer.Argument(help="TOML: a table a rule, with stricter parameters or a rule of your own.")],
    reason: Annotated[str, typer.Option(help="Why, in a sentence; kept sealed. No personal data.")],
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day; tomorrow or later.")],
    by: By,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Propose a change of the rules; another person approves it. It can only stop more than the package does.

    The file holds e.g. `[T07]` and `min_days = 45`, or a rule of the institution's own as `[X01]` (docs/rules.zh-CN.md).

    Example: songda rules propose stricter.toml --reason 董事会决议 --from 2026-12-01 --by ops-7
    """
    from songda.flow.rule_changes import propose as say

    data = _read(file)
    with open_house(tenant) as house:
        number = say(
            house.engine,
            house.tenant,
            data,
            reason=reason,
            valid_from=first.date(),
            by=holder_id(by),
            at=days.now(),
        )
    if as_json:
        print_json({"change": number})
        return
    typer.echo(f"规则变更 {number} 已提出，拟自 {first.date()} 起有效。可先试算：songda rules shadow --change {number}")
    typer.echo(f"请由另一人批准：songda rules approve {number} --by 编号")


def approve(
    change: Annotated[int, typer.Argument(help="Number of the change, as `songda rules list` names it.")],
    by: By,
    tenant: TenantName = None,
) -> None:
    """Approve a proposed change as a second person: from its first day on every verdict is given with it.

    Example: songda rules approve 1 --by ops-2
    """
    from songda.flow.rule_changes import approve as say

    with open_house(tenant) as house:
        approved = say(house.engine, house.tenant, change, by=holder_id(by), at=days.now())
    typer.echo(f"规则变更 {change}（{'、'.join(approved.rules)}）已批准，自 {approved.valid_from} 起有效")


def withdraw(
    change: Annotated[int, typer.Argument(help="Number of the change, as `songda rules list` names it.")],
    by: By,
    second: Annotated[str | None, typer.Option(help="Id of another person, for a change that is approved.")] = None,
    first: Annotated[
        datetime | None,
        typer.Option(
            "--from", formats=["%Y-%m-%d"], help="First day without an approved change; tomorrow when absent."
        ),
    ] = None,
    tenant: TenantName = None,
) -> None:
    """Take a proposal back, or end an approved change, which takes two persons. What it stopped stays stopped.

    Example: songda rules withdraw 1 --by ops-7 --second ops-2 --from 2027-01-01
    """
    from songda.flow.rule_changes import withdraw as say

    with open_house(tenant) as house:
        ends_on = say(
            house.engine,
            house.tenant,
            change,
            by=holder_id(by),
            second=None if second is None else holder_id(second),
            ends_on=None if first is None else first.date(),
            at=days.now(),
        )
    typer.echo(f"规则变更 {change} 已撤回" if ends_on is None else f"规则变更 {change} 自 {ends_on} 起不再有效")


def shadow(
    file: Annotated[
        Path | None, typer.Argument(help="TOML as for `songda rules propose`; or none, with --change.", exists=True)
    ] = None,
    change: Annotated[int | None, typer.Option(help="Number of a change, as `songda rules list` names it.")] = None,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day looked at.")] = None,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Run a change of the rules over what was decided so far: how many more would be refused, by gate and rule. Changes nothing.

    Judged again are letters at the gates accept, approve and lock, pieces at the hand-over, and permits by the counters that
    they keep; what cannot be judged again is told.

    Example: songda rules shadow stricter.toml --since 2026-11-01
    """
    from songda.flow.rule_changes import document_of, read_document
    from songda.flow.shadow import shadow as run_shadow

    if (file is None) == (change is None):
        raise WhichChange
    with open_house(tenant) as house, house.engine.connect() as connection:
        given = None if file is None else read_document(_read(file))
        document = given or document_of(connection, house.tenant, change or 0)
        first = date.min if since is None else since.date()
        seen = run_shadow(connection, house.tenant, document, number=change or 0, since=first)
    if as_json:
        print_json(_shadow_told(seen))
        return
    rows = [
        (
            _SEEN_ZH[gate.gate],
            gate.judged,
            gate.same_inputs,
            gate.more,
            gate.fewer,
            "、".join(f"{rule} {count}" for rule, count in gate.by_rule.items()),
        )
        for gate in seen.gates
    ]
    columns = ("关口", "重新判断", "与当时的输入一致", "多拦", "少拦", "多拦的按规则")
    print_table("试算（未改动任何数据）", columns, rows)
    if seen.left:
        missing = [(_SEEN_ZH[each.gate], _LEFT_ZH[each.why], each.what, each.count or "全部") for each in seen.left]
        print_table("不能重新判断的", ("关口", "原因", "规则", "数量"), missing)
    if seen.changed:
        print_table(
            "结论会不同的",
            ("日期", "关口", "函号", "原结论", "新结论", "新触发的规则", "与当时的输入"),
            [
                (
                    each.day,
                    _SEEN_ZH[each.gate],
                    each.letter_no or each.object_id,
                    each.before,
                    each.after,
                    "、".join(each.rules),
                    "一致" if each.same_inputs else "已变动",
                )
                for each in seen.changed
            ],
        )


_SEEN_ZH = GATES_ZH | {"contact": "联系许可"}
#: Why something could not be judged again (songda.flow.shadow.Left).
_LEFT_ZH = {
    "court": "转送法院文书的函件",
    "erased": "收件人的信息已删除",
    "void": "律师的审批不能核验",
    "held": "签发时已被拦下，没有记下在哪些地址",
    "not_composed": "按现在的档案和模板不能再写成",
    "no_facts": "许可没有保存这条规则所需的事实",
    "never_judged": "流程中尚没有环节在此关口判断",
}


def _shadow_told(seen: Shadow) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "gates": [asdict(each) for each in seen.gates],
        "left": [asdict(each) for each in seen.left],
        "changed": [asdict(each) | {"day": each.day.isoformat()} for each in seen.changed],
    }


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        raise UnreadableFile(name=file.name) from None
