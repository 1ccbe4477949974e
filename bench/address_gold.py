"""Score the address engine against the annotated lines, field by field: `python bench/address_gold.py [--errors FIELD]`.

Numerals, letter case, brackets and blanks are normalised before comparing. Needs SONGDA_TEST_DATA.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.spelling import arabic, fold
from songda.address import standardize

FIELDS = (
    "province",
    "city",
    "district",
    "adcode",
    "town",
    "village",
    "group",
    "road",
    "road_no",
    "poi",
    "building",
    "unit",
    "floor",
    "room",
    "landmark",
    "noise",
)


def normal(value: str | None) -> str:
    return re.sub(r"\s", "", arabic(fold(value or "").upper()))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--errors", metavar="FIELD", help="print the lines in which this field differs")
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    folder = Path(os.environ["SONGDA_TEST_DATA"])
    gold = [json.loads(line) for line in (folder / "address_gold_dev.jsonl").read_text(encoding="utf-8").splitlines()]
    frame = standardize([row["text"] for row in gold])
    found = frame.to_dicts()
    result = {}
    for field in FIELDS:
        pairs = [(normal(g[field]), normal(f[field])) for g, f in zip(gold, found, strict=True)]
        exact = sum(a == b for a, b in pairs) / len(pairs)
        stated = [(a, b) for a, b in pairs if a]
        given = [(a, b) for a, b in pairs if b]
        right = sum(a == b for a, b in stated)
        result[field] = {
            "exact": exact,
            "recall": right / max(1, len(stated)),
            "precision": right / max(1, len(given)),
            "stated": len(stated),
        }
    div3 = [
        all(normal(g[k]) == normal(f[k]) for k in ("province", "city", "district"))
        for g, f in zip(gold, found, strict=True)
    ]
    div4 = [ok and normal(g["town"]) == normal(f["town"]) for ok, g, f in zip(div3, gold, found, strict=True)]
    texts = (folder / "addresses_real.txt").read_text(encoding="utf-8").splitlines()
    started = time.process_time()
    standardize(texts)
    rate = len(texts) / (time.process_time() - started)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if chosen.json:
        print(
            json.dumps(
                {
                    "fields": result,
                    "div3": sum(div3) / len(div3),
                    "div4": sum(div4) / len(div4),
                    "rate": rate,
                    "rss_mib": memory,
                }
            )
        )
        return
    if chosen.errors:
        for g, f in zip(gold, found, strict=True):
            if normal(g[chosen.errors]) != normal(f[chosen.errors]):
                print(
                    f"{g['text']}\n    expected {g[chosen.errors]!r}, found {f[chosen.errors]!r}   "
                    f"{f['standard']} {f['issues']} {g['note'] or ''}"
                )
    print(f"{'field':10} {'exact':>7} {'recall':>7} {'precis.':>7} {'stated':>6}")
    for field, row in result.items():
        print(f"{field:10} {row['exact']:7.1%} {row['recall']:7.1%} {row['precision']:7.1%} {row['stated']:6}")
    print(
        f"province+city+district {sum(div3) / len(div3):.1%}   + town {sum(div4) / len(div4):.1%}   "
        f"{rate:,.0f} addresses/CPU-s   {memory:,.0f} MiB"
    )


if __name__ == "__main__":
    main()
