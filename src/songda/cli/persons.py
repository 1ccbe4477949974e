"""`songda person`: what a person may ask about their own data."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from songda.base import days
from songda.base.errors import SongdaError
from songda.cli.holder import holder_id
from songda.cli.opening import JsonFlag, TenantName, open_house, print_json
from songda.cli.tables import print_table

person = typer.Typer(
    help="Persons and their rights: what is kept about them, why a letter was sent, erasure.", no_args_is_help=True
)


class ErasureReason(StrEnum):
    """Why a person is erased (songda.flow.erasure.REASONS)."""

    PERIOD_OVER = "period_over"
    REQUESTED = "requested"
    WRONG_PERSON = "wrong_person"


class WhoErases(SongdaError):
    zh = "请用 --by 写明负责人的编号"
    remedy = "例如 songda person due --erase --by dpo-1"
    exit_code = 64


class RevealForWhat(SongdaError):
    zh = "--reveal 与 --purpose 须同时给出"
    remedy = "例如 songda person show --case AN-0001 --by ops-7 --reveal phones --purpose dispute"
    exit_code = 64


class Field(StrEnum):
    """What can be uncovered (songda.flow.reveal.FIELDS)."""

    NAME = "name"
    ID_NUMBER = "id_number"
    PHONES = "phones"
    ADDRESSES = "addresses"


_FIELDS_ZH = {"name": "姓名", "id_number": "身份证号", "phones": "电话", "addresses": "地址"}


def add_to(app: typer.Typer) -> None:
    app.add_typer(person, name="person")


@person.command()
def show(
    case: Annotated[str, typer.Option(help="Case number of the person, as in the case file.")],
    by: Annotated[str, typer.Option("--by", help="Id of the one who looks; never a name.")],
    reveal: Annotated[
        Field | None, typer.Option(help="Uncover this field; everything else stays masked. Needs --purpose.")
    ] = None,
    purpose: Annotated[
        str | None, typer.Option(help="Why it is uncovered: identity_check, delivery, dispute or court.")
    ] = None,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Show a person masked, or one field uncovered for a purpose. Who looked, at what and why stands in the audit log first.

    Example: songda person show --case AN-0001 --by ops-7 --reveal phones --purpose dispute
    """
    from songda.flow.reveal import FIELDS, look
    from songda.flow.reveal import reveal as uncover

    who = holder_id(by)
    if (reveal is None) != (purpose is None):
        raise RevealForWhat
    with open_house(tenant) as house:
        asked: dict[str, Any] = {"case_no": case, "by": who, "at": days.now()}
        shown = look(house.engine, house.tenant, **asked)
        if reveal is not None and purpose is not None:
            field = next(each for each in FIELDS if each == reveal.value)
            shown[field] = uncover(house.engine, house.tenant, field=field, purpose=purpose, **asked)
    if as_json:
        print_json({name: list(values) for name, values in shown.items()})
    else:
        print_table("人员", ("项目", "内容"), [(_FIELDS_ZH[name], "\n".join(values)) for name, values in shown.items()])


@person.command()
def export(
    case: Annotated[str, typer.Option(help="Case number of the person, as in the case file.")],
    to: Annotated[Path, typer.Option(help="File to be written (age).")],
    recipient: Annotated[
        str, typer.Option(help="Public key (age1…) of the person, or of the one who hands the data over.")
    ],
    by: Annotated[str, typer.Option("--by", help="Id of the one who has checked who asks; never a name.")],
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Write everything that is kept about a person, encrypted to one key. Kept in the audit log first.

    Check who asks before: what is written cannot be taken back.

    Example: songda person export --case AN-0001 --recipient age1… --to data.json.age --by dpo-1
    """
    from songda.flow.disclosure import disclose

    who = holder_id(by)
    with open_house(tenant) as house:
        counts = disclose(house.engine, house.tenant, case_no=case, recipient=recipient, to=to, by=who, at=days.now())
    if as_json:
        print_json({**counts})
    else:
        typer.echo(
            f"已写入 {to}（已加密）：案件 {counts['cases']} 件、函件 {counts['letters']} 封、联系许可 {counts['permits']} 条"
        )


@person.command()
def explain(
    case: Annotated[str, typer.Option(help="Case number of the person, as in the case file.")],
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Say of each letter to a person which rules were applied at which gate, and what came of it; nobody is named.

    Example: songda person explain --case AN-0001
    """
    from songda.flow.disclosure import explain as told

    with open_house(tenant) as house:
        letters = told(house.engine, house.tenant, case_no=case)
    if as_json:
        print_json({"letters": letters})
        return
    print_table(
        "自动决定",
        ("函号", "关口", "日期", "结果", "理由", "规则集"),
        [
            (
                letter["letter_no"],
                decision["stage"],
                decision["day"],
                decision["outcome"],
                "、".join(decision["words"]) or "全部规则通过",
                " ".join(map(str, (decision.get("versions") or {}).values())),
            )
            for letter in letters
            for decision in letter["decisions"]
        ],
    )


@person.command()
def due(
    erase_them: Annotated[bool, typer.Option("--erase", help="Erase them; else they are only counted.")] = False,
    by: Annotated[str | None, typer.Option("--by", help="Id of the one who answers for it, with --erase.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: it cannot be undone.")] = False,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Count the persons of whom nothing need be kept any more, and erase them: their cases and all periods are over.

    Nobody is due while a case is open, a letter under way, a dispute, an inquiry or a legal hold stands.

    Example: songda person due --erase --by dpo-1
    """
    from songda.flow.erasure import due_persons, erase_due

    who = None if by is None else holder_id(by)
    if erase_them and who is None:
        raise WhoErases
    with open_house(tenant) as house:
        with house.engine.connect() as connection:
            found = due_persons(connection, house.tenant, on=days.business_day(days.now()))
        if not erase_them or who is None:
            print_json({"due": found}) if as_json else typer.echo(f"到期可删除的人员 {len(found):,} 名")
            return
        if found and not yes:
            typer.confirm(f"将永久删除 {len(found):,} 名人员的资料，确定吗？", abort=True, err=True)
        erased = erase_due(house.engine, house.tenant, house.home, by=who, at=days.now())
    if as_json:
        print_json({"erased": [asdict(each) for each in erased]})
    else:
        typer.echo(f"已删除 {len(erased):,} 名人员的资料；每人一条回执，已记入审计日志")


@person.command()
def erase(
    case: Annotated[str, typer.Option(help="Case number of the person, as in the case file.")],
    reason: Annotated[ErasureReason, typer.Option(help="Why.")],
    by: Annotated[str, typer.Option("--by", help="Id of the one who answers for it; never a name.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: it cannot be undone.")] = False,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Destroy the person's own key: records, letters of record, slips and notes about them cannot be opened again.

    Refused while a letter is under way, while a dispute or an inquiry stands, and while evidence must be kept.

    Example: songda person erase --case AN-0001 --reason requested --by dpo-1
    """
    from songda.flow.erasure import erase_person

    who = holder_id(by)
    if not yes:
        typer.confirm("删除后任何人（包括我们）都无法恢复，确定吗？", abort=True, err=True)
    with open_house(tenant) as house:
        erased = erase_person(
            house.engine, house.tenant, house.home, case_no=case, reason=reason, by=who, at=days.now()
        )
    if as_json:
        print_json(asdict(erased))
        return
    typer.echo(
        f"已删除 {erased.person_id}：案件 {erased.cases} 件、存档函件 {erased.records} 封、轨迹与回报 {erased.facts} 条、"
        f"签收联 {erased.slips} 张、联系声明 {erased.declarations} 条；回执已记入审计日志"
    )
