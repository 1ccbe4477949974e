"""How fast addresses are standardised: first answer, texts a second of CPU, all cores beside one, and the slowest text.

    .venv/bin/python bench/address_speed.py [--texts 65536] [--runs 5] [--out address_speed.json]

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
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl

from songda.address import divisions, standardize

_ROADS = ("人民", "建设", "青石", "桂花", "文昌", "望江", "柳荫", "新安")
_ESTATES = ("锦绣花园", "青石家园", "望江公寓", "翠竹苑", "书香雅居小区", "滨河国际")
CHUNK = 8192


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


def timed(texts: pl.Series, *, whole: bool) -> tuple[float, float]:
    """Seconds by the clock and of this process's CPU: all at once (every core) or chunk by chunk (one core)."""
    wall, cpu = time.perf_counter(), time.process_time()
    if whole:
        assert standardize(texts).height == len(texts)
    else:
        for start in range(0, len(texts), CHUNK):
            assert standardize(texts.slice(start, CHUNK)).height
    return time.perf_counter() - wall, time.process_time() - cpu


def divisions_rate(texts: pl.Series, runs: int) -> int:
    """Texts a second of CPU, province, city and district alone."""
    rates = []
    for _ in range(runs):
        cpu = time.process_time()
        assert divisions(texts).height == len(texts)
        rates.append(len(texts) / (time.process_time() - cpu))
    return round(statistics.median(rates))


def slowest(texts: list[str]) -> float:
    """Milliseconds of CPU of the slowest of `texts`, read one by one."""
    worst = 0.0
    for text in texts:
        started = time.process_time()
        standardize([text])
        worst = max(worst, time.process_time() - started)
    return worst * 1000


def first_answer() -> float:
    """Seconds by the clock from the start of a new process to its first answer, compiled code in the cache."""
    code = "from songda.address import standardize; standardize(['北京市东城区'])"
    subprocess.run([sys.executable, "-c", code], check=True)
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started


def measure(*, count: int, runs: int) -> dict[str, Any]:
    figures: dict[str, Any] = {"first_answer_s": round(first_answer(), 2)}
    standardize(["北京市东城区"])
    made = pl.Series(made_texts(count))
    timed(made[:CHUNK], whole=False)
    one, all_cores, rates = [], [], []
    for _ in range(runs):  # alternating, so that a slow minute of the machine hits both
        wall, cpu = timed(made, whole=False)
        one.append(wall)
        rates.append(count / cpu)
        all_cores.append(timed(made, whole=True)[0])
    figures |= {
        "texts": count,
        "characters_a_text": round(sum(map(len, made)) / count, 1),
        "texts_per_cpu_s": round(statistics.median(rates)),
        "texts_per_s_one_core": round(count / statistics.median(one)),
        f"texts_per_s_{os.cpu_count()}_cores": round(count / statistics.median(all_cores)),
        f"speed_up_{os.cpu_count()}_cores": round(statistics.median(one) / statistics.median(all_cores), 2),
        "divisions_alone_per_cpu_s": divisions_rate(made, runs),
        "slowest_ms": round(slowest(made[:2000].to_list()), 1),
    }
    folder = os.environ.get("SONGDA_TEST_DATA")
    if folder:
        real = pl.Series((Path(folder) / "addresses_real.txt").read_text(encoding="utf-8").splitlines())
        rates = [len(real) / timed(real, whole=False)[1] for _ in range(runs)]
        figures |= {
            "real_texts": len(real),
            "real_characters_a_text": round(sum(map(len, real)) / len(real), 1),
            "real_texts_per_cpu_s": round(statistics.median(rates)),
            "real_divisions_alone_per_cpu_s": divisions_rate(real, runs),
        }
    return figures | {
        "rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=65_536)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    figures = measure(count=arguments.texts, runs=arguments.runs)
    for name, value in figures.items():
        print(f"{name:26} {value:>12}")
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
