"""The feed of events for the tenant's own programs: JSON, a bearer key, a cursor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: (key, cursor, events at most) → {"events": […], "next": cursor, "more": bool}; None: nobody's key.
ReadFeed = Callable[[str, int, int], dict[str, Any] | None]

PATH = "/api/v1/events"
#: Events of one page at most.
MOST = 1000
LONGEST_KEY = 128


def key_of(authorization: str, *, longest: int = LONGEST_KEY) -> str | None:
    """The key in an `Authorization: Bearer …` header."""
    scheme, _, key = authorization.partition(" ")
    return key if scheme.lower() == "bearer" and 0 < len(key) <= longest else None
