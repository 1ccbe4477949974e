"""From the numbers of the compiled reading to the columns of a frame."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import nanoarrow as na
import numpy as np
import polars as pl
from numpy.typing import NDArray

from songda.address import score
from songda.address.cleaning import Cleaned
from songda.address.compiled.lexicon import Lexicon, lexicon
from songda.address.compiled.reader import Findings
from songda.address.compiled.write import PLACE_KEY, STATED_TOWN, Output
from songda.address.compiled.write import STANDARD as STANDARD_LINE
from songda.address.typos import note_unknown
from songda.base.schemas import STANDARD

_FIELDS = ("village", "group", "road", "road_no", "poi", "building", "unit", "floor", "room", "landmark", "noise")
_SCAN_ISSUES = ("too_long", "mojibake", "no_chinese", "empty")
DIVISIONS = ("province", "city", "district")


@cache
def _names() -> pl.Series:
    lex = lexicon()
    return pl.Series([lex.spelt(i) for i in range(len(lex.code))], dtype=pl.String)


@cache
def _codes() -> pl.Series:
    return pl.Series([str(code) for code in lexicon().code.tolist()], dtype=pl.String)


class _Chains(NamedTuple):
    """What lies above each division, one row a division, and a row of nothing in front."""

    #: [3, divisions + 1]: province, city (that of a municipality is itself) and county, -1 for none.
    number: NDArray[np.int32]
    #: province, city, district, adcode, postcode.
    spelt: pl.DataFrame


@cache
def _chains() -> _Chains:
    lex, names, codes = lexicon(), _names(), _codes()
    number = np.stack([lex.province, lex.city, lex.county]).astype(np.int32)
    municipal = np.isin(lex.code[np.maximum(number[0], 0)] // 10000, (11, 12, 31, 50)) & (number[0] >= 0)
    number[1] = np.where(municipal, number[0], number[1])
    number = np.concatenate([np.full((3, 1), -1, np.int32), number], axis=1)
    postcodes = pl.Series([f"{code:06}" if code else None for code in lex.postcode.tolist()], dtype=pl.String)
    spelt = {name: names.gather(_nullable(number[i])) for i, name in enumerate(DIVISIONS)}
    spelt |= {"adcode": codes.gather(_nullable(np.arange(-1, len(codes))))}
    return _Chains(number, pl.DataFrame(spelt | {"postcode": postcodes.gather(_nullable(number[2]))}))


def chains(division: NDArray[np.integer[Any]]) -> pl.DataFrame:
    """province, city, district, adcode and postcode of divisions of levels 1-3 (-1: none)."""
    return _chains().spelt[pl.Series(division + 1)]


@cache
def _reasons() -> list[str]:
    return bytes(lexicon().reasons).decode().split("\n")


def named(
    texts: pl.Series, cleaned: Cleaned, out: Output, found: Findings, typos: dict[int, list[str]] | None = None
) -> pl.DataFrame:
    """The frame of what was read; `typos` are the corrections of rows that were read again."""
    note_unknown(cleaned.texts, found)
    rows = len(texts)
    numbers = found.numbers
    division, town = numbers[:, 0], numbers[:, 1]
    chain = _chains().number[:, division + 1]
    fields = {name: _strings(out, i) for i, name in enumerate(_FIELDS)}
    if cleaned.noise:
        noise = fields["noise"].to_list()
        for row, marks in cleaned.noise.items():
            noise[row] = "|".join(dict.fromkeys([*filter(None, [noise[row]]), *marks]))
        fields["noise"] = pl.Series(noise, dtype=pl.String)
    stated = _strings(out, STATED_TOWN)
    issues = _issues(numbers, cleaned.issues)
    corrections = _corrections(found, rows, typos or {})
    known = _known(numbers, chain)
    columns = {
        "text": texts,
        **{column.name: column for column in chains(division)},
        "town": stated.zip_with(stated.is_not_null(), _names().gather(_nullable(town))),
        **fields,
        "also": _sparse(rows, cleaned.also, pl.String),
        "town_code": _codes().gather(_nullable(town)),
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


def _known(numbers: NDArray[np.int64], chain: NDArray[np.int32]) -> NDArray[np.int64]:
    """Which of `_PARTS` each row has, as bits."""
    known: NDArray[np.int64] = (chain[0] >= 0).astype(np.int64) | (chain[1] >= 0).astype(np.int64) << 1
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
    counts = np.zeros(rows + 1, np.int64)
    texts: list[bytes] = []
    for row in sorted(values):
        counts[row + 1] = len(values[row])
        texts += [text.encode() for text in values[row]]
    sizes = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    return _lists(np.frombuffer(b"".join(texts) + b"\0", np.uint8), sizes, np.cumsum(counts))


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


def _inferred(numbers: NDArray[np.int64], chain: NDArray[np.int32]) -> pl.Series:
    masks = np.zeros(len(numbers), np.int64)
    for level, divisions in enumerate(chain):
        masks |= ((divisions >= 0) & (numbers[:, 5] >> (level + 1) & 1 == 0)).astype(np.int64) << level
    return _by_mask(masks, lambda mask: [name for i, name in enumerate(DIVISIONS) if mask >> i & 1])


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
