"""The web application: which paths exist, who may ask, and which function answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated

import anyio
from fastapi import FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response, StreamingResponse

from songda.base.days import now as shanghai_now
from songda.base.settings import Settings
from songda.web.answers import add_answers
from songda.web.carrier import PushDoor, ReceivePushes
from songda.web.contacts import ContactsDoor, Refused, add_contacts
from songda.web.courier import CourierDoor, add_courier
from songda.web.events import MOST, PATH, ReadFeed, key_of
from songda.web.guard import Guard
from songda.web.health import Probe, database_probe
from songda.web.letter_check import FindDesk, FindLetter, RecipientDoor, judge
from songda.web.limit import Limiter, slow_down
from songda.web.links import PRESS, LinkExpired, LinkForged, LinkKey, press_object, verify
from songda.web.pages import letter_page, refusal, unknown_letter_page
from songda.web.press import AuditPress, OpenPrintFile, PrintFile
from songda.web.stops import StopsDoor, add_stops

#: Requests a minute from one address.
PER_MINUTE = 30

#: Letter checks take a whole number of these, so that a clock does not tell a known token from an unknown one.
QUANTUM_S = 0.05

#: Longest token that is looked up at all.
MAX_TOKEN = 128

Clock = Callable[[], datetime]


def create_app(
    settings: Settings,
    *,
    find_letter: FindLetter | None = None,
    recipients: RecipientDoor | None = None,
    open_print_file: OpenPrintFile | None = None,
    audit_press: AuditPress | None = None,
    link_key: LinkKey | None = None,
    receive_pushes: ReceivePushes | None = None,
    read_feed: ReadFeed | None = None,
    courier: CourierDoor | None = None,
    contacts: ContactsDoor | None = None,
    stops: StopsDoor | None = None,
    probe: Probe | None = None,
    clock: Clock = shanghai_now,
    docs: bool = False,
) -> FastAPI:
    """The application for `settings`.

    `/c/{token}` exists with `find_letter`, answers to it with `recipients`; `/press/{run_id}/{number}` only when
    `open_print_file`, `audit_press` and `link_key` are all given: without an audit log nobody prints;
    `/carrier/{tenant}/{token}` with `receive_pushes`;
    `/api/v1/events` with `read_feed`; `/courier/…` and `/api/v1/courier/…` with `courier`; `/api/v1/permits` with `contacts`;
    `/api/v1/stops` with `stops`. `docs` publishes `/openapi.json`. All of them over the record: songda.web.record.
    """
    app = FastAPI(title="songda", docs_url=None, redoc_url=None, openapi_url="/openapi.json" if docs else None)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_bad_request)
    limiter = Limiter(per_minute=PER_MINUTE)
    if receive_pushes:
        app.add_middleware(PushDoor, receive_pushes=receive_pushes, limiter=limiter, refusal=refusal)
    # The last one added stands before all others.
    app.add_middleware(Guard, error_page=refusal)
    _add_health(app, probe or database_probe(settings))
    if find_letter:
        _add_letter_check(app, find_letter, limiter, clock=clock, desk=recipients.desk if recipients else None)
        if recipients:
            add_answers(app, recipients, limiter)
    if open_print_file and audit_press and link_key:
        _add_press(app, open_print_file, audit_press, limiter, link_key=link_key, clock=clock)
    if read_feed:
        _add_events(app, read_feed, limiter)
    if courier:
        add_courier(app, courier, limiter, clock=clock)
    if contacts:
        add_contacts(app, contacts, limiter)
    if stops:
        add_stops(app, stops, limiter)
    return app


def _add_health(app: FastAPI, probe: Probe) -> None:
    @app.get("/healthz")
    def healthz() -> JSONResponse:
        health = probe()
        return JSONResponse(health.to_json(), status_code=200 if health.ok else 503)


def _add_letter_check(
    app: FastAPI, find_letter: FindLetter, limiter: Limiter, *, clock: Clock, desk: FindDesk | None
) -> None:
    @app.get("/c/{token}", include_in_schema=False)
    async def check_letter(token: str, request: Request) -> Response:
        slow_down(request, limiter)
        began = time.monotonic()
        try:
            letter = await anyio.to_thread.run_sync(find_letter, token[:MAX_TOKEN])
            verdict = judge(letter)
            if letter is None or verdict is None:
                return unknown_letter_page(request)
            own = await anyio.to_thread.run_sync(desk, token[:MAX_TOKEN]) if desk else None
            return letter_page(request, letter, verdict, at=clock(), desk=own)
        finally:
            await anyio.sleep(-(time.monotonic() - began) % QUANTUM_S)


def _add_press(
    app: FastAPI,
    open_print_file: OpenPrintFile,
    audit_press: AuditPress,
    limiter: Limiter,
    *,
    link_key: LinkKey,
    clock: Clock,
) -> None:
    @app.get("/press/{run_id}/{number}", include_in_schema=False)
    def print_file(
        run_id: Annotated[str, Path(pattern=r"^\w{1,80}$")],
        number: Annotated[int, Path(ge=1)],
        request: Request,
        t: str = "",
    ) -> Response:
        slow_down(request, limiter)
        key = link_key(run_id)
        if key is None:
            raise HTTPException(404)
        try:
            link = verify(t, purpose=PRESS, object_id=press_object(run_id, number), now=clock(), key=key)
        except LinkForged:
            raise HTTPException(404) from None
        except LinkExpired:
            raise HTTPException(410) from None
        file = open_print_file(run_id, number)
        if file is None:
            raise HTTPException(404)
        try:
            audit_press(link)
        except BaseException:
            file.close()
            raise
        # Downloaded, not shown: a browser's own viewer is a page that our policy forbids to style itself.
        headers = {"Content-Disposition": f'attachment; filename="{_header_safe(file.name)}"'}
        return StreamingResponse(_read(file), media_type="application/pdf", headers=headers)


def _add_events(app: FastAPI, read_feed: ReadFeed, limiter: Limiter) -> None:
    @app.get(PATH)
    async def events(
        request: Request,
        after: Annotated[
            int, Query(ge=0, le=2**62, description="Cursor: `next` of the page before; 0: from the first.")
        ] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST, description="Events of one page at most.")] = 100,
    ) -> JSONResponse:
        """What became of the tenant's letters, in one order. Shown with `Authorization: Bearer KEY` (songda secrets show api)."""
        key = key_of(request.headers.get("authorization", ""))
        page = None if key is None else await anyio.to_thread.run_sync(read_feed, key, after, limit)
        if page is None:
            # Only who shows no key of ours is slowed down.
            slow_down(request, limiter)
            raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
        return JSONResponse(page)


def _read(file: PrintFile) -> Iterator[bytes]:
    try:
        yield from file.chunks
    finally:
        file.close()


def _header_safe(name: str) -> str:
    return "".join(
        character for character in name if character.isascii() and (character.isalnum() or character in "._-")
    )


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    said = (error.title, str(error.detail)) if isinstance(error, Refused) else None
    return refusal(request, error.status_code, dict(error.headers or {}), said=said)


async def _on_bad_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # The fields' names only: what stood in them may be a person's number.
    fields = "、".join(dict.fromkeys(".".join(map(str, each["loc"][1:])) or "body" for each in error.errors()))
    return refusal(request, 422, said=("填写有误", f"填写有误：{fields}。请按接口文档的格式填写"))
