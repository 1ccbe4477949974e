"""Events that a carrier pushes: taken on a secret path, answered only when they are stored for good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import anyio
from starlette.exceptions import HTTPException

from songda.base.errors import SongdaError

if TYPE_CHECKING:
    from starlette.requests import Request

#: Tenant's short name, secret of the path, body.
Pushed = tuple[str, str, bytes]
#: Pushes → for each the acknowledgement, after the commit; the error for which there is none; None: no such path.
ReceivePushes = Callable[[Sequence[Pushed]], Sequence[dict[str, Any] | SongdaError | None]]

#: An event has some 1,000 bytes; encrypted and spelled as a form it has twice as many.
MAX_BODY = 64 * 1024

#: Seconds in which a body must have arrived.
BODY_S = 10.0


async def read_body(request: Request, *, most: int = MAX_BODY, within_s: float = BODY_S) -> bytes:
    """The whole body. Raises HTTPException 413 for one that is too long, 408 for one that does not come to its end."""
    if int(request.headers.get("content-length", 0)) > most:
        raise HTTPException(413)
    body = bytearray()
    try:
        with anyio.fail_after(within_s):
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
