"""Names of villages within a county: 600,000 of them, as a set of fingerprints in one table.

A village says where a name ends that no class word ends (何市|无纺布厂). Another name counts as one of the set once in some
20,000 times; the tagger weighs it with all else, so that does no harm.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from songda.address.compiled.kernel import kernel
from songda.address.compiled.lexicon import Lexicon
from songda.address.compiled.tokens import Text

#: Longest name in the set; five in a hundred are longer.
LONGEST_VILLAGE = 4


@kernel
def start_hash(county: int) -> np.uint64:
    return np.uint64(county) * np.uint64(0x9E3779B97F4A7C15)


@kernel
def step_hash(value: np.uint64, char: int) -> np.uint64:
    value = (value ^ np.uint64(char)) * np.uint64(0xBF58476D1CE4E5B9)
    return value ^ (value >> np.uint64(29))


@kernel
def _print_of(value: np.uint64) -> int:
    return np.int64(value >> np.uint64(48)) | 1


@kernel
def add_village(table: NDArray[np.uint16], county: int, name: NDArray[np.int32]) -> None:
    """Put a name (folded characters) into the set, whose size is a power of two."""
    value = start_hash(county)
    for char in name:
        value = step_hash(value, char)
    mask, wanted = len(table) - 1, _print_of(value)
    place = np.int64(value & np.uint64(mask))
    while table[place] != 0 and table[place] != wanted:
        place = (place + 1) & mask
    table[place] = wanted


@kernel
def _known(table: NDArray[np.uint16], value: np.uint64) -> bool:
    mask, wanted = len(table) - 1, _print_of(value)
    place = np.int64(value & np.uint64(mask))
    while table[place] != 0:
        if table[place] == wanted:
            return True
        place = (place + 1) & mask
    return False


@kernel
def village_length(lex: Lexicon, text: Text, at: int, count: int, county: int) -> int:
    """Length of the longest village of the county (its code) that begins at character `at`, 0 for none."""
    value, longest = start_hash(county), 0
    for n in range(min(LONGEST_VILLAGE, count - at)):
        value = step_hash(value, text.char[at + n])
        if n > 0 and _known(lex.villages, value):
            longest = n + 1
    return longest
