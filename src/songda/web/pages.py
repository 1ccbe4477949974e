"""The few pages of this door, rendered from `pages/*.html.j2` with autoescape on."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, JSONResponse, Response

from songda.base.days import SHANGHAI, chinese_date
from songda.web.letter_check import ANSWERS, CHANNELS, KINDS, Desk, LetterCheck, Verdict, mask_number

if TYPE_CHECKING:
    from jinja2 import Environment
    from starlette.requests import Request

#: Status → what happened, what to do. Never more: an error page explains nothing to a prober.
ERRORS = {
    400: ("请求无法识别", "请检查网址是否完整。"),
    401: ("没有出示有效的密钥", "请在请求头写 Authorization: Bearer 密钥。"),
    403: ("链接已被作废", "请向发出链接的人索取新的链接。"),
    404: ("没有找到", "请检查网址是否完整。"),
    405: ("不支持这种操作", "请用浏览器直接打开网址。"),
    408: ("接收超时", "请稍后重试。"),
    410: ("链接已过期", "请向发出链接的人索取新的链接。"),
    413: ("内容过长", "请检查发送的内容。"),
    422: ("请求无法识别", "请检查网址是否完整。"),
    429: ("访问过于频繁", "请稍等一分钟再试。"),
    500: ("系统出现错误", "请稍后再试；如果仍然出现，请联系管理员。"),
    503: ("暂时无法查询", "请稍后再试。"),
}

#: Paths whose errors are problem details (RFC 9457).
_PROBLEMS = ("/api/v1/permits", "/api/v1/stops")

#: For a token that no letter has: the number on a forged letter is the forger's own, so nobody is sent there.
UNKNOWN_LETTER = (
    "查不到这封函件",
    "没有与此网址对应的函件。请先核对网址是否完整；如果网址无误，函件可能是伪造的：请勿付款，"
    "并通过司法行政机关公布的律师事务所电话核实。",
)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("songda.web", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cn_date"] = chinese_date
    return environment


def error_page(request: Request, status: int, headers: dict[str, str] | None = None) -> HTMLResponse:
    what, remedy = _words(status)
    return _page(request, "error.html.j2", status, headers, what=what, remedy=remedy, code=status)


def refusal(
    request: Request, status: int, headers: dict[str, str] | None = None, *, said: tuple[str, str] | None = None
) -> Response:
    """The same words as a page for people, and as JSON for programs (paths below /api/).

    Paths of _PROBLEMS get problem details, which may say more: title and detail in `said`.
    """
    if not request.url.path.startswith("/api/"):
        return error_page(request, status, headers)
    what, remedy = _words(status)
    if request.url.path.startswith(_PROBLEMS):
        title, detail = said or (what, f"{what}。{remedy}")
        problem = {"type": "about:blank", "title": title, "status": status, "detail": detail}
        return JSONResponse(problem, status_code=status, headers=headers, media_type="application/problem+json")
    code = HTTPStatus(status).phrase.lower().replace(" ", "_")
    return JSONResponse({"error": {"code": code, "message": f"{what}。{remedy}"}}, status_code=status, headers=headers)


def unknown_letter_page(request: Request) -> HTMLResponse:
    what, remedy = UNKNOWN_LETTER
    return _page(request, "error.html.j2", 404, None, what=what, remedy=remedy, code=404)


def letter_page(
    request: Request, letter: LetterCheck, verdict: Verdict, *, at: datetime, desk: Desk | None = None
) -> HTMLResponse:
    """The page on `letter` as it stands at `at`, which the page says: a picture of it grows old."""
    return _page(
        request,
        "letter.html.j2",
        200,
        None,
        letter=letter,
        verdict=verdict,
        kind_zh=KINDS.get(letter.kind, "函件"),
        number=mask_number(letter.letter_no),
        desk=desk,
        answers=ANSWERS,
        channels=CHANNELS,
        answer_path=f"{request.url.path}/answer",
        at=at.astimezone(SHANGHAI),
    )


def _words(status: int) -> tuple[str, str]:
    return ERRORS.get(status, ERRORS[500] if status >= 500 else ERRORS[400])


def _page(request: Request, name: str, status: int, headers: dict[str, str] | None, **values: Any) -> HTMLResponse:
    html = _environment().get_template(name).render(nonce=request.state.nonce, **values)
    return HTMLResponse(html, status_code=status, headers=headers)
