"""Floor 5: the web door. Health, the page behind a letter's QR code, signed links to print files, carriers' pushes, the
delivery office's page.

>>> from songda.base.settings import load
>>> app = create_app(load())                                 # doctest: +SKIP
>>> serve(load(), port=8000, **record_doors(engine, master, home, environ=os.environ))      # doctest: +SKIP

Every answer carries a strict content security policy; no page shows a debtor's data or an amount; no log line holds a
token. FastAPI and uvicorn load when an app is first made, not when this face is imported.
"""

from typing import TYPE_CHECKING, Any

from songda.web.carrier import push_path
from songda.web.letter_check import LetterCheck
from songda.web.links import Link, LinkExpired, LinkForged, courier_path, press_path, sign, verify

if TYPE_CHECKING:
    from songda.web.app import create_app
    from songda.web.press import PrintFile
    from songda.web.record import record_doors
    from songda.web.server import Tls, serve

__all__ = [
    "LetterCheck",
    "Link",
    "LinkExpired",
    "LinkForged",
    "PrintFile",
    "Tls",
    "courier_path",
    "create_app",
    "press_path",
    "push_path",
    "record_doors",
    "serve",
    "sign",
    "verify",
]

_LAZY = {
    "create_app": "songda.web.app",
    "record_doors": "songda.web.record",
    "serve": "songda.web.server",
    "Tls": "songda.web.server",
    "PrintFile": "songda.web.press",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(name)
