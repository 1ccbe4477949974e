"""`songda models`: what an institution's outcomes have taught, and which of it decides."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from songda.base import days
from songda.base.money import yuan
from songda.cli.holder import holder_id
from songda.cli.opening import JsonFlag, TenantName, open_house, print_json
from songda.cli.tables import print_table

models = typer.Typer(
    help="Models: train on your own outcomes, read the card, approve by a second person; without one the rule decides.",
    no_args_is_help=True,
)

Kind = Annotated[str, typer.Argument(help="address | vitality | signing | sending | contacts | score")]
Number = Annotated[int, typer.Argument(help="Number of the model, as `songda models list` names it.")]
By = Annotated[str, typer.Option("--by", help="Id of the one who says so; kept in the audit log. Never a name.")]

KINDS_ZH = {
    "address": "地址选择",
    "vitality": "地址鲜活度",
    "signing": "签收",
    "sending": "发函决策",
    "contacts": "第二联系人",
    "score": "发函评分",
}


def add_to(app: typer.Typer) -> None:
    app.add_typer(models, name="models")


@models.command("list")
def list_(tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """List the models, which of them decides, and how much data each kind has and needs.

    Example: songda models list
    """
    from songda.feedback import KINDS, STATES_ZH, listed
    from songda.flow.models import NEEDS, data_of

    with open_house(tenant) as house, house.engine.connect() as connection:
        found = listed(connection, house.tenant.id)
        data = data_of(connection, house.tenant, on=days.business_day(days.now()))
    if as_json:
        told = [
            {
                "kind": each.kind,
                "number": each.number,
                "state": each.state,
                "label": each.label,
                "trained_at": each.trained_at.isoformat(),
                "trained_by": each.trained_by,
                "approved_by": each.approved_by,
                "metrics": each.card.get("metrics", {}),
            }
            for each in found
        ]
        print_json({"models": told, "data": data})
        return
    deciding = {each.kind: each.label for each in found if each.state == "approved"}
    print_table(
        "由谁决定",
        ("模型", "现由谁决定", "已有数据", "至少需要"),
        [(f"{kind} {KINDS_ZH[kind]}", deciding.get(kind, "规则"), _amounts(data[kind]), NEEDS[kind]) for kind in KINDS],
    )
    if found:
        print_table(
            "训练过的模型",
            ("模型", "编号", "状态", "版本", "训练者", "批准者"),
            [
                (
                    each.kind,
                    str(each.number),
                    STATES_ZH[each.state],
                    each.label,
                    each.trained_by,
                    each.approved_by or "",
                )
                for each in found
            ],
        )


def _amounts(data: dict[str, int]) -> str:
    return "，".join(f"{name} {count:,}" for name, count in data.items())


@models.command()
def train(
    kind: Kind,
    by: By,
    seed: Annotated[
        int, typer.Option(help="Seed of the folds and samples; equal data and seed give an equal model.")
    ] = 7,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Train a model on the outcomes in the ledger. It decides nothing until another person has approved it.

    Example: songda models train address --by ops-7
    """
    from songda.flow.models import train as fit

    with open_house(tenant) as house:
        trained = fit(house.engine, house.tenant, kind, by=holder_id(by), at=days.now(), seed=seed)
    if as_json:
        print_json({"kind": trained.kind, "number": trained.number, "label": trained.label, "card": trained.card})
        return
    _print_card(trained.card, trained.number)
    typer.echo(f"请另一人阅读后批准：songda models approve {trained.kind} {trained.number} --by 编号")


@models.command()
def evaluate(kind: Kind, number: Number, tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """Measure a model on all outcomes of today, beside the one that decides and the rule.

    Example: songda models evaluate address 1
    """
    from songda.flow.models import evaluate as measure

    with open_house(tenant) as house, house.engine.connect() as connection:
        found = measure(connection, house.tenant, kind, number)
    if as_json:
        print_json({"kind": kind, "number": number, "metrics": found})
        return
    print_table(
        f"{KINDS_ZH[kind]} {number}", ("指标", "数值"), [(name, f"{value:.4f}") for name, value in found.items()]
    )


@models.command()
def card(kind: Kind, number: Number, tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """Show a model's card: from what it was learnt, how well, with which features on which lawful basis.

    Example: songda models card address 1
    """
    from songda.feedback import UnknownModel, listed

    with open_house(tenant) as house, house.engine.connect() as connection:
        found = next(
            (each for each in listed(connection, house.tenant.id) if (each.kind, each.number) == (kind, number)), None
        )
    if found is None:
        raise UnknownModel(kind=kind, number=number)
    if as_json:
        print_json({"number": number, "state": found.state, "card": found.card})
        return
    _print_card(found.card, number)


def _print_card(told: dict[str, Any], number: int) -> None:
    kind = str(told["kind"])
    lines = [
        ("版本", str(told["label"])),
        ("训练数据", f"{told['rows']:,} 行，截至 {told['trained_until']}"),
        *((name, f"{value:.4f}") for name, value in told["metrics"].items()),
        *((name, str(told[name])) for name in ("learner", "effect_found") if name in told),
    ]
    print_table(f"{KINDS_ZH[kind]} {number}", ("项目", "内容"), lines)
    print_table(
        "特征",
        ("特征", "含义", "单位", "来源", "依据"),
        [(each["name"], each["zh"], each["unit"], each["source"], each["basis"]) for each in told["features"]],
    )
    if "parts" in told:
        print_table(
            "评分卡",
            ("特征", "分箱", "占比", "分值"),
            [
                (each["feature"], each["bin"], f"{each['share']:.3f}", f"{each['points']:+.1f}")
                for each in told["parts"]
            ],
        )


@models.command()
def approve(kind: Kind, number: Number, by: By, tenant: TenantName = None) -> None:
    """Let a model decide, as a second person who has read its card; the one before is retired.

    Example: songda models approve address 1 --by ops-2
    """
    from songda.flow.models import approve as say

    with open_house(tenant) as house:
        chosen = say(house.engine, house.tenant, kind, number, by=holder_id(by), at=days.now())
    typer.echo(f"{KINDS_ZH[kind]}模型 {number}（{chosen.label}）自现在起使用")


@models.command()
def retire(kind: Kind, number: Number, by: By, tenant: TenantName = None) -> None:
    """Take a model out of use; the rule decides again, marked as such.

    Example: songda models retire address 1 --by ops-2
    """
    from songda.flow.models import retire as say

    with open_house(tenant) as house:
        say(house.engine, house.tenant, kind, number, by=holder_id(by), at=days.now())
    typer.echo(f"{KINDS_ZH[kind]}模型 {number} 已停用，改由规则决定")


@models.command()
def explain(
    case: Annotated[str, typer.Argument(help="Case number, as in the case file.")],
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Tell why: what models, or the rules in their place, have said of the letters of a case's debtor. No name, no address.

    Example: songda models explain CL-2026-0001
    """
    from songda.flow.contacts import person_of
    from songda.flow.predictions import predictions_of

    with open_house(tenant) as house, house.engine.connect() as connection:
        person_id = person_of(connection, house.tenant, case)
        found = predictions_of(connection, house.tenant, person_id)
    if as_json:
        print_json({"case": case, "said": found})
        return
    print_table(
        f"案件 {case}",
        ("函号", "模型", "由谁", "概率或价值", "为何"),
        [
            (
                each["letter_no"] or "",
                KINDS_ZH[each["kind"]],
                each["model"] + ("（随机选址）" if each["explored"] else ""),
                _said(each),
                "，".join(f"{_zh(name)} {value}" for name, value in each["reasons"]),
            )
            for each in found
        ],
    )


def _said(each: dict[str, Any]) -> str:
    if each["value_fen"] is not None:
        return f"{yuan(each['value_fen'])} 元"
    return "" if each["chance"] is None else f"{each['chance']:.3f}"


def _zh(name: str) -> str:
    from songda.models.features import declared

    feature = declared().get(name)
    return name if feature is None else feature.zh
