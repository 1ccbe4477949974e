"""From the spans of a text to one chain of divisions and a town: what the tagger calls a division is looked up, and the
chain that explains most wins.

Nothing is guessed: when chains tie and no town decides, what they share is kept and the rivals are reported.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from songda.address.compiled.kernel import kernel
from songda.address.compiled.lexicon import CHANGED, FORMER, OFFICIAL, Lexicon
from songda.address.compiled.mentions import (
    MENTIONS,
    Leaves,
    Mentions,
    add,
    class_length,
    competes,
    first_town,
    holds,
    longest,
    town_under,
)
from songda.address.compiled.tokens import Text

COUNTRY, PROV, CITY, DISTRICT, DEVZONE, TOWN = range(6)
REDUNDANT = 19
#: Issues of the divisions, as bits.
AMBIGUOUS_DISTRICT, AMBIGUOUS_DIVISION, AMBIGUOUS_SUCCESSOR, AMBIGUOUS_TOWN = 1, 2, 4, 8
CONTRADICTORY, UNKNOWN_TOWN, FROM_TOWN, TOWN_ELSEWHERE, UNKNOWN_DIVISION = 16, 32, 64, 128, 256
RIVALS, CHANGES = 12, 4
_MARGIN = np.float32(1e-3)


class Spans(NamedTuple):
    """Spans of a text: [start, end) in characters, label, and where they stand."""

    start: NDArray[np.int32]
    end: NDArray[np.int32]
    label: NDArray[np.int32]
    place: NDArray[np.int32]


class Divisions(NamedTuple):
    """What was settled for one text."""

    #: [division or -1, town or -1, issues, number of rivals, number of changes, first character and end of the town as
    #: stated (-1 for none), 1 when
    #: the town stays as stated].
    settled: NDArray[np.int64]
    rivals: NDArray[np.int32]
    #: (first character, end, division or town meant, reason) of each name that is not today's.
    changes: NDArray[np.int32]
    #: Divisions of the chain that the text states, as bits of levels.
    stated: NDArray[np.int32]
    #: Scratch: the deepest divisions that tie.
    deepest: NDArray[np.int32]


def new_divisions() -> Divisions:
    return Divisions(
        np.zeros(8, np.int64),
        np.zeros(RIVALS, np.int32),
        np.zeros((CHANGES, 4), np.int32),
        np.zeros(1, np.int32),
        np.zeros(RIVALS * 4, np.int32),
    )


@kernel
def mention_spans(
    lex: Lexicon,
    text: Text,
    spans: Spans,
    number: int,
    leaves: Leaves,
    found: Mentions,
    seen: NDArray[np.int32],
    ends: NDArray[np.int32],
    entries: NDArray[np.int32],
    hints: NDArray[np.int32],
    unknown: NDArray[np.int32],
) -> int:
    """Let every division name inside the spans compete: their number; `found` tells where each stood.

    `unknown` receives the first span that the tagger takes for a division and that no dictionary knows: its characters and label, else -1.
    """
    leaves.size[0] = 0
    unknown[0] = -1
    added = 0
    for hint in hints:
        if hint >= 0:
            add(lex, leaves, hint, 0.5, 0, seen, added)
            seen[added] = hint
            found.start[added] = found.end[added] = -1
            found.entry[added] = hint
            added += 1
    for s in range(number):
        label = spans.label[s]
        if not (label == PROV or label == CITY or label == DISTRICT or label == REDUNDANT) or spans.place[s] == 2:
            continue
        at, end = spans.start[s], spans.end[s]
        read_as = 0 if label == REDUNDANT else label
        before = added
        while at < end and added < MENTIONS:
            names = longest(text, at, end, ends, entries)
            took = False
            for i in range(names - 1, -1, -1):
                if not _means_division(lex, entries[i]):
                    continue
                if (
                    i > 0
                    and ends[i] - ends[i - 1] == 1
                    and _splits(lex, text, entries[i - 1], ends[i - 1], end, ends[i])
                ):
                    continue
                add(lex, leaves, entries[i], 1.0, read_as, seen, added)
                seen[added] = entries[i]
                found.entry[added] = entries[i]
                found.start[added], found.end[added] = at, ends[i]
                added += 1
                at = ends[i]
                took = True
                break
            if not took:
                at += 1
        if added == before and label != REDUNDANT and unknown[0] < 0:
            unknown[0], unknown[1], unknown[2] = spans.start[s], end, label
    return added


@kernel
def _means_division(lex: Lexicon, entry: int) -> bool:
    for h in range(lex.hit_start[entry], lex.town_start[entry]):
        if competes(lex, lex.hit_division[h]):
            return True
    return False


@kernel
def _splits(lex: Lexicon, text: Text, above: int, at: int, end: int, longer: int) -> bool:
    """True when 青岛市北区 is 青岛 and 市北区: the rest, the last character of the longer name included, is a county of the shorter."""
    for i in range(text.names[at]):
        if text.name_end[at, i] != at + 3 or at + 3 > end or at + 3 <= longer:
            continue
        entry = text.name_entry[at, i]
        for h in range(lex.hit_start[entry], lex.town_start[entry]):
            county = lex.hit_division[h]
            if lex.level[county] == 3 and lex.hit_kind[h] == OFFICIAL:
                for g in range(lex.hit_start[above], lex.town_start[above]):
                    if holds(lex, lex.hit_division[g], county):
                        return True
    return False


@kernel
def settle(
    lex: Lexicon,
    text: Text,
    spans: Spans,
    number: int,
    leaves: Leaves,
    found: Mentions,
    mentions: int,
    ends: NDArray[np.int32],
    entries: NDArray[np.int32],
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
    rivals = _by_town(lex, text, spans, number, deepest, rivals, ends, entries)
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
        chosen = _successor(lex, text, spans, number, found, mentions, ends, entries, chosen, deepest, out)
    settled[0] = chosen
    _town(lex, text, spans, number, ends, entries, out)
    _explain(lex, text, found, mentions, out)


@kernel
def _successor(
    lex: Lexicon,
    text: Text,
    spans: Spans,
    number: int,
    found: Mentions,
    mentions: int,
    ends: NDArray[np.int32],
    entries: NDArray[np.int32],
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
    count = _by_town(lex, text, spans, number, rivals, count, ends, entries)
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
    ends: NDArray[np.int32],
    entries: NDArray[np.int32],
) -> int:
    """Among rivals, those that have the stated town; all of them when none has."""
    if rivals < 2:
        return rivals
    for s in range(number):
        if spans.label[s] != TOWN:
            continue
        names = longest(text, spans.start[s], spans.end[s], ends, entries)
        for i in range(names - 1, -1, -1):
            if ends[i] + class_length(text, ends[i], spans.end[s]) != spans.end[s]:
                continue
            kept = 0
            for r in range(rivals):
                if town_under(lex, entries[i], deepest[r]) != -1:
                    deepest[kept] = deepest[r]
                    kept += 1
            if kept:
                return kept
    return rivals


@kernel
def _town(
    lex: Lexicon,
    text: Text,
    spans: Spans,
    number: int,
    ends: NDArray[np.int32],
    entries: NDArray[np.int32],
    out: Divisions,
) -> None:
    """The town of the chain: the first stated one that lies in it, else the first as stated."""
    settled = out.settled
    typed = False
    for s in range(number):
        label = spans.label[s]
        if not (label == TOWN or label == DEVZONE) or spans.place[s] == 2:
            continue
        start, end = spans.start[s], spans.end[s]
        names = longest(text, start, end, ends, entries)
        town, several, entry = -1, False, -1
        for i in range(names - 1, -1, -1):
            tail = class_length(text, ends[i], end)
            if tail == 0 and ends[i] + 1 == end and text.char[ends[i]] == 0x8857:  # 邾城街
                tail = 1
            if ends[i] + tail != end or (label == DEVZONE and ends[i] != end):
                continue
            town = _find_town(lex, entries[i], out)
            if town == -2:
                several, town = True, -1
            if town == -1 and settled[0] >= 0:
                town = _moved(lex, entries[i], settled[0])
                if town >= 0:
                    settled[0] = lex.parent[town]
            if town >= 0:
                entry = entries[i]
                break
        if town >= 0:
            hit = _hit_of(lex, entry, town)
            if label == DEVZONE and lex.hit_kind[hit] != OFFICIAL:
                continue
            settled[5], settled[6] = start, end
            if lex.hit_kind[hit] == FORMER and lex.hit_within[hit] < 0:
                # A town that is gone stays as stated; its one successor gives the code.
                settled[7] = 1
                _change(out, start, end, town, hit)
                if lex.hit_others[hit] > 0:
                    settled[2] |= AMBIGUOUS_TOWN
                    if settled[3] == 0:
                        out.rivals[0] = town
                        settled[3] = 1
                        for i in range(lex.other_start[lex.hit_others[hit]], lex.other_start[lex.hit_others[hit] + 1]):
                            if settled[3] < RIVALS:
                                out.rivals[settled[3]] = lex.others[i]
                                settled[3] += 1
                    return
            settled[2] &= ~(UNKNOWN_TOWN | AMBIGUOUS_TOWN)
            settled[1] = town
            if settled[0] < 0:
                settled[2] |= FROM_TOWN
                settled[0] = lex.parent[town]
            elif lex.level[settled[0]] < 3 and holds(lex, settled[0], town):
                settled[0] = lex.parent[town]
            if settled[7] == 0 and not _same_name(lex, text, start, end, town):
                _change(out, start, end, town, -1)
            return
        if label == DEVZONE:
            continue
        if settled[5] < 0 or (spans.place[s] == 1 and not typed):
            typed = spans.place[s] == 1
            settled[5], settled[6] = start, end
            settled[2] |= AMBIGUOUS_TOWN if several else UNKNOWN_TOWN
            if several and settled[3] == 0:
                _rival_towns(lex, entries[names - 1], out)
    if settled[5] < 0 and settled[0] >= 0 and lex.level[settled[0]] == 3:
        _repeated_town(lex, text, spans, number, ends, entries, out)
    if settled[5] < 0 and settled[0] >= 0 and lex.level[settled[0]] == 3:
        _bare_town(lex, text, spans, number, ends, entries, out)


@kernel
def _repeated_town(
    lex: Lexicon,
    text: Text,
    spans: Spans,
    number: int,
    ends: NDArray[np.int32],
    entries: NDArray[np.int32],
    out: Divisions,
) -> None:
    """A town that stands only inside a piece the tagger took for a repetition (【城关镇 of 【城关镇草堰村】)."""
    settled = out.settled
    for s in range(number):
        if spans.label[s] != REDUNDANT or spans.place[s] == 2:
            continue
        end = spans.end[s]
        for at in range(spans.start[s], end - 1):
            names = longest(text, at, end, ends, entries)
            for i in range(names - 1, -1, -1):
                tail = class_length(text, ends[i], end)
                stop = ends[i] + tail
                if tail == 0 and not _has_full_town(lex, entries[i]):
                    continue  # 金乡 of 金乡县 is no 乡
                c = text.char[stop - 1]
                if c != 0x9547 and c != 0x4E61 and c != 0x9053:  # 镇 乡 道
                    continue
                town = town_under(lex, entries[i], settled[0])
                if town >= 0:
                    settled[1], settled[5], settled[6] = town, at, stop
                    if not _same_name(lex, text, at, stop, town):
                        _change(out, at, stop, town, -1)
                    return


@kernel
def _has_full_town(lex: Lexicon, entry: int) -> bool:
    for h in range(lex.town_start[entry], lex.hit_start[entry + 1]):
        if lex.hit_kind[h] == OFFICIAL:
            return True
    return False


@kernel
def _bare_town(
    lex: Lexicon,
    text: Text,
    spans: Spans,
    number: int,
    ends: NDArray[np.int32],
    entries: NDArray[np.int32],
    out: Divisions,
) -> None:
    """天津蓟县下窝头: what stands where the town should, and is a town's name without its class word, is the town."""
    settled = out.settled
    for s in range(number):
        label = spans.label[s]
        if label <= DISTRICT or label >= REDUNDANT:
            continue
        if label == 6 or label == 11:
            end = spans.end[s]
            names = longest(text, spans.start[s], end, ends, entries)
            if names and ends[names - 1] == end and text.char[end - 1] != 0x6751:
                town = town_under(lex, entries[names - 1], settled[0])
                if town >= 0:
                    settled[1], settled[5], settled[6] = town, spans.start[s], end
                    spans.label[s] = TOWN
                    _change(out, spans.start[s], end, town, -1)
        return


@kernel
def _rival_towns(lex: Lexicon, entry: int, out: Divisions) -> None:
    """The towns of one full name inside the settled division are the rivals."""
    division = out.settled[0]
    first = first_town(lex, entry, max(division, 0))
    count = 0
    for h in range(first, lex.hit_start[entry + 1]):
        if (division >= 0 and lex.hit_division[h] >= lex.last[division]) or count == RIVALS:
            break
        if lex.hit_kind[h] == OFFICIAL:
            out.rivals[count] = lex.hit_division[h]
            count += 1
    out.settled[3] = count


@kernel
def relabel(
    lex: Lexicon, text: Text, spans: Spans, number: int, ends: NDArray[np.int32], entries: NDArray[np.int32]
) -> None:
    """At the head of a text, a span that is the full name of a division is that division, whatever the tagger took it for."""
    for s in range(number):
        start, end = spans.start[s], spans.end[s]
        names = longest(text, start, end, ends, entries)
        if names == 0 or ends[names - 1] != end:
            return
        level = 0
        for h in range(lex.hit_start[entries[names - 1]], lex.town_start[entries[names - 1]]):
            if lex.hit_kind[h] == OFFICIAL and competes(lex, lex.hit_division[h]):
                level = lex.level[lex.hit_division[h]]
        if level == 0 or spans.label[s] == REDUNDANT:
            return
        if spans.label[s] in (6, 11, 12):  # community, poi, subpoi
            spans.label[s] = level


@kernel
def _moved(lex: Lexicon, entry: int, county: int) -> int:
    """The town that left `county` for another one under this name, -1 for none (余杭区临平街道 lies in 临平区 today)."""
    for h in range(lex.town_start[entry], lex.hit_start[entry + 1]):
        if lex.hit_within[h] == county:
            return lex.hit_division[h]
    return -1


@kernel
def _hit_of(lex: Lexicon, entry: int, town: int) -> int:
    """The hit by which an entry means a town; its firmest one."""
    found = -1
    for h in range(first_town(lex, entry, town), lex.hit_start[entry + 1]):
        if lex.hit_division[h] != town:
            break
        if found < 0 or lex.hit_kind[h] < lex.hit_kind[found]:
            found = h
    return found


@kernel
def _find_town(lex: Lexicon, entry: int, out: Divisions) -> int:
    """The town that an entry names in the settled division, or among the further successors; -1 none, -2 several."""
    division = out.settled[0]
    if division >= 0:
        if lex.level[division] == 1 and lex.city[division] < 0 and lex.last[division] - division > 600:
            town, official = -1, 0
            for h in range(first_town(lex, entry, division), lex.hit_start[entry + 1]):
                hit = lex.hit_division[h]
                if hit >= lex.last[division]:
                    break
                if lex.hit_kind[h] == OFFICIAL:
                    town = hit
                    official += 1
            return town if official == 1 else -2 if official else -1
        return town_under(lex, entry, division)
    town, official = -1, 0
    for h in range(lex.town_start[entry], lex.hit_start[entry + 1]):
        hit = lex.hit_division[h]
        if lex.hit_kind[h] == OFFICIAL:
            town = hit
            official += 1
    return town if official == 1 else -2 if official else -1


@kernel
def _same_name(lex: Lexicon, text: Text, start: int, end: int, division: int) -> bool:
    """True when the characters are the division's own name."""
    at = lex.name_start[division]
    for i in range(start, end):
        c = text.char[i]
        if at + 3 > lex.name_start[division + 1] or c >= 0x10000 or c < 0x800:
            return False
        if (
            lex.name_bytes[at] != 0xE0 | (c >> 12)
            or lex.name_bytes[at + 1] != 0x80 | ((c >> 6) & 0x3F)
            or lex.name_bytes[at + 2] != 0x80 | (c & 0x3F)
        ):
            return False
        at += 3
    return at == lex.name_start[division + 1]


@kernel
def _change(out: Divisions, start: int, end: int, division: int, hit: int) -> None:
    count = out.settled[4]
    if count < CHANGES:
        for i in range(count):
            if out.changes[i, 2] == division and out.changes[i, 3] == hit:
                return
        out.changes[count, 0], out.changes[count, 1] = start, end
        out.changes[count, 2], out.changes[count, 3] = division, hit
        out.settled[4] = count + 1


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
            _change(out, found.start[m], found.end[m], meant, used)


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
