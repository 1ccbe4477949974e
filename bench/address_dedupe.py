"""Finding duplicates in a list of addresses: a million rows by place key and near misses.

    .venv/bin/python bench/address_dedupe.py [--rows 1000000] [--out address_dedupe.json]

The doors are invented in real districts; three rows in ten are a door that was written before, in another spelling (with the town or
without, other numerals, other words for building and unit, repeated prefix). Reading the texts is timed apart from finding the duplicates.
Another process makes the texts, so that the memory told is that of the engine: what is held before (dictionary, compiled code, the texts),
and the peaks of reading and of finding.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import platform
import random
import resource
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import polars as pl

from songda.address import standardize
from songda.address.dedupe import dedupe, keyed
from songda.address.editions import shipped

#: Rows that repeat a door.
REPEATED = 0.3
_ROADS = [f"{a}{b}路" for a in ("人民", "建设", "青石", "桂花", "文昌", "望江", "柳荫", "新安") for b in "东南西北中"]
_ESTATES = ("锦绣花园", "青石家园", "望江公寓", "翠竹苑", "书香雅居", "滨河国际", "")
_WIDE = str.maketrans("0123456789", "０１２３４５６７８９")


class Door(NamedTuple):
    #: Province, city, county, town.
    place: tuple[str, str, str, str]
    road: str
    number: int
    estate: str
    building: int
    unit: int
    room: int


def places() -> list[tuple[str, str, str, str]]:
    """Real towns whose county lies in a prefecture and whose names no county of the same prefecture bears."""
    divisions = shipped()
    name, parent = (dict(zip(divisions["code"], divisions[column], strict=True)) for column in ("name", "parent"))
    towns = divisions.filter(pl.col("level") == 4, pl.col("name").str.contains("(?:街道|镇)$"))["code"].to_list()
    found = []
    for code in towns:
        county = parent[code]
        city = parent[county]
        if city and parent.get(city):
            found.append((name[parent[city]], name[city], name[county], name[code]))
    return found


def spelled(door: Door, rng: random.Random) -> str:
    province, city, county, town = door.place
    prefix = rng.choice((f"{province}{city}{county}", f"{city}{county}", f"{province}{city}{county}{city}{county}"))
    number = f"{door.number}号"
    if rng.random() < 0.3:
        number = number.translate(_WIDE)
    building = rng.choice((f"{door.building}栋", f"{door.building}幢", f"{door.building}号楼", f"{door.building:02}栋"))
    unit = rng.choice((f"{door.unit}单元", f"{'零一二三四'[door.unit]}单元"))
    town = town if rng.random() < 0.5 else ""
    return f"{prefix}{town}{door.road}{number}{door.estate}{building}{unit}{door.room}{rng.choice(('', '室'))}"


def made(rows: int, *, seed: int) -> tuple[list[str], list[int]]:
    """Texts, and the door of each."""
    rng, towns = random.Random(seed), places()
    doors: dict[tuple[object, ...], Door] = {}
    while len(doors) < rows * (1 - REPEATED):
        door = Door(
            rng.choice(towns),
            rng.choice(_ROADS),
            rng.randint(1, 400),
            rng.choice(_ESTATES),
            rng.randint(1, 30),
            rng.randint(1, 4),
            rng.randint(1, 33) * 100 + rng.randint(1, 6),
        )
        # In one county, number, building and room are one door, whatever town and estate are called.
        doors[door.place[:3], door.road, door.number, door.building, door.unit, door.room] = door
    listed = list(doors.values())
    owners = [*range(len(listed)), *(rng.randrange(len(listed)) for _ in range(rows - len(listed)))]
    rng.shuffle(owners)
    return [spelled(listed[owner], rng) for owner in owners], owners


def write(rows: int, seed: int, path: Path) -> None:
    texts, owners = made(rows, seed=seed)
    pl.DataFrame({"text": texts, "owner": owners}).write_parquet(path)


def measure(rows: int, *, seed: int = 11) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "made.parquet"
        maker = multiprocessing.get_context("spawn").Process(target=write, args=(rows, seed, path))
        maker.start()
        maker.join()
        texts, owners = pl.read_parquet(path)
    standardize(texts.head(10))
    before, started = peak_mib(), time.perf_counter()
    frame = keyed(texts)
    read_s, after = time.perf_counter() - started, peak_mib()
    started = time.perf_counter()
    found = dedupe(frame)
    seconds = time.perf_counter() - started
    told = found.with_columns(owner=owners)
    how = dict(found["how"].value_counts().iter_rows())
    pairs, together = same_pairs(told, "owner"), same_pairs(told, "owner", "group")
    return {
        "rows": rows,
        "reading_s": round(read_s, 1),
        "dedupe_s": round(seconds, 1),
        "dedupe_rows_per_s": round(rows / seconds),
        **{f"rows_{name}": how.get(name, 0) for name in ("alone", "kept", "exact", "near", "ambiguous", "unknown")},
        "planted_pairs": pairs,
        "planted_pairs_found_percent": round(100 * together / max(pairs, 1), 2),
        "pairs_joined_wrongly": same_pairs(told, "group") - together,
        "mib_before": before,
        "mib_peak_of_reading": after,
        "mib_peak": peak_mib(),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def same_pairs(told: pl.DataFrame, *by: str) -> int:
    """Pairs of rows that agree in `by`."""
    count = pl.col("len").cast(pl.Int64)
    return int(told.group_by(by).len().select((count * (count - 1) // 2).sum()).item())


def peak_mib() -> int:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    figures = measure(arguments.rows, seed=arguments.seed)
    for name, value in figures.items():
        print(f"{name:30} {value:>12}")
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
