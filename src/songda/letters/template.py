"""The templates that letters are made from: the house's own and the law firms', and the hash that the lawyer approves.

    template = house_template("lawyer_letter")          # or parse(text) for a firm's own
    template_hash(template)                             # changes with anything that can change a printed page
    template_text(template)                             # its words, for the linter

A template is a text (songda.letters.wording); the engine reads the source that is made of it, the local typst package `frame`
and nothing else: no file of the machine, no package from the network.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from songda.letters.content import Content, Kind
from songda.letters.errors import BadTemplate
from songda.letters.outlines import FONTS
from songda.letters.reading import read_wording
from songda.letters.typeset import typst_source
from songda.letters.wording import Wording, place_of, value_problem, words

_HERE = Path(__file__).parent
PACKAGES = _HERE / "templates" / "packages"
#: What puts amounts, days and codes into words and modules, and hands them to the engine.
_WORDS = (
    "base/days.py",
    "base/money.py",
    "letters/capital.py",
    "letters/codes.py",
    "letters/content.py",
    "letters/outlines.py",
    "letters/render.py",
    "letters/reading.py",
    "letters/typeset.py",
    "letters/variables.toml",
    "letters/view.py",
    "letters/wording.py",
)


@dataclass(frozen=True, slots=True)
class Template:
    """A template without errors: made by `parse` and `house_template` alone."""

    #: As its author wrote it.
    text: str
    wording: Wording

    @property
    def kind(self) -> Kind:
        return self.wording.kind

    @property
    def types(self) -> dict[str, str]:
        """Type of each variable that it declares itself."""
        return {each.name: each.type for each in self.wording.variables}


@cache
def parse(text: str) -> Template:
    """The template in `text`. Raises BadTemplate with each error and its line."""
    wording, findings = read_wording(text)
    if wording is None:
        wrong = [each for each in findings if each.severity == "error"]
        codes = tuple(f"{place_of(text, each.start)[0]}:{each.code}:{each.text}" for each in wrong)
        raise BadTemplate(codes=codes)
    return Template(text, wording)


@cache
def house_template(kind: Kind) -> Template:
    """The template of the house for a kind of letter."""
    return parse((_HERE / "wordings" / f"{kind}.txt").read_text("utf-8"))


@cache
def typst_of(template: Template) -> bytes:
    """What the engine runs."""
    return typst_source(template.wording).encode()


def extra_problems(template: Template, content: Content) -> tuple[str, ...]:
    """Codes of what is wrong with the values of the template's own variables, e.g. `extra.调解组织.missing`."""
    stated = dict(content.extra)
    declared = {each.name for each in template.wording.variables}
    unknown = [f"extra.{name}.unknown" for name in stated if name not in declared]
    found = [(each.name, value_problem(each, stated.get(each.name))) for each in template.wording.variables]
    return (*unknown, *(f"extra.{name}.{problem}" for name, problem in found if problem))


@cache
def template_hash(template: Template) -> str:
    """SHA-256 (hex) over the template, the shared frame, what feeds them, the fonts and the versions of the engines."""
    digest = hashlib.sha256()
    for name, data in sorted((_shared_parts() | {"template": template.text.encode()}).items()):
        digest.update(f"{name}\0{hashlib.sha256(data).hexdigest()}\n".encode())
    return digest.hexdigest()


@cache
def template_text(template: Template) -> str:
    """The words of the template and of the frame, for the linter: tags between two characters hide nothing from it."""
    said = (words(template.wording.parts, stated=stated) for stated in (True, False))
    return "\n".join((*said, *(source.read_text("utf-8") for source in sorted(PACKAGES.rglob("*.typ")))))


@cache
def _shared_parts() -> dict[str, bytes]:
    files = [*PACKAGES.rglob("*"), *FONTS.rglob("*.otf"), *(_HERE.parent / path for path in _WORDS)]
    parts = {path.relative_to(_HERE.parent).as_posix(): path.read_bytes() for path in files if path.is_file()}
    return parts | {f"version:{name}": version(name).encode() for name in ("typst", "zxing-cpp")}
