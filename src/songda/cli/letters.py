"""`songda letters`: what stands for approval, samples for the lawyer's eyes, and the approval itself."""

from __future__ import annotations

import os
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from songda.base import days
from songda.base.errors import SongdaError
from songda.base.money import yuan
from songda.cli.opening import JsonFlag, TenantName, day_of, open_house, print_json
from songda.cli.tables import print_table
from songda.flow.errors import UnknownLetter

if TYPE_CHECKING:
    from songda.flow.proposal import Proposal
    from songda.flow.run import House

letters = typer.Typer(help="Letters: list, show, approve, stop, release.", no_args_is_help=True)

#: Where the password of a lawyer's key may stand when nobody sits at a terminal.
PASSWORD = "SONGDA_LAWYER_PASSWORD"  # noqa: S105 - the name of a variable

Batch = Annotated[str, typer.Argument(help="Batch, as `songda run` names it.")]
LawyerName = Annotated[str | None, typer.Option("--lawyer", help="Name in the profile; needless when there is one.")]
AsOf = Annotated[
    datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="Business day; today when absent.")
]


class NotConfirmed(SongdaError):
    zh = "没有确认，未签发任何函件"
    remedy = "请查看样函和例外名单后重新运行；无人值守时加 --yes"
    exit_code = 77


class NoPassword(SongdaError):
    zh = "没有给出律师密钥的口令"
    remedy = "请在终端输入，或设置环境变量 SONGDA_LAWYER_PASSWORD"
    exit_code = 77


class CannotWriteFile(SongdaError):
    zh = "无法写入 {path}（{reason}）"
    remedy = "请换一个不存在的文件名或可写的目录"
    exit_code = 73


def add_to(app: typer.Typer) -> None:
    app.add_typer(letters, name="letters")


@letters.command("key")
def key_(
    to: Annotated[Path, typer.Option(help="File for the private key (made new, mode 0600).")],
) -> None:
    """Make a lawyer's signing key. The public half goes into the profile (`public_key` under lawyers).

    Example: songda letters key --to lawyer.pem
    """
    from songda.letters import new_lawyer_key

    private, public = new_lawyer_key(ask_password(confirm=True))
    write_private(to, private)
    typer.echo(
        f"私钥已写入 {to}（请妥善保管）。请把下面的公钥填入机构档案 [[lawyers]] 的 public_key：\n{public.decode()}"
    )


@letters.command("list")
def list_(
    batch: Batch,
    tenant: TenantName = None,
    state: Annotated[str | None, typer.Option(help="Only letters in this state, e.g. ready, held, active.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the letters of a batch: number, state, amount, reasons. Names and addresses are not shown.

    Example: songda letters list bat_01m8… --state held
    """
    from sqlalchemy import select

    from songda.flow.decide import rules_on
    from songda.flow.figures import reason_zh
    from songda.flow.proposal import UnknownBatch
    from songda.store import tables

    t = tables.letter.c
    query = select(t.letter_no, t.id, t.state, t.amount_fen, t.reasons, t.grade).where(t.batch_id == batch)
    if state:
        query = query.where(t.state == state)
    with open_house(tenant) as house, house.engine.connect() as connection:
        known = select(tables.batch.c.id).where(tables.batch.c.id == batch, tables.batch.c.tenant_id == house.tenant.id)
        if connection.scalar(known) is None:
            raise UnknownBatch(batch=batch)
        rows = connection.execute(query.where(t.tenant_id == house.tenant.id).order_by(t.letter_no, t.id)).all()
        rules = rules_on(house.tenant, day_of(None))
    if as_json:
        print_json({"letters": [dict(row._mapping) for row in rows]})
        return
    print_table(
        f"批次 {batch}",
        ("函号", "状态", "金额（元）", "等级", "理由"),
        [
            (
                row.letter_no or row.id,
                row.state,
                yuan(row.amount_fen),
                row.grade or "",
                "；".join(reason_zh(code, rules) for code in row.reasons if code != "chosen"),
            )
            for row in rows
        ],
    )


@letters.command()
def show(
    letter_no: Annotated[str, typer.Argument(help="Letter number.")],
    to: Annotated[Path, typer.Option(help="PDF file to write (made new, mode 0600). It names the person.")],
    tenant: TenantName = None,
    lawyer: LawyerName = None,
) -> None:
    """Write one letter as PDF: the PDF of record when there is one, else a sample marked 样稿. Kept in the audit log.

    A record that bears an electronic signature is written with it; one by SM2 as FILE.sm2 beside it, with FILE.pem.

    Example: songda letters show YX2026-000001 --to sample.pdf
    """
    from songda.flow.audit import write_audit
    from songda.flow.samples import letter_pdf
    from songda.flow.signatures import last_signature

    with open_house(tenant) as house:
        found = letter_pdf(house.engine, house.tenant, letter_no, home=house.home, lawyer_name=lawyer)
        if found is None:
            raise UnknownLetter(letter_no=letter_no)
        letter_id, pdf = found
        signature = last_signature(house.engine, house.tenant, letter_id, home=house.home)
        with house.engine.begin() as connection:
            write_audit(
                connection,
                at=days.now(),
                actor="operator",
                action="letter.shown",
                object_id=letter_id,
                details={"letter_no": letter_no},
            )
        write_private(to, pdf + signature.data if signature and signature.inside else pdf)
        if signature and not signature.inside:
            write_private(to.with_name(f"{to.name}.sm2"), signature.data)
            write_private(to.with_name(f"{to.name}.pem"), signature.certificate.encode())
    signed = "，带电子签名" if signature else ""
    typer.echo(f"已写出 {to}{signed}（含个人信息，请勿转发，用后删除）")


@letters.command()
def approve(
    batch: Batch,
    key: Annotated[
        Path,
        typer.Option(help="The lawyer's private key: made by `songda letters key`, or an authority's PEM or PKCS#12."),
    ],
    certificate: Annotated[
        Path | None, typer.Option(help="PEM of the lawyer's certificate, where it does not lie in the key's own file.")
    ] = None,
    lawyer: LawyerName = None,
    tenant: TenantName = None,
    as_of: AsOf = None,
    samples: Annotated[
        Path | None, typer.Option(help="Folder for sample letters as PDF (mode 0600, they name persons).")
    ] = None,
    pull: Annotated[
        list[str] | None, typer.Option(help="Letter number to take out, or NUMBER=REASON; may be repeated.")
    ] = None,
    seen: Annotated[
        str | None,
        typer.Option(help="Hash of the list that the lawyer has seen (songda letters propose); no other is signed."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Sign without asking: the list was seen before.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show what stands for approval, samples and exceptions first, and sign it with the lawyer's key.

    Example: songda letters approve bat_01m8… --lawyer 刘正言 --key lawyer.pem --samples samples
    """
    from songda.flow.approve import approve as sign
    from songda.flow.proposal import SAMPLES, propose
    from songda.flow.samples import sample_pdfs

    with open_house(tenant) as house:
        proposal = propose(
            house.engine,
            house.tenant,
            batch,
            lawyer_name=lawyer,
            on=day_of(as_of),
            workers=house.workers,
            home=house.home,
        )
        if seen is not None:
            proposal.must_be(seen)
        if samples is not None:
            for name, pdf in sample_pdfs(house.engine, house.tenant, proposal, count=SAMPLES):
                samples.mkdir(parents=True, exist_ok=True)
                write_private(samples / name, pdf)
        if not as_json:
            present(house, proposal, samples)
        pulled = {number: why or "lawyer" for number, _, why in (each.partition("=") for each in pull or ())}
        if not yes:
            _confirm(len(proposal.letters) - len(pulled))
        approval = sign(
            house.engine,
            house.tenant,
            proposal,
            private_key=read_key(key),
            certificate=None if certificate is None else read_key(certificate),
            password=ask_password(confirm=False),
            at=days.at(as_of.date(), 17) if as_of else days.now(),
            pulled=pulled,
        )
    figures: dict[str, object] = {
        "batch": batch,
        "approved": len(proposal.letters) - len(pulled),
        "held": len(proposal.exceptions) + len(pulled),
        "waiting": proposal.waiting,
        "approval": approval.id,
        "list_sha256": approval.list_hash,
        "second_lawyer_due": proposal.is_first_of_two,
    }
    if as_json:
        print_json(figures)
        return
    if proposal.is_first_of_two:
        typer.echo(
            f"第一名律师已签发 {figures['approved']} 封，审批编号 {approval.id[:12]}。"
            f"转送法院文书还须另一名律师签发同一份名单：songda letters approve {batch} --lawyer 姓名 --key 密钥"
        )
        return
    typer.echo(f"已签发 {figures['approved']} 封，审批编号 {approval.id[:12]}。继续：songda run --resume")


def present(house: House, proposal: Proposal, samples: Path | None) -> None:
    """Samples (masked) and exceptions, before anything is signed."""
    from songda.flow.decide import rules_on
    from songda.flow.figures import reason_zh
    from songda.flow.samples import masked_samples

    total = sum(letter.amount_fen for letter in proposal.letters)
    print_table(
        f"待审批：批次 {proposal.batch_id}{'【演练】' if proposal.drill else ''}",
        ("项目", "内容"),
        [
            ("律师", proposal.lawyer.name or ""),
            *([("第一名签发的律师", proposal.writer.name or "")] if proposal.first else []),
            ("函件", len(proposal.letters)),
            ("金额合计（元）", yuan(total)),
            ("例外（不能发出，转人工）", len(proposal.exceptions)),
            ("超过今日上限，留待以后", proposal.waiting),
            ("模板哈希", proposal.template_hash),
            ("名单哈希", proposal.listing().list_hash),
        ],
    )
    rules = rules_on(house.tenant, proposal.on)
    reasons = Counter(reason_zh(each.reasons[0], rules) for each in proposal.exceptions)
    if reasons:
        print_table("例外", ("原因", "封数"), reasons.most_common())
        shown = [
            (each.letter_no, "；".join(reason_zh(code, rules) for code in each.reasons)) for each in proposal.exceptions
        ]
        print_table("例外名单（前 20 封）", ("函号", "原因"), shown[:20])
        typer.echo("问题在哪一段：songda letters proof 函号")
    print_table(
        "样函",
        ("函号", "收件人", "地址", "金额（元）", "合同数"),
        masked_samples(house.engine, house.tenant, proposal),
    )
    if proposal.kind == "court_forward":
        typer.echo("所附文书的原件：songda court show 委托编号 --to 文件.pdf（编号见 songda court list）")
    if samples is None:
        typer.echo("样函全文：加 --samples 目录，或 songda letters show 函号 --to 文件.pdf")
    else:
        typer.echo(f"样函全文：{samples}")


def _confirm(count: int) -> None:
    if not sys.stdin.isatty():
        raise NotConfirmed
    if not typer.confirm(f"以律师身份签发以上 {count} 封函件？", default=False, err=True):
        raise NotConfirmed


def ask_password(*, confirm: bool) -> str:
    if found := os.environ.get(PASSWORD):
        return found
    if not sys.stdin.isatty():
        raise NoPassword
    return str(typer.prompt("律师密钥口令", hide_input=True, confirmation_prompt=confirm, err=True))


def read_key(path: Path) -> bytes:
    from songda.signatures import WrongKey

    try:
        return path.read_bytes()
    except OSError as error:
        raise WrongKey from error


def write_private(path: Path, data: bytes) -> None:
    """A new file that only its owner reads. Raises CannotWriteFile."""
    from songda.intake import why_refused

    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
    except OSError as error:
        raise CannotWriteFile(path=str(path), reason=why_refused(error)) from error
