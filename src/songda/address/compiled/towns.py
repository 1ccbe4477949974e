"""The town of a chain: among those that a text states, the one that lies in the settled division."""

from __future__ import annotations

from songda.address.compiled.chains import holds
from songda.address.compiled.kernel import kernel
from songda.address.compiled.lexicon import FORMER, OFFICIAL, Lexicon
from songda.address.compiled.mentions import class_length, first_town, names_until, town_under
from songda.address.compiled.settled import (
    AMBIGUOUS_TOWN,
    DEVZONE,
    DISTRICT,
    FROM_TOWN,
    REDUNDANT,
    RIVALS,
    TOWN,
    UNKNOWN_TOWN,
    Divisions,
    Spans,
    note_change,
)
from songda.address.compiled.tokens import Text


@kernel
def settle_town(
    lex: Lexicon,
    text: Text,
    spans: Spans,
    number: int,
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
        names = names_until(text, start, end)
        town, several, entry = -1, False, -1
        for i in range(names - 1, -1, -1):
            name_end, name = text.name_end[start, i], text.name_entry[start, i]
            tail = class_length(text, name_end, end)
            if tail == 0 and name_end + 1 == end and text.char[name_end] == 0x8857:  # 邾城街
                tail = 1
            if name_end + tail != end or (label == DEVZONE and name_end != end):
                continue
            town = _find_town(lex, name, out)
            if town == -2:
                several, town = True, -1
            if town == -1 and settled[0] >= 0:
                town = _moved(lex, name, settled[0])
                if town >= 0:
                    settled[0] = lex.parent[town]
            if town >= 0:
                entry = name
                break
        if town >= 0:
            hit = _hit_of(lex, entry, town)
            if label == DEVZONE and lex.hit_kind[hit] != OFFICIAL:
                continue
            settled[5], settled[6] = start, end
            if lex.hit_kind[hit] == FORMER and lex.hit_within[hit] < 0:
                # A town that is gone stays as stated; its one successor gives the code.
                settled[7] = 1
                note_change(out, start, end, town, hit)
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
                note_change(out, start, end, town, -1)
            return
        if label == DEVZONE:
            continue
        if settled[5] < 0 or (spans.place[s] == 1 and not typed):
            typed = spans.place[s] == 1
            settled[5], settled[6] = start, end
            settled[2] |= AMBIGUOUS_TOWN if several else UNKNOWN_TOWN
            if several and settled[3] == 0:
                _rival_towns(lex, text.name_entry[start, names - 1], out)
    if settled[5] < 0 and settled[0] >= 0 and lex.level[settled[0]] == 3:
        _repeated_town(lex, text, spans, number, out)
    if settled[5] < 0 and settled[0] >= 0 and lex.level[settled[0]] == 3:
        _bare_town(lex, text, spans, number, out)


@kernel
def _repeated_town(
    lex: Lexicon,
    text: Text,
    spans: Spans,
    number: int,
    out: Divisions,
) -> None:
    """A town that stands only inside a piece the tagger took for a repetition (【城关镇 of 【城关镇草堰村】)."""
    settled = out.settled
    for s in range(number):
        if spans.label[s] != REDUNDANT or spans.place[s] == 2:
            continue
        end = spans.end[s]
        for at in range(spans.start[s], end - 1):
            for i in range(names_until(text, at, end) - 1, -1, -1):
                entry = text.name_entry[at, i]
                tail = class_length(text, text.name_end[at, i], end)
                stop = text.name_end[at, i] + tail
                if tail == 0 and not _has_full_town(lex, entry):
                    continue  # 金乡 of 金乡县 is no 乡
                c = text.char[stop - 1]
                if c != 0x9547 and c != 0x4E61 and c != 0x9053:  # 镇 乡 道
                    continue
                town = town_under(lex, entry, settled[0])
                if town >= 0:
                    settled[1], settled[5], settled[6] = town, at, stop
                    if not _same_name(lex, text, at, stop, town):
                        note_change(out, at, stop, town, -1)
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
    out: Divisions,
) -> None:
    """天津蓟县下窝头: what stands where the town should, and is a town's name without its class word, is the town."""
    settled = out.settled
    for s in range(number):
        label = spans.label[s]
        if label <= DISTRICT or label >= REDUNDANT:
            continue
        if label == 6 or label == 11:
            start, end = spans.start[s], spans.end[s]
            names = names_until(text, start, end)
            if names and text.name_end[start, names - 1] == end and text.char[end - 1] != 0x6751:
                town = town_under(lex, text.name_entry[start, names - 1], settled[0])
                if town >= 0:
                    settled[1], settled[5], settled[6] = town, start, end
                    spans.label[s] = TOWN
                    note_change(out, start, end, town, -1)
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
