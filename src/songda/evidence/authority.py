"""Asking a time-stamping authority over HTTP (RFC 3161 §3.4).

    stamper = Stamper(url="https://tsa.example/tsr", root=pem)
    token = ask(stamper, message)

What leaves the house is a hash and a random number: no authority learns what was stamped.
"""

from __future__ import annotations

from dataclasses import dataclass

from songda.evidence.errors import AuthorityUnreachable
from songda.evidence.timestamp import MAX_TOKEN_BYTES, new_request, read_stamp
from songda.evidence.trust import certificates

_TIMEOUT_S = 15


@dataclass(frozen=True, slots=True)
class Stamper:
    url: str
    #: PEM of the root certificate (or several) under which the authority signs.
    root: bytes


def ask(stamper: Stamper, message: bytes) -> bytes:
    """The authority's TimeStampResp for `message`, verified. Raises AuthorityUnreachable, UntrustedStamp, BadTrust."""
    import httpx

    request, roots = new_request(message), certificates(stamper.root, source="[timestamp] certificate")
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    token = b""
    try:
        with httpx.stream("POST", stamper.url, content=request.der, headers=headers, timeout=_TIMEOUT_S) as answer:
            if answer.status_code != httpx.codes.OK:
                raise AuthorityUnreachable(reason=f"HTTP {answer.status_code}")
            for part in answer.iter_bytes():
                token += part
                if len(token) > MAX_TOKEN_BYTES:
                    raise AuthorityUnreachable(reason="应答过长")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise AuthorityUnreachable(reason=type(error).__name__) from None
    read_stamp(token, message, roots=roots, nonce=request.nonce)
    return token
