"""From the spans of a text to one chain of divisions and a town: what the tagger calls a division is looked up, and the
chain that explains most wins.

Nothing is guessed: when chains tie and no town decides, what they share is kept and the rivals are reported.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from songda.address.compiled.chains import Leaves, add, competes, holds
from songda.address.compiled.head import Head, seed
from songda.address.compiled.kernel import kernel
from songda.address.compiled.lexicon import CHANGED, FORMER, OFFICIAL, Lexicon
from songda.address.compiled.mentions import (
    MENTIONS,
    Mentions,
    class_length,
    county_from,
    names_until,
    town_under,
)
from songda.address.compiled.settled import (
    AMBIGUOUS_DISTRICT,
    AMBIGUOUS_DIVISION,
    AMBIGUOUS_SUCCESSOR,
    CITY,
    CONTRADICTORY,
    DISTRICT,
    PROV,
    REDUNDANT,
    RIVALS,
    TOWN,
    Divisions,
    Spans,
    note_change,
)
from songda.address.compiled.tokens import Text
from songda.address.compiled.towns import settle_town

_MARGIN = np.float32(1e-3)


@kernel
def mention_spans(
    lex: Lexicon,
    text: Text,
    spans: Spans,
    number: int,
    head: Head,
    leaves: Leaves,
    found: Mentions,
    seen: NDArray[np.int32],
    hints: NDArray[np.int32],
    unknown: NDArray[np.int32],
) -> int:
    """Let the names of the head and every division name inside the spans behind it compete: their number; `found` tells where each stood.

    `unknown` receives the first span that the tagger takes for a division and that no dictionary knows: its characters and label, else -1.
    """
    added = seed(head, leaves, found, seen)
    behind = head.size[0]
    unknown[0] = -1
    for hint in hints:
        if hint >= 0:
            add(lex, leaves, hint, 0.5, 0, seen, added)
            seen[added] = hint
            found.start[added] = found.end[added] = -1
            found.entry[added] = hint
            added += 1
    for s in range(number):
        label, at, end = spans.label[s], spans.start[s], spans.end[s]
        if not (label == PROV or label == CITY or label == DISTRICT or label == REDUNDANT) or spans.place[s] == 2:
            continue
        if at < behind:
            if end <= behind:
                continue
            at = behind
        read_as = 0 if label == REDUNDANT else label
        before = added
        while at < end and added < MENTIONS:
            took = False
            for i in range(names_until(text, at, end) - 1, -1, -1):
                entry = text.name_entry[at, i]
                if not means_division(lex, entry) or county_from(lex, text, at, i, end):
                    continue
                add(lex, leaves, entry, 1.0, read_as, seen, added)
                seen[added] = entry
                found.entry[added] = entry
                found.start[added], found.end[added] = at, text.name_end[at, i]
                added += 1
                at = text.name_end[at, i]
                took = True
                break
            if not took:
                at += 1
        if added == before and label != REDUNDANT and unknown[0] < 0:
            unknown[0], unknown[1], unknown[2] = spans.start[s], end, label
    return added


@kernel
def means_division(lex: Lexicon, entry: int) -> bool:
    for h in range(lex.hit_start[entry], lex.town_start[entry]):
        if competes(lex, lex.hit_division[h]):
            return True
    return False


@kernel
def zone_follows(text: Text, at: int, count: int) -> bool:
    """True when the name before `at` is the beginning of a zone's: 北戴河|新区, 东营|港经济开发区."""
    if at + 1 >= count:
        return False
    c, d = text.char[at], text.char[at + 1]
    return (
        (c == 0x65B0 and d == 0x533A)  # 新区
        or (c == 0x7ECF and d == 0x6D4E)  # 经济
        or (c == 0x7ECF and d == 0x5F00)  # 经开
        or (c == 0x9AD8 and d == 0x65B0)  # 高新
        or (c == 0x5F00 and d == 0x53D1)  # 开发
        or (c == 0x5DE5 and d == 0x4E1A)  # 工业
        or (c == 0x4EA7 and d == 0x4E1A)  # 产业
    )


@kernel
def settle(
    lex: Lexicon,
    text: Text,
    spans: Spans,
    number: int,
    leaves: Leaves,
    found: Mentions,
    mentions: int,
    out: Divisions,
) -> None:
    """Choose the chain and the town; fill `out`."""
    settled = out.settled
    settled[:] = 0
    settled[0] = settled[1] = settled[5] = -1
    out.stated[0] = 0
    size = leaves.size[0]
    best = np.float32(-1.0)
    for i in range(size):
        best = max(best, leaves.score[i])
    deepest = out.deepest
    rivals = 0
    for i in range(size):
        if leaves.score[i] < best - _MARGIN or rivals == len(deepest):
            continue
        above = False
        for j in range(size):
            if (
                j != i
                and leaves.score[j] >= best - _MARGIN
                and leaves.division[j] != leaves.division[i]
                and holds(lex, leaves.division[i], leaves.division[j])
            ):
                above = True
        if not above:
            deepest[rivals] = leaves.division[i]
            rivals += 1
    rivals = _by_town(lex, text, spans, number, deepest, rivals)
    chosen = -1
    if rivals == 1:
        chosen = deepest[0]
    elif rivals > 1:
        chosen = common(lex, deepest, rivals)
        counties = True
        for i in range(rivals):
            counties = counties and lex.level[deepest[i]] == 3
        settled[2] |= AMBIGUOUS_DISTRICT if counties else AMBIGUOUS_DIVISION
        settled[3] = min(rivals, RIVALS)
        for i in range(settled[3]):
            out.rivals[i] = deepest[i]
    if rivals == 1:
        chosen = _successor(lex, text, spans, number, found, mentions, chosen, deepest, out)
    settled[0] = chosen
    settle_town(lex, text, spans, number, out)
    _explain(lex, text, found, mentions, out)


@kernel
def _successor(
    lex: Lexicon,
    text: Text,
    spans: Spans,
    number: int,
    found: Mentions,
    mentions: int,
    chosen: int,
    rivals: NDArray[np.int32],
    out: Divisions,
) -> int:
    """When `chosen` is stated only by the name of an old division that several succeeded: the one that has the stated town,
    else what they share.
    """
    divided = -1
    for m in range(mentions):
        entry = found.entry[m]
        for h in range(lex.hit_start[entry], lex.town_start[entry]):
            if lex.hit_division[h] != chosen:
                continue
            if lex.hit_others[h] > 0:
                divided = h
            elif lex.hit_kind[h] != CHANGED:
                return chosen  # 莱城区 beside 莱芜市
    if divided < 0:
        return chosen
    rivals[0] = chosen
    count = 1
    for i in range(lex.other_start[lex.hit_others[divided]], lex.other_start[lex.hit_others[divided] + 1]):
        if count < len(rivals):
            rivals[count] = lex.others[i]
            count += 1
    count = _by_town(lex, text, spans, number, rivals, count)
    if count == 1:
        return rivals[0]
    out.settled[2] |= AMBIGUOUS_SUCCESSOR
    out.settled[3] = min(count, RIVALS)
    for i in range(out.settled[3]):
        out.rivals[i] = rivals[i]
    return common(lex, rivals, count)


@kernel
def common(lex: Lexicon, divisions: NDArray[np.int32], count: int) -> int:
    """The deepest division that holds all of `divisions`, -1 for none."""
    outer = divisions[0]
    while outer >= 0:
        holds_all = True
        for i in range(count):
            holds_all = holds_all and holds(lex, outer, divisions[i])
        if holds_all:
            return outer
        outer = lex.parent[outer]
    return -1


@kernel
def _by_town(
    lex: Lexicon,
    text: Text,
    spans: Spans,
    number: int,
    deepest: NDArray[np.int32],
    rivals: int,
) -> int:
    """Among rivals, those that have the stated town; all of them when none has."""
    if rivals < 2:
        return rivals
    for s in range(number):
        if spans.label[s] != TOWN:
            continue
        start, end = spans.start[s], spans.end[s]
        for i in range(names_until(text, start, end) - 1, -1, -1):
            name_end = text.name_end[start, i]
            if name_end + class_length(text, name_end, end) != end:
                continue
            kept = 0
            for r in range(rivals):
                if town_under(lex, text.name_entry[start, i], deepest[r]) != -1:
                    deepest[kept] = deepest[r]
                    kept += 1
            if kept:
                return kept
    return rivals


@kernel
def relabel(lex: Lexicon, text: Text, spans: Spans, number: int) -> None:
    """At the head of a text, a span that is the full name of a division is that division, whatever the tagger took it for."""
    for s in range(number):
        start, end = spans.start[s], spans.end[s]
        names = names_until(text, start, end)
        if names == 0 or text.name_end[start, names - 1] != end:
            return
        level, entry = 0, text.name_entry[start, names - 1]
        for h in range(lex.hit_start[entry], lex.town_start[entry]):
            if lex.hit_kind[h] == OFFICIAL and competes(lex, lex.hit_division[h]):
                level = lex.level[lex.hit_division[h]]
        if level == 0 or spans.label[s] == REDUNDANT:
            return
        if spans.label[s] in (6, 11, 12):  # community, poi, subpoi
            spans.label[s] = level


@kernel
def _explain(lex: Lexicon, text: Text, found: Mentions, mentions: int, out: Divisions) -> None:
    """Which levels the text states; which names are old; which contradict the choice."""
    settled = out.settled
    chain = settled[0]
    for m in range(mentions):
        entry = found.entry[m]
        used, strong = -1, False
        for h in range(lex.hit_start[entry], lex.town_start[entry]):
            division = lex.hit_division[h]
            if not competes(lex, division):
                continue
            strong = strong or lex.hit_kind[h] == OFFICIAL
            if chain >= 0 and holds(lex, division, chain) and (used < 0 or lex.hit_kind[h] == OFFICIAL):
                used = h
        if used < 0:
            if strong and settled[3] == 0 and chain >= 0 and not _habit(lex, entry, chain):
                settled[2] |= CONTRADICTORY
            continue
        if found.start[m] < 0:
            continue
        meant = lex.hit_division[used]
        out.stated[0] |= 1 << lex.level[meant]
        kind = lex.hit_kind[used]
        if kind == FORMER or kind == CHANGED:
            note_change(out, found.start[m], found.end[m], meant, used)


@kernel
def _habit(lex: Lexicon, entry: int, chain: int) -> bool:
    """A city named beside a county that the province administers itself (海口 乐东) is habit, not contradiction."""
    if lex.level[chain] != 3 or lex.city[chain] >= 0:
        return False
    for h in range(lex.hit_start[entry], lex.town_start[entry]):
        division = lex.hit_division[h]
        if lex.level[division] == 2 and lex.province[division] == lex.province[chain]:
            return True
    return False
