"""Labelled addresses: read from files, and as arrays of facts and states that training works on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from songda.address.compiled.features import TEMPLATES, facts
from songda.address.compiled.kernel import allocating_kernel
from songda.address.compiled.lexicon import lexicon
from songda.address.compiled.reader import new_scratch, put_head, see
from songda.address.compiled.tagger import COUNT, LABELS
from songda.address.compiled.tokens import scan, tokenize

Labelled = tuple[str, list[tuple[str, str]]]


class Lines(NamedTuple):
    """Labelled lines as arrays."""

    #: Hashed facts of every token, 0 in the head of a line, which needs no tagger.
    keys: NDArray[np.uint32]
    #: True state of every token.
    states: NDArray[np.int8]
    #: Where each line begins, and its number of head tokens.
    starts: NDArray[np.int64]
    heads: NDArray[np.int64]
    #: State of every head token as the head says it, -1 for the others.
    said: NDArray[np.int8]


def read_jsonl(path: Path) -> list[Labelled]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8-sig").split("\n") if line.strip()]
    return [(row["text"], [(piece, label) for piece, label in row["spans"]]) for row in rows]


def read_corpus(path: Path) -> list[Labelled]:
    """Lines of the form `浙江省/prov 杭州市/city` (corpus/address/GUIDE.md)."""
    lines: list[Labelled] = []
    for line in path.read_text(encoding="utf-8-sig").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        text, spans = "", []
        for item in line.split():
            piece, _, label = item.rpartition("/")
            text += piece.replace("_", " ")
            spans.append((piece.replace("_", ""), label))
        lines.append((text, spans))
    return lines


def prepare(lines: Sequence[Labelled]) -> Lines:
    """Facts and states of all tokens of `lines`; a line without a token is passed over."""
    lex, s = lexicon(), new_scratch()
    number = {label: i for i, label in enumerate(LABELS)}
    keys = [np.zeros((0, TEMPLATES), np.uint32)]
    states = [np.zeros(0, np.int8)]
    starts, heads = [0], []
    said = [np.zeros(0, np.int8)]
    for raw, spans in lines:
        data = np.frombuffer(raw.encode(), np.uint8)
        count, _ = scan(data, 0, len(data), lex.fold, lex.symbol, s.text)
        tokens = tokenize(s.text, count)
        if not tokens:
            continue
        table = np.zeros((tokens, TEMPLATES), np.uint32)
        head = np.full(tokens, -1, np.int8)
        heads.append(_open_facts(lex, s, tokens, count, table, head))
        keys.append(table)
        said.append(head)
        states.append(_states(raw, spans, s.text.origin[s.text.start[:tokens]], number))
        starts.append(starts[-1] + tokens)
    return Lines(
        np.concatenate(keys),
        np.concatenate(states),
        np.array(starts, np.int64),
        np.array(heads, np.int64),
        np.concatenate(said),
    )


@allocating_kernel
def _open_facts(lex: Any, s: Any, tokens: int, count: int, table: NDArray[np.uint32], head: NDArray[np.int8]) -> int:
    """Facts of the tokens behind the head of the text in `s`, and the states of the head: its number of tokens."""
    see(lex, s, tokens, count)
    put_head(s.head, head)
    for t in range(s.head.size[0], tokens):
        facts(s.text, s.evidence, t, table[t])
    size: int = s.head.size[0]
    return size


def _states(
    raw: str, spans: list[tuple[str, str]], origins: NDArray[np.int32], number: dict[str, int]
) -> NDArray[np.int8]:
    """State of each token (whose first raw character is given): B-label when a piece begins in it, else I-label."""
    owner = np.full(len(raw) + 1, -1)
    labels, at = [], 0
    for piece, label in spans:
        labels.append(number[label])
        for char in piece:
            if char.isspace():
                continue
            while raw[at].isspace():
                at += 1
            owner[at] = len(labels) - 1
            at += 1
    owned = owner[origins]
    begins = np.concatenate([[True], owned[1:] != owned[:-1]])
    of = np.array(labels, np.int8)[owned]
    states: NDArray[np.int8] = np.where(begins, of, of + COUNT).astype(np.int8)
    return states


def read_labelled(path: Path) -> list[Labelled]:
    """Labelled lines of a .jsonl file ({"text", "spans"}) or of a text file in the form of corpus/address/GUIDE.md."""
    return read_jsonl(path) if path.suffix == ".jsonl" else read_corpus(path)
