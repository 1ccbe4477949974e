"""Two place keys, part by part: what they agree on, and what decides.

A key is `division;tag=value;…` (keys.py). Several values of one part are joined by "+".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from songda.address.compiled.kernel import allocating_kernel, kernel

SAME_DOOR, SAME_BUILDING, SAME_ESTATE, CONFLICT, UNKNOWN = range(5)
#: Tags of a key in its order: division, town, village, group, road, road_no, poi, building, unit, floor, room.
TAGS = np.frombuffer(b"dtvgrnpbufm", np.uint8)
_DIVISION, _TOWN, _VILLAGE, _GROUP, _ROAD, _NUMBER, _POI, _BUILDING, _UNIT, _FLOOR, _ROOM = range(11)


@kernel
def _parse(data: NDArray[np.uint8], start: int, end: int, parts: NDArray[np.int64]) -> None:
    """Ranges of the values of a key, by part; (-1, -1) for a part that is not stated."""
    parts[:] = -1
    if end <= start:
        return
    at = start
    while at < end and data[at] != 59:
        at += 1
    parts[0, 0], parts[0, 1] = start, at
    while at < end:
        tag = data[at + 1]
        begin = at + 3
        at = begin
        while at < end and data[at] != 59:
            at += 1
        for p in range(1, 11):
            if TAGS[p] == tag:
                parts[p, 0], parts[p, 1] = begin, at


@kernel
def _equal(x: NDArray[np.uint8], a: int, b: int, y: NDArray[np.uint8], c: int, d: int) -> bool:
    if b - a != d - c:
        return False
    for i in range(b - a):
        if x[a + i] != y[c + i]:
            return False
    return True


@kernel
def _nested(x: NDArray[np.uint8], a: int, b: int, y: NDArray[np.uint8], c: int, d: int) -> bool:
    """True when one division code lies in the other: 330000 holds 330100, which holds 330106."""
    while b - a >= 2 and x[b - 1] == 48 and x[b - 2] == 48 and (b - a) % 2 == 0 and b - a > 2:
        b -= 2
    while d - c >= 2 and y[d - 1] == 48 and y[d - 2] == 48 and (d - c) % 2 == 0 and d - c > 2:
        d -= 2
    for i in range(min(b - a, d - c)):
        if x[a + i] != y[c + i]:
            return False
    return True


@kernel
def _inside(x: NDArray[np.uint8], a: int, b: int, y: NDArray[np.uint8], c: int, d: int) -> bool:
    """True when the value [c, d) of y stands in the value [a, b) of x and is no less than two characters."""
    if d - c < 6:
        return False
    for i in range(a, b - (d - c) + 1):
        if _equal(x, i, i + d - c, y, c, d):
            return True
    return False


@kernel
def _agree(part: int, x: NDArray[np.uint8], a: int, b: int, y: NDArray[np.uint8], c: int, d: int) -> bool:
    if part == _DIVISION:
        return _nested(x, a, b, y, c, d)
    if _equal(x, a, b, y, c, d):
        return True
    if part == _POI:
        return _inside(x, a, b, y, c, d) or _inside(y, c, d, x, a, b)
    if part == _TOWN:
        # A town known by code and one kept as stated cannot be compared.
        return (48 <= x[a] <= 57) != (48 <= y[c] <= 57)
    if part == _VILLAGE or part == _ROAD:
        # One of several values (村+屯, two roads of a crossing) is enough.
        i = a
        while i <= b:
            j = i
            while j < b and x[j] != 43:
                j += 1
            k = c
            while k <= d:
                m = k
                while m < d and y[m] != 43:
                    m += 1
                if _equal(x, i, j, y, k, m):
                    return True
                k = m + 1
            i = j + 1
    return False


@kernel
def _compare(
    x: NDArray[np.uint8], p: NDArray[np.int64], y: NDArray[np.uint8], q: NDArray[np.int64]
) -> tuple[int, int, int]:
    """(verdict, deepest part in common, part that decided); -1 for none."""
    if p[0, 0] < 0 or q[0, 0] < 0:
        return UNKNOWN, -1, -1
    common, ground, one_sided = -1, False, -1
    for part in range(11):
        left, right = p[part, 0] >= 0, q[part, 0] >= 0
        if left and right:
            if not _agree(part, x, p[part, 0], p[part, 1], y, q[part, 0], q[part, 1]):
                return CONFLICT, common, part
            common = part
            if part == _VILLAGE or part == _GROUP or part == _ROAD or part == _POI:
                ground = True
        elif left != right and part >= _NUMBER and part != _POI and one_sided < 0:
            one_sided = part
    only_ground = -1
    for part in range(_VILLAGE, _POI + 1):
        if (p[part, 0] >= 0) != (q[part, 0] >= 0) and part != _NUMBER:
            only_ground = part
    if not ground:
        fine = False
        for part in range(_VILLAGE, 11):
            fine = fine or p[part, 0] >= 0 or q[part, 0] >= 0
        if fine and common <= _TOWN:
            return UNKNOWN, common, only_ground
        if fine:
            return UNKNOWN, common, only_ground if only_ground >= 0 else one_sided
        return SAME_ESTATE, common, -1
    if one_sided < 0 and common >= _NUMBER:
        # 人民路12号 is a door; 锦绣花园 alone is not.
        return (SAME_DOOR if common != _POI else SAME_ESTATE), common, only_ground
    if one_sided < 0:
        return SAME_ESTATE, common, only_ground
    if common >= _BUILDING or (common == _NUMBER and one_sided > _BUILDING):
        return SAME_BUILDING, common, one_sided
    return SAME_ESTATE, common, one_sided


@allocating_kernel
def compare_all(
    x: NDArray[np.uint8], x_at: NDArray[np.int64], y: NDArray[np.uint8], y_at: NDArray[np.int64]
) -> NDArray[np.int64]:
    rows = len(x_at) - 1
    found = np.empty((rows, 3), np.int64)
    p = np.empty((11, 2), np.int64)
    q = np.empty((11, 2), np.int64)
    for row in range(rows):
        _parse(x, x_at[row], x_at[row + 1], p)
        _parse(y, y_at[row], y_at[row + 1], q)
        found[row, 0], found[row, 1], found[row, 2] = _compare(x, p, y, q)
    return found
