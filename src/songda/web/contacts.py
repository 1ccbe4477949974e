"""Permits to contact, for the dialling and texting programs of the institution and its outsourcers.

    POST /api/v1/permits                    Idempotency-Key: …      → granted or refused
    POST /api/v1/permits/{id}/outcome       {"outcome": "unanswered"}

Shown with `Authorization: Bearer KEY` (songda secrets show contacts). Errors are problem details (RFC 9457) in Chinese; a permit
that is refused is no error. Questions that come while a commit is under way share the next one (songda.web.gather).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Header, Path, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from songda.base.errors import SongdaError
from songda.web.events import key_of
from songda.web.gather import Gatherer
from songda.web.limit import Limiter, slow_down

PATH = "/api/v1/permits"
#: The errors that are no fault of what was asked, by what happened; others are 422.
STATUS = {"UnknownCase": 404, "UnknownLetter": 404, "NoSuchPermit": 404, "OtherOutcome": 409, "NotGranted": 409}


class PermitAsk(BaseModel):
    """A question. Nothing has a default that would answer for the caller: what is left out is unknown, and refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)

    case_no: str = Field(min_length=1, max_length=80, description="案件编号，与案件文件一致")
    actor: str = Field(
        pattern=r"^[A-Za-z0-9_.-]{1,40}$", description="institution，或机构档案 outsourcers 中登记的委外机构编号"
    )
    channel: Literal["call", "ai_call", "sms", "letter"] = Field(description="人工电话、智能语音、短信、自行寄送的函件")
    purpose: Literal["demand", "inform", "assignment_notice", "ask_contact_info", "ask_relay", "answer"]
    number: str | None = Field(None, max_length=30, description="要拨打的号码；只留盲索引。与 phone、contact 三者取一")
    phone: int | None = Field(None, ge=1, le=20, description="案件文件中本人的第几个号码")
    contact: int | None = Field(None, ge=1, le=20, description="案件文件中的第几个联系人")
    mode: Literal["interactive", "informing"] | None = Field(None, description="通话方式：交互式、告知式")
    script: str | None = Field(None, max_length=4000, description="话术或短信正文；只检查，不保存")
    identifies_self: bool | None = Field(None, description="表明身份和机构")
    recording: bool | None = Field(None, description="全程录音")
    no_extra_fee: bool | None = Field(None, description="不主张合同以外的费用")


class Saying(BaseModel):
    rule: str
    text: str


class Reason(BaseModel):
    code: str = Field(description="规则编号，或 stop:…、actor_unknown 等代码")
    short: str
    text: str
    remedy: str


class Warned(BaseModel):
    short: str
    remedy: str


class PermitAnswer(BaseModel):
    """Granted or refused."""

    permit: str
    granted: bool
    state: str = Field(description="open、refused、expired、late，或已报的结果")
    channel: str
    mode: str | None
    purpose: str
    actor: str
    asked_at: AwareDatetime
    until: AwareDatetime | None = Field(description="最迟何时开始拨打或发送")
    report_by: AwareDatetime | None = Field(description="最迟何时报告结果；逾期按最多的次数计")
    retry_at: AwareDatetime | None = Field(description="最早何时可以再次申请；null：须先消除原因")
    say: list[Saying]
    never: list[Saying]
    reasons: list[Reason]
    missing: list[str] = Field(description="缺少的事实")
    warnings: list[Warned]
    counts: dict[str, int]
    rule_set: str
    inputs_hash: str


class OutcomeTold(BaseModel):
    model_config = ConfigDict(extra="forbid")

    outcome: Literal["interactive", "informing", "unanswered", "not_dialled", "sent", "not_sent"]


class Problem(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str


#: (key shown, key of the question, question) → the answer; the error for which there is none; None: nobody's key.
AskPermits = Callable[[Sequence[tuple[str, str, PermitAsk]]], Sequence[dict[str, Any] | SongdaError | None]]
#: (key shown, id of the permit, outcome) → the permit; …
TellOutcomes = Callable[[Sequence[tuple[str, str, str]]], Sequence[dict[str, Any] | SongdaError | None]]


@dataclass(frozen=True, slots=True)
class ContactsDoor:
    """Both take many at once and answer after the commit."""

    ask: AskPermits
    tell: TellOutcomes


class Refused(HTTPException):
    """An error of the house that a caller may read."""

    def __init__(self, error: SongdaError) -> None:
        self.title = type(error).zh.format_map(error.data)
        status = STATUS.get(type(error).__name__, 422 if error.exit_code == os.EX_DATAERR else 503)
        super().__init__(status, error.message_zh)


def add_contacts(app: FastAPI, door: ContactsDoor, limiter: Limiter) -> None:
    """Adds both paths to `app`."""
    asking: Gatherer[tuple[str, str, PermitAsk], dict[str, Any] | SongdaError | None] = Gatherer(door.ask)
    telling: Gatherer[tuple[str, str, str], dict[str, Any] | SongdaError | None] = Gatherer(door.tell)
    problem = {"model": Problem, "content": {"application/problem+json": {}}}
    responses: dict[int | str, dict[str, Any]] = dict.fromkeys((401, 404, 409, 422, 429, 503), problem)

    def checked(request: Request, answer: dict[str, Any] | SongdaError | None) -> dict[str, Any]:
        if answer is None:
            # Only who shows no key of ours is slowed down.
            slow_down(request, limiter)
            raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
        if isinstance(answer, SongdaError):
            raise Refused(answer)
        return answer

    @app.post(PATH, response_model=PermitAnswer, responses=responses)
    async def ask(
        request: Request,
        asked: PermitAsk,
        idempotency_key: Annotated[
            str, Header(min_length=8, max_length=128, description="每次联系一个新的键；重试同一次申请用同一个键")
        ],
    ) -> dict[str, Any]:
        """May this person be called, texted or written to now? Asked before the act; the count is taken with the answer."""
        key = key_of(request.headers.get("authorization", ""))
        return checked(request, None if key is None else await asking.call((key, idempotency_key, asked)))

    @app.post(f"{PATH}/{{permit}}/outcome", response_model=PermitAnswer, responses=responses)
    async def tell(
        request: Request, permit: Annotated[str, Path(pattern=r"^prm_\w{1,40}$")], told: OutcomeTold
    ) -> dict[str, Any]:
        """What became of it. A permit that is never told of counts as whatever it may have been."""
        key = key_of(request.headers.get("authorization", ""))
        return checked(request, None if key is None else await telling.call((key, permit, told.outcome)))
