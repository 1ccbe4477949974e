"""`songda rules`: what the rules say and why, and whether their cases come out as written."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from songda.base import days
from songda.base.errors import SongdaError
from songda.cli.opening import JsonFlag, TenantName, day_of, open_base, open_house, open_one, print_json, tenant_names
from songda.cli.tables import print_table

if TYPE_CHECKING:
    from songda.compliance import RuleSet
    from songda.flow.judged import Origin
    from songda.flow.rule_changes import Listed

rules = typer.Typer(
    help="Compliance rules: list, explain, test; and an institution's own changes, by two persons.",
    no_args_is_help=True,
)

AsOf = Annotated[datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="Rules of this day; today's.")]

EFFECTS_ZH = {
    "block": "拦截",
    "block_close": "不得结案",
    "review": "人工审核",
    "warn": "提示",
    "alarm": "告警",
    "grade": "证明等级",
}
VERIFIED_ZH = {
    "S": "已核对法律条文",
    "N": "据可靠转述",
    "N-": "仅一个较弱的转述",
    "M": "凭记忆，未核对",
    "D": "本系统的默认值，没有法定数字",
    "I": "机构自定",
}
GATES_ZH = {
    "accept": "接收",
    "approve": "签发",
    "lock": "锁定",
    "hand_over": "交寄",
    "follow_up": "跟踪",
}
WAYS_ZH = {"lower": "只能调低", "higher": "只能调高", "subset": "只能减少", "superset": "只能增加"}


class CasesFailed(SongdaError):
    """Rules and their cases disagree: one of the two was changed without the other."""

    zh = "{count} 个用例的结果与规则用例表不符"
    remedy = "请核对规则文件或用例表的改动；在两者一致之前不要使用这套规则"
    exit_code = 70


def add_to(app: typer.Typer) -> None:
    app.add_typer(rules, name="rules")


@rules.command("list")
def list_(
    tenant: TenantName = None,
    as_of: AsOf = None,
    as_json: JsonFlag = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="The list as docs/rules.zh-CN.md holds it.")] = False,
) -> None:
    """List the rules that hold on a day, with effect, gates and how well their source was read.

    Of an institution: with what it has decided about them (`songda rules propose`), which is listed below.

    Example: songda rules list --as-of 2026-11-26
    """
    held, changes = _held(tenant, day_of(as_of))
    if as_json:
        listed = [_explained(held, rule.id) for rule in held.rules]
        print_json({"rule_set": held.label, "rules": listed, "changes": [_change_told(each) for each in changes]})
        return
    if as_markdown:
        typer.echo(markdown(held))
        return
    rows = [
        (
            rule.id,
            rule.title,
            EFFECTS_ZH[rule.effect],
            "、".join(GATES_ZH[gate] for gate in rule.gates),
            rule.verified,
            "、".join(rule.source),
            rule.valid_from,
        )
        for rule in held.rules
    ]
    print_table(f"规则 {held.label}", ("编号", "规则", "后果", "关口", "核对", "依据", "生效"), rows)
    if changes:
        print_table("规则变更", _CHANGE_COLUMNS, map(_change_row, changes))


@rules.command()
def explain(
    rule: Annotated[
        str,
        typer.Argument(metavar="RULE|LETTER|CASE", help="Id of a rule, e.g. T07, or number of a letter or of a case."),
    ],
    tenant: TenantName = None,
    as_of: AsOf = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what a rule asks, where it comes from, which facts it needs and what an institution may make stricter.

    Of a letter: which rules judged it at which gate, what came of it, and where each fact came from. Of a case: its letters, and
    where the facts come from. Nothing of a person is shown.

    Example: songda rules explain T07
    """
    from songda.compliance import fact_zh

    if not re.fullmatch(r"[A-Z]\d\d", rule):
        _explain_letter(rule, tenant, as_json=as_json)
        return

    held, _ = _held(tenant, day_of(as_of))
    told = _explained(held, rule)
    if as_json:
        print_json({"rule_set": held.label} | told)
        return
    typer.echo(f"{told['id']} {told['title']}（规则集 {held.label}）")
    typer.echo(f"不通过时：{EFFECTS_ZH[told['effect']]}。{told['reason_zh']}。{told['remedy_zh']}。")
    typer.echo(f"依据：{'、'.join(told['source'])}（{told['verified']}：{VERIFIED_ZH[told['verified']]}）")
    typer.echo(f"有效期：{told['valid_from']} 起{'至 ' + told['valid_to'] if told['valid_to'] else ''}")
    typer.echo(f"适用：{'、'.join(told['scope'])}")
    for gate, names in told["facts"].items():
        typer.echo(f"关口 {GATES_ZH[gate]}：{told['when_at'].get(gate, told['when'])}")
        typer.echo("  所需事实：" + "、".join(f"{fact_zh(name)}（{name}）" for name in names))
    for name, value in told["params"].items():
        shown = "、".join(value) if isinstance(value, list) else value
        typer.echo(f"参数 {name} = {shown}：{WAYS_ZH.get(told['tighten'].get(name), '机构不能改')}")


@rules.command("test")
def run_cases_(
    only: Annotated[list[str] | None, typer.Argument(help="Ids of rules; all when absent.")] = None,
    as_of: AsOf = None,
    as_json: JsonFlag = False,
) -> None:
    """Run the cases of the rules: what passes, what fires, both sides of each line, and unknown facts.

    Example: songda rules test T07 C04
    """
    from songda.compliance import load_rules
    from songda.compliance.cases import run_cases

    held = load_rules(day_of(as_of))
    judged = list(run_cases(held, only or [rule.id for rule in held.rules]))
    wrong = [case for case in judged if not case.as_expected]
    if as_json:
        failed = [{"rule": c.rule, "kind": c.kind, "change": dict(c.change), "fired": c.fired} for c in wrong]
        print_json({"rule_set": held.label, "cases": len(judged), "failed": failed})
    else:
        tested = len({case.rule for case in judged})
        typer.echo(f"规则集 {held.label}：{tested} 条规则，{len(judged)} 个用例，{len(wrong)} 个不符")
        rows = [(c.rule, c.kind, c.change, "触发" if c.fired else "未触发") for c in wrong]
        if rows:
            print_table("不符的用例", ("规则", "类别", "改动的事实", "结果"), rows)
    if wrong:
        raise CasesFailed(count=len(wrong))


def _explain_letter(number: str, tenant: str | None, *, as_json: bool) -> None:
    """Of a letter its decisions and the origins of their facts; of a case the letters about it and the origins of its facts."""
    from songda.flow.errors import UnknownLetter
    from songda.flow.judged import decisions_of_letter, origins_of_case, origins_of_letter

    with open_house(tenant) as house, house.engine.connect() as connection:
        today = days.business_day(days.now())
        try:
            told = decisions_of_letter(connection, house.tenant, number)
        except UnknownLetter:
            letters, origins = origins_of_case(connection, house.tenant, number, on=today)
            if as_json:
                print_json({"letters": letters, "facts": [_origin_told(each) for each in origins]})
                return
            typer.echo("有关这个案件的函件：" + ("、".join(letters) or "无") + "；逐封查看：songda rules explain 函号")
            _print_origins(origins)
            return
        stages = {each["stage"] for each in told}
        last = max((date.fromisoformat(each["day"]) for each in told), default=today)
        origins = origins_of_letter(connection, house.tenant, number, gates=stages, on=last)
    if as_json:
        print_json({"letter": number, "decisions": told, "facts": [_origin_told(each) for each in origins]})
        return
    rows = [
        (
            each["day"],
            GATES_ZH.get(each["stage"], each["stage"]),
            each["outcome"],
            "；".join(each["words"]),
            "、".join(each["reasons"]),
            # A gate whose rules have changed since says only which set judged.
            "、".join(each["applied"] or ()),
            each["versions"].get("rules", ""),
            each["inputs_sha256"][:12],
        )
        for each in told
    ]
    print_table(f"函件 {number}", ("日期", "环节", "结论", "理由", "代码", "适用规则", "规则集", "输入哈希"), rows)
    _print_origins(origins)


def _print_origins(origins: list[Origin]) -> None:
    from songda.flow.judged import SOURCES_ZH

    print_table(
        "事实的来源（不显示内容）",
        ("事实", "名称", "关口", "来源", "出处", "怎样得出", "所在（批次/行/文件哈希，地址/序号，档案哈希）"),
        [
            (
                each.zh,
                each.fact,
                "、".join(GATES_ZH[gate] for gate in each.gates),
                SOURCES_ZH[each.source],
                "、".join(each.what),
                each.how,
                "；".join(each.rows),
            )
            for each in origins
        ],
    )


def _origin_told(each: Origin) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(each)


_CHANGE_COLUMNS = ("编号", "状态", "规则", "自", "至", "提出", "批准", "理由")


def _change_row(each: Listed) -> tuple[object, ...]:
    from songda.flow.rule_changes import STATES_ZH

    change = each.change
    rules_ = "、".join(change.rules)
    ends = change.valid_to or ""
    return (
        change.number,
        STATES_ZH[each.state],
        rules_,
        change.valid_from,
        ends,
        each.proposed_by,
        each.approved_by or "",
        each.reason,
    )


def _change_told(each: Listed) -> dict[str, Any]:
    change = each.change
    return {
        "number": change.number,
        "state": each.state,
        "rules": list(change.rules),
        "stricter": change.stricter,
        "own": [{**entry, "valid_from": change.valid_from.isoformat()} for entry in change.own],
        "document_sha256": change.sha256,
        "valid_from": change.valid_from.isoformat(),
        "valid_to": change.valid_to and change.valid_to.isoformat(),
        "reason": each.reason,
        "proposed_by": each.proposed_by,
        "proposed_at": each.proposed_at.isoformat(),
        "approved_by": each.approved_by,
        "approved_at": each.approved_at and each.approved_at.isoformat(),
    }


def _held(name: str | None, on: date) -> tuple[RuleSet, list[Listed]]:
    """The rules of the institution on a day and all its changes; without an institution those of the package."""
    from songda.compliance import load_rules

    if name is None and not _has_ledger():
        return load_rules(on), []
    with open_base() as (engine, master, _):
        if name is None and len(tenant_names(engine)) != 1:
            return load_rules(on), []
        from songda.flow.decide import rules_on
        from songda.flow.rule_changes import rule_changes

        tenant = open_one(engine, master, name)
        with engine.connect() as connection:
            return rules_on(tenant, on), rule_changes(connection, tenant)


def _has_ledger() -> bool:
    """Whether anybody has worked here: to read the rules makes no database and no key."""
    from songda.base.settings import load

    settings = load()
    return not settings.database_url.startswith("sqlite") or (settings.home / "songda.db").exists()


def markdown(held: RuleSet) -> str:
    """The list of rules as a Markdown table: what each stops and what an institution may make stricter."""
    lines = ["| 编号 | 规则 | 后果 | 关口 | 机构可收紧 | 核对 | 依据 | 生效 |", "| --- " * 8 + "|"]
    for rule in held.rules:
        may = "；".join(
            f"`{name}` = {'、'.join(value) if isinstance(value, tuple) else value}（{WAYS_ZH[rule.tighten[name]]}）"
            for name, value in rule.params.items()
            if name in rule.tighten
        )
        gates, source = "、".join(GATES_ZH[gate] for gate in rule.gates), "、".join(rule.source)
        cells = (rule.id, rule.title, EFFECTS_ZH[rule.effect], gates, may, rule.verified, source, rule.valid_from)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _explained(held: RuleSet, rule_id: str) -> dict[str, Any]:
    """What the rule set knows about a rule, with days as text. Raises UnknownRule."""
    told: dict[str, Any] = held.explain(rule_id)
    ends = told["valid_to"]
    return told | {"valid_from": told["valid_from"].isoformat(), "valid_to": ends.isoformat() if ends else None}
