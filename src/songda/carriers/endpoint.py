"""Which addresses of the other side a tenant may state: https, or any http on this machine (a stand-in).

>>> endpoint_fault("https://carrier.example/open"), endpoint_fault("http://carrier.example/open")
(None, '必须使用 https')
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def endpoint_fault(url: str) -> str | None:
    """What is wrong with an endpoint, in Chinese; None for one that may be used."""
    parts = urlsplit(url)
    if not parts.hostname or parts.username is not None or parts.query:
        return "应为不带账号和参数的网址"
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        return "必须使用 https"
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
