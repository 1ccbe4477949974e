"""How fast addresses are standardised: load time, texts a second of CPU, chunks in several processes, and the slowest text.

    .venv/bin/python bench/address_speed.py [--texts 20000] [--processes 2] [--out address_speed.json]

The texts are made here, no two alike, from real divisions and towns with invented roads and doors, in the ways people write them. With
SONGDA_TEST_DATA the real lines are measured too. Prints a table; with --out also writes the figures as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import polars as pl

from songda.address import standardize

_ROADS = ("人民", "建设", "青石", "桂花", "文昌", "望江", "柳荫", "新安")
_ESTATES = ("锦绣花园", "青石家园", "望江公寓", "翠竹苑", "书香雅居小区", "滨河国际")
CHUNK = 5000


def made_texts(count: int, *, seed: int = 7) -> list[str]:
    """Distinct texts: a county with one of its towns, and one of six ways to go on."""
    from songda.address.gazetteer import table

    rng, rows = random.Random(seed), {row["code"]: row for row in table("divisions")}
    towns: dict[str, list[str]] = {}
    for row in rows.values():
        if row["level"] == "4":
            towns.setdefault(row["parent"], []).append(row["name"])
    counties = [code for code in towns if rows[code]["level"] == "3"]
    texts: set[str] = set()
    while len(texts) < count:
        county = rng.choice(counties)
        names, code = [], county
        while code:
            names.append(rows[code]["name"])
            code = rows[code]["parent"]
        prefix = "".join(reversed(names))
        if rng.random() < 0.4:
            prefix = prefix.replace("省", "", 1).replace("市", "", 1) + prefix
        town = rng.choice(towns[county]) if rng.random() < 0.6 else ""
        road, estate = f"{rng.choice(_ROADS)}{rng.choice('东西南北')}路{rng.randint(1, 990)}号", rng.choice(_ESTATES)
        building, unit, room = rng.randint(1, 99), rng.randint(1, 4), rng.randint(1, 33) * 100 + rng.randint(1, 8)
        texts.add(
            prefix
            + town
            + rng.choice(
                (
                    f"{road}{estate}{building}栋{unit}单元{room}室",
                    f"{road}{building}号楼{room}",
                    f"{estate}{building}-{unit}-{room}",
                    f"【{estate}{building}幢{room}】({estate}附近)",
                    f"李家村{rng.randint(1, 20)}组{rng.randint(1, 300)}号",
                    f"{road}（{estate}东门对面）　{building}＃{room}室",
                )
            )
        )
    return rng.sample(sorted(texts), count)


def timed(texts: list[str]) -> tuple[float, float]:
    """Seconds by the clock and of this process's CPU."""
    wall, cpu = time.perf_counter(), time.process_time()
    for start in range(0, len(texts), CHUNK):
        assert standardize(texts[start : start + CHUNK]).height
    return time.perf_counter() - wall, time.process_time() - cpu


def slowest(texts: list[str]) -> float:
    """Milliseconds of CPU of the slowest of `texts`, read one by one."""
    from songda.address import read

    worst = 0.0
    for text in texts:
        started = time.process_time()
        read(text)
        worst = max(worst, time.process_time() - started)
    return worst * 1000


def in_processes(texts: list[str], processes: int) -> float:
    """Seconds by the clock with chunks handed to several processes, their start and load included."""
    chunks = [texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK)]
    started = time.perf_counter()
    # Spawned, not forked: a child forked from a process in which Polars has run threads waits for them for ever.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        frame = pl.concat(pool.map(standardize, chunks))
    assert frame.height == len(texts)
    return time.perf_counter() - started


def measure(*, count: int, processes: int) -> dict[str, Any]:
    started = time.process_time()
    standardize(["北京市东城区"])
    load = time.process_time() - started
    texts = made_texts(count)
    _, cpu = timed(texts)
    figures: dict[str, Any] = {
        "load_cpu_s": round(load, 2),
        "texts": count,
        "texts_per_cpu_s": round(count / cpu),
        "cpu_s_for_150000": round(150_000 * cpu / count),
        "processes": processes,
        "texts_per_s_in_processes": round(count / in_processes(texts, processes)),
        "slowest_ms": round(slowest(texts[:5000]), 1),
    }
    folder = os.environ.get("SONGDA_TEST_DATA")
    if folder:
        real = (Path(folder) / "addresses_real.txt").read_text(encoding="utf-8").splitlines()
        _, cpu = timed(real)
        figures |= {
            "real_texts": len(real),
            "real_texts_per_cpu_s": round(len(real) / cpu),
            "real_slowest_ms": round(slowest(real), 1),
        }
    return figures | {
        "rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=20_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    figures = measure(count=arguments.texts, processes=arguments.processes)
    for name, value in figures.items():
        print(f"{name:26} {value:>12}")
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
