"""From texts to the frame of `songda.base.schemas.STANDARD`: clean, read in compiled chunks on all cores, and name the numbers.

>>> standardize(["杭州下城区延安路２９５号"])["standard"].to_list()
['浙江省杭州市拱墅区延安路295号']
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import nanoarrow as na
import numpy as np
import polars as pl
from numpy.typing import NDArray

from songda.address import score
from songda.address.cleaning import Cleaned, clean
from songda.address.compiled.lexicon import Lexicon, entry_of, lexicon
from songda.address.compiled.reader import Findings, Scratch, new_findings, new_scratch, read_rows, read_spans
from songda.address.compiled.tagger import LABELS, Weights
from songda.address.compiled.write import PLACE_KEY, STATED_TOWN, Output, new_output
from songda.address.compiled.write import STANDARD as STANDARD_LINE
from songda.address.typos import mend, note_unknown
from songda.base.schemas import STANDARD

if TYPE_CHECKING:
    Texts = Sequence[str | None] | pl.Series | Any

#: Rows of one compiled call.
_CHUNK = 16_384
_FIELDS = ("village", "group", "road", "road_no", "poi", "building", "unit", "floor", "room", "landmark", "noise")
_SCAN_ISSUES = ("too_long", "mojibake", "no_chinese", "empty")
_COLUMNS = ("province", "city", "district")


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
        return Weights(**{name: arrays[name] for name in Weights._fields})


@cache
def _names() -> pl.Series:
    lex = lexicon()
    return pl.Series([lex.spelt(i) for i in range(len(lex.code))], dtype=pl.String)


@cache
def _codes() -> pl.Series:
    return pl.Series([str(code) for code in lexicon().code.tolist()], dtype=pl.String)


@cache
def _reasons() -> list[str]:
    return bytes(lexicon().reasons).decode().split("\n")


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


def _hints(context: pl.DataFrame | None, rows: int) -> NDArray[np.int32]:
    """Entries of the lexicon for the hints, [rows, 3]; one row of -1 when there are none."""
    columns = [name for name in _COLUMNS if context is not None and name in context.columns]
    if context is None or not columns:
        return np.full((1, 3), -1, np.int32)
    hints = np.full((rows, 3), -1, np.int32)
    for name in columns:
        values = context[name].cast(pl.String)
        known = {value: entry_of(value) for value in values.unique() if value}
        hints[:, _COLUMNS.index(name)] = (
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


class _Free(NamedTuple):
    scratch: list[Scratch]


_FREE = _Free([])
_NONE_GIVEN = np.zeros(0, np.int8)


def _frame(texts: pl.Series, hints: NDArray[np.int32], weights: Weights) -> pl.DataFrame:
    cleaned = clean(texts)
    out, found = _read(cleaned.texts, hints, weights)

    def hints_of(rows: list[int]) -> NDArray[np.int32]:
        return hints[rows] if len(hints) > 1 else hints

    mended = mend(cleaned.texts, out, found, lambda again, rows: _read(pl.Series(again), hints_of(rows), weights))
    frame = _named(texts, cleaned, out, found)
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
    better = _named(texts.gather(rows), again, *_read(again.texts, hints_of(rows), weights), corrections)
    order = np.arange(len(frame))
    order[rows] = len(frame) + np.arange(len(rows))
    return pl.concat([frame, better])[order]


def _read(texts: pl.Series, hints: NDArray[np.int32], weights: Weights) -> tuple[Output, Findings]:
    """The compiled reading of cleaned texts."""
    data, offsets = _buffers(texts)
    rows, size = len(texts), int(offsets[-1])
    out, found = new_output(rows, size), new_findings(rows, size)
    scratch = _FREE.scratch.pop() if _FREE.scratch else new_scratch()
    read_rows(lexicon(), weights, data, offsets, hints, scratch, out, found, _NONE_GIVEN)
    _FREE.scratch.append(scratch)
    return out, found


def _named(
    texts: pl.Series, cleaned: Cleaned, out: Output, found: Findings, typos: dict[int, list[str]] | None = None
) -> pl.DataFrame:
    """The frame of what was read; `typos` are the corrections of rows that were read again."""
    note_unknown(cleaned.texts, found)
    rows = len(texts)
    lex, numbers = lexicon(), found.numbers
    division, town = numbers[:, 0], numbers[:, 1]
    chain = [np.where(division >= 0, level[division], -1) for level in (lex.province, lex.city, lex.county)]
    municipal = np.isin(lex.code[np.maximum(chain[0], 0)] // 10000, (11, 12, 31, 50)) & (chain[0] >= 0)
    fields = {name: _strings(out, i) for i, name in enumerate(_FIELDS)}
    if cleaned.noise:
        noise = fields["noise"].to_list()
        for row, marks in cleaned.noise.items():
            noise[row] = "|".join(dict.fromkeys([*filter(None, [noise[row]]), *marks]))
        fields["noise"] = pl.Series(noise, dtype=pl.String)
    stated = _strings(out, STATED_TOWN)
    issues = _issues(numbers, cleaned.issues)
    corrections = _corrections(found, rows, typos or {})
    known = _known(numbers, chain, municipal)
    columns = {
        "text": texts,
        "province": _names().gather(_nullable(chain[0])),
        "city": _names().gather(_nullable(np.where(municipal, chain[0], chain[1]))),
        "district": _names().gather(_nullable(chain[2])),
        "town": stated.zip_with(stated.is_not_null(), _names().gather(_nullable(town))),
        **fields,
        "also": _sparse(rows, cleaned.also, pl.String),
        "adcode": _codes().gather(_nullable(division)),
        "town_code": _codes().gather(_nullable(town)),
        "postcode": _postcodes().gather(_nullable(chain[2])),
        "standard": _strings(out, STANDARD_LINE),
        "label": _lists(out.label, out.label_offsets, out.label_rows),
        "place_key": _strings(out, PLACE_KEY),
        "place_keys": _lists(out.keys, out.keys_offsets, out.keys_rows),
        "level": _by_value(known, _level, pl.String),
        "completeness": _by_value(known, _completeness, pl.Float64),
        "confidence": _confidence(found, out, known, cleaned.issues),
        "alternatives": _alternatives(found, rows),
        "issues": issues,
        "corrections": corrections,
        "inferred": _inferred(numbers, chain),
    }
    return (
        pl.DataFrame([column.alias(name) for name, column in columns.items()]).select(STANDARD.names()).cast(STANDARD)
    )


@cache
def _postcodes() -> pl.Series:
    return pl.Series([f"{code:06}" if code else None for code in lexicon().postcode.tolist()], dtype=pl.String)


def _nullable(numbers: NDArray[Any]) -> pl.Series:
    """Numbers with null for those below zero."""
    series = pl.Series(numbers, dtype=pl.Int64)
    return series.set(series < 0, None)


def _strings(out: Output, column: int) -> pl.Series:
    """A column of the output; an empty value is null."""
    size = int(out.filled[column])
    rows = out.offsets.shape[1] - 1
    array = na.c_array_from_buffers(
        na.large_string(), rows, [None, out.offsets[column], out.data[column, : max(size, 1)].copy()]
    )
    series = pl.Series(array)
    return series.set(pl.Series(np.diff(out.offsets[column]) == 0), None)


def _lists(data: NDArray[np.uint8], offsets: NDArray[np.int64], rows: NDArray[np.int64]) -> pl.Series:
    count = int(rows[-1])
    inner = na.c_array_from_buffers(
        na.large_string(), count, [None, offsets[: count + 1].copy(), data[: max(int(offsets[count]), 1)].copy()]
    )
    return pl.Series(
        na.c_array_from_buffers(na.large_list(na.large_string()), len(rows) - 1, [None, rows], children=[inner])
    )


def _sparse(rows: int, values: dict[int, Any], kind: Any) -> pl.Series:
    """A column that is null but for some rows."""
    series = pl.Series([None], dtype=kind).new_from_index(0, rows)
    if values:
        series = series.scatter(list(values), pl.Series(list(values.values()), dtype=kind))
    return series


_PARTS = ("province", "city", "district", "town", *_FIELDS)


def _known(numbers: NDArray[np.int64], chain: list[NDArray[Any]], municipal: NDArray[Any]) -> NDArray[np.int64]:
    """Which of `_PARTS` each row has, as bits."""
    known: NDArray[np.int64] = (chain[0] >= 0).astype(np.int64) | ((chain[1] >= 0) | municipal).astype(np.int64) << 1
    known |= (chain[2] >= 0).astype(np.int64) << 2 | (numbers[:, 6] >> 32 & 1) << 3
    known |= numbers[:, 4] << 4
    return known


def _parts(mask: int) -> dict[str, str]:
    return {name: name for i, name in enumerate(_PARTS) if mask >> i & 1}


@cache
def _level(mask: int) -> str:
    return score.level(_parts(mask))


@cache
def _completeness(mask: int) -> float:
    return score.completeness(_parts(mask))


def _by_value(masks: NDArray[np.int64], spell: Any, kind: Any) -> pl.Series:
    """A column from a number of `_known` a row: spelt once a distinct number."""
    there = np.zeros(1 << len(_PARTS), np.bool_)
    there[masks] = True
    distinct = np.flatnonzero(there)
    which = np.zeros(len(there), np.uint32)
    which[distinct] = np.arange(len(distinct))
    return pl.Series([spell(int(mask)) for mask in distinct], dtype=kind).gather(pl.Series(which[masks]))


#: Findings of the scan that say a text is no address: mojibake, no Chinese, empty.
_NO_ADDRESS = 0b1110


def _confidence(
    found: Findings, out: Output, known: NDArray[np.int64], cleaned_issues: dict[int, list[str]]
) -> pl.Series:
    numbers, rows = found.numbers, len(known)
    limits = {
        "no_address": numbers[:, 3] & _NO_ADDRESS > 0,
        "too_long": numbers[:, 3] & 1 > 0,
        "ambiguous": numbers[:, 2] & 0b1111 > 0,
        "second_address": np.zeros(rows, np.bool_),
        "typo_corrected": np.zeros(rows, np.bool_),
    }
    for row, codes in cleaned_issues.items():
        for code in codes:
            limit = "no_address" if code in ("placeholder", "mojibake") else code
            if limit in limits:
                limits[limit][row] = True
    several = {}
    for name in score.SEVERAL:
        column = _FIELDS.index(name)
        bars = np.flatnonzero(out.data[column, : out.filled[column]] == ord("|"))
        several[name] = np.searchsorted(out.offsets[column], bars, side="right") - 1
    old_name = np.zeros(rows, np.bool_)
    old_name[found.changes[: found.filled[0], 0]] = True
    typed = np.zeros(rows, np.bool_)
    typed[[row for row, codes in cleaned_issues.items() if "typo_corrected" in codes]] = True
    places = {name: _FIELDS.index(name) for name in ("village", "road", "poi")}
    places |= {"town": STATED_TOWN, "standard": STANDARD_LINE}
    shown = score.Shown(
        known=known,
        issues=numbers[:, 2],
        stated=numbers[:, 5],
        official_town=numbers[:, 1] >= 0,
        # A misspelt name is no name as it was typed, and not today's.
        unknown_name=(found.unknown[:, 0] >= 0) | typed,
        old_name=old_name | typed,
        several=several,
        doubt=found.doubt,
        chars=numbers[:, 6] & 0xFFFFFFFF,
        size={name: np.diff(out.offsets[column]) for name, column in places.items()},
        limits=limits,
    )
    return pl.Series(score.confidence(score.evidence(shown)))


def _sparse_lists(rows: int, values: dict[int, list[str]]) -> pl.Series:
    """A list column that is empty but for some rows."""
    which = np.zeros(rows, np.uint32)
    which[list(values)] = np.arange(1, len(values) + 1)
    return pl.Series([[], *values.values()], dtype=pl.List(pl.String)).gather(pl.Series(which))


def _by_mask(masks: NDArray[Any], spell: Any) -> pl.Series:
    """A list column from a number a row: spelt once a distinct number."""
    distinct, which = np.unique(masks, return_inverse=True)
    table = pl.Series([spell(int(mask)) for mask in distinct], dtype=pl.List(pl.String))
    return table.gather(pl.Series(which, dtype=pl.UInt32))


def _issues(numbers: NDArray[np.int64], cleaned: dict[int, list[str]]) -> pl.Series:
    masks = numbers[:, 2] | numbers[:, 3] << 16
    special: dict[int, int] = {}
    spelt: list[tuple[str, ...]] = []
    for row, codes in cleaned.items():
        key = tuple(codes)
        if key not in spelt:
            spelt.append(key)
        special[row] = spelt.index(key) + 1
        masks[row] |= special[row] << 24

    def spell(mask: int) -> list[str]:
        codes = [name for i, name in enumerate(_SCAN_ISSUES) if mask >> 16 + i & 1]
        extra = list(spelt[(mask >> 24) - 1]) if mask >> 24 else []
        if "placeholder" in extra:
            codes = []
        if "empty" in codes:
            codes = [code for code in codes if code != "no_chinese"]
        return list(dict.fromkeys([*extra, *codes, *(name for i, name in enumerate(score.ISSUES) if mask >> i & 1)]))

    return _by_mask(masks, spell)


def _inferred(numbers: NDArray[np.int64], chain: list[NDArray[Any]]) -> pl.Series:
    masks = np.zeros(len(numbers), np.int64)
    for level, divisions in enumerate(chain):
        masks |= ((divisions >= 0) & (numbers[:, 5] >> (level + 1) & 1 == 0)).astype(np.int64) << level
    return _by_mask(masks, lambda mask: [name for i, name in enumerate(_COLUMNS) if mask >> i & 1])


def spelt_chain(lex: Lexicon, division: int) -> str:
    """Names from the province down to a division."""
    chain = []
    while division >= 0:
        chain.append(lex.spelt(division))
        division = int(lex.parent[division])
    return "".join(reversed(chain))


def _alternatives(found: Findings, rows: int) -> pl.Series:
    some = np.nonzero(found.rivals[:, 0] >= 0)[0]
    lex = lexicon()
    values = {int(row): [spelt_chain(lex, int(d)) for d in found.rivals[row] if d >= 0] for row in some}
    return _sparse_lists(rows, values)


def _corrections(found: Findings, rows: int, typos: dict[int, list[str]]) -> pl.Series:
    lex = lexicon()
    written = bytes(found.written[: found.filled[1]])
    values = {row: list(texts) for row, texts in typos.items()}
    for row, division, hit, start, end in found.changes[: found.filled[0]].tolist():
        column = ("province", "city", "district", "town")[int(lex.level[division]) - 1]
        reason = _reasons()[lex.hit_reason[hit]] if hit >= 0 else "class changed"
        if reason.startswith("gone"):
            continue  # an edition ended it and nothing tells its successor: the alternatives are all that is known
        text = f"{column}:{written[start:end].decode()}>{lex.spelt(division)}:{reason}"
        if text not in values.setdefault(row, []):
            values[row].append(text)
    return _sparse_lists(rows, values)
