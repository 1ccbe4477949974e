"""`songda letters answers | answer`: what recipients answered on the page of their letter."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from songda.base import days
from songda.cli.holder import holder_id
from songda.cli.letters import letters
from songda.cli.opening import JsonFlag, TenantName, open_house, print_json
from songda.cli.stops import By
from songda.cli.tables import print_table

_KINDS_ZH = {
    "wrong_person": "不是收件人",
    "disputed": "对债务有异议",
    "hardship": "有困难，希望协商",
    "paid": "已经还款",
    "refused_contact": "请不要再寄信",
    "question": "其他问题",
    "personal_data": "个人信息请求（须核验身份）",
}


def add_to(_app: typer.Typer) -> None:
    """The commands stand in the group `letters`."""


@letters.command("answers")
def list_answers(tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """List what recipients answered on the page of their letter, the newest first; what they wrote stays sealed.

    Example: songda letters answers
    """
    from songda.flow.recipients import answers

    with open_house(tenant) as house, house.engine.connect() as connection:
        found = answers(connection, house.tenant)
    if as_json:
        print_json({"answers": [asdict(each) | {"at": each.at.isoformat()} for each in found]})
        return
    print_table(
        "收件人答复",
        ("编号", "受理号", "函号", "答复", "说明", "时间", "状态"),
        [
            (
                each.id,
                each.receipt,
                each.letter_no,
                _KINDS_ZH[each.kind],
                "有" if each.has_text else "",
                f"{each.at:%Y-%m-%d %H:%M}",
                "已处理" if each.done else "待处理",
            )
            for each in found
        ],
    )


@letters.command("answer")
def show_answer(
    answer: Annotated[str, typer.Argument(help="Id of an answer.")],
    by: By,
    tenant: TenantName = None,
) -> None:
    """Show what a recipient wrote. That somebody reads it is kept in the audit log first.

    Example: songda letters answer ans_01m8… --by ops-7
    """
    from songda.flow.recipients import read_answer

    with open_house(tenant) as house:
        text = read_answer(house.engine, house.tenant, answer, by=holder_id(by), at=days.now())
    typer.echo(text or "（没有填写说明）")
