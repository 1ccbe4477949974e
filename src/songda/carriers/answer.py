"""The platform's answer: `{serialNo, retCode, retMsg, retBody, retDate, success}`, plain JSON whose `retBody` is text.

`00000` is the only success; no other code was found documented, so every other one is a refusal.

>>> read_answer(b'{"retCode":"00000","retMsg":"ok","retBody":"{}"}')
Success(message='ok')
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from songda.carriers.errors import NoAnswer
from songda.carriers.order import Refused

SUCCESS = "00000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    #: JSON text, a URL or base64, by operation.
    body: str = field(repr=False)
    message: str


def read_answer(content: bytes) -> Success | Refused:
    """What the platform said. Raises NoAnswer for everything that is not its own JSON (HTML, cut-off text, …)."""
    answer = read_json(content)
    if not isinstance(answer, dict) or not isinstance(answer.get("retCode"), str):
        raise NoAnswer(reason="not_the_platforms_json", sent=True)
    message = str(answer.get("retMsg") or "")
    if answer["retCode"] != SUCCESS:
        return Refused(code=answer["retCode"], message=message)
    body = answer.get("retBody")
    if body is not None and not isinstance(body, str):
        raise NoAnswer(reason="ret_body_not_text", sent=True)
    return Success(body=body or "", message=message)


def read_object(text: str | bytes) -> dict[str, Any]:
    """The JSON object that `text` holds. Raises NoAnswer."""
    body = read_json(text)
    if not isinstance(body, dict):
        raise NoAnswer(reason="ret_body_not_an_object", sent=True)
    return body


def read_json(content: str | bytes) -> Any:
    """JSON in UTF-8 or, as some front ends answer whatever they declare, in GBK. Raises NoAnswer."""
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        pass
    try:
        if isinstance(content, bytes):
            return orjson.loads(content.decode("gb18030"))
    except (UnicodeDecodeError, orjson.JSONDecodeError):
        pass
    raise NoAnswer(reason="not_json", sent=True)
