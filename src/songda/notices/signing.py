"""Signatures of Standard Webhooks 1.0.0: HMAC-SHA256 over `id.timestamp.body`, one for each valid secret.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

>>> secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
>>> sign([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from songda.vault import DataKey


def sign(secrets: Sequence[bytes], id_: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`. `timestamp`: Unix seconds of this try."""
    message = f"{id_}.{timestamp}.".encode() + body
    digests = (hmac.digest(secret, message, hashlib.sha256) for secret in secrets)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def signing_secret(key: DataKey, webhook_id: str, generation: int) -> bytes:
    """36 bytes (the specification asks for 24 to 64) that only this key can make for the webhook; the same each time."""
    halves = (key.token(purpose_of(webhook_id), generation, half) for half in (1, 2))
    return base64.urlsafe_b64decode("".join(halves))


def secret_text(secret: bytes) -> str:
    """As the receiver is told it."""
    return f"whsec_{base64.b64encode(secret).decode()}"


def purpose_of(webhook_id: str) -> str:
    """Under which its generations are kept (songda.notices.secrets)."""
    return f"webhook:{webhook_id}"
