"""The competition of the chains of divisions on which the names of a text lie.

`add` lets a name compete: it adds its weight to every chain that holds one of its meanings.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from songda.address.compiled.kernel import kernel
from songda.address.compiled.lexicon import FORMER, OFFICIAL, SPOKEN, Lexicon

#: Chains that compete at one time, and mentions of one text; no real text has more.
LEAVES = 64
TIE = 1e-6


class Leaves(NamedTuple):
    """The chains that compete, by their deepest division; `[:size[0]]` are in use."""

    division: NDArray[np.int32]
    score: NDArray[np.float32]
    size: NDArray[np.int32]


def new_leaves() -> Leaves:
    return Leaves(np.zeros(LEAVES, np.int32), np.zeros(LEAVES, np.float32), np.zeros(1, np.int32))


@kernel
def weight_of(kind: int) -> float:
    """What a mention adds to a chain, by how the name points at the division."""
    if kind == OFFICIAL:
        return 1.0
    if kind == FORMER:
        return 0.9
    if kind == SPOKEN:
        return 0.8
    return 0.7


@kernel
def holds(lex: Lexicon, outer: int, inner: int) -> bool:
    """True when `inner` lies in `outer` or is it."""
    return outer <= inner < lex.last[outer]


@kernel
def related(lex: Lexicon, leaves: Leaves, division: int, margin: float) -> bool:
    """True when `division` lies on, or below, a chain that is still in the running."""
    size = leaves.size[0]
    best = np.float32(0.0)
    for i in range(size):
        best = max(best, leaves.score[i])
    for i in range(size):
        if leaves.score[i] >= best - margin:
            leaf = leaves.division[i]
            if holds(lex, leaf, division) or holds(lex, division, leaf):
                return True
    return False


@kernel
def competes(lex: Lexicon, division: int) -> bool:
    """Official divisions of levels 1-3, and those of Hong Kong, Macao and Taiwan; a functional zone is a locality, no division."""
    return lex.level[division] <= 3 and (lex.official[division] == 1 or lex.code[lex.province[division]] >= 710000)


@kernel
def meant(lex: Lexicon, hit: int, read_as: int) -> float:
    """Weight of a meaning; one of another level than the word was read as (0: any) counts less."""
    weight = weight_of(lex.hit_kind[hit])
    level = lex.level[lex.hit_division[hit]]
    if read_as and level != read_as and not (read_as == 2 and level == 1):
        weight -= 0.3
    return weight


@kernel
def add(
    lex: Lexicon, leaves: Leaves, entry: int, share: float, read_as: int, seen: NDArray[np.int32], seen_count: int
) -> None:
    """Let the meanings (levels 1-3) of `entry` compete; `seen` are the entries added before."""
    size = leaves.size[0]
    first, last = lex.hit_start[entry], lex.town_start[entry]
    fresh = 0
    before = size
    for h in range(first, last):
        division = lex.hit_division[h]
        if not competes(lex, division):
            continue
        within = lex.hit_within[h]
        if within >= 0 and before > 0 and not related(lex, leaves, within, 0.35):
            continue
        weight = np.float32(meant(lex, h, read_as) * share)
        # Deeper than leaves that compete: the best of them passes its score on.
        above = np.float32(-1.0)
        known = False
        for i in range(before, before + fresh):
            known = known or leaves.division[i] == division
        for i in range(before):
            leaf = leaves.division[i]
            if leaf == division or holds(lex, division, leaf):
                known = True
            elif holds(lex, leaf, division):
                above = max(above, leaves.score[i])
        if known:
            continue
        score = weight + (above if above >= 0 else shared(lex, division, seen, seen_count))
        if before + fresh < LEAVES:
            leaves.division[before + fresh] = division
            leaves.score[before + fresh] = score
            fresh += 1
    for i in range(before):
        gain = np.float32(0.0)
        for h in range(first, last):
            division = lex.hit_division[h]
            if competes(lex, division) and holds(lex, division, leaves.division[i]):
                within = lex.hit_within[h]
                if within < 0 or holds(lex, within, leaves.division[i]):
                    gain = max(gain, np.float32(meant(lex, h, read_as) * share))
        leaves.score[i] += gain
    leaves.size[0] = before + fresh
    if leaves.size[0] > LEAVES // 2:
        prune(leaves)


@kernel
def shared(lex: Lexicon, division: int, seen: NDArray[np.int32], seen_count: int) -> float:
    """What earlier mentions give to a chain that no leaf leads to (乐东 after 海口: the province)."""
    total = np.float32(0.0)
    for m in range(seen_count):
        gain = np.float32(0.0)
        for h in range(lex.hit_start[seen[m]], lex.town_start[seen[m]]):
            if holds(lex, lex.hit_division[h], division):
                gain = max(gain, np.float32(weight_of(lex.hit_kind[h])))
        total += gain
    return total


@kernel
def prune(leaves: Leaves) -> None:
    """Drop the chains that are too far behind to win."""
    size = leaves.size[0]
    best = np.float32(0.0)
    for i in range(size):
        best = max(best, leaves.score[i])
    kept = 0
    for i in range(size):
        if leaves.score[i] >= best - 1.1 and kept < LEAVES // 2:
            leaves.division[kept] = leaves.division[i]
            leaves.score[kept] = leaves.score[i]
            kept += 1
    leaves.size[0] = kept


@kernel
def county_of(lex: Lexicon, leaves: Leaves) -> int:
    """Code of the county, or city without counties, that explains most; 0 when there are several, or none."""
    best, chosen, several = np.float32(0.0), -1, False
    for i in range(leaves.size[0]):
        if leaves.score[i] > best + TIE:
            best, chosen, several = leaves.score[i], leaves.division[i], False
        elif leaves.score[i] > best - TIE:
            several = True
    if chosen < 0 or several or lex.level[chosen] < 2:
        return 0
    return np.int64(lex.code[chosen])
