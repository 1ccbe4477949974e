"""`songda evidence`: proof that a letter was sent and what became of it, in one file that a stranger can check."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from songda.base import days
from songda.base.errors import SongdaError
from songda.cli.letters import write_private
from songda.cli.opening import JsonFlag, TenantName, open_house, print_json

if TYPE_CHECKING:
    from songda.flow.proof import Bundle

evidence = typer.Typer(help="Evidence: export, person, verify, stamp, key.", no_args_is_help=True)

Out = Annotated[
    Path | None,
    typer.Option(help="File to write (made new, mode 0600). It names the person. In this folder when absent."),
]


AsOf = Annotated[
    datetime | None,
    typer.Option("--as-of", formats=["%Y-%m-%d"], help="Of a drill: its business day; now when absent."),
]


class WhichPerson(SongdaError):
    zh = "没有指明是谁：请给出案件编号，或加 --debtor 后输入证件号码"
    remedy = "例如 songda evidence person A-1；证件号码从终端或标准输入读取，不写在命令里"
    exit_code = 64


def add_to(app: typer.Typer) -> None:
    app.add_typer(evidence, name="evidence")


@evidence.command()
def export(
    letter_no: Annotated[str, typer.Argument(help="Letter number.")],
    out: Out = None,
    as_of: AsOf = None,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Write the evidence of one letter as a ZIP: PDF of record, the eight links, raw events, proofs. Kept in the audit log.

    Example: songda evidence export YX2026-000001 --out proof.zip
    """
    from songda.flow.proof import letter_bundle

    with open_house(tenant) as house:
        bundle = letter_bundle(
            house.engine,
            house.tenant,
            letter_no,
            home=house.home,
            at=_instant(as_of),
            played=as_of is not None,
            actor="operator",
        )
    _write(bundle, out, as_json=as_json)


@evidence.command()
def person(
    case_no: Annotated[str | None, typer.Argument(help="Case number, as in the case file.")] = None,
    debtor: Annotated[
        bool, typer.Option("--debtor", help="Ask for the number of an identity card instead (terminal or stdin).")
    ] = False,
    out: Out = None,
    as_of: AsOf = None,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Write everything that was done toward one person, in order, with the rules that were applied. Kept in the audit log.

    Example: songda evidence person A-1 --out complaint.zip
    """
    from songda.flow.proof import person_bundle

    if (case_no is None) != debtor:
        raise WhichPerson
    id_number = _id_number() if debtor else None
    with open_house(tenant) as house:
        bundle = person_bundle(
            house.engine,
            house.tenant,
            case_no=case_no,
            id_number=id_number,
            home=house.home,
            at=_instant(as_of),
            played=as_of is not None,
            actor="operator",
        )
    _write(bundle, out, as_json=as_json)


@evidence.command()
def verify(
    bundle: Annotated[Path, typer.Argument(help="The ZIP, as it was exported.")],
    trust: Annotated[
        list[Path] | None,
        typer.Option(help="PEM with the institution's public key or the authority's certificate; may be repeated."),
    ] = None,
    timeline: Annotated[bool, typer.Option("--timeline", help="Also list everything that was done, in order.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Check a bundle offline, without any database: what is proven, what is missing, which grade.

    Exit codes: 0 sound and from whom you trust, 2 sound with reservations, 65 not what was exported.

    Example: songda evidence verify proof.zip --trust bank.pem --trust tsa.pem
    """
    from songda.evidence import read_bundle, sentences, trust_of, verify_bundle

    verdict = verify_bundle(read_bundle(bundle), trust_of(trust or []))
    if as_json:
        print_json(verdict.to_json())
    else:
        typer.echo("\n".join(sentences(verdict, timeline=timeline)))
    raise typer.Exit(verdict.exit_code)


@evidence.command()
def key(tenant: TenantName = None) -> None:
    """Show the public key by which bundles of this institution are verified: to be published, or handed to the court.

    Example: songda evidence key > bank.pem
    """
    from songda.flow.proof import public_key

    with open_house(tenant) as house:
        typer.echo(public_key(house.tenant), nl=False)


@evidence.command()
def stamp(tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """Have every locked print run stamped that has no trusted timestamp yet.

    Example: songda evidence stamp
    """
    from songda.flow.stamps import NoAuthority, stamp_runs

    with open_house(tenant) as house:
        done = stamp_runs(house.engine, house.tenant, home=house.home, at=days.now())
    if as_json:
        print_json({"stamped": done.stamped, "left": done.left})
    else:
        typer.echo(f"已加盖 {done.stamped} 个打印批次，未加盖 {done.left} 个")
    if done.left:
        raise done.error or NoAuthority(missing="url、certificate")


def _instant(as_of: datetime | None) -> datetime:
    return days.at(as_of.date(), 23, 59) if as_of else days.now()


def _write(bundle: Bundle, out: Path | None, *, as_json: bool) -> None:
    path = out or Path(bundle.name)
    write_private(path, bundle.data)
    if as_json:
        print_json(
            {"written": str(path), "letters": bundle.letters, "stamped": bundle.stamped, "bytes": len(bundle.data)}
        )
    else:
        stamped = "已加盖时间戳" if bundle.stamped else "未加盖时间戳"
        typer.echo(
            f"已写出 {path}（{bundle.letters} 封函件，{stamped}）。含个人信息，请用加密渠道交给承办人；核验：songda evidence verify {path}"
        )
    if bundle.error is not None:
        typer.secho(f"提示：{bundle.error.message_zh}", err=True, fg=typer.colors.YELLOW)


def _id_number() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("证件号码", hide_input=True, err=True)).strip().upper()
    return sys.stdin.readline().strip().upper()
