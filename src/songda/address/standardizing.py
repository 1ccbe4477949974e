"""From texts to the frame of `songda.base.schemas.STANDARD`: clean, read in compiled chunks on all cores, and name the numbers.

>>> standardize(["杭州下城区延安路２９５号"])["standard"].to_list()
['浙江省杭州市拱墅区延安路295号']
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from songda.address.cleaning import Cleaned, clean
from songda.address.compiled.lexicon import entry_of, lexicon
from songda.address.compiled.reader import (
    Findings,
    Scratch,
    new_findings,
    new_scratch,
    read_divisions,
    read_rows,
    read_spans,
)
from songda.address.compiled.tagger import BUCKETS, COUNT, HALF, LABELS, WIDTH, Weights
from songda.address.compiled.write import Output, new_output
from songda.address.frames import DIVISIONS, chains, named
from songda.address.typos import mend
from songda.base.schemas import STANDARD

if TYPE_CHECKING:
    Texts = Sequence[str | None] | pl.Series | Any

#: Rows of one compiled call.
_CHUNK = 16_384


class Span(NamedTuple):
    """A literal span: `text` = raw[start:end] without blanks, and its label (songda.address.compiled.tagger.LABELS)."""

    start: int
    end: int
    label: str
    text: str


@cache
def shipped_weights() -> Weights:
    """The weights of the tagger that come with the package (docs/address-tagger.md), read on first use."""
    with files("songda.address").joinpath("data/tagger.npz").open("rb") as packed:
        return _weights(packed)


def load_weights(folder: Path) -> Weights:
    """Weights that `songda address train` wrote to `folder`. Raises FileNotFoundError or ValueError when they
    are not there or of another make."""
    with (folder / "tagger.npz").open("rb") as packed:
        return _weights(packed)


def _weights(packed: IO[bytes]) -> Weights:
    with np.load(packed) as arrays:
        missing = set(Weights._fields) - set(arrays)
        if missing:
            raise ValueError(f"weights of another version: no {', '.join(sorted(missing))}")
        weights = Weights(**{name: arrays[name] for name in Weights._fields})
    # The kernels trust every number in it.
    made = [(array.dtype.name, array.shape) for array in weights]
    rows = weights.emission.shape[0]
    wanted = [
        ("uint32", (BUCKETS, 2)),
        ("int8", (rows, WIDTH)),
        ("float32", (1,)),
        ("int16", (COUNT + 1, HALF)),
        ("int16", (HALF,)),
    ]
    if made != wanted or int((weights.table & 0xFFFF).max()) >= rows:
        raise ValueError("weights of another make")
    return weights


def as_series(texts: Texts) -> pl.Series:
    """Texts of any accepted kind as strings; half a surrogate pair is no character and becomes U+FFFD."""
    if isinstance(texts, pl.Series):
        return texts.cast(pl.String).alias("text")
    if hasattr(texts, "__arrow_c_stream__") or hasattr(texts, "__arrow_c_array__"):
        return pl.Series("text", texts).cast(pl.String)
    try:
        return pl.Series("text", list(texts), dtype=pl.String)
    except (UnicodeEncodeError, pl.exceptions.PolarsError):
        return pl.Series(
            "text",
            [t and t.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for t in texts],
            dtype=pl.String,
        )


def standardize(texts: Texts, *, context: pl.DataFrame | None = None, weights: Weights | None = None) -> pl.DataFrame:
    """Standard form of each text, one row a text in the same order, with the columns of `songda.base.schemas.STANDARD`.

    `texts`: a list, a Polars series or an Arrow string array. `context`: optional hints, one row a text, in columns
    `province`, `city`, `district` (any of
    them). `weights`: of the user's own training, the shipped ones when absent. No text makes it raise; a text
    that is no address has `issues`.
    """
    series, weights = as_series(texts), weights or shipped_weights()
    hints = _hints(context, len(series))
    starts = range(0, len(series), _CHUNK)
    pieces = [
        (series.slice(start, _CHUNK), hints[start : start + _CHUNK] if len(hints) > 1 else hints) for start in starts
    ]
    if len(pieces) < 2:
        frames = [_frame(part, hint, weights) for part, hint in pieces]
    else:
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            frames = list(pool.map(lambda piece: _frame(piece[0], piece[1], weights), pieces))
    return pl.concat([STANDARD.to_frame(), *frames])


def tag(texts: Texts, *, weights: Weights | None = None) -> list[list[Span]]:
    """Literal spans of each text, in order; every character but blanks and invisible ones lies in one (reference: docs/address.md)."""
    series = as_series(texts)
    data, offsets = _buffers(series)
    spans, starts = read_spans(lexicon(), weights or shipped_weights(), data, offsets, new_scratch())
    found: list[list[Span]] = []
    for row, text in enumerate(series):
        found.append(
            [
                Span(start, end, LABELS[label], "".join(text[start:end].split()))
                for start, end, label in spans[starts[row] : starts[row + 1]].tolist()
            ]
        )
    return found


def divisions(texts: Texts) -> pl.DataFrame:
    """Province, city, district (current official names), adcode of each text, and `rivals`: how many divisions it leaves the choice among.

    Much faster than `standardize`, which also reads what follows: a text whose divisions only its town, road or a misspelling
    decides can be read less deeply here. Null where the text does not say; where several counties bear the name, what they share.
    """
    series = as_series(texts)
    found = np.full((len(series), 2), -1, np.int32)
    starts = range(0, len(series), _CHUNK)

    def read(start: int) -> None:
        data, offsets = _buffers(series.slice(start, _CHUNK))
        with _scratch() as scratch:
            read_divisions(lexicon(), data, offsets, scratch, found[start : start + _CHUNK])

    if len(starts) < 2:
        for start in starts:
            read(start)
    else:
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            list(pool.map(read, starts))
    return chains(found[:, 0]).drop("postcode").with_columns(rivals=pl.Series(found[:, 1]))


@contextmanager
def _scratch() -> Iterator[Scratch]:
    """Room for one reading, used again by the next."""
    try:
        scratch = _FREE.pop()
    except IndexError:
        scratch = new_scratch()
    yield scratch
    _FREE.append(scratch)


def _hints(context: pl.DataFrame | None, rows: int) -> NDArray[np.int32]:
    """Entries of the lexicon for the hints, [rows, 3]; one row of -1 when there are none."""
    columns = [name for name in DIVISIONS if context is not None and name in context.columns]
    if context is None or not columns:
        return np.full((1, 3), -1, np.int32)
    hints = np.full((rows, 3), -1, np.int32)
    for name in columns:
        values = context[name].cast(pl.String)
        known = {value: entry_of(value) for value in values.unique() if value}
        hints[:, DIVISIONS.index(name)] = (
            values.replace_strict(known, default=-1, return_dtype=pl.Int32).fill_null(-1).to_numpy()
        )
    return hints


def _buffers(series: pl.Series) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The texts as one run of UTF-8 bytes and where each begins."""
    filled = series.fill_null("")
    joined: bytes = filled.to_frame("t").select(pl.col("t").str.join("").cast(pl.Binary)).item() or b""
    offsets = np.zeros(len(series) + 1, np.int64)
    np.cumsum(filled.str.len_bytes().to_numpy(), out=offsets[1:])
    return np.frombuffer(joined + b"\0\0\0\0", np.uint8), offsets


_FREE: list[Scratch] = []
_NONE_GIVEN = np.zeros(0, np.int8)


def _frame(texts: pl.Series, hints: NDArray[np.int32], weights: Weights) -> pl.DataFrame:
    cleaned = clean(texts)
    out, found = _read(cleaned.texts, hints, weights)

    def hints_of(rows: list[int]) -> NDArray[np.int32]:
        return hints[rows] if len(hints) > 1 else hints

    mended = mend(cleaned.texts, out, found, lambda again, rows: _read(pl.Series(again), hints_of(rows), weights))
    frame = named(texts, cleaned, out, found)
    if not mended:
        return frame
    rows = list(mended)
    again = Cleaned(
        pl.Series([mended[row].text for row in rows], dtype=pl.String),
        {i: [*cleaned.issues.get(row, []), "typo_corrected"] for i, row in enumerate(rows)},
        {i: cleaned.noise[row] for i, row in enumerate(rows) if row in cleaned.noise},
        {i: cleaned.also[row] for i, row in enumerate(rows) if row in cleaned.also},
    )
    corrections = {i: mended[row].corrections for i, row in enumerate(rows)}
    better = named(texts.gather(rows), again, *_read(again.texts, hints_of(rows), weights), corrections)
    order = np.arange(len(frame))
    order[rows] = len(frame) + np.arange(len(rows))
    return pl.concat([frame, better])[order]


def _read(texts: pl.Series, hints: NDArray[np.int32], weights: Weights) -> tuple[Output, Findings]:
    """The compiled reading of cleaned texts."""
    data, offsets = _buffers(texts)
    rows, size = len(texts), int(offsets[-1])
    out, found = new_output(rows, size), new_findings(rows, size)
    with _scratch() as scratch:
        read_rows(lexicon(), weights, data, offsets, hints, scratch, out, found, _NONE_GIVEN)
    return out, found
