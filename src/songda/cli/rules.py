"""`songda rules list | explain | test | shadow`: what the rules say, why, and whether their cases still come out as written."""

from __future__ import annotations

import re
import tomllib
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from songda.base.errors import SongdaError
from songda.cli.opening import JsonFlag, TenantName, day_of, open_house, print_json
from songda.cli.tables import print_table

if TYPE_CHECKING:
    from songda.compliance import RuleSet

rules = typer.Typer(help="Compliance rules: list, explain, test.", no_args_is_help=True)

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


class UnreadableChanges(SongdaError):
    """The file of stricter parameters is not TOML with a table a rule."""

    zh = "不能读取收紧规则的文件 {path}"
    remedy = "每条规则一节，例如 [T07] 下写 min_days = 45"
    exit_code = 65


def add_to(app: typer.Typer) -> None:
    app.add_typer(rules, name="rules")


@rules.command("list")
def list_(
    as_of: AsOf = None,
    as_json: JsonFlag = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="The list as docs/rules.zh-CN.md holds it.")] = False,
) -> None:
    """List the rules that hold on a day, with effect, gates and how well their source was read.

    Example: songda rules list --as-of 2026-11-26
    """
    from songda.compliance import load_rules

    held = load_rules(day_of(as_of))
    if as_json:
        print_json({"rule_set": held.label, "rules": [_explained(held, rule.id) for rule in held.rules]})
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


@rules.command()
def explain(
    rule: Annotated[str, typer.Argument(metavar="RULE|LETTER", help="Id of a rule, e.g. T07, or number of a letter.")],
    tenant: TenantName = None,
    as_of: AsOf = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what a rule asks, where it comes from, which facts it needs and what an institution may make stricter.

    Of a letter: which rules judged it at which gate, and what came of it.

    Example: songda rules explain T07
    """
    from songda.compliance import fact_zh, load_rules

    if not re.fullmatch(r"[A-Z]\d\d", rule):
        _explain_letter(rule, tenant, as_json=as_json)
        return

    held = load_rules(day_of(as_of))
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


@rules.command()
def shadow(
    file: Annotated[Path, typer.Argument(help="TOML: a table a rule, with the stricter parameters.", exists=True)],
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Run stricter rules over the letters decided so far, and list those that would come out otherwise. Changes nothing.

    The file holds e.g. `[T07]` and `min_days = 45`. Looked at is the gate accept, of letters that demand something.

    Example: songda rules shadow stricter.toml
    """
    from dataclasses import asdict

    from songda.flow.shadow import shadow as run_shadow

    try:
        changes = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise UnreadableChanges(path=file.name) from None
    if not all(isinstance(change, dict) for change in changes.values()):
        raise UnreadableChanges(path=file.name)
    with open_house(tenant) as house, house.engine.connect() as connection:
        changed = list(run_shadow(connection, house.tenant, changes))
    if as_json:
        print_json({"changes": changes, "letters": [asdict(each) for each in changed]})
        return
    typer.echo(f"{len(changed)} 封函件的结论会不同（只看接收关口，未改动任何数据）")
    rows = [
        (
            each.letter_no or each.letter_id,
            each.before,
            each.after,
            "、".join(each.rules),
            "一致" if each.same_inputs else "已变动",
        )
        for each in changed
    ]
    if rows:
        print_table("会不同的函件", ("函号", "原结论", "新结论", "新触发的规则", "与当时的输入"), rows)


def _explain_letter(letter_no: str, tenant: str | None, *, as_json: bool) -> None:
    from songda.flow.judged import decisions_of_letter

    with open_house(tenant) as house, house.engine.connect() as connection:
        told = decisions_of_letter(connection, house.tenant, letter_no)
    if as_json:
        print_json({"letter": letter_no, "decisions": told})
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
    print_table(f"函件 {letter_no}", ("日期", "环节", "结论", "理由", "代码", "适用规则", "规则集", "输入哈希"), rows)


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
