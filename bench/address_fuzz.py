"""Throws hostile texts at the address engine, compiled with checks of every index, and looks for a reading that breaks a promise.

    .venv/bin/python bench/address_fuzz.py [--seconds 600] [--seed 1] [--out address_fuzz.json]

Texts: made addresses with characters lost, doubled, swapped and strewn in; names of divisions, class words, numbers and marks in any
order; random Unicode; all of it up to 2,000 characters. Promises: no exception, one row a text in order, label lines that make the
canonical line, keys whose last is the place key, spans that cover the text in order, a text alone reads as in its chunk. Exits with 1
and prints the text (as ASCII) when one is broken.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from pathlib import Path

os.environ["SONGDA_BOUNDS_CHECK"] = "1"  # before the engine is imported

import polars as pl

from songda.address import same_places, standardize, tag
from songda.address.gazetteer import table
from songda.address.training.generate import generate

_MARKS = (
    "0123456789-—－#＃/、，。.,()（）【】[]{}<>《》|~ 　\t\n:：;；'\"·•&@%$*+=_"
    "甲乙丙丁东西南北中上下左右一二三四五六七八九十百廿〇零壹叁"
)
_CHUNK = 500


def texts(chance: random.Random, names: list[str], words: list[str], made: list[str], count: int) -> list[str]:
    """`count` hostile texts."""
    found = []
    for _ in range(count):
        kind = chance.random()
        if kind < 0.45:
            text = mutated(chance, chance.choice(made))
        elif kind < 0.75:
            pieces = [
                chance.choice(
                    (
                        chance.choice(names),
                        chance.choice(words),
                        chance.choice(_MARKS),
                        str(chance.randrange(10 ** chance.randint(1, 9))),
                    )
                )
                for _ in range(chance.randint(1, 30))
            ]
            text = "".join(pieces)
        else:
            text = "".join(chr(character(chance)) for _ in range(chance.randint(0, 120)))
        if chance.random() < 0.01:
            text = (text * 40)[: chance.randint(350, 2000)]
        found.append(text)
    return found


def character(chance: random.Random) -> int:
    """A code point of any plane, but no half of a surrogate pair."""
    point = chance.choice(
        (
            chance.randint(0, 0x2FF),
            chance.randint(0x2000, 0x33FF),
            chance.randint(0x4E00, 0x9FFF),
            chance.randint(0, 0x10FFFF),
        )
    )
    return 0x4E00 if 0xD800 <= point <= 0xDFFF else point


def mutated(chance: random.Random, text: str) -> str:
    chars = list(text)
    for _ in range(chance.randint(0, 6)):
        at = chance.randrange(len(chars) + 1)
        act = chance.random()
        if act < 0.3 and chars:
            del chars[min(at, len(chars) - 1)]
        elif act < 0.6:
            chars.insert(at, chance.choice(_MARKS))
        elif act < 0.8 and at + 1 < len(chars):
            chars[at], chars[at + 1] = chars[at + 1], chars[at]
        else:
            chars[at:at] = chars[max(0, at - chance.randint(1, 5)) : at]
    return "".join(chars)


def broken(given: list[str]) -> tuple[str, str] | None:
    """(text, promise) of the first broken promise."""
    frame = standardize(given)
    if frame["text"].to_list() != given:
        return given[0], "rows in order"
    label = frame["label"].list.join("")
    for name, wrong in (
        ("label makes the line", label != frame["standard"].fill_null("")),
        ("last key is the place", frame["place_keys"].list.last().ne_missing(frame["place_key"])),
        ("confidence", ~frame["confidence"].is_between(0, 1)),
        ("town of the county", frame["town_code"].str.slice(0, 2) != frame["adcode"].str.slice(0, 2)),
    ):
        row = wrong.fill_null(value=False).arg_true()
        if len(row):
            return given[row[0]], name
    for text, spans in zip(given, tag(given), strict=True):
        ends = [0, *(span.end for span in spans)]
        if any(span.start < end or span.end <= span.start for span, end in zip(spans, ends, strict=False)) or ends[
            -1
        ] > len(text):
            return text, "spans in order"
    alone = standardize(given[:1])
    if not alone.equals(frame[:1]):
        return given[0], "alone as in the chunk"
    same_places(frame["place_key"], pl.concat([frame["place_key"][1:], frame["place_key"][:1]]))
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    rows = table("divisions")
    names = [row["name"] for row in rows] + [alias for row in rows for alias in row["aliases"].split("|") if alias]
    words = [
        "路",
        "街",
        "号",
        "弄",
        "栋",
        "单元",
        "室",
        "村",
        "组",
        "小区",
        "花园",
        "附近",
        "对面",
        "交叉口",
        "与",
        "底商",
        "中国",
        "null",
        "城区",
        "市辖区",
        "收",
        "13800000000",
    ]
    made = [text for text, _ in generate(5000, seed=options.seed)]
    standardize(["北京市东城区"])
    tag(["北京市东城区"])
    started, tried = time.monotonic(), 0
    while time.monotonic() - started < options.seconds:
        given = texts(chance, names, words, made, _CHUNK)
        try:
            found = broken(given)
        except Exception as error:  # any exception is a finding
            found = next(((text, repr(error)) for text in given if fails(text)), (given[0], repr(error)))
        if found:
            print(f"broken: {found[1]}: {found[0]!a}", file=sys.stderr)
            sys.exit(1)
        tried += len(given)
    figures = {"seconds": round(time.monotonic() - started), "texts": tried, "findings": 0, "seed": options.seed}
    print(json.dumps(figures))
    if options.out:
        options.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def fails(text: str) -> bool:
    try:
        return broken([text]) is not None
    except Exception:
        return True


if __name__ == "__main__":
    main()
