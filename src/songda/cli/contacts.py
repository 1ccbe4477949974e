"""`songda contacts`: permits to call, text and write, their outcomes, and the plan of calls after a letter was signed for."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from songda.base import days, ids
from songda.cli.holder import holder_id
from songda.cli.opening import JsonFlag, TenantName, open_house, print_json
from songda.cli.tables import print_table
from songda.cli.usage import WrongUsage

contacts = typer.Typer(
    help="Permits to call, text and write: asked before, told of afterwards. Nothing here dials or sends.",
    no_args_is_help=True,
)

CaseNo = Annotated[str, typer.Argument(help="Case number, as in the case file.")]
By = Annotated[str, typer.Option("--by", help="Id of the one who records it; kept in the audit log. Never a name.")]

_STATES_ZH = {
    "refused": "不准",
    "open": "待报结果",
    "expired": "过期未报（按最多次数计）",
    "late": "逾期才报（按最多次数计）",
    "interactive": "交互式接通",
    "informing": "告知式接通",
    "unanswered": "未接通",
    "not_dialled": "没有拨打",
    "sent": "已发出",
    "not_sent": "没有发出",
}
_WHY_ZH = {
    "refused": "本人拒绝联系",
    "denied": "本人说不认识债务人",
    "dead": "空号或停机",
    "reused": "号码出现在其他案件",
    "tried": "核实不利",
    "strange_region": "号码归属地不相合",
    "strange_name": "姓氏与所称关系不相合",
}
_CHANNELS_ZH = {"call": "电话", "ai_call": "智能语音", "sms": "短信", "letter": "函件"}


class ChannelName(StrEnum):
    CALL = "call"
    AI_CALL = "ai_call"
    SMS = "sms"
    LETTER = "letter"


class ModeName(StrEnum):
    INTERACTIVE = "interactive"
    INFORMING = "informing"


class PurposeName(StrEnum):
    DEMAND = "demand"
    INFORM = "inform"
    ASSIGNMENT_NOTICE = "assignment_notice"
    ASK_CONTACT_INFO = "ask_contact_info"
    ASK_RELAY = "ask_relay"
    ANSWER = "answer"


class OutcomeName(StrEnum):
    INTERACTIVE = "interactive"
    INFORMING = "informing"
    UNANSWERED = "unanswered"
    NOT_DIALLED = "not_dialled"
    SENT = "sent"
    NOT_SENT = "not_sent"


class KindName(StrEnum):
    OUT_OF_HOURS = "out_of_hours"
    FREQUENCY = "frequency"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    ADULT = "adult"


def add_to(app: typer.Typer) -> None:
    app.add_typer(contacts, name="contacts")


@contacts.command()
def permit(
    case_no: CaseNo,
    channel: Annotated[ChannelName, typer.Option(help="By what.")] = ChannelName.CALL,
    purpose: Annotated[PurposeName, typer.Option(help="What for.")] = PurposeName.DEMAND,
    actor: Annotated[str, typer.Option(help="institution, or the id of an outsourcer in the profile.")] = "institution",
    mode: Annotated[ModeName | None, typer.Option(help="Of a call.")] = None,
    phone: Annotated[int | None, typer.Option(min=1, help="Which number of the debtor in the case file.")] = None,
    contact: Annotated[int | None, typer.Option(min=1, help="Which contact of the case file.")] = None,
    script: Annotated[Path | None, typer.Option(help="File with what will be said or sent; - is stdin.")] = None,
    identifies_self: Annotated[
        bool | None, typer.Option("--identifies-self/--anonymous", help="The caller names himself and the institution.")
    ] = None,
    recording: Annotated[bool | None, typer.Option("--recording/--no-recording", help="The call is recorded.")] = None,
    no_extra_fee: Annotated[
        bool | None, typer.Option("--no-extra-fee/--extra-fee", help="Nothing beyond the contract is asked for.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Asked again under the same key, the answer is the same.")] = None,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Ask whether this person may be called, texted or written to now. The count is taken with the answer.

    Exit codes: 0 granted, 2 refused.

    Example: songda contacts permit A-1 --phone 1 --mode interactive --script opening.txt --identifies-self --recording --no-extra-fee
    """
    from songda.contacts import Ask
    from songda.flow.contacts import ask_permit, shown

    asked = Ask(
        key=key or ids.new("key"),
        actor=holder_id(actor),
        channel=channel.value,
        purpose=purpose.value,
        case_no=case_no,
        phone=phone,
        contact=contact,
        mode=None if mode is None else mode.value,
        script=None if script is None else _text(script),
        identifies_self=identifies_self,
        recording=recording,
        no_extra_fee=no_extra_fee,
    )
    at = days.now()
    with open_house(tenant) as house:
        answer = ask_permit(house.engine, house.tenant, asked, at=at)
        told = shown(house.tenant, answer.permit, at=at)
    if as_json:
        print_json(told)
    else:
        _print_answer(told)
    raise typer.Exit(0 if told["granted"] else 2)


@contacts.command()
def report(
    permit_id: Annotated[str, typer.Argument(metavar="PERMIT", help="Id of the permit.")],
    outcome: Annotated[OutcomeName, typer.Argument(help="What became of it.")],
    by: By,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Tell what became of a permit. What is never told of counts as whatever it may have been.

    Example: songda contacts report prm_01m8… unanswered --by agent-7
    """
    from songda.flow.contacts import report_outcome, shown

    at = days.now()
    with open_house(tenant) as house:
        settled = report_outcome(house.engine, house.tenant, permit_id, outcome.value, at=at, by=holder_id(by))
        told = shown(house.tenant, settled, at=at)
    if as_json:
        print_json(told)
    else:
        typer.echo(f"{permit_id} 已登记：{_STATES_ZH[told['state']]}")


@contacts.command()
def plan(
    last_days: Annotated[int, typer.Option("--days", min=1, max=366, help="Letters posted in so many days.")] = 30,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """List the recommended next contact after letters were signed for: a call, and from when on it is lawful. Nobody is dialled.

    Example: songda contacts plan --json
    """
    from songda.flow.contact_facts import contact_rules
    from songda.flow.contact_plan import plan_calls
    from songda.flow.contacts import reason

    at = days.now()
    with open_house(tenant) as house:
        steps = plan_calls(house.engine, house.tenant, at=at, days=last_days)
        rules = contact_rules(house.tenant, days.business_day(at))
    if as_json:
        print_json({"steps": [step.to_json() for step in steps]})
        return
    print_table(
        "签收后的下一步：电话（只是建议；拨打前仍须申请许可）",
        ("函号", "等级", "签收时间", "最早可拨", "当日截止", "说明"),
        [
            (
                step.letter_no or step.letter_id,
                step.grade,
                _clock(step.signed_at),
                _clock(step.call_at),
                _clock(step.until),
                "签收后已联系" if step.called else "、".join(reason(rules, code)["short"] for code in step.reasons),
            )
            for step in steps
        ],
    )


@contacts.command("filter")
def filter_(case_no: CaseNo, tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """List a debtor's contacts by their number in the case file, without those who had better be left alone, and why.

    By the approved model, or by the rule in its place. It permits nothing: ask `songda contacts permit` before any call.

    Example: songda contacts filter CL-2026-0001
    """
    from songda.flow.contact_filter import filter_contacts

    with open_house(tenant) as house, house.engine.connect() as connection:
        named, label = filter_contacts(connection, house.tenant, case_no=case_no)
    if as_json:
        told = [
            {name: getattr(each, name) for name in ("ordinal", "relation", "removed", "why", "odd")} for each in named
        ]
        print_json({"case": case_no, "judged_by": label, "contacts": told})
        return
    print_table(
        f"案件 {case_no} 的联系人（由 {label} 筛选；联系之前仍须取得许可）",
        ("联系人", "关系", "结果", "为何"),
        [
            (
                str(each.ordinal),
                each.relation or "",
                "不联系" if each.removed else "可以询问",
                "，".join(_WHY_ZH.get(reason, reason) for reason in each.why),
            )
            for each in named
        ],
    )


@contacts.command()
def history(case_no: CaseNo, tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """List all permits about the debtor of a case, granted and refused, with what became of them.

    Example: songda contacts history A-1
    """
    from songda.flow.contacts import history as permits_about
    from songda.flow.contacts import shown

    at = days.now()
    with open_house(tenant) as house:
        rows = [shown(house.tenant, each, at=at) for each in permits_about(house.engine, house.tenant, case_no)]
    if as_json:
        print_json({"permits": rows})
        return
    print_table(
        "联系许可",
        ("编号", "申请时间", "方式", "由谁", "结果", "理由"),
        [
            (
                row["permit"],
                _clock(datetime.fromisoformat(row["asked_at"])),
                _CHANNELS_ZH[row["channel"]],
                row["actor"],
                _STATES_ZH[row["state"]],
                "、".join(each["short"] for each in row["reasons"]),
            )
            for row in rows
        ],
    )


@contacts.command()
def declare(
    kind: Annotated[KindName, typer.Argument(help="What was said, or checked by a person.")],
    case_no: CaseNo,
    by: By,
    channel: Annotated[str, typer.Option(help="By what it came: call, sms, letter, app, counter.")],
    words: Annotated[Path, typer.Option(help="File with its words, kept sealed; - is stdin.")],
    contact: Annotated[int | None, typer.Option(min=1, help="Which contact; of refused and adult.")] = None,
    for_days: Annotated[
        int | None, typer.Option("--days", min=1, help="Days that it holds; a consent needs it.")
    ] = None,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Record a consent (out_of_hours, frequency), that a debtor is unreachable, that a contact refuses or is of age.

    Example: songda contacts declare out_of_hours A-1 --channel app --words consent.txt --days 90 --by ops-7
    """
    from songda.contacts import ABOUT_NUMBER
    from songda.flow.contacts import declare as keep

    if (kind.value in ABOUT_NUMBER) != (contact is not None):
        raise WrongUsage(what="refused 与 adult 须写 --contact，其他不写", command="songda contacts declare")
    at = days.now()
    since = days.business_day(at)
    with open_house(tenant) as house:
        declared = keep(
            house.engine,
            house.tenant,
            kind.value,
            case_no=case_no,
            contact=contact,
            channel=holder_id(channel),
            since=since,
            until=None if for_days is None else since + timedelta(for_days - 1),
            words=_text(words),
            by=holder_id(by),
            at=at,
        )
    if as_json:
        print_json({"declaration": declared})
    else:
        typer.echo(f"已登记 {declared}")


@contacts.command()
def withdraw(
    declaration: Annotated[str, typer.Argument(help="Id of the declaration.")], by: By, tenant: TenantName = None
) -> None:
    """End a declaration: from now on it holds no longer.

    Example: songda contacts withdraw dcl_01m8… --by ops-7
    """
    from songda.flow.contacts import end_declaration

    with open_house(tenant) as house:
        end_declaration(house.engine, house.tenant, declaration, by=holder_id(by), at=days.now())
    typer.echo(f"{declaration} 已结束")


def _print_answer(told: dict[str, Any]) -> None:
    if told["granted"]:
        until, report_by = (datetime.fromisoformat(told[name]) for name in ("until", "report_by"))
        typer.echo(f"准许 {told['permit']}：{until:%H:%M:%S} 前开始，{report_by:%m-%d %H:%M:%S} 前报告结果")
        for each in told["say"]:
            typer.echo(f"  须：{each['text']}（{each['rule']}）")
        for each in told["never"]:
            typer.echo(f"  禁：{each['text']}（{each['rule']}）")
        for each in told["warnings"]:
            typer.echo(f"  提示：{each['short']}。{each['remedy']}")
        return
    typer.echo(f"不准 {told['permit']}")
    for each in told["reasons"]:
        typer.echo(f"  {each['code']} {each['short']}：{each['text']}。{each['remedy']}")
    retry = told["retry_at"]
    when = "须先消除上述原因" if retry is None else f"最早 {datetime.fromisoformat(retry):%Y-%m-%d %H:%M:%S}"
    typer.echo(f"  再次申请：{when}")


def _clock(instant: datetime | None) -> str:
    return "" if instant is None else f"{instant:%Y-%m-%d %H:%M}"


def _text(path: Path) -> str:
    """Raises WrongUsage for a file that is no text."""
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise WrongUsage(what=f"读不了 {path.name}，或不是 UTF-8 文本", command="songda contacts") from None
