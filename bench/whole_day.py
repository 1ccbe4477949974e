"""The largest sender's day: a case file in, print-ready and ordered letters out, against the stand-in carrier.

    .venv/bin/python bench/whole_day.py [--cases 50000] [--letters 30000] [--out whole_day.json]

Figures of each stage, of the whole, and the peak memory of all processes of the product together (the stand-in carrier
and the making of the invented file are not counted). People are invented; the work is the product's own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.memory import Memory, family
from songda.base import days
from songda.cli.demo import HOUR, invent, invented_house
from songda.cli.drill import join, open_stand_in
from songda.flow.approve import approve
from songda.flow.figures import summarise
from songda.flow.proposal import propose
from songda.flow.run import Watch, alone, make_runs, take_in

DAY = date(2026, 11, 26)


def measure(*, cases: int, letters: int, seed: int, config: str, folder: Path) -> dict[str, Any]:
    file, at = folder / "input" / "cases.xlsx", days.at(DAY, HOUR)
    invent(cases=cases, seed=seed, first=DAY, config=config, file=file, truth=folder / "truth")
    watch = Watch()
    with (
        invented_house(folder / "home", at, letters_per_day=letters) as (house, key, password),
        alone(house),
        Memory() as memory,
    ):
        with open_stand_in(house, seed=seed, starts_at=days.at(DAY, 8)) as post, join(post) as carrier:
            memory.apart = family(os.getpid()) - {os.getpid()}
            began = time.perf_counter()
            batch_id, _ = take_in(house, file, as_of=DAY, drill=True, at=at, watch=watch)
            with watch.stage("律师审批（自动，演练）") as progress:
                proposal = propose(
                    house.engine, house.tenant, batch_id, lawyer_name=None, on=DAY, workers=house.workers
                )
                approve(house.engine, house.tenant, proposal, private_key=key, password=password, at=at, by_itself=True)
                progress(len(proposal.letters))
            make_runs(house, batch_id, carrier=carrier, on=DAY, at=at, watch=watch)
            whole = time.perf_counter() - began
            stats = post.stats()
        summary = summarise(house.engine, house.tenant, batch_id, on=DAY)
    return {
        "cases": summary.cases,
        "addresses": summary.addresses,
        "letters_rendered": summary.pieces,
        "waybills": summary.waybills,
        "waybills_ordered_twice": stats["duplicates"],
        "seconds": round(whole, 1),
        "letters_per_s": round(summary.pieces / whole, 1),
        "peak_memory_mb": round(memory.peak_mb),
        "database_mb": round(sum(p.stat().st_size for p in (folder / "home").glob("songda.db*")) / 2**20),
        "letters_sealed_mb": round(_size_mb(folder / "home" / "letters")),
        "print_files_mb": round(_size_mb(folder / "home" / "runs")),
        "stages": [
            {"stage": s.stage, "items": s.items, "seconds": round(s.seconds, 1), "per_s": round(s.per_s or 0, 1)}
            for s in watch.stages
        ],
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def _size_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=50_000)
    parser.add_argument("--letters", type=int, default=30_000, help="capacity of the day; the largest debts go first")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--config", default="cn-default")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="songda-bench-"))
    try:
        figures = measure(
            cases=arguments.cases,
            letters=arguments.letters,
            seed=arguments.seed,
            config=arguments.config,
            folder=folder,
        )
    finally:
        shutil.rmtree(folder)
    for name, value in figures.items():
        if name != "stages":
            print(f"{name:26} {value:>12}")
    for stage in figures["stages"]:
        print(f"{stage['stage']:<20} {stage['items']:>8} {stage['seconds']:>8} s {stage['per_s']:>9} /s")
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
