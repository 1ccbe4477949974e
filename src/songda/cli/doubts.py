"""`songda letters doubts | accept`: outcomes that count only once a person has looked at them."""

from __future__ import annotations

from dataclasses import asdict

import typer

from songda.base import days
from songda.cli.holder import holder_id
from songda.cli.letters import letters
from songda.cli.opening import JsonFlag, TenantName, open_house, print_json
from songda.cli.stops import By, Letters
from songda.cli.tables import print_table

_FLAGS_ZH = {
    "code_and_text_differ": "代码与文字不一致",
    "compensation": "承运商已赔付",
    "event_after_signed": "签收后仍有投递记录",
    "left_elsewhere": "投放在他处",
    "redirected": "已改址",
    "signed_after_returning": "退回途中出现签收",
    "signer_name_differs": "签收人姓名不符",
    "signer_unchecked": "取件人未核验",
}


def add_to(_app: typer.Typer) -> None:
    """The commands stand in the group `letters`."""


@letters.command()
def doubts(tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """List outcomes that wait for a person: what the carrier tells, and why it is doubted.

    Example: songda letters doubts
    """
    from songda.flow.doubts import open_doubts

    with open_house(tenant) as house, house.engine.connect() as connection:
        found = open_doubts(connection, house.tenant)
    if as_json:
        print_json({"doubts": [{**asdict(doubt), "since": doubt.since.isoformat()} for doubt in found]})
        return
    print_table(
        "待人工复核的投递结果",
        ("函号", "轨迹所示结果", "存疑原因", "自"),
        [
            (each.letter_no, each.outcome, "、".join(_FLAGS_ZH.get(flag, flag) for flag in each.flags), each.since)
            for each in found
        ],
    )


@letters.command()
def accept(numbers: Letters, by: By, tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """Let doubtful outcomes count, after a look at the carrier's proof: the letters settle as their trace says.

    Example: songda letters accept LH2026-000123 --by ops-7
    """
    from songda.flow.doubts import accept as let_count

    with open_house(tenant) as house:
        done = let_count(house.engine, house.tenant, numbers, by=holder_id(by), at=days.now())
    if as_json:
        print_json({"accepted": [{"letter_no": each.letter_no, "outcome": each.outcome} for each in done]})
    else:
        typer.echo(f"已确认 {len(done)} 件投递结果，下次 songda run --resume 时定级")
