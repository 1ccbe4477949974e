"""One pass over a chunk of texts: fold, find names, tag, settle the divisions, collect the fields, write. No Python object a row.

`read_rows` is the hot path; `Findings` holds the numbers that a row's codes and lists are made of afterwards.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from songda.address.compiled.chains import Leaves, county_of, new_leaves
from songda.address.compiled.features import TEMPLATES, Evidence, facts, new_evidence, weigh_evidence
from songda.address.compiled.head import Head, new_head, read_head, seed
from songda.address.compiled.kernel import allocating_kernel, kernel
from songda.address.compiled.keys import make_key, write_keys
from songda.address.compiled.lexicon import Lexicon
from songda.address.compiled.mentions import MENTIONS, Mentions, filler, find, look_up, new_mentions
from songda.address.compiled.parts import PARTS, Parts, collect, merge, new_parts, repair
from songda.address.compiled.resolve import means_division, mention_spans, relabel, settle, zone_follows
from songda.address.compiled.settled import CHANGES, REDUNDANT, RIVALS, TOWN, Divisions, Spans, new_divisions
from songda.address.compiled.tagger import COUNT, HALF, WIDTH, Weights, doubt, emit, viterbi
from songda.address.compiled.tokens import LONGEST, NO_CHINESE, Text, new_text, scan, tokenize
from songda.address.compiled.write import (
    COLUMNS,
    STATED_TOWN,
    Line,
    Output,
    compose,
    new_line,
    put_char,
    write_fields,
    write_label,
    write_standard,
)

#: Characters in which `read_divisions` looks for a whole chain first.
_HEAD = 24


class Scratch(NamedTuple):
    """Room for the text in work."""

    text: Text
    evidence: Evidence
    leaves: Leaves
    mentions: Mentions
    head: Head
    spans: Spans
    divisions: Divisions
    parts: Parts
    line: Line
    keep: NDArray[np.int8]
    entries: NDArray[np.int32]
    scores: NDArray[np.int16]
    best: NDArray[np.int16]
    states: NDArray[np.int8]
    keys: NDArray[np.uint32]
    rows: NDArray[np.int64]
    top: NDArray[np.int16]
    into: NDArray[np.int16]
    unknown: NDArray[np.int32]


def new_scratch() -> Scratch:
    size = LONGEST + 16
    return Scratch(
        new_text(),
        new_evidence(),
        new_leaves(),
        new_mentions(),
        new_head(),
        Spans(*(np.zeros(size, np.int32) for _ in range(4))),
        new_divisions(),
        new_parts(),
        new_line(),
        np.zeros(PARTS, np.int8),
        np.zeros(MENTIONS + 4, np.int32),
        np.zeros((size, WIDTH), np.int16),
        np.zeros((size, WIDTH), np.int16),
        np.zeros(size, np.int8),
        np.zeros((size, TEMPLATES), np.uint32),
        np.zeros(TEMPLATES + 3, np.int64),
        np.zeros(HALF, np.int16),
        np.zeros(HALF, np.int16),
        np.full(3, -1, np.int32),
    )


class Findings(NamedTuple):
    """Numbers per row."""

    #: [chosen division or -1, town or -1, issues of the divisions, findings of the scan, fields known (bits), levels stated
    #: (bits), characters and bit 32 for a town]
    numbers: NDArray[np.int64]
    #: Score of the reading a token; how far the second best reading stands below it, sum of the odds of others; tokens.
    doubt: NDArray[np.float32]
    #: A name taken for a division that the dictionary does not have: [first code point, end, label], -1 for none.
    unknown: NDArray[np.int32]
    rivals: NDArray[np.int32]
    #: Names that are not today's: [row, division or town, hit or -1, start, end of the written name in `written`]
    changes: NDArray[np.int64]
    written: NDArray[np.uint8]
    #: [number of changes, fill of `written`]
    filled: NDArray[np.int64]


def new_findings(rows: int, size: int) -> Findings:
    return Findings(
        np.zeros((rows, 7), np.int64),
        np.zeros((rows, 4), np.float32),
        np.full((rows, 3), -1, np.int32),
        np.full((rows, RIVALS), -1, np.int32),
        np.zeros((rows * CHANGES + 1, 5), np.int64),
        np.zeros(size + 64, np.uint8),
        np.zeros(2, np.int64),
    )


@kernel
def see(lex: Lexicon, s: Scratch, tokens: int, count: int) -> None:
    """Look up the names of the text in `s`, read its head, and weigh the evidence for the tagger."""
    look_up(lex.names, s.text, 0, count)
    read_head(lex, s.text, count, s.mentions, s.head)
    added = seed(s.head, s.leaves, s.mentions, s.entries)
    mentions = find(lex, s.text, count, s.head.size[0], s.head.size[4], s.leaves, s.mentions, s.entries, added)
    county = county_of(lex, s.leaves)
    weigh_evidence(lex, s.text, tokens, count, s.mentions, mentions, s.head.size[0], county, s.evidence)


@kernel
def put_head(head: Head, states: NDArray[np.int8]) -> int:
    """Write the states of the tokens of the head: the label behind which the tagger goes on, COUNT for none."""
    at, label = 0, COUNT
    for span in range(head.size[3]):
        label = np.int64(head.spans[span, 1])
        states[at] = label
        for t in range(at + 1, head.spans[span, 0]):
            states[t] = COUNT + label
        at = head.spans[span, 0]
    return label


@kernel
def tag_text(lex: Lexicon, weights: Weights, s: Scratch, tokens: int, count: int) -> float:
    """States of the tokens of the text in `s`; returns the score of the best reading of what stands behind the head."""
    see(lex, s, tokens, count)
    before = put_head(s.head, s.states)
    head = s.head.size[0]
    if head == tokens:
        return 0.0
    for t in range(head, tokens):
        facts(s.text, s.evidence, t, s.keys[t - head])
    emit(s.keys, tokens - head, weights, s.rows, s.scores)
    return weights.step[0] * viterbi(
        s.scores, tokens - head, before, weights.begin, weights.go_on, s.best, s.top, s.into, s.states[head:]
    )


@kernel
def to_spans(text: Text, tokens: int, states: NDArray[np.int8], spans: Spans) -> int:
    """Spans of the states: their number."""
    n = 0
    for t in range(tokens):
        if states[t] < COUNT or n == 0:
            spans.start[n] = text.start[t]
            spans.label[n] = states[t] % COUNT
            spans.place[n] = text.place[t]
            n += 1
        spans.end[n - 1] = text.start[t + 1]
    return n


@kernel
def read_rows(
    lex: Lexicon,
    weights: Weights,
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    hints: NDArray[np.int32],
    s: Scratch,
    out: Output,
    found: Findings,
    given: NDArray[np.int8],
) -> None:
    """Read the rows of `data` (UTF-8, row i = offsets[i] … offsets[i + 1]) into `out` and `found`.

    `given`: states of all tokens of all rows, to be taken instead of the tagger's; empty but where a reading with true labels is wanted.
    """
    at_token = 0
    for row in range(len(offsets) - 1):
        count, findings = scan(data, offsets[row], offsets[row + 1], lex.fold, lex.symbol, s.text)
        tokens = tokenize(s.text, count) if not findings & NO_CHINESE else 0
        spans = 0
        s.head.size[:] = 0
        if tokens:
            score = tag_text(lex, weights, s, tokens, count)
            open_ = tokens - s.head.size[0]
            found.doubt[row, 0] = score / max(open_, 1)
            found.doubt[row, 1], found.doubt[row, 2] = doubt(s.best, weights, s.states, s.head.size[0], open_)
            if len(given) > 0:
                for t in range(tokens):
                    s.states[t] = given[at_token + t]
                at_token += tokens
            spans = repair(s.text, s.spans, to_spans(s.text, tokens, s.states, s.spans))
            relabel(lex, s.text, s.spans, spans)
        mentions = mention_spans(
            lex,
            s.text,
            s.spans,
            spans,
            s.head,
            s.leaves,
            s.mentions,
            s.entries,
            hints[min(row, len(hints) - 1)],
            s.unknown,
        )
        settle(lex, s.text, s.spans, spans, s.leaves, s.mentions, mentions, s.divisions)
        collect(s.text, s.spans, spans, s.divisions, s.parts)
        merge(s.text, s.parts, s.keep)
        known = write_fields(s.text, s.parts, s.keep, out)
        settled = s.divisions.settled
        if (settled[1] < 0 or settled[7]) and settled[5] >= 0:
            at = out.filled[STATED_TOWN]
            for i in range(settled[5], settled[6]):
                at = put_char(out.data[STATED_TOWN], at, s.text.char[i])
            out.filled[STATED_TOWN] = at
        compose(lex, s.text, s.parts, s.keep, s.divisions, known, s.line)
        write_standard(s.line, out)
        write_label(s.line, out, row)
        make_key(lex, s.text, s.parts, s.keep, known, s.line)
        write_keys(lex, s.text, s.divisions, known, s.line, out, row)
        for column in range(COLUMNS):
            out.offsets[column, row + 1] = out.filled[column]
        numbers = found.numbers[row]
        numbers[0], numbers[1], numbers[2] = settled[0], settled[1], settled[2]
        numbers[3], numbers[4], numbers[5] = findings, known, s.divisions.stated[0]
        numbers[6] = count | (np.int64(1) << 32 if settled[5] >= 0 else 0)
        found.doubt[row, 3] = tokens
        if s.unknown[0] >= 0:
            # Where the unknown name stands in the raw text, in code points.
            found.unknown[row, 0] = s.text.origin[s.unknown[0]]
            found.unknown[row, 1] = s.text.origin[s.unknown[1] - 1] + 1
            found.unknown[row, 2] = s.unknown[2]
        for i in range(settled[3]):
            found.rivals[row, i] = s.divisions.rivals[i]
        for i in range(settled[4]):
            n, at = found.filled[0], found.filled[1]
            start = at
            for j in range(s.divisions.changes[i, 0], s.divisions.changes[i, 1]):
                at = put_char(found.written, at, s.text.char[j])
            found.changes[n, 0], found.changes[n, 1] = row, s.divisions.changes[i, 2]
            found.changes[n, 2], found.changes[n, 3], found.changes[n, 4] = s.divisions.changes[i, 3], start, at
            found.filled[0], found.filled[1] = n + 1, at


@kernel
def _name_spans(lex: Lexicon, s: Scratch, count: int, mentions: int) -> int:
    """Spans of the text in `s` as its `mentions` show them: the chain of names that it begins with, then each name that stands alone."""
    spans, at = s.spans, 0
    while at < count:
        end = at + filler(s.text, at, count)
        for i in range(s.text.names[at] - 1, -1, -1):
            if means_division(lex, s.text.name_entry[at, i]) and not zone_follows(
                s.text, s.text.name_end[at, i], count
            ):
                end = s.text.name_end[at, i]
                break
        if end == at:
            break
        at = end
    number = 0
    if at > 0:
        spans.start[0], spans.end[0], spans.label[0], spans.place[0] = 0, at, REDUNDANT, 0
        number = 1
    for i in range(mentions):
        start, end = s.mentions.start[i], s.mentions.end[i]
        if start >= at and not zone_follows(s.text, end, count):
            spans.start[number], spans.end[number], spans.place[number] = start, end, 0
            spans.label[number] = TOWN if s.mentions.level[i] == 4 else REDUNDANT
            number += 1
    return number


@kernel
def read_divisions(
    lex: Lexicon, data: NDArray[np.uint8], offsets: NDArray[np.int64], s: Scratch, found: NDArray[np.int32]
) -> None:
    """The division of levels 1-3 that each row names, without the tagger: `found` [rows, 2] receives it (-1: none) and the number of
    divisions among which the row leaves the choice (0: none is left); the division is then what they share.
    """
    for row in range(len(offsets) - 1):
        count, findings = scan(data, offsets[row], offsets[row + 1], lex.fold, lex.symbol, s.text)
        found[row, 0], found[row, 1] = -1, 0
        if findings & NO_CHINESE:
            continue
        # Most texts say it in their first words.
        first = min(count, _HEAD)
        look_up(lex.names, s.text, 0, first)
        read_head(lex, s.text, first, s.mentions, s.head)
        division = s.head.size[2]
        if division >= 0 and lex.level[division] == 3 and (s.head.size[0] + 2 < first or first == count):
            found[row, 0] = division
            continue
        look_up(lex.names, s.text, first, count)
        read_head(lex, s.text, count, s.mentions, s.head)
        added = seed(s.head, s.leaves, s.mentions, s.entries)
        mentions = find(lex, s.text, count, s.head.size[0], s.head.size[4], s.leaves, s.mentions, s.entries, added)
        spans = _name_spans(lex, s, count, mentions)
        rows = mention_spans(
            lex, s.text, s.spans, spans, s.head, s.leaves, s.mentions, s.entries, s.unknown[:0], s.unknown
        )
        settle(lex, s.text, s.spans, spans, s.leaves, s.mentions, rows, s.divisions)
        found[row, 0], found[row, 1] = s.divisions.settled[0], s.divisions.settled[3]


@allocating_kernel
def read_spans(
    lex: Lexicon, weights: Weights, data: NDArray[np.uint8], offsets: NDArray[np.int64], s: Scratch
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Spans of every row: ([start, end) in code points of the raw text and label, one a line; where each row's begin)."""
    rows = len(offsets) - 1
    spans = np.empty((offsets[rows] - offsets[0] + 1, 3), np.int32)
    starts = np.zeros(rows + 1, np.int64)
    number = 0
    for row in range(rows):
        count, _ = scan(data, offsets[row], offsets[row + 1], lex.fold, lex.symbol, s.text)
        tokens = tokenize(s.text, count)
        if tokens:
            tag_text(lex, weights, s, tokens, count)
            for i in range(to_spans(s.text, tokens, s.states, s.spans)):
                spans[number, 0] = s.text.origin[s.spans.start[i]]
                spans[number, 1] = s.text.origin[s.spans.end[i] - 1] + 1
                spans[number, 2] = s.spans.label[i]
                number += 1
        starts[row + 1] = number
    return spans[:number], starts
