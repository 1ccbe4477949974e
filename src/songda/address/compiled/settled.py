"""What is settled of a text: its spans, the divisions and town that they name, and the issues as bits."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from songda.address.compiled.kernel import kernel

COUNTRY, PROV, CITY, DISTRICT, DEVZONE, TOWN = range(6)
REDUNDANT = 19
#: Issues of the divisions, as bits.
AMBIGUOUS_DISTRICT, AMBIGUOUS_DIVISION, AMBIGUOUS_SUCCESSOR, AMBIGUOUS_TOWN = 1, 2, 4, 8
CONTRADICTORY, UNKNOWN_TOWN, FROM_TOWN, TOWN_ELSEWHERE, UNKNOWN_DIVISION = 16, 32, 64, 128, 256
RIVALS, CHANGES = 12, 4


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
def note_change(out: Divisions, start: int, end: int, division: int, hit: int) -> None:
    count = out.settled[4]
    if count < CHANGES:
        for i in range(count):
            if out.changes[i, 2] == division and out.changes[i, 3] == hit:
                return
        out.changes[count, 0], out.changes[count, 1] = start, end
        out.changes[count, 2], out.changes[count, 3] = division, hit
        out.settled[4] = count + 1
