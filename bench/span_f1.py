"""Scores literal spans as labelled by the guide of address_spans_train.jsonl: exact micro F1, and a table by label.

>>> gold = from_pieces([["宁波", "city"], ["泰东河路", "road"], ["563号", "roadno"]])
>>> found = from_tagger("宁波 泰东河路 563号", [(0, 2, "city"), (3, 12, "road")])
>>> score([gold], [found]).f1
0.4

A span counts when label, beginning and end are those of the labelled one. Blanks belong to no span, so offsets are counted without them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Span(NamedTuple):
    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Score:
    stated: int
    given: int
    right: int
    #: The same, one label at a time, those stated most often first.
    by_label: dict[str, Score] = field(default_factory=dict)

    @property
    def precision(self) -> float:
        return self.right / max(1, self.given)

    @property
    def recall(self) -> float:
        return self.right / max(1, self.stated)

    @property
    def f1(self) -> float:
        return 2 * self.right / max(1, self.stated + self.given)


def from_pieces(pieces: Iterable[Sequence[str]]) -> list[Span]:
    """Spans of a labelled line: its pieces, one behind the other, are the text without its blanks."""
    spans, at = [], 0
    for piece, label in pieces:
        length = sum(not char.isspace() for char in piece)
        spans.append(Span(at, at + length, label))
        at += length
    return spans


def from_tagger(text: str, spans: Iterable[Any]) -> list[Span]:
    """Spans over the raw `text`, objects with start, end and label or tuples of them, counted without blanks."""
    before = [0]
    for char in text:
        before.append(before[-1] + (not char.isspace()))
    found = []
    for each in spans:
        start, end, label = (each.start, each.end, each.label) if hasattr(each, "start") else each
        found.append(Span(before[start], before[end], str(label)))
    return [each for each in found if each.start < each.end]


def score(gold: Sequence[Iterable[Span]], found: Sequence[Iterable[Span]]) -> Score:
    stated, given, right = Counter[str](), Counter[str](), Counter[str]()
    for labelled, tagged in zip(gold, found, strict=True):
        here, there = set(labelled), set(tagged)
        stated.update(each.label for each in here)
        given.update(each.label for each in there)
        right.update(each.label for each in here & there)
    labels = sorted(stated | given, key=lambda label: (-stated[label], label))
    by_label = {label: Score(stated[label], given[label], right[label]) for label in labels}
    return Score(stated.total(), given.total(), right.total(), by_label)
