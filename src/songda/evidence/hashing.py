"""Hashes of what is proven: SHA-256 (FIPS 180-4) and, for those who must use the Chinese suite, SM3 (GB/T 32905-2016).

>>> digests(b"abc").sm3[:16]
'66c7f0f462eeedd9'
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, NamedTuple


class Digests(NamedTuple):
    #: Hex.
    sha256: str
    sm3: str


def digests(data: bytes) -> Digests:
    # Not hashlib: whether its OpenSSL knows SM3 depends on the platform.
    from cryptography.hazmat.primitives.hashes import SM3, Hash

    sm3 = Hash(SM3())
    sm3.update(data)
    return Digests(hashlib.sha256(data).hexdigest(), sm3.finalize().hex())


def canonical(value: Any) -> bytes:
    """The one spelling of a JSON value that is hashed, stamped and signed: sorted keys, no blanks, UTF-8."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
