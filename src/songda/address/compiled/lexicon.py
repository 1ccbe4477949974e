"""The gazetteer as arrays, as the kernels read it: divisions in the order of a walk through the tree, and what every name can mean.

    >>> lexicon().spelt(0)
    '北京市'

Divisions are numbered so that all that lies inside division d has the numbers d … `last[d]` - 1. Names are entries of one
double-array trie; an entry's meanings are `hits`. Built from tables by songda.address.building.
"""

from __future__ import annotations

from functools import cache
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from songda.address.compiled.trie import VALUE, step

#: How a name points at a division. A town's class word is not part of the entry's reading: it is compared where the text is read.
OFFICIAL, FORMER, SPOKEN, CHANGED = 0, 1, 2, 3


class Lexicon(NamedTuple):
    """All arrays of the engine's dictionary."""

    #: Code point → the code point it is folded to; 0 deletes it.
    fold: NDArray[np.uint16]
    #: Folded code point → symbol of the tries and features, 1 …; 0 for a character of no name.
    symbol: NDArray[np.uint16]
    #: Trie of division names.
    names: NDArray[np.int32]
    #: Entry e has the hits hit_start[e] … hit_start[e + 1] - 1: those of levels 1-3, then from town_start[e] on the towns,
    #: each sorted by division.
    hit_start: NDArray[np.int32]
    town_start: NDArray[np.int32]
    hit_division: NDArray[np.int32]
    hit_kind: NDArray[np.int8]
    #: Division within which an old name counts, -1 for anywhere.
    hit_within: NDArray[np.int32]
    #: Number of the reason (`reasons`) why the name is not today's, 0 for none.
    hit_reason: NDArray[np.int16]
    #: Number of the list of further successors, 0 for none: divisions others[other_start[k]] … others[other_start[k + 1] - 1].
    hit_others: NDArray[np.int16]
    other_start: NDArray[np.int32]
    others: NDArray[np.int32]
    #: Trie of class words (class_words.toml); the value is the word's number.
    classes: NDArray[np.int32]
    #: Per division: code, level, parent (-1), end of its numbers, its province, city and county (-1), 1 when official.
    code: NDArray[np.int32]
    level: NDArray[np.int8]
    parent: NDArray[np.int32]
    last: NDArray[np.int32]
    province: NDArray[np.int32]
    city: NDArray[np.int32]
    county: NDArray[np.int32]
    official: NDArray[np.int8]
    #: Names of the divisions, UTF-8, one after the other.
    name_bytes: NDArray[np.uint8]
    name_start: NDArray[np.int32]
    #: Set of (code of the county, name of a village): songda.address.compiled.villages.
    villages: NDArray[np.uint16]
    #: Postcode, 0 for none.
    postcode: NDArray[np.int32]
    #: Reasons behind the numbers, joined by line ends.
    reasons: NDArray[np.uint8]

    def spelt(self, division: int) -> str:
        """Name of a division."""
        return bytes(self.name_bytes[self.name_start[division] : self.name_start[division + 1]]).decode()


@cache
def lexicon() -> Lexicon:
    """The dictionary in force (songda.address.editions): the shipped one, or that of an imported edition. Read on first use, for good."""
    from songda.address.editions import dictionary

    return dictionary()


def load(packed: IO[bytes]) -> Lexicon:
    """A dictionary from its file. Raises KeyError when an array is missing."""
    with np.load(packed) as arrays:
        return Lexicon(**{name: arrays[name] for name in Lexicon._fields})


def entry_of(name: str) -> int:
    """Number of the lexicon's entry for a division name, -1 for none."""
    lex, node = lexicon(), 0
    for char in "".join(name.split()):
        node = step(lex.names, node, int(lex.symbol[lex.fold[ord(char)]]) if ord(char) < 0x10000 else 0)
        if node < 0:
            return -1
    return int(lex.names[node, VALUE])
