"""Signed links: a right to one thing, for one holder, until one moment. Nothing is stored; the signature is the right.
Links that can be revoked say how many revocations went before them; whoever opens their door knows how many there were.

>>> key = bytes(range(32))
>>> at = datetime(2026, 11, 24, 9, tzinfo=UTC)
>>> token = sign("press", "run_01kb/1", expires=at, key=key, holder="usr_7")
>>> verify(token, purpose="press", object_id="run_01kb/1", now=at, key=key).holder
'usr_7'

A token is bound to its purpose and its object: one made for a print file opens neither another file nor another page.
HMAC-SHA256 (RFC 2104) over length-prefixed parts, so that no two different sets of parts are the same message.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from songda.base.errors import SongdaError

PRESS = "press"
COURIER = "courier"

#: Id of a print run → the 32 bytes that sign the links to its files; None when there is no such run.
LinkKey = Callable[[str], bytes | None]

_MIN_KEY = 32


class LinkExpired(SongdaError):
    zh, remedy, exit_code = "链接已过期", "请重新生成链接", 77


class LinkForged(SongdaError):
    zh, remedy, exit_code = "链接无效", "请使用完整的原始链接，或重新生成", 77


@dataclass(frozen=True, slots=True)
class Link:
    """What a genuine token says."""

    purpose: str
    object_id: str
    #: Id of the person to whom the link was given; the audit log names it. Never a name.
    holder: str
    expires: datetime
    #: Revocations that had gone before when it was signed.
    generation: int = 0


def sign(purpose: str, object_id: str, expires: datetime, key: bytes, *, holder: str = "", generation: int = 0) -> str:
    """A token that gives `holder` the right to `object_id` for `purpose` until `expires` (aware), inclusive."""
    if expires.tzinfo is None:
        raise ValueError("expiry without a time zone")
    seconds = int(expires.timestamp())
    mac = _mac(purpose, object_id, holder, seconds, generation, key=key)
    return f"{seconds:x}.{generation:x}.{_encode(holder.encode())}.{_encode(mac)}"


def verify(token: str, *, purpose: str, object_id: str, now: datetime, key: bytes) -> Link:
    """The link that `token` is for `purpose` and `object_id`.

    Raises LinkForged for anything that was not signed with `key` for exactly these, and LinkExpired only for a genuine
    link that is too old: a forger learns nothing from the difference.
    """
    try:
        seconds_text, generation_text, holder_text, mac_text = token.split(".")
        seconds, generation = int(seconds_text, 16), int(generation_text, 16)
        holder, mac = _decode(holder_text).decode(), _decode(mac_text)
    except (ValueError, binascii.Error):
        raise LinkForged from None
    # Signed again and compared as text: a second spelling of the same numbers is a forgery as well.
    parts = f"{seconds:x}", f"{generation:x}", _encode(holder.encode()), _encode(mac)
    genuine = parts == (seconds_text, generation_text, holder_text, mac_text)
    if not hmac.compare_digest(_mac(purpose, object_id, holder, seconds, generation, key=key), mac) or not genuine:
        raise LinkForged
    if now.timestamp() > seconds:
        raise LinkExpired
    return Link(purpose, object_id, holder, datetime.fromtimestamp(seconds, tz=UTC), generation)


def press_path(run_id: str, number: int, *, holder: str, expires: datetime, key: bytes) -> str:
    """Path of the signed link to the `number`-th print file of a run."""
    token = sign(PRESS, press_object(run_id, number), expires, key, holder=holder)
    return f"/press/{quote(run_id, safe='')}/{number}?t={token}"


def press_object(run_id: str, number: int) -> str:
    return f"{run_id}/{number}"


def press_parts(object_id: str) -> tuple[str, int]:
    """The run and the number of which `press_object` was made."""
    run_id, _, number = object_id.rpartition("/")
    return run_id, int(number)


def courier_path(
    tenant_id: str, office: str, *, holder: str, expires: datetime, key: bytes, generation: int = 0
) -> str:
    """Path of the signed link to the list of a delivery office. The token stands behind #: a browser never sends that part."""
    token = sign(COURIER, courier_object(tenant_id, office), expires, key, holder=holder, generation=generation)
    return f"/courier/{quote(tenant_id, safe='')}/{quote(office, safe='')}#{token}"


def courier_object(tenant_id: str, office: str) -> str:
    return f"{tenant_id}/{office}"


def _mac(purpose: str, object_id: str, holder: str, seconds: int, generation: int, *, key: bytes) -> bytes:
    if len(key) < _MIN_KEY:
        raise ValueError(f"a signing key needs {_MIN_KEY} bytes")
    parts = ("songda-link-2", purpose, object_id, holder, str(seconds), str(generation))
    message = b"".join(len(part).to_bytes(4, "big") + part for part in (text.encode() for text in parts))
    return hmac.digest(key, message, hashlib.sha256)


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
