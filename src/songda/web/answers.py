"""What a recipient answers on the page of the letter: a form without script, answered by that page.

    POST /c/{token}/answer      kind=wrong_person&text=…      → 303 to /c/{token}

The token is the only credential and no browser holds it for us, so no other site can answer in a recipient's name. Who only
looks at a link, as scanners and messengers do, changes nothing: GET answers nothing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import anyio
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from songda.base.errors import SongdaError
from songda.web.carrier import read_body
from songda.web.letter_check import ANSWERS, RecipientDoor, token_hash
from songda.web.limit import Limiter, refuse_early, slow_down
from songda.web.pages import unknown_letter_page

if TYPE_CHECKING:
    from fastapi import FastAPI

#: Answers a minute to one letter, from wherever they come.
PER_LETTER = 6
#: Bytes of a form: 500 characters, each spelled in nine bytes, and its frame.
MAX_FORM = 8 * 1024
MAX_TOKEN = 128
QUANTUM_S = 0.05


def add_answers(app: FastAPI, door: RecipientDoor, limiter: Limiter) -> None:
    letters = Limiter(per_minute=PER_LETTER)

    @app.post("/c/{token}/answer", include_in_schema=False)
    async def answer(token: str, request: Request) -> Response:
        slow_down(request, limiter)
        refuse_early(letters, token_hash(token))
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise HTTPException(400)
        form = parse_qs((await read_body(request, most=MAX_FORM)).decode("utf-8", "replace"))
        kind, text = form.get("kind", [""])[0], _clean(form.get("text", [""])[0])
        if kind not in ANSWERS:
            raise HTTPException(422)
        began = time.monotonic()
        try:
            receipt = await anyio.to_thread.run_sync(door.answer, token[:MAX_TOKEN], kind, text)
        except ValueError:
            raise HTTPException(422) from None
        except SongdaError:
            # Too many of this letter by now: its page shows those that were taken.
            receipt = ""
        finally:
            # As for the page: a clock does not tell a known token from an unknown one, nor one that is refused.
            await anyio.sleep(-(time.monotonic() - began) % QUANTUM_S)
        return unknown_letter_page(request) if receipt is None else RedirectResponse(f"/c/{token}", 303)


def _clean(text: str) -> str:
    """Without control characters, and with one way to end a line."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(each for each in lines if each == "\n" or each.isprintable()).strip()
