"""Asking a time-stamping authority over HTTP (RFC 3161 §3.4).

    stamper = Stamper(url="https://tsa.example/tsr", root=pem)
    token = ask(stamper, message)
    token = answer_to(stamper, request, hashed)     # a TimeStampReq that somebody else has made

What leaves the house is a hash and a random number: no authority learns what was stamped.
"""

from __future__ import annotations

from dataclasses import dataclass

from songda.evidence.errors import AuthorityUnreachable
from songda.evidence.timestamp import MAX_TOKEN_BYTES, check_stamp, new_request, read_stamp
from songda.evidence.trust import certificates

_TIMEOUT_S = 15
_SOURCE = "[timestamp] certificate"


@dataclass(frozen=True, slots=True)
class Stamper:
    url: str
    #: PEM of the root certificate (or several) under which the authority signs.
    root: bytes


def ask(stamper: Stamper, message: bytes) -> bytes:
    """The authority's TimeStampResp for `message`, verified. Raises AuthorityUnreachable, UntrustedStamp, BadTrust."""
    request, roots = new_request(message), certificates(stamper.root, source=_SOURCE)
    token = _post(stamper, request.der)
    read_stamp(token, message, roots=roots, nonce=request.nonce)
    return token


def answer_to(stamper: Stamper, request: bytes, hashed: bytes) -> bytes:
    """The authority's TimeStampResp to `request` about the SHA-256 `hashed`, verified but for its nonce. Raises as `ask` does."""
    token = _post(stamper, request)
    check_stamp(token, hashed, roots=certificates(stamper.root, source=_SOURCE))
    return token


def _post(stamper: Stamper, request: bytes) -> bytes:
    import httpx

    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    token = b""
    try:
        with httpx.stream("POST", stamper.url, content=request, headers=headers, timeout=_TIMEOUT_S) as answer:
            if answer.status_code != httpx.codes.OK:
                raise AuthorityUnreachable(reason=f"HTTP {answer.status_code}")
            for part in answer.iter_bytes():
                token += part
                if len(token) > MAX_TOKEN_BYTES:
                    raise AuthorityUnreachable(reason="应答过长")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise AuthorityUnreachable(reason=type(error).__name__) from None
    return token
