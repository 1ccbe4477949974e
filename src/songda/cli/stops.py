"""`songda letters stop | lift | stops | release | refuse`: what people say about letters that are to be stopped or are held."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from songda.base import days
from songda.base.errors import SongdaError
from songda.cli.holder import holder_id
from songda.cli.letters import letters
from songda.cli.opening import JsonFlag, TenantName, open_house, print_json
from songda.cli.tables import print_table

if TYPE_CHECKING:
    from songda.dispatch import Stopped
    from songda.flow.run import House
    from songda.flow.stop import LetterStopped

By = Annotated[str, typer.Option("--by", help="Id of the one who says so; kept in the audit log. Never a name.")]
Letters = Annotated[list[str], typer.Argument(help="Letter numbers.")]

#: What a stop found at a letter → what a person reads.
ANSWERS_ZH = {
    "withdrawn": "已撤回（未付印）",
    "recalled": "已召回（请从封件中取出）",
    "too_late": "已交寄，停止后续投递，请联系承运商拦截",
    "missing": "封件下落不明，找到后不得交寄",
    "ended": "已结束，无需处理",
}
_SCOPES_ZH = {"letter": "函件", "case": "案件", "person": "债务人", "tenant": "全部函件"}


class StopReason(StrEnum):
    """Why letters are stopped (songda.dispatch.stops.REASONS)."""

    PAID = "paid"
    DISPUTED = "disputed"
    ANSWERED = "answered"
    COMPLAINT = "complaint"
    HARDSHIP = "hardship"
    WRONG_PERSON = "wrong_person"
    REFUSED_CONTACT = "refused_contact"
    DECEASED = "deceased"
    NO_CAPACITY = "no_capacity"
    BANKRUPTCY = "bankruptcy"
    LEGAL_HOLD = "legal_hold"
    REGULATOR = "regulator"
    CLIENT = "client"


class ReleaseReason(StrEnum):
    """Why a held letter is released (songda.flow.reviewing.RELEASE_REASONS)."""

    CAUSE_REMOVED = "cause_removed"
    CIRCUMSTANCES_CHECKED = "circumstances_checked"
    CLIENT_CONFIRMED = "client_confirmed"
    LAWYER_CONSULTED = "lawyer_consulted"


class RefuseReason(StrEnum):
    """Why a held letter is not sent (songda.flow.reviewing.REFUSE_REASONS)."""

    NOT_WORTH_IT = "not_worth_it"
    CIRCUMSTANCES = "circumstances"
    CLIENT_WITHDREW = "client_withdrew"
    CANNOT_BE_CURED = "cannot_be_cured"


class WhichStop(SongdaError):
    zh = "请指明停止什么：函号、--case 案件编号、--all 或 --file 文件，取其一"
    remedy = "例如 songda letters stop LH2026-000123 --reason paid --by ops-7；加 --debtor 停止同一债务人的全部函件"
    exit_code = 64


class WhyStop(SongdaError):
    zh = "请用 --reason 写明停止的原因"
    remedy = "原因见 songda letters stop --help"
    exit_code = 64


def add_to(_app: typer.Typer) -> None:
    """The commands stand in the group `letters`."""


@letters.command("stop")
def stop_(
    by: By,
    reason: Annotated[StopReason | None, typer.Option(help="Why.")] = None,
    letter_no: Annotated[str | None, typer.Argument(help="Letter number.")] = None,
    debtor: Annotated[bool, typer.Option("--debtor", help="Everything to the addressee of that letter.")] = False,
    case: Annotated[str | None, typer.Option(help="Case number: every letter about it.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every letter of the institution.")] = False,
    file: Annotated[
        Path | None,
        typer.Option(help="CSV with the columns 函号 or 案件编号, 原因, and 全部 (是: everything to the debtor)."),
    ] = None,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Stop letters: they are withdrawn, recalled from the factory, or it is too late. Holds for letters to come as well.

    Of somebody who has died, cannot act or is bankrupt (deceased, no_capacity, bankruptcy) everything is stopped,
    whatever letter or case is named.

    Example: songda letters stop LH2026-000123 --debtor --reason paid --by ops-7
    Example: songda letters stop --file stops.csv --by ops-7
    """
    from songda.flow.stop import stop_case, stop_everything, stop_letter

    at, who = days.now(), holder_id(by)
    if file is not None and (letter_no, case, reason) == (None, None, None) and not (everything or debtor):
        _stop_by_file(file, by=who, tenant=tenant, as_json=as_json)
        return
    if (letter_no is not None) + (case is not None) + everything != 1 or (debtor and letter_no is None) or file:
        raise WhichStop
    if reason is None:
        raise WhyStop
    with open_house(tenant) as house:
        if letter_no is not None:
            stopped = stop_letter(house.engine, house.tenant, letter_no, reason=reason, by=who, at=at, debtor=debtor)
        elif case is not None:
            stopped = stop_case(house.engine, house.tenant, case, reason=reason, by=who, at=at)
        else:
            stopped = stop_everything(house.engine, house.tenant, reason=reason, by=who, at=at)
        rows = _found(house, stopped)
    if as_json:
        print_json({"stop": stopped.stop_id, "letters": [row.to_json() for row in rows]})
    else:
        print_table(f"停止令 {stopped.stop_id}", _COLUMNS, map(_row, rows))


def _stop_by_file(path: Path, *, by: str, tenant: str | None, as_json: bool) -> None:
    """Carries a file's orders out, line by line; 65 when one of them names a letter or case that nobody knows."""
    from songda.flow.exchange import opened
    from songda.flow.stop_file import give, read_stops
    from songda.intake import CannotRead, why_refused

    answers: list[dict[str, object]] = []
    shown: list[tuple[str, ...]] = []
    wrong = 0
    with open_house(tenant) as house:
        with opened(house.home, house.tenant, path) as file:
            try:
                lines = read_stops(file.read_bytes())
            except OSError as error:
                raise CannotRead(file=path.name, reason=why_refused(error)) from None
        for line in lines:
            said = give(house.engine, house.tenant, line, by=by, at=days.now())
            if isinstance(said, SongdaError):
                wrong += 1
                answers.append({"line": line.line, "error": said.message_zh})
                shown.append((f"{line.line}", line.letter_no or line.case_no, said.message_zh, "", ""))
                continue
            rows = _found(house, said)
            answers.append({"line": line.line, "stop": said.stop_id, "letters": [row.to_json() for row in rows]})
            shown += [(f"{line.line}", *_row(row)) for row in rows] or [
                (f"{line.line}", "", "没有函件，以后的也不寄", "", "")
            ]
    if as_json:
        print_json({"lines": answers})
    else:
        print_table("停止文件", ("行", *_COLUMNS), shown)
    if wrong:
        raise typer.Exit(65)


def _found(house: House, stopped: Stopped) -> list[LetterStopped]:
    from songda.flow.stop import letters_stopped

    with house.engine.connect() as connection:
        return letters_stopped(connection, stopped)


_COLUMNS = ("函号", "结果", "交寄时间", "要取出的封件（打印批次/序号）")


def _row(row: LetterStopped) -> tuple[str, str, str, str]:
    posted = "" if row.posted_at is None else row.posted_at.isoformat()[:16]
    return row.letter_no, ANSWERS_ZH[row.outcome], posted, "、".join(row.pieces)


@letters.command()
def lift(
    stop: Annotated[str, typer.Argument(help="Stop order, as `songda letters stops` names it.")],
    by: By,
    second: Annotated[
        str | None, typer.Option("--second", help="Id of another person, for legal_hold and regulator.")
    ] = None,
    tenant: TenantName = None,
) -> None:
    """End a standing stop order. What it stopped stays stopped.

    Example: songda letters lift stp_01m8… --by ops-7
    """
    from songda.flow.stop import lift_stop

    with open_house(tenant) as house:
        other = None if second is None else holder_id(second)
        lift_stop(house.engine, house.tenant, stop, by=holder_id(by), at=days.now(), second=other)
    typer.echo(f"停止令 {stop} 已解除；已经停止的函件不会恢复")


@letters.command()
def stops(tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """List the standing stop orders.

    Example: songda letters stops
    """
    from songda.flow.stop import standing_stops

    with open_house(tenant) as house, house.engine.connect() as connection:
        rows = standing_stops(connection, house.tenant)
    if as_json:
        print_json({"stops": [row.to_json() for row in rows]})
        return
    print_table(
        "生效中的停止令",
        ("编号", "范围", "对象", "原因", "下达时间"),
        [(row.id, _SCOPES_ZH[row.scope], row.object_id, row.reason, f"{row.given_at:%Y-%m-%d %H:%M}") for row in rows],
    )


@letters.command()
def release(
    numbers: Letters,
    reason: Annotated[ReleaseReason, typer.Option(help="Why.")],
    by: By,
    second: Annotated[
        str | None, typer.Option(help="Id of the second person, whom some rules need. Never a name.")
    ] = None,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Let held letters stand for the lawyer's approval again. Every gate judges them anew; what blocks still blocks.

    Example: songda letters release LH2026-000123 --reason circumstances_checked --by ops-7 --second ops-2
    """
    from songda.flow.reviewing import release as let_go

    with open_house(tenant) as house:
        done = let_go(
            house.engine,
            house.tenant,
            numbers,
            reason=reason,
            by=holder_id(by),
            second=None if second is None else holder_id(second),
            at=days.now(),
        )
    if as_json:
        print_json({"released": [{"letter_no": each.letter_no, "rules": list(each.rules)} for each in done]})
    else:
        typer.echo(f"已放行 {len(done)} 封，等待律师审批")


@letters.command()
def refuse(
    numbers: Letters,
    reason: Annotated[RefuseReason, typer.Option(help="Why.")],
    by: By,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """End held letters: they are not sent.

    Example: songda letters refuse LH2026-000123 --reason circumstances --by ops-7
    """
    from songda.flow.reviewing import refuse as end

    with open_house(tenant) as house:
        done = end(house.engine, house.tenant, numbers, reason=reason, by=holder_id(by), at=days.now())
    if as_json:
        print_json({"refused": [each.letter_no for each in done]})
    else:
        typer.echo(f"已决定不发 {len(done)} 封")
