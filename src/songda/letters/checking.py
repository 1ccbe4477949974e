"""Is a template fit to be sent: its form, its words as they stand and as they are printed, and its amounts.

    for finding in check(text): print(finding.severity, place_of(text, finding.start), finding.code, finding.text)

Spans are offsets in the file. What only shows once printed (words on both sides of a tag) points to the whole file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

from songda.compliance import lint
from songda.letters.content import problems
from songda.letters.errors import BadContent, MissingGlyph, RenderFailed
from songda.letters.proofreading import KNOWN, proofread
from songda.letters.reading import read_wording
from songda.letters.render import Renderer
from songda.letters.specimen import invented
from songda.letters.template import Template, parse
from songda.letters.wording import Choice, Finding, Heading, Inline, Paragraph, Part, Strong, Text, words

#: Twelve digits and more are an account or a card; digits before 元 an amount.
_FIGURES: Final = (
    (re.compile(r"\d(?:[ -]?\d){11,}"), "block", "account.written"),
    (re.compile(r"\d[\d,，.]*\s*[百千万]?元"), "review", "amount.written"),
)


def check(text: str) -> tuple[Finding, ...]:
    """What is wrong with the template in `text`, in the order of the file; empty when it may be sent.

    Severity error: it is not a template. block: it must not be sent. review: a person decides.
    """
    wording, found = read_wording(text)
    if wording is None:
        return found
    template = parse(text)
    known = KNOWN.get(template.kind, frozenset())
    written = [
        Finding(hit.severity, hit.list, each.start + hit.start, each.start + hit.end, hit.text)
        for each in _texts(wording.parts)
        for hit in lint(each.text, known=known)
    ]
    seen = {(each.code, each.text) for each in written}
    hits = [hit for stated in (True, False) for hit in lint(words(wording.parts, stated=stated), known=known)]
    printed = dict.fromkeys(
        Finding(hit.severity, hit.list, 0, len(text), hit.text) for hit in hits if (hit.list, hit.text) not in seen
    )
    figures = [finding for each in _texts(wording.parts) for finding in _figures(each)]
    return tuple(
        sorted(
            (*found, *written, *printed, *figures, *_set(template)), key=lambda each: (each.start, each.end, each.code)
        )
    )


def _figures(text: Text) -> Iterator[Finding]:
    """Figures that only data may state: accounts come from the profile's white list, amounts from the ledger."""
    for pattern, severity, code in _FIGURES:
        for found in pattern.finditer(text.text):
            yield Finding(severity, code, text.start + found.start(), text.start + found.end(), found[0])


def _texts(parts: Iterable[Part | Inline]) -> Iterator[Text]:
    for part in parts:
        match part:
            case Text():
                yield part
            case Strong(inner) | Heading(inner) | Paragraph(inner):
                yield from _texts(inner)
            case Choice(_, then, otherwise):
                yield from _texts((*then, *otherwise))


def _set(template: Template) -> Iterator[Finding]:
    """Whether a letter of it can be set at all, and its sums and days hold."""
    content = invented(template)
    end = len(template.text)
    try:
        Renderer(template).render(content)
    except (BadContent, MissingGlyph, RenderFailed) as error:
        yield Finding("error", "not_set", 0, end, type(error).__name__)
    yield from (Finding("error", code, 0, end, code) for code in problems(content))
    accounts = [account.number for account in content.institution.repay_accounts]
    yield from (
        Finding("block", code, 0, end, code) for code in proofread(template, content, accounts=accounts).problems
    )


def finding_zh(finding: Finding) -> str:
    """What the finding says to the person who wrote the template."""
    said: str = _words().get(finding.code, f"按示例数据核对不符（{finding.code}）")
    return said.replace("{text}", finding.text)


@cache
def _words() -> dict[str, str]:
    found = tomllib.loads((Path(__file__).parent / "findings.toml").read_text("utf-8"))
    return {code: str(said) for code, said in found.items()}
