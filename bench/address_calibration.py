"""Is a `confidence` of 0.9 right nine times in ten? Reliability of the address engine's own judgement, with intervals.

    .venv/bin/python bench/address_calibration.py [--lines 12000] [--seed 2026] [--errors 30] [--out FILE]

Made lines: those of the generator with a seed that neither the tagger nor the confidence was fitted to, one in three as they
come out and the rest with one to three slips of `noised`: characters mistyped, lost, doubled or swapped, class words dropped,
words said twice, a level left out, the end cut, blanks. A reading is right when
    - all it says below the divisions (the key's values, as one spelling) is what the same text gives with its true labels;
      of a text without key, the canonical line,
    - its division is the one that the text gave with true labels before the slips, and its town that or the one as mistyped,
    - the text does not leave open which division is meant: candidates are no answer.
Labelled lines: the 300 of address_gold_dev.jsonl (needs SONGDA_TEST_DATA). They played no part in fitting the confidence, but
the engine's rules were written with them in view. Right in "nine parts": province, city, district, town, road, road_no,
building, unit, room all equal the labels in the normal form of bench/address_gold.py; in "all parts", which is what the
confidence promises: village, group, poi and floor, too.

Expected calibration error (ece): 15 bins of equal mass (10 for the 300), the distance between mean confidence and share of
right readings, weighed by mass. ece_upper_95 is what 95 % of bootstrap samples stay below: too high rather than too low, as
resampling adds noise of its own; ece_by_chance is what a perfectly calibrated reader would show on as many lines. Shares carry
Wilson's interval. In the plots a row goes from 0 to 1: --- interval of the share, o the share, + the mean confidence, X both.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import polars as pl
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.address_gold import normal
from songda.address import frames, score, standardize, standardizing
from songda.address.cleaning import clean
from songda.address.compiled.lexicon import lexicon
from songda.address.compiled.reader import new_findings, new_scratch, read_rows
from songda.address.compiled.write import PLACE_KEY, STANDARD, new_output
from songda.address.training.generate import generate
from songda.address.training.lines import Labelled, prepare

BINS = 15
GOLD = ("province", "city", "district", "town", "road", "road_no", "building", "unit", "room")
AMBIGUOUS = ("ambiguous_district", "ambiguous_division", "ambiguous_successor", "ambiguous_town")
_CHUNK = 8_192

# --- slips of the pen -------------------------------------------------------------------------------------------------------------------

#: Characters taken for each other by sound or shape.
_ALIKE = (
    "园圆院苑",
    "号好",
    "栋冻东",
    "幢撞",
    "镇振真",
    "区曲",
    "路陆露",
    "街阶界",
    "单丹",
    "室市是",
    "楼搂",
    "村存",
    "乡香",
    "县现",
    "桥侨乔",
    "湖胡糊",
    "阳洋扬杨",
    "州洲",
    "宁您",
    "新心兴",
    "城成诚",
    "华花",
    "安按",
    "明名",
    "龙陇",
    "山三",
    "江将",
    "河何",
    "海还",
    "林临",
    "庄装壮",
    "沙砂",
    "泰秦",
    "末未",
    "己已",
    "日曰",
    "土士",
    "天夫",
    "太大",
    "王玉主",
    "田由",
    "人入",
    "干千",
    "西酉",
    "北比",
    "南男",
    "中钟",
    "和合河",
    "平苹",
    "建健",
    "国果",
    "府俯",
    "景锦",
    "佳家嘉",
    "丽利",
    "富福",
    "永勇",
    "清青",
    "金今",
)
_SIMILAR = {char: group.replace(char, "") for group in _ALIKE for char in group}
#: Labels whose words a slip may hit, and the class words that are dropped.
_WORDS = frozenset({"prov", "city", "district", "devzone", "town", "community", "road", "subroad", "poi", "subpoi"})
_COUNTED = frozenset({"roadno", "subroadno", "houseno", "cellno", "floorno", "roomno"})
_CLASS_WORDS = (
    *("街道办事处", "特别行政区", "自治区", "自治州", "自治县", "街道", "社区", "小区", "大道", "单元", "号楼", "花园"),
    *("省", "市", "区", "县", "镇", "乡", "村", "路", "街", "巷", "弄", "号", "栋", "幢", "座", "室", "层", "楼", "户"),
)
Piece = tuple[str, str, str]  # blanks before it, text, label
Slip = Callable[[list[Piece], random.Random], bool]


def _word(pieces: list[Piece], chance: random.Random, shortest: int, labels: frozenset[str] = _WORDS) -> int:
    """Number of a piece to be hit, -1 for none."""
    fit = [i for i, (_, text, label) in enumerate(pieces) if label in labels and len(text) >= shortest]
    return chance.choice(fit) if fit else -1


def _mistyped(pieces: list[Piece], chance: random.Random) -> bool:
    at = _word(pieces, chance, 2)
    if at < 0:
        return False
    blank, text, label = pieces[at]
    alike = [i for i, char in enumerate(text) if char in _SIMILAR]
    if alike and chance.random() < 0.7:
        i = chance.choice(alike)
        new = chance.choice(_SIMILAR[text[i]])
    else:
        i = chance.randrange(len(text))
        new = chance.choice(chance.choice(_ALIKE))
    pieces[at] = (blank, text[:i] + new + text[i + 1 :], label)
    return True


def _lost(pieces: list[Piece], chance: random.Random) -> bool:
    at = _word(pieces, chance, 3)
    if at < 0:
        return False
    blank, text, label = pieces[at]
    i = chance.randrange(len(text))
    pieces[at] = (blank, text[:i] + text[i + 1 :], label)
    return True


def _doubled(pieces: list[Piece], chance: random.Random) -> bool:
    at = _word(pieces, chance, 2)
    if at < 0:
        return False
    blank, text, label = pieces[at]
    i = chance.randrange(len(text))
    pieces[at] = (blank, text[:i] + text[i] + text[i:], label)
    return True


def _swapped(pieces: list[Piece], chance: random.Random) -> bool:
    at = _word(pieces, chance, 3)
    if at < 0:
        return False
    blank, text, label = pieces[at]
    i = chance.randrange(len(text) - 1)
    pieces[at] = (blank, text[:i] + text[i + 1] + text[i] + text[i + 2 :], label)
    return True


def _without_class(pieces: list[Piece], chance: random.Random) -> bool:
    at = _word(pieces, chance, 2, _WORDS | _COUNTED)
    if at < 0:
        return False
    blank, text, label = pieces[at]
    word = next((word for word in _CLASS_WORDS if text.endswith(word) and len(text) > len(word)), "")
    if not word or (label in _WORDS and len(text) - len(word) < 2):
        return False
    pieces[at] = (blank, text[: -len(word)], label)
    return True


def _said_twice(pieces: list[Piece], chance: random.Random) -> bool:
    at = _word(pieces, chance, 2, _WORDS - {"subroad", "subpoi"})
    if at < 0:
        return False
    pieces.insert(at + 1, ("", pieces[at][1], "redundant"))
    return True


def _level_left_out(pieces: list[Piece], chance: random.Random) -> bool:
    at = _word(pieces, chance, 1, frozenset({"prov", "city", "district"}))
    if at < 0 or len(pieces) < 3:
        return False
    del pieces[at]
    return True


def _end_cut(pieces: list[Piece], chance: random.Random) -> bool:
    blank, text, label = pieces[-1]
    if len(text) < 2:
        return False
    pieces[-1] = (blank, text[: chance.randrange(1, len(text))], label)
    return True


def _blank(pieces: list[Piece], chance: random.Random) -> bool:
    at = chance.randrange(len(pieces))
    _, text, label = pieces[at]
    pieces[at] = (" ", text, label)
    return at > 0


#: Kinds of slips, and how often each is tried.
SLIPS: dict[str, tuple[int, Slip]] = {
    "mistyped": (5, _mistyped),
    "lost": (3, _lost),
    "doubled": (2, _doubled),
    "swapped": (1, _swapped),
    "class word dropped": (5, _without_class),
    "said twice": (4, _said_twice),
    "level left out": (2, _level_left_out),
    "end cut": (1, _end_cut),
    "blank": (1, _blank),
}


def _pieces(line: Labelled) -> list[Piece]:
    raw, spans = line
    pieces: list[Piece] = []
    at = 0
    for text, label in spans:
        start = raw.index(text, at)
        pieces.append((raw[at:start], text, label))
        at = start + len(text)
    return pieces


def _line(pieces: list[Piece]) -> Labelled:
    return "".join(blank + text for blank, text, _ in pieces).lstrip(), [(text, label) for _, text, label in pieces]


def noised(
    line: Labelled, slips: int, chance: random.Random, kinds: dict[str, tuple[int, Slip]] = SLIPS
) -> tuple[Labelled, Labelled]:
    """The line with up to `slips` slips, and the line before them (without the level that it leaves out: nobody can know that one)."""
    drawn = chance.choices(list(kinds.values()), [weight for weight, _ in kinds.values()], k=slips)
    pieces = _pieces(line)
    for _, slip in drawn:
        if slip is _level_left_out:
            slip(pieces, chance)
    before = _line(pieces)
    for _, slip in drawn:
        if slip is not _level_left_out:
            slip(pieces, chance)
    return _line(pieces), before


# --- what is right ----------------------------------------------------------------------------------------------------------------------


class Judged(NamedTuple):
    """Readings of texts, what the confidence is made of, and which of them are right."""

    frame: pl.DataFrame
    #: [facts, rows], see songda.address.score.
    evidence: NDArray[np.float32]
    right: NDArray[np.bool_]
    #: Key with the true labels.
    truth: list[str | None]


class _True(NamedTuple):
    keys: list[str | None]
    #: The canonical lines: a text that states no division has no key.
    standard: list[str | None]
    issues: NDArray[np.int64]


def _cleaned_spans(raw: str, cleaned: str, spans: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What is left of the labelled pieces of `raw` once it was cleaned."""
    label_of = [label for text, label in spans for char in text if not char.isspace()]
    piece_of = [i for i, (text, _) in enumerate(spans) for char in text if not char.isspace()]
    wide = {point: point - 0xFEE0 for point in range(0xFF01, 0xFF5F)}
    before = "".join(raw.split()).translate(wide)
    after = "".join(cleaned.split()).translate(wide)
    kept: list[tuple[str, str]] = []
    last = -1
    for start, at, size in SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks():
        for i in range(size):
            if piece_of[start + i] == last:
                kept[-1] = (kept[-1][0] + after[at + i], kept[-1][1])
            else:
                kept.append((after[at + i], label_of[start + i]))
            last = piece_of[start + i]
    return kept


def read_as_labelled(lines: Sequence[Labelled]) -> _True:
    """Keys of the texts, cleaned as always, when their true labels stand in for the tagger's."""
    scratch, weights = new_scratch(), standardizing.shipped_weights()
    keys: list[str | None] = []
    standard: list[str | None] = []
    issues: list[NDArray[np.int64]] = []
    for first in range(0, len(lines), _CHUNK):
        chunk = lines[first : first + _CHUNK]
        cleaned = clean(pl.Series("text", [raw for raw, _ in chunk], dtype=pl.String)).texts
        # What has no Chinese character is not read at all.
        cleaned = pl.select(pl.when(cleaned.str.contains(r"\p{Han}")).then(cleaned).otherwise(pl.lit(""))).to_series()
        after = cleaned.to_list()
        spans = [
            pieces if now == raw else _cleaned_spans(raw, now, pieces)
            for (raw, pieces), now in zip(chunk, after, strict=True)
        ]
        states = prepare(list(zip(after, spans, strict=True))).states
        data, offsets = standardizing._buffers(cleaned)
        out, found = new_output(len(chunk), int(offsets[-1])), new_findings(len(chunk), int(offsets[-1]))
        none = np.full((1, 3), -1, np.int32)
        read_rows(lexicon(), weights, data, offsets, none, scratch, out, found, states)
        keys += frames._strings(out, PLACE_KEY).to_list()
        standard += frames._strings(out, STANDARD).to_list()
        issues.append(found.numbers[:, 2])
    return _True(keys, standard, np.concatenate(issues))


def read_with_evidence(texts: Sequence[str]) -> tuple[pl.DataFrame, NDArray[np.float32]]:
    """The frame of `standardize`, and the facts that each row's confidence was made of: [facts, rows]."""
    seen: list[NDArray[np.float32]] = []

    def numbered(evidence: NDArray[np.float32]) -> NDArray[np.float64]:
        """Instead of a confidence the number of the evidence: some texts are read twice, and only one reading stays."""
        first = sum(each.shape[1] for each in seen)
        seen.append(evidence)
        return np.arange(first, first + evidence.shape[1], dtype=np.float64)

    with patch.object(score, "confidence", numbered):
        frame = pl.concat([standardize(texts[first : first + _CHUNK]) for first in range(0, len(texts), _CHUNK)])
    evidence = np.concatenate(seen, axis=1)[:, frame["confidence"].cast(pl.Int64).to_numpy()]
    return frame.with_columns(confidence=pl.Series(score.confidence(evidence))), evidence


def _parted(key: str | None) -> tuple[str, str, str]:
    """(division, town, rest) of a key."""
    head, _, rest = (key or "").partition(";")
    town, _, fine = rest.partition(";") if rest.startswith("t=") else ("", "", rest)
    return head, town, fine


def judged(lines: Sequence[Labelled], before: Sequence[Labelled]) -> Judged:
    """`lines` read and judged; `before` are the same lines without slips."""
    frame, evidence = read_with_evidence([text for text, _ in lines])
    meant, typed = read_as_labelled(before), read_as_labelled(lines)
    ambiguous = frame["issues"].list.eval(pl.element().is_in(AMBIGUOUS)).list.any().to_numpy()
    right = ~ambiguous & (meant.issues & 0b1111 == 0)
    for i, (key, true, other) in enumerate(zip(frame["place_key"], meant.keys, typed.keys, strict=True)):
        (head, town, fine), (true_head, true_town, true_fine), (_, typed_town, typed_fine) = map(
            _parted, (key, true, other)
        )
        # A text whose only division is misspelt has no key as it was typed.
        same_fine = fine == (true_fine if other is None else typed_fine)
        right[i] = right[i] and head == true_head and town in (true_town, typed_town) and same_fine
        if key is None:
            right[i] = right[i] and frame["standard"][i] == typed.standard[i]
    return Judged(frame, evidence, right, typed.keys)


def made_lines(
    count: int, *, seed: int, share: float = 2 / 3, most: int = 3, kinds: dict[str, tuple[int, Slip]] = SLIPS
) -> tuple[list[Labelled], list[Labelled], NDArray[np.int64]]:
    """(lines, the same before their slips, number of slips): `share` of them have one to `most`."""
    chance = random.Random(seed)
    slips = [chance.randint(1, most) if chance.random() < share else 0 for _ in range(count)]
    pairs = [noised(line, n, chance, kinds) for line, n in zip(generate(count, seed=seed), slips, strict=True)]
    return [line for line, _ in pairs], [before for _, before in pairs], np.array(slips)


# --- figures ----------------------------------------------------------------------------------------------------------------------------

Floats = NDArray[np.float64]


def _bins(sure: Floats, bins: int = BINS) -> list[NDArray[np.int64]]:
    """Rows of each bin, by confidence, of equal mass."""
    return np.array_split(np.argsort(sure, kind="stable"), bins)


def calibration_error(sure: Floats, right: NDArray[np.bool_], bins: int = BINS) -> float:
    parts = [part for part in _bins(sure, bins) if len(part)]
    return float(sum(len(part) * abs(sure[part].mean() - right[part].mean()) for part in parts) / len(sure))


def brier(sure: Floats, right: NDArray[np.bool_]) -> float:
    return float(((sure - right) ** 2).mean())


def ranking(sure: Floats, right: NDArray[np.bool_]) -> float:
    """Chance that a right reading is held surer than a wrong one (area under the curve), ties counting half."""
    rank = pl.Series(sure).rank("average").to_numpy()
    good = int(right.sum())
    return float((rank[right].sum() - good * (good + 1) / 2) / max(1, good * (len(right) - good)))


def wilson(good: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share."""
    share, square = good / count, z * z
    middle, reach = share + square / (2 * count), z * ((share * (1 - share) + square / (4 * count)) / count) ** 0.5
    return (middle - reach) / (1 + square / count), (middle + reach) / (1 + square / count)


def figures(sure: Floats, right: NDArray[np.bool_], *, seed: int, bins: int = BINS) -> dict[str, Any]:
    """Errors with what a bootstrap says of them, and what a perfectly calibrated reader would show."""
    rng = np.random.default_rng(seed)
    draws = [rng.integers(0, len(sure), len(sure)) for _ in range(500)]
    errors = [calibration_error(sure[draw], right[draw], bins) for draw in draws]
    scores = [brier(sure[draw], right[draw]) for draw in draws]
    chance = [calibration_error(sure, rng.random(len(sure)) < sure, bins) for _ in range(500)]
    return {
        "lines": len(sure),
        "right": round(float(right.mean()), 4),
        "mean_confidence": round(float(sure.mean()), 4),
        "ece": round(calibration_error(sure, right, bins), 4),
        "ece_upper_95": round(float(np.quantile(errors, 0.95)), 4),
        "ece_by_chance": round(float(np.mean(chance)), 4),
        "brier": round(brier(sure, right), 4),
        "brier_95": "{:.4f}-{:.4f}".format(*np.quantile(scores, (0.025, 0.975))),
        "brier_of_the_mean": round(float(right.mean() * (1 - right.mean())), 4),
        "auc": round(ranking(sure, right), 4),
    }


def reliability(name: str, sure: Floats, right: NDArray[np.bool_], bins: int = BINS) -> list[dict[str, Any]]:
    """One row a bin: lines (under the name of the set), mean confidence, share of right readings, its interval, a plot."""
    table = []
    for part in _bins(sure, bins):
        good, count = int(right[part].sum()), len(part)
        low, high = wilson(good, count)
        confidence = float(sure[part].mean())
        table.append(
            {
                name: count,
                "confidence": round(confidence, 3),
                "right": round(good / count, 3),
                "from": round(low, 3),
                "to": round(high, 3),
                "plot": _bar(confidence, good / count, low, high),
            }
        )
    return table


def _bar(sure: float, right: float, low: float, high: float, width: int = 40) -> str:
    """0 … 1 from left to right, see the module's head; in backticks, for tables in Markdown."""
    at = [round(each * width) for each in (low, right, high, sure)]
    cells = ["·"] * (width + 1)
    cells[at[0] : at[2] + 1] = ["-"] * (at[2] + 1 - at[0])
    cells[at[1]] = "o"
    cells[at[3]] = "X" if at[3] == at[1] else "+"
    return "`" + "".join(cells) + "`"


# --- the two sets of lines --------------------------------------------------------------------------------------------------------------


def labelled(folder: Path) -> tuple[Floats, dict[str, NDArray[np.bool_]]]:
    """Confidence of the 300 lines; which are right in the nine parts of `GOLD`, and which in all that the key says."""
    rows = [json.loads(row) for row in (folder / "address_gold_dev.jsonl").read_text(encoding="utf-8").splitlines()]
    frame = standardize([row["text"] for row in rows])
    equal = {
        name: np.array([normal(row[name]) == normal(each) for row, each in zip(rows, frame[name], strict=True)])
        for name in (*GOLD, "village", "group", "poi", "floor")
    }
    right = {
        "nine parts": np.all([equal[name] for name in GOLD], axis=0),
        "all parts": np.all(list(equal.values()), axis=0),
    }
    return frame["confidence"].to_numpy(), right


def printed(title: str, result: dict[str, Any], table: list[dict[str, Any]] | None = None) -> None:
    print(f"\n{title}\n   " + "  ".join(f"{name} {value}" for name, value in result.items()))
    for row in table or []:
        lines, sure, right, low, high, plot = row.values()
        print(f"   {lines:6} {sure:6.3f} {right:6.3f} {low:6.3f}-{high:.3f}   {plot.strip('`')}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=12_000)
    parser.add_argument("--seed", type=int, default=2026, help="not one that tagger or confidence was fitted with")
    parser.add_argument("--errors", type=int, default=0, metavar="N", help="print the N surest of the wrong readings")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    lines, before, slips = made_lines(options.lines, seed=options.seed)
    found = judged(lines, before)
    sure = found.frame["confidence"].to_numpy()
    # Name → (confidence, right, bins of the table: 0 for none)
    sets = {"made lines": (sure, found.right, BINS)}
    for number in range(int(slips.max()) + 1):
        some = slips == number
        sets[f"made lines, {number or 'no'} slip{'s' * (number != 1)}"] = (sure[some], found.right[some], 0)
    folder = os.environ.get("SONGDA_TEST_DATA")
    if folder:
        confidence, right = labelled(Path(folder))
        sets |= {f"300 labelled lines, {name}": (confidence, each, 10) for name, each in right.items()}
    rows: list[dict[str, Any]] = []
    tables: dict[str, Any] = {}
    for name, (confidence, right_ones, bins) in sets.items():
        measured = figures(confidence, right_ones, seed=options.seed, bins=bins or BINS)
        rows.append({"set": name, **measured})
        if bins:
            tables[f"reliability, {name}"] = reliability(name, confidence, right_ones, bins)
        printed(name, measured, tables.get(f"reliability, {name}"))
    wrong = np.flatnonzero(~found.right)
    for i in wrong[np.argsort(-sure[wrong])][: options.errors].tolist():
        read = found.frame["place_key"][i]
        print(f"{sure[i]:.3f} {lines[i][0]}\n      read  {read}\n      truth {found.truth[i]}")
    if options.out:
        text = json.dumps({"seed": options.seed, "sets": rows} | tables, ensure_ascii=False, indent=2)
        options.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
