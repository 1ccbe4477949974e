"""The linter: forbidden wording in what is sent, however it is spelt.

>>> [(hit.list, hit.text) for hit in lint("三日内不还就让你坐 牢")]
[('threat', '坐 牢')]
>>> lint("我方将依法向人民法院提起诉讼。")
[]
>>> hits("您这个老-赖")["insult"]
1

Word lists, patterns and what excuses them are data: lint.yaml. Counts are the facts `text_hits.*` and `cover_hits.*`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import add
from typing import Any

from songda.compliance.errors import BrokenRule
from songda.compliance.facts import read_yaml
from songda.compliance.folding import Folding

_CLAUSE_CHARACTER = r"[^,。;!?\n]"
#: What ends a clause in folded text; 、 joins the members of an enumeration and does not.
_CLAUSE_END = re.compile(r"[,。;!?\n]")
#: An excuse stands close by; further away it belongs to another thought.
_REACH = 60


@dataclass(frozen=True, slots=True)
class Hit:
    #: Name of the word list.
    list: str
    #: block | review
    severity: str
    #: Where it stands in the text as given: text[start:end].
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class _List:
    name: str
    severity: str
    quotable: bool
    #: Keys of which one must occur, and the expression that is then tried.
    patterns: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...]
    #: The first two characters of each key (or its only one) → numbers of the patterns that have such a key.
    heads: Mapping[str, frozenset[int]]
    allowed: tuple[re.Pattern[str], ...]
    unless: tuple[tuple[str, re.Pattern[str]], ...]


@dataclass(frozen=True, slots=True)
class _Lists:
    text: tuple[_List, ...]
    cover: tuple[_List, ...]
    before: tuple[re.Pattern[str], ...]
    after: tuple[re.Pattern[str], ...]
    folding: Folding
    version: str


def lint(text: str, *, known: Collection[str] = ()) -> list[Hit]:
    """Every forbidden wording of a letter, message or script, in the order of the text.

    `known`: what the file holds, e.g. {"docket_no"}, so that a fact of the case may be stated.
    """
    lists = _lists()
    return _hits(text, lists.text, known)


def lint_paragraphs(paragraphs: Sequence[str], *, known: Collection[str] = ()) -> list[tuple[int, Hit]]:
    """As `lint`, for paragraphs whose words do not reach into each other: (number of the paragraph from 0, hit in it)."""
    folding = _lists().folding
    text = folding.fold_paragraphs(paragraphs)
    found = []
    for name, severity, start, end in _found(text, _lists().text, known):
        n, begin = text.count("\n", 0, start), text.rfind("\n", 0, start) + 1
        span = folding.fold(paragraphs[n]).span(start - begin, end - begin)
        found.append((n, Hit(name, severity, *span, paragraphs[n][slice(*span)])))
    return found


def hits(text: str, *, known: Collection[str] = ()) -> dict[str, int]:
    """Hits a list, zero for the lists without: the facts `text_hits.*`."""
    return hit_counts(lint(text, known=known))


def hit_counts(found: Iterable[Hit]) -> dict[str, int]:
    """Hits a list, zero for the lists without: the facts `text_hits.*`."""
    return _counted(found, _lists().text)


def lint_cover(text: str) -> list[Hit]:
    """Every word on the outside of an envelope or on an item line that tells of a debt."""
    return _hits(text, _lists().cover, ())


def cover_hits(text: str) -> dict[str, int]:
    """Hits a cover list, zero for the lists without: the facts `cover_hits.*`."""
    return _counted(lint_cover(text), _lists().cover)


def lint_version() -> str:
    """Version of the word lists and the start of their SHA-256."""
    return _lists().version


def _counted(found: Iterable[Hit], lists: tuple[_List, ...]) -> dict[str, int]:
    counts = {each.name: 0 for each in lists}
    for hit in found:
        counts[hit.list] += 1
    return counts


def _hits(text: str, lists: tuple[_List, ...], known: Collection[str]) -> list[Hit]:
    folded = _lists().folding.fold(text)
    found = []
    for name, severity, start, end in _found(folded.text, lists, known):
        source = folded.span(start, end)
        found.append(Hit(name, severity, *source, text[slice(*source)]))
    return found


def _found(text: str, lists: tuple[_List, ...], known: Collection[str]) -> list[tuple[str, str, int, int]]:
    """Name and severity of the list, start and end in folded text, in the order of the text."""
    # Most texts hold no key of most patterns: pairs of characters tell so, hundreds of patterns at a time.
    pairs = {*text, *map(add, text, text[1:])}
    found = [
        (each.name, each.severity, start, end)
        for each in lists
        if (heads := each.heads.keys() & pairs)
        for start, end in _longest(_spans(text, each, frozenset().union(*map(each.heads.__getitem__, heads)), known))
    ]
    return sorted(found, key=lambda hit: (hit[2], hit[3], hit[0]))


def _spans(text: str, words: _List, candidates: Collection[int], known: Collection[str]) -> Iterator[tuple[int, int]]:
    raw = [
        found.span()
        for keys, pattern in (words.patterns[n] for n in candidates)
        if any(key in text for key in keys)
        for found in pattern.finditer(text)
    ]
    if not raw:
        return
    excusing = [*words.allowed, *(pattern for fact, pattern in words.unless if fact in known)]
    excused = [found.span() for pattern in excusing for found in pattern.finditer(text)]
    for start, end in raw:
        if any(first <= start and end <= last for first, last in excused):
            continue
        if words.quotable and _is_quoted(text, start, end):
            continue
        yield start, end


def _is_quoted(text: str, start: int, end: int) -> bool:
    """Whether the wording is forbidden, denied or warned of where it stands."""
    lists = _lists()
    before = _CLAUSE_END.split(text[max(0, start - _REACH) : start])[-1]
    after = _CLAUSE_END.split(text[end : end + _REACH], maxsplit=1)[0]
    return any(pattern.search(before) for pattern in lists.before) or any(
        pattern.search(after) for pattern in lists.after
    )


def _longest(spans: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    """Overlapping spans as one: a wording counts once a list."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


@cache
def _lists() -> _Lists:
    raw = read_yaml("lint.yaml")
    canonical = json.dumps(raw, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return _Lists(
        text=tuple(_list(name, entry) for name, entry in raw["lists"].items()),
        cover=tuple(_list(name, entry) for name, entry in raw["cover"].items()),
        before=tuple(map(_compiled, raw["excuses"]["before"])),
        after=tuple(map(_compiled, raw["excuses"]["after"])),
        folding=Folding(raw["variants"]),
        version=f"{raw['version']}+{digest[:12]}",
    )


def _list(name: str, entry: Mapping[str, Any]) -> _List:
    wanted = {"severity", "zh", "quotable", "words", "patterns", "allowed"}
    if wanted - entry.keys() or entry.keys() - wanted - {"unless"} or entry["severity"] not in {"block", "review"}:
        raise BrokenRule(rule=name, problem="lint.yaml 中的词表不完整")
    words = tuple(((word,), re.compile(re.escape(word))) for word in entry["words"])
    patterns = tuple((tuple(keys.split()), _compiled(pattern)) for keys, pattern in entry["patterns"])
    heads: dict[str, set[int]] = defaultdict(set)
    for n, (keys, _) in enumerate(words + patterns):
        for key in keys:
            heads[key[:2]].add(n)
    return _List(
        name=name,
        severity=entry["severity"],
        quotable=entry["quotable"],
        patterns=words + patterns,
        heads={head: frozenset(numbers) for head, numbers in heads.items()},
        allowed=tuple(map(_compiled, entry["allowed"])),
        unless=tuple((fact, _compiled(pattern)) for fact, pattern in entry.get("unless", ())),
    )


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace("¬", _CLAUSE_CHARACTER))
