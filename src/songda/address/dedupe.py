"""Which rows of a list mean the same door: equal place keys first, then near misses compared within blocks.

    >>> from songda.address import standardize
    >>> frame = standardize(["苏州市姑苏区人民路12号3栋502", "江苏苏州姑苏区平江街道人民路１２号三幢502室", "姑苏区人民路14号"])
    >>> dedupe(frame).select("group", "how").rows()
    [(1, 'near'), (1, 'kept'), (2, 'alone')]

A long list goes through `keyed`, which holds no more of each row than `dedupe` needs:

    >>> dedupe(keyed(["苏州市姑苏区人民路12号3栋502", "苏州姑苏区人民路十二号3号楼502"]))["group"].to_list()
    [0, 0]

One representative a key; blocks of representatives that could be one door (the numbers of the door with road, estate or village, or
alone); `verdicts` on neighbours within a block; pairs that it calls one door are joined, unless that would put two doors that
contradict each other into one group. Frames and arrays, no loop over rows.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from songda.address.identity import verdicts
from songda.address.standardizing import standardize

if TYPE_CHECKING:
    import numpy as np

    from songda.address.compiled.tagger import Weights

    Ids: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
    Flags: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]

#: Two columns of place keys to a column of verdicts.
Compare: TypeAlias = Callable[[pl.Series, pl.Series], pl.Series]

#: What `dedupe` answers, one row a row of the frame, same order.
GROUPS = pl.Schema(
    {
        "row": pl.UInt32(),
        "group": pl.UInt32(),  # row that stands for the group
        "how": pl.String(),  # one of HOW
        "candidates": pl.List(pl.UInt32()),  # groups to which an ambiguous row could belong
    }
)
HOW = {
    "alone": "没有重复",
    "kept": "保留",
    "exact": "同一地点（写法归一后相同）",
    "near": "同一地点（写法有出入）",
    "ambiguous": "可能属于几处，请人看",
    "unknown": "读不出地点",
}
#: Columns of STANDARD that are read here: memory for a million rows is that of their keys.
NEEDED = ("place_key", "completeness")
#: Texts that are read at one time: one compiled call.
_CHUNK = 16_384
#: Neighbours with which a representative is compared within a block; a block that is no larger is compared whole.
WINDOW = 12
#: Pairs that are compared at one time.
_PAIRS = 200_000
#: Rounds of star clustering in a component whose ends contradict each other.
_ROUNDS = 20

#: Parts of a key, by tag (see songda.address.place).
_PARTS = ("v", "r", "n", "p", "b", "u", "f", "m")
#: What two spellings of one door always share: number, building, unit, floor, room, stated alike or not at all.
_DOOR = ("n", "b", "u", "f", "m")
#: A phase or a zone behind the name of an estate.
_PHASE = r"(?:\d+期|(?:[A-Z东南西北中]|\d+)区|[东南西北]苑)$"
#: Blocks: prefecture, door, and one more part that both spellings state alike; or the door alone where it has two numbers (an estate
#: inside another's name, one road of a crossing).
_BLOCKS: tuple[tuple[tuple[str, ...], pl.Expr], ...] = (
    (("r", *_DOOR), pl.col("r").is_not_null()),
    (("p", *_DOOR), pl.col("p").is_not_null()),
    (("v", *_DOOR), pl.col("v").is_not_null()),
    (_DOOR, pl.sum_horizontal(pl.col(*_DOOR).is_not_null()) >= 2),
)


def keyed(texts: Sequence[str | None] | pl.Series, *, weights: Weights | None = None) -> pl.DataFrame:
    """NEEDED of each text, in order: what `dedupe` takes. However long the list, memory is that of these columns."""

    def read(start: int) -> pl.DataFrame:
        return held(standardize(texts[start : start + _CHUNK], weights=weights), *NEEDED)

    starts = range(_CHUNK, len(texts), _CHUNK)
    # The dictionary is read on first use: by one thread.
    first = read(0)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return pl.concat([first, *pool.map(read, starts)])


def held(frame: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """Columns of a frame of `standardize` to be kept while it goes: its texts share buffers, and one would hold all of them."""
    texts = [name for name in columns if frame.schema[name] == pl.String]
    lists = [name for name in columns if frame.schema[name] == pl.List(pl.String)]
    # Appending nothing makes texts of their own.
    return frame.select(columns).with_columns(pl.col(texts) + "", pl.col(lists).list.eval(pl.element() + ""))


def dedupe(frame: pl.DataFrame, *, compare: Compare = verdicts) -> pl.DataFrame:
    """The group of each row of `frame` (columns of STANDARD, at least NEEDED): GROUPS, same order.

    A group is named by the row that stands for it: the most complete one, the first of equals. Rows without place key are `unknown`, rows
    that would tie two different doors together are `ambiguous`; both stay alone. `compare`: a stricter judge than `verdicts`.
    """
    known = frame.select(*NEEDED).with_row_index("row").filter(pl.col("place_key").is_not_null())
    # One representative a key, ordered so that a smaller id is a better row to keep.
    kept = (
        known.unique("place_key", keep="first", maintain_order=True)
        .sort("completeness", pl.col("place_key").str.len_bytes(), "row", descending=[True, True, False])
        .with_row_index("id")
    )
    left, right = same_doors(kept, compare=compare)
    label, rivals = cluster(kept, left, right, compare=compare)
    groups = kept.select("place_key", key_row="row").with_columns(
        group=pl.Series(kept["row"].to_numpy()[label], dtype=pl.UInt32),
        candidates=rivals.cast(pl.List(pl.UInt32)),
    )
    return _described(frame.height, known.select("row", "place_key").join(groups, on="place_key", how="left"))


def _described(height: int, known: pl.DataFrame) -> pl.DataFrame:
    rows = pl.DataFrame({"row": pl.arange(height, dtype=pl.UInt32, eager=True)})
    ambiguous = pl.col("candidates").list.len().fill_null(0) > 0
    how = (
        pl.when(pl.col("place_key").is_null())
        .then(pl.lit("unknown"))
        .when(ambiguous)
        .then(pl.lit("ambiguous"))
        .when(pl.len().over("group") == 1)
        .then(pl.lit("alone"))
        .when(pl.col("row") == pl.col("group"))
        .then(pl.lit("kept"))
        .when(pl.col("key_row") == pl.col("group"))
        .then(pl.lit("exact"))
        .otherwise(pl.lit("near"))
    )
    return (
        rows.join(known, on="row", how="left", maintain_order="left")
        .with_columns(group=pl.coalesce("group", "row"), candidates=pl.col("candidates").fill_null([]))
        .with_columns(how=how)
        .select(GROUPS.names())
        .cast(GROUPS)
    )


def same_doors(kept: pl.DataFrame, *, compare: Compare) -> tuple[Ids, Ids]:
    """Pairs of ids of `kept` that are one door in two spellings; the smaller id first."""
    pairs = [part.filter(_verdicts(kept, part["a"], part["b"], compare) == "same_door") for part in _neighbours(kept)]
    found = pl.concat([pl.DataFrame(schema={"a": pl.UInt32, "b": pl.UInt32}), *pairs]).unique(maintain_order=True)
    keys = kept["place_key"]
    found = found.filter(~_phase_left_out(keys.gather(found["a"]), keys.gather(found["b"])))
    return found["a"].to_numpy().astype("int64"), found["b"].to_numpy().astype("int64")


def _phase_left_out(a: pl.Series, b: pl.Series) -> pl.Series:
    """Which pairs name one estate, one of them a phase of it (2期, A区) and no number of a road that both state: every phase has such a
    building, and which one is meant nobody knows."""
    told = pl.DataFrame({"a": a, "b": b}).with_columns(
        *(pl.col(side).str.extract(rf";{tag}=([^;]*)").alias(f"{tag}{side}") for side in "ab" for tag in "np")
    )
    stem = {side: pl.col(f"p{side}").str.replace(_PHASE, "") for side in "ab"}
    left_out = (stem["a"] == stem["b"]) & (pl.col("pa") != pl.col("pb"))
    left_out &= (stem["a"] == pl.col("pa")) | (stem["b"] == pl.col("pb"))
    numbered = (pl.col("na") == pl.col("nb")).fill_null(value=False)
    return told.select((left_out & ~numbered).fill_null(value=False)).to_series()


def _neighbours(kept: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Pairs of ids (a < b) that share a block and lie within the window there, some at a time."""
    parts = kept.select(
        "id",
        "place_key",
        pl.col("place_key").str.slice(0, 4).alias("d"),
        *(pl.col("place_key").str.extract(rf";{tag}=([^;]*)").alias(tag) for tag in _PARTS),
    )
    compared: list[str] = []
    for number, (tags, stated) in enumerate(_BLOCKS):
        name = f"block{number}"
        parts = parts.with_columns(pl.when(stated).then(pl.struct("d", *tags).hash()).alias(name))
        block = (
            parts.filter(pl.col(name).is_not_null())
            .filter(pl.len().over(name) > 1)
            .sort(name, "p", "r", "v", "place_key")
            .select("id", name, *compared)
        )
        for step in range(1, WINDOW + 1):
            ahead = block.select(pl.all().shift(-step).name.suffix("_b"))
            met = pl.any_horizontal(
                pl.lit(value=False), *(pl.col(each) == pl.col(f"{each}_b") for each in compared)
            ).fill_null(value=False)
            pairs = (
                pl.concat([block, ahead], how="horizontal")
                .filter(pl.col(name) == pl.col(f"{name}_b"), ~met)
                .select(a=pl.min_horizontal("id", "id_b"), b=pl.max_horizontal("id", "id_b"))
            )
            if not pairs.height:
                break
            yield from pairs.iter_slices(_PAIRS)
        # Pairs of a small block have all been compared; in a large one the next kind of block may find what the window missed.
        parts = parts.with_columns(pl.when(pl.len().over(name) <= WINDOW + 1).then(name).alias(name))
        compared.append(name)


def cluster(kept: pl.DataFrame, left: Ids, right: Ids, *, compare: Compare) -> tuple[Ids, pl.Series]:
    """The id that stands for each id, and for ambiguous ids the rows of the groups that they could join.

    A connected component is one group when nobody in it contradicts its best member. Else it falls into stars: the best member with those
    that are one door with it, again among the rest. Who is one door with members of two groups that contradict each other joins neither.
    """
    import numpy as np

    ids = np.arange(kept.height)
    label = components(kept.height, left, right)
    torn = np.zeros(kept.height, dtype=bool)
    members = ids[label != ids]
    torn[label[members[_conflicts(kept, label[members], members, compare)]]] = True
    inside = torn[label[left]]
    left, right = left[inside], right[inside]
    label = np.where(torn[label], ids, label)
    a, b = left, right
    for _ in range(_ROUNDS):
        if not len(a):
            break
        star = components(kept.height, a, b)[a] == a
        label[b[star]] = a[star]
        taken = np.zeros(kept.height, dtype=bool)
        taken[a[star]] = taken[b[star]] = True
        open_ = ~(taken[a] | taken[b])
        a, b = a[open_], b[open_]
    across = label[left] != label[right]
    a, b = left[across], right[across]
    at_odds = _conflicts(kept, label[a], label[b], compare)
    a, b = a[at_odds], b[at_odds]
    doubtful = pl.DataFrame({"id": np.r_[a, b, a, b], "group": kept["row"].to_numpy()[label[np.r_[a, b, b, a]]]})
    # Whoever stands for a group stays: its members lean on it.
    doubtful = (
        doubtful.filter(pl.Series(label != ids)[doubtful["id"]]).group_by("id").agg(pl.col("group").unique().sort())
    )
    label[doubtful["id"].to_numpy()] = doubtful["id"].to_numpy()
    rivals = pl.DataFrame({"id": ids}).join(doubtful, on="id", how="left", maintain_order="left")["group"]
    return label, rivals


def _conflicts(kept: pl.DataFrame, a: Ids, b: Ids, compare: Compare) -> Flags:
    """Which pairs contradict each other."""
    import numpy as np

    found = [
        (
            _verdicts(kept, pl.Series(a[at : at + _PAIRS]), pl.Series(b[at : at + _PAIRS]), compare) == "conflict"
        ).to_numpy()
        for at in range(0, len(a), _PAIRS)
    ]
    return np.concatenate([np.zeros(0, dtype=bool), *found])


def _verdicts(kept: pl.DataFrame, a: pl.Series, b: pl.Series, compare: Compare) -> pl.Series:
    keys = kept["place_key"]
    return compare(keys.gather(a), keys.gather(b))


def components(count: int, left: Ids, right: Ids) -> Ids:
    """Smallest id that is connected with each id: labels sink along the edges and jump to their label's label until nothing moves."""
    import numpy as np

    label = np.arange(count)
    while len(left):
        low = np.minimum(label[left], label[right])
        before = label.copy()
        np.minimum.at(label, label[left], low)
        np.minimum.at(label, label[right], low)
        label = label[label]
        while (jumped := label[label]).tobytes() != label.tobytes():
            label = jumped
        if np.array_equal(label, before):
            break
    return label
