"""`songda letters propose | proof | pull`: what a lawyer looks at before signing, and single letters that the lawyer takes out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from songda.base import days
from songda.cli.letters import AsOf, Batch, LawyerName, letters, present, write_private
from songda.cli.opening import JsonFlag, TenantName, day_of, open_house, print_json
from songda.cli.tables import print_table


class PullReason(StrEnum):
    """Why a lawyer takes a letter out (songda.flow.pull.PULL_REASONS)."""

    AMOUNT_DOUBTFUL = "amount_doubtful"
    FACTS_DOUBTFUL = "facts_doubtful"
    ADDRESS_DOUBTFUL = "address_doubtful"
    PERSON_DOUBTFUL = "person_doubtful"
    WORDING = "wording"
    CLIENT_ASKED = "client_asked"


def add_to(_app: typer.Typer) -> None:
    """The commands stand in the group `letters`."""


@letters.command()
def propose(
    batch: Batch,
    to: Annotated[
        Path | None,
        typer.Option(help="New folder for the list, the exceptions and sample letters (0600, they name persons)."),
    ] = None,
    lawyer: LawyerName = None,
    tenant: TenantName = None,
    as_of: AsOf = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what stands for approval and sign nothing: samples, exceptions, the list and its hash for `approve --seen`.

    Example: songda letters propose bat_01m8… --lawyer 刘正言 --to 审阅
    """
    from songda.flow.decide import rules_on
    from songda.flow.listing import proposal_files
    from songda.flow.proposal import SAMPLES
    from songda.flow.proposal import propose as look
    from songda.flow.samples import sample_pdfs

    with open_house(tenant) as house:
        day = day_of(as_of)
        proposal = look(
            house.engine, house.tenant, batch, lawyer_name=lawyer, on=day, workers=house.workers, home=house.home
        )
        if to is not None:
            to.mkdir(parents=True, exist_ok=True, mode=0o700)
            for name, text in proposal_files(proposal, rules_on(house.tenant, day)):
                write_private(to / name, text.encode())
            for name, pdf in sample_pdfs(house.engine, house.tenant, proposal, count=SAMPLES):
                write_private(to / name, pdf)
        if not as_json:
            present(house, proposal, to)
    if as_json:
        print_json(
            {
                "batch": batch,
                "letters": len(proposal.letters),
                "amount_fen": sum(letter.amount_fen for letter in proposal.letters),
                "waiting": proposal.waiting,
                "template_sha256": proposal.template_hash,
                "list_sha256": proposal.listing().list_hash,
                "exceptions": [
                    {
                        "letter_no": each.letter_no,
                        "reasons": list(each.reasons),
                        "words": [spot._asdict() for spot in each.spots],
                    }
                    for each in proposal.exceptions
                ],
            }
        )


@letters.command()
def proof(
    letter_no: Annotated[str, typer.Argument(help="Letter number.")],
    lawyer: LawyerName = None,
    tenant: TenantName = None,
    as_of: AsOf = None,
    as_json: JsonFlag = False,
) -> None:
    """Proofread one letter as it would be printed: its words, figures, days and accounts. Kept in the audit log. 65: findings.

    Example: songda letters proof YX2026-000001
    """
    from songda.flow.audit import write_audit
    from songda.flow.decide import rules_on
    from songda.flow.figures import reason_zh
    from songda.flow.listing import SEVERITY_ZH, WORDS_ZH
    from songda.flow.proofs import proof_letter

    day = day_of(as_of)
    with open_house(tenant) as house:
        proofed = proof_letter(house.engine, house.tenant, letter_no, lawyer_name=lawyer, on=day)
        with house.engine.begin() as connection:
            details = {"letter_no": letter_no, "as": "proof"}
            at = days.now()
            write_audit(
                connection, at=at, actor="operator", action="letter.shown", object_id=proofed.letter_id, details=details
            )
        rules = rules_on(house.tenant, day)
    words = [
        {
            "list": hit.list,
            "severity": hit.severity,
            "passage": n + 1,
            "place": proofed.passages[n].place,
            "start": hit.start,
            "end": hit.end,
            "text": hit.text,
        }
        for n, hit in proofed.proof.hits
    ]
    if as_json:
        print_json({"letter_no": letter_no, "words": words, "figures": list(proofed.proof.problems)})
    else:
        rows = [
            (
                SEVERITY_ZH[str(each["severity"])],
                WORDS_ZH.get(str(each["list"]), str(each["list"])),
                f"第 {each['passage']} 段第 {int(str(each['start'])) + 1} 至 {each['end']} 字",
                str(each["text"]),
            )
            for each in words
        ]
        rows += [("禁止", reason_zh(code, rules), "", "") for code in proofed.proof.problems]
        if rows:
            print_table(f"函件 {letter_no}", ("程度", "问题", "位置", "文字"), rows)
        else:
            typer.echo(f"函件 {letter_no} 校对无误：{len(proofed.passages)} 段")
    if words or proofed.proof.problems:
        raise typer.Exit(65)


@letters.command()
def pull(
    numbers: Annotated[list[str], typer.Argument(help="Letter numbers.")],
    reason: Annotated[PullReason, typer.Option(help="Why.")],
    lawyer: LawyerName = None,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Take single letters out, before the lawyer has signed for them or after, until the carrier has them. They are then held.

    Example: songda letters pull YX2026-000001 --reason amount_doubtful --lawyer 刘正言
    """
    from songda.flow.pull import pull_letters

    with open_house(tenant) as house:
        done = pull_letters(house.engine, house.tenant, numbers, reason=reason, lawyer_name=lawyer, at=days.now())
    if as_json:
        print_json(
            {"pulled": [{"letter_no": each.letter_no, "was": each.was, "pieces": list(each.pieces)} for each in done]}
        )
        return
    was = {"ready": "待审批", "approved": "已审批", "active": "制作中"}
    print_table(
        "已撤下，转人工",
        ("函号", "此前", "要取出的封件（打印批次/序号）"),
        [(each.letter_no, was[each.was], "、".join(each.pieces)) for each in done],
    )
