"""What every answer carries, whichever handler made it, and what becomes of a failure that nobody expected.

Written as plain ASGI, so that streams are not held back and an error page gets the same headers as any other.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger("songda.web")

#: https://owasp.org/www-project-secure-headers/ (2026); the content security policy is added with its nonce.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
}
_ENCODED = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]


class StreamBroken(Exception):
    """An answer failed after its first byte: the connection is cut, so that nobody takes a part for the whole."""


def policy(nonce: str) -> str:
    """Nothing is allowed but our own inline style sheet and inline images."""
    return (
        f"default-src 'none'; style-src 'nonce-{nonce}'; img-src data:; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    )


class Guard:
    """Adds the headers; turns an unexpected exception into an error page and one log line without its message."""

    def __init__(self, app: ASGIApp, *, error_page: Callable[[Request, int], Response]) -> None:
        self.app = app
        self.error_page = error_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        from starlette.requests import ClientDisconnect, Request

        nonce = secrets.token_urlsafe(16)
        scope.setdefault("state", {})["nonce"] = nonce
        started = False

        async def send_guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                # A page that needs scripts or the camera says so itself; all others get the strictest.
                said = {name.lower() for name, _ in message["headers"]}
                strictest = ((b"content-security-policy", policy(nonce).encode()), *_ENCODED)
                message["headers"] = [*message["headers"], *(pair for pair in strictest if pair[0] not in said)]
            await send(message)

        try:
            await self.app(scope, receive, send_guarded)
        except ClientDisconnect:
            log.info("web.client_left")
        except Exception as error:
            # The message and the traceback may hold a name or a token: only the kind of failure is kept.
            log.error("web.failed", kind=type(error).__name__, started=started)  # noqa: TRY400
            if started:
                raise StreamBroken from None
            response = self.error_page(Request(scope), 500)
            await response(scope, receive, send_guarded)
