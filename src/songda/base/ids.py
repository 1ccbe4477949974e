"""Ids: UUIDv7 written as TypeID (`ltr_01m8…`), so that a screen, a log and a database show the same short readable thing.

Ids of things that come from a customer's file are *derived* from a secret and the business key: the same file read twice gives the same
ids, so an insert that is repeated after a crash meets its own primary key instead of making a second letter, and without the tenant's
secret nobody can compute the id of a person or a letter (docs/decisions/001-derived-ids.md).

>>> derive("ltr", date(2026, 11, 24), b"secret", "case", "A-1") == derive("ltr", date(2026, 11, 24), b"secret", "case", "A-1")
True
>>> derive("ltr", date(2026, 11, 24), b"secret", "case", "A-1")[:8]
'ltr_01m8'
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from datetime import UTC, date, datetime

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
#: Ten bits at a time: every event that is stored gets an id.
_PAIRS = tuple(high + low for high in _CROCKFORD for low in _CROCKFORD)


def new(prefix: str) -> str:
    """A fresh id, ordered by the time of its making (UUIDv7, RFC 9562)."""
    return _type_id(prefix, time.time_ns() // 1_000_000, os.urandom(10))


def derive(prefix: str, day: date, secret: bytes, *parts: str | int) -> str:
    """The id that `parts` have under `secret`; its time part is midnight (UTC) of `day`."""
    millis = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
    # Length-prefixed, so that ("ab", "c") and ("a", "bc") differ.
    message = b"".join(len(p).to_bytes(4, "big") + p for p in (prefix.encode(), *(str(p).encode() for p in parts)))
    return _type_id(prefix, millis, hmac.digest(secret, message, hashlib.sha256)[:10])


def _type_id(prefix: str, millis: int, random: bytes) -> str:
    bits = int.from_bytes(random, "big")
    value = millis << 80 | 0x7 << 76 | (bits >> 62 & 0xFFF) << 64 | 0b10 << 62 | bits & (1 << 62) - 1
    return prefix + "_" + "".join([_PAIRS[value >> shift & 1023] for shift in range(120, -1, -10)])
