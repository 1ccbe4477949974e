"""Stop orders over HTTP: the institution's own systems say that a debt was paid, is disputed, that somebody has died.

    POST /api/v1/stops      {"letter_no": "LH2026-000123", "reason": "paid", "debtor": true}

Shown with `Authorization: Bearer KEY` (songda secrets show stops). The order itself is the key of its repetition: the same one
given again stands once, and looks at its letters again. Errors are problem details (RFC 9457) in Chinese.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import anyio
from fastapi import Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from starlette.exceptions import HTTPException

from songda.base.errors import SongdaError
from songda.web.contacts import Problem, Refused
from songda.web.events import key_of
from songda.web.limit import Limiter, slow_down

if TYPE_CHECKING:
    from fastapi import FastAPI

PATH = "/api/v1/stops"


class StopAsk(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)

    letter_no: str | None = Field(None, min_length=1, max_length=40, description="函号；与 case_no 二者取一")
    case_no: str | None = Field(None, min_length=1, max_length=80, description="案件编号，与案件文件一致")
    debtor: bool = Field(False, description="该函收件人的全部函件")
    reason: Literal[
        "paid",
        "disputed",
        "answered",
        "complaint",
        "hardship",
        "wrong_person",
        "refused_contact",
        "deceased",
        "no_capacity",
        "bankruptcy",
        "legal_hold",
        "regulator",
        "client",
    ]

    @model_validator(mode="after")
    def _names_one_thing(self) -> StopAsk:
        if (self.letter_no is None) == (self.case_no is None) or (self.debtor and self.letter_no is None):
            raise ValueError("letter_no or case_no; debtor with letter_no")
        return self


class StoppedLetter(BaseModel):
    letter_no: str
    outcome: Literal["withdrawn", "recalled", "too_late", "missing", "ended"]
    posted_at: AwareDatetime | None
    pieces: list[str] = Field(description="要取出的封件：打印批次/序号")


class StopAnswer(BaseModel):
    stop: str
    letters: list[StoppedLetter]


#: (key shown, order) → what it found; None: nobody's key. Raises SongdaError.
GiveStop = Callable[[str, StopAsk], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class StopsDoor:
    give: GiveStop


def add_stops(app: FastAPI, door: StopsDoor, limiter: Limiter) -> None:
    problem = {"model": Problem, "content": {"application/problem+json": {}}}
    responses: dict[int | str, dict[str, Any]] = dict.fromkeys((401, 404, 422, 429, 503), problem)

    @app.post(PATH, response_model=StopAnswer, responses=responses)
    async def give(request: Request, asked: StopAsk) -> dict[str, Any]:
        """Stops letters: withdrawn, recalled from the factory, or too late; and those to come."""
        key = key_of(request.headers.get("authorization", ""))
        try:
            answer = None if key is None else await anyio.to_thread.run_sync(door.give, key, asked)
        except SongdaError as error:
            raise Refused(error) from None
        if answer is None:
            # Only who shows no key of ours is slowed down.
            slow_down(request, limiter)
            raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
        return answer
