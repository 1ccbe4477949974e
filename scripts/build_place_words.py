"""Build the list of roads and estates that residents' committees are called after: the same input gives the same bytes.

    python scripts/build_place_words.py        # reads data/villages.csv.zst, writes data/place_words.csv.zst

A committee named 横街社区 or 嘉绿苑社区 stands on a road 横街 or in an estate 嘉绿苑. Columns: code of the county, kind, name.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterable
from pathlib import Path

import zstandard

DATA = Path(__file__).resolve().parent.parent / "src/songda/address/data"

_ROAD = re.compile(r".+(?:路|街|巷|弄|胡同|大道)$")
_ESTATE = re.compile(
    r".+(?:苑|花园|新村|里|家园|嘉园|公寓|山庄|新城|小区|华庭|豪庭|名都|公馆|名苑|花城|佳园|名城|新苑|华府|水岸|丽都)$"
)
#: Numbers, and names that hold a division: 源城区源南镇双下路.
_NO_NAME = re.compile(
    r"第?[一二三四五六七八九十0-9]+(?:路|街|里|苑|小区)$|.*(?:街道|公路段)$|.+(?:街道|镇|乡|区|县|市).{2,}"
)


def place_words(rows: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    """Roads and estates among the residents' committees of `rows` (town, names parted by "|")."""
    found: set[tuple[str, str, str]] = set()
    for row in rows:
        for name in row["names"].split("|"):
            stem = name.removesuffix("社区")
            if stem == name or len(stem) < 2 or _NO_NAME.match(stem):
                continue
            kind = "road" if _ROAD.match(stem) else "estate" if _ESTATE.match(stem) else ""
            if kind:
                found.add((row["town"][:6], kind, stem))
    return [{"code": code, "kind": kind, "name": name} for code, kind, name in sorted(found)]


def main() -> None:
    packed = (DATA / "villages.csv.zst").read_bytes()
    text = zstandard.ZstdDecompressor().decompressobj().decompress(packed).decode()
    rows = place_words(csv.DictReader(io.StringIO(text)))
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=["code", "kind", "name"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    data = zstandard.ZstdCompressor(level=19, threads=0).compress(out.getvalue().encode())
    (DATA / "place_words.csv.zst").write_bytes(data)
    count = {kind: sum(row["kind"] == kind for row in rows) for kind in ("road", "estate")}
    print(f"place_words {count} {len(data):,} bytes {hashlib.sha256(data).hexdigest()[:16]}")


if __name__ == "__main__":
    main()
