"""The application behind a socket."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from songda.base.errors import SongdaError
from songda.base.settings import Settings


class BadTls(SongdaError):
    zh = "证书或私钥不能用（{reason}）"
    remedy = "--tls-certificate 写证书及其签发者（PEM），--tls-key 写未加密的私钥（PEM），--client-ca 写签发客户端证书的根证书（PEM）"
    exit_code = 78


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files. `client_ca`: whoever connects must show a certificate that stems from it (mutual TLS)."""

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def options(self) -> dict[str, Any]:
        """What uvicorn is told, after the files were found to fit. Raises BadTls."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            # An empty password: a key that needs one must not make the server ask for it.
            context.load_cert_chain(self.certificate, self.key, password="")
            if self.client_ca is not None:
                context.load_verify_locations(self.client_ca)
        except (OSError, ValueError) as error:
            raise BadTls(reason=getattr(error, "reason", None) or error.__class__.__name__) from error
        found: dict[str, Any] = {"ssl_certfile": self.certificate, "ssl_keyfile": self.key}
        if self.client_ca is not None:
            found |= {"ssl_ca_certs": str(self.client_ca), "ssl_cert_reqs": ssl.CERT_REQUIRED}
        return found


def serve(
    settings: Settings,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    trusted_proxies: str | None = None,
    tls: Tls | None = None,
    **doors: Any,
) -> None:
    """Serve until interrupted. `trusted_proxies`: addresses whose X-Forwarded-For is believed; none by default.

    `tls`: serve https; None where a proxy before this server does. The other keyword arguments are those of `create_app`.
    Raises BadTls.
    """
    import gc

    import uvicorn

    from songda.web.app import create_app
    from songda.web.bounded import BoundedProtocol

    secured = {} if tls is None else tls.options()
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
        **secured,
    )
