"""The templates that letters are made from, and the hash that the lawyer approves.

A template is a folder of typst files with its own root: it can read nothing else. What all templates share is the local
typst package `frame`; no package ever comes from the network. The hash covers every file that can change a printed page.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

from songda.letters.content import Kind

_HERE = Path(__file__).parent
FONTS = _HERE / "fonts"
PACKAGES = _HERE / "templates" / "packages"
#: What puts amounts, days and codes into words and modules, and hands them to the engine.
_WORDS = (
    "base/days.py",
    "base/money.py",
    "letters/capital.py",
    "letters/codes.py",
    "letters/content.py",
    "letters/render.py",
    "letters/view.py",
)


def root(kind: Kind) -> Path:
    """Folder of the template; its entry is `letter.typ`."""
    return _HERE / "templates" / kind


@cache
def template_hash(kind: Kind) -> str:
    """SHA-256 (hex) over the template, the shared frame, what feeds them, the fonts and the versions of the engines."""
    digest = hashlib.sha256()
    for name, data in sorted(_parts(kind).items()):
        digest.update(f"{name}\0{hashlib.sha256(data).hexdigest()}\n".encode())
    return digest.hexdigest()


@cache
def template_text(kind: Kind) -> str:
    """The words of the template and of the frame as they stand in their sources, for the linter."""
    sources = (root(kind) / "letter.typ", *sorted(PACKAGES.rglob("*.typ")))
    return "\n".join(source.read_text("utf-8") for source in sources)


def _parts(kind: Kind) -> dict[str, bytes]:
    files = [
        *root(kind).rglob("*"),
        *PACKAGES.rglob("*"),
        *FONTS.glob("*.otf"),
        *(_HERE.parent / path for path in _WORDS),
    ]
    parts = {path.relative_to(_HERE.parent).as_posix(): path.read_bytes() for path in files if path.is_file()}
    return parts | {f"version:{name}": version(name).encode() for name in ("typst", "zxing-cpp")}
