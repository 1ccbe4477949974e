"""Events that a carrier pushes: taken on a secret path, answered only when they are stored for good.

PushDoor(app, receive_pushes=receive_pushes, limiter=limiter, refusal=refusal)      # ASGI, before the router of `app`
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from songda.base.errors import SongdaError
from songda.web.gather import Gatherer
from songda.web.limit import Limiter, slow_down

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

log = structlog.get_logger("songda.web")

#: Tenant's short name, secret of the path, body.
Pushed = tuple[str, str, bytes]
#: Pushes → for each the acknowledgement, after the commit; the error for which there is none; None: no such path.
ReceivePushes = Callable[[Sequence[Pushed]], Sequence[dict[str, Any] | SongdaError | None]]

#: An event has some 1,000 bytes; encrypted and spelled as a form it has twice as many.
MAX_BODY = 64 * 1024

#: Seconds in which a body must have arrived.
BODY_S = 10.0

_PATH = re.compile(r"/carrier/([^/\x00]{1,80})/([^/]+)")


class PushDoor:
    """Answers what is asked of a push path and leaves all other paths to `app`.

    It stands before the router: what that does for each request costs more than to store the event that it brings.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        receive_pushes: ReceivePushes,
        limiter: Limiter,
        refusal: Callable[[Request, int, dict[str, str] | None], Response],
    ) -> None:
        self.app = app
        self._together = Gatherer(receive_pushes)
        self._limiter = limiter
        self._refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = _PATH.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if path is None:
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await self._answer(request, tenant=path[1], token=path[2])
        except HTTPException as error:
            response = self._refusal(request, error.status_code, dict(error.headers or {}))
        await response(scope, receive, send)

    async def _answer(self, request: Request, *, tenant: str, token: str) -> Response:
        if request.method != "POST":
            raise HTTPException(405, headers={"Allow": "POST"})
        body = await read_body(request)
        acknowledgement = await self._together.call((tenant, token, body))
        if isinstance(acknowledgement, SongdaError):
            # What came may hold a name: only the kind of the refusal is kept. The carrier sends again what has no answer.
            log.warning("carrier.push_refused", tenant=tenant, kind=type(acknowledgement).__name__)
            return Response(status_code=422 if acknowledgement.exit_code == os.EX_DATAERR else 503)
        if acknowledgement is None:
            # A carrier may push a thousand events a second; only who does not know the path is slowed down.
            slow_down(request, self._limiter)
            raise HTTPException(404)
        return Response(orjson.dumps(acknowledgement), media_type="application/json")


async def read_body(request: Request, *, most: int = MAX_BODY, within_s: float = BODY_S) -> bytes:
    """The whole body. Raises HTTPException 413 for one that is too long, 408 for one that does not come to its end."""
    if int(request.headers.get("content-length", 0)) > most:
        raise HTTPException(413)
    body = bytearray()
    try:
        async with asyncio.timeout(within_s):
            async for part in request.stream():
                body += part
                if len(body) > most:
                    raise HTTPException(413)
    except TimeoutError:
        raise HTTPException(408) from None
    return bytes(body)


def push_path(tenant: str, token: str) -> str:
    """Path that the carrier is told."""
    from urllib.parse import quote

    return f"/carrier/{quote(tenant, safe='')}/{token}"
