"""Many letters on many processes, in order, with few of them in memory at a time. Each has passed preflight when it comes out.

for letter_id, result in render_many(contents, workers=2):
    match result:
        case Rendered(): ...
        case RenderFailure(): hold(letter_id, result.message_zh)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import Any

from songda.base.errors import SongdaError
from songda.base.processes import map_ahead
from songda.letters.content import Content, Kind
from songda.letters.errors import NotFitToPrint
from songda.letters.render import NO_IMPRINTS, Rendered, Renderer
from songda.letters.skimming import problems_of_record
from songda.letters.template import Template, house_template, parse

#: Head of the codes of what preflight found.
PREFLIGHT = "preflight"
#: Letters in one task: enough to drown the cost of passing it, few enough to keep order cheaply.
CHUNK = 8
#: Tasks on their way per process.
AHEAD = 3


@dataclass(frozen=True, slots=True)
class RenderFailure:
    """Why a letter was not printed; never personal data."""

    #: Name of the error, e.g. `MissingGlyph`; `preflight:` and the first code of what preflight found.
    code: str
    data: Mapping[str, Any]
    message_zh: str


Result = Rendered | RenderFailure
_NONE: Mapping[Kind, Template] = MappingProxyType({})
_Task = list[tuple[str, Content]]


def render_many(
    contents: Iterable[tuple[str, Content]],
    workers: int,
    own: Mapping[Kind, Template] = _NONE,
    imprints: Mapping[str, bytes] = NO_IMPRINTS,
) -> Iterator[tuple[str, Result]]:
    """`(id, content)` in, `(id, Rendered | RenderFailure)` out, in the same order, while `contents` is still being read.

    `own`: the firm's own templates; other kinds are set with the house's. `imprints`: seals and signatures by their SHA-256.
    With one worker everything happens in this process. Workers are fresh processes that end with this one.
    """
    # Texts, which each process reads once: a template read is a tree of small things.
    texts = {kind: template.text for kind, template in own.items()}
    if workers <= 1:
        for letter_id, content in contents:
            yield letter_id, _render(content, texts, imprints)
        return
    for results in map_ahead(
        partial(_render_task, texts, dict(imprints)), _tasks(contents), workers=workers, ahead=AHEAD
    ):
        yield from results


def _tasks(contents: Iterable[tuple[str, Content]]) -> Iterator[_Task]:
    source = iter(contents)
    while task := list(islice(source, CHUNK)):
        yield task


def _render_task(own: Mapping[Kind, str], imprints: Mapping[str, bytes], task: _Task) -> list[tuple[str, Result]]:
    return [(letter_id, _render(content, own, imprints)) for letter_id, content in task]


#: By the text of their template and the imprints that they may lay on it.
_RENDERERS: dict[tuple[str, frozenset[str]], Renderer] = {}


def _render(content: Content, own: Mapping[Kind, str], imprints: Mapping[str, bytes]) -> Result:
    try:
        text = own.get(content.kind) or house_template(content.kind).text
        key = text, frozenset(imprints)
        if key not in _RENDERERS:
            _RENDERERS[key] = Renderer(parse(text), imprints)
        renderer = _RENDERERS[key]
        record = renderer.render(content)
        unfit = problems_of_record(renderer.template, content, record, imprints)
    except SongdaError as error:
        return RenderFailure(type(error).__name__, error.data, error.message_zh)
    if unfit:
        return RenderFailure(f"{PREFLIGHT}:{unfit[0]}", {"codes": unfit}, NotFitToPrint(codes=unfit).message_zh)
    return record
