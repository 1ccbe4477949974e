"""The application behind a socket."""

from __future__ import annotations

from typing import Any

from songda.base.settings import Settings


def serve(
    settings: Settings,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    trusted_proxies: str | None = None,
    **doors: Any,
) -> None:
    """Serve until interrupted. `trusted_proxies`: addresses whose X-Forwarded-For is believed; none by default.

    The other keyword arguments are those of `create_app`.
    """
    import gc

    import uvicorn

    from songda.web.app import create_app
    from songda.web.bounded import BoundedProtocol

    app = create_app(settings, **doors)
    # What is loaded by now stays for good: looking through it again would halt every answer for a tenth of a second.
    gc.collect()
    gc.freeze()
    uvicorn.run(
        app,
        host=host,
        port=port,
        http=BoundedProtocol,
        # Paths hold tokens: requests are never logged.
        access_log=False,
        server_header=False,
        proxy_headers=trusted_proxies is not None,
        forwarded_allow_ips=trusted_proxies,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=10,
        limit_concurrency=256,
    )
