"""How long the demonstration works, stage by stage, without installing anything.

    .venv/bin/python bench/demo.py [--cases 2000] [--days 30] [--out demo.json]

People are invented and outcomes simulated; the work is the product's own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import tempfile
from datetime import date
from pathlib import Path

from songda.cli.demo import play
from songda.flow.run import Watch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    folder, watch = Path(tempfile.mkdtemp(prefix="songda-bench-")), Watch()
    try:
        summary, _, _ = play(
            cases=chosen.cases,
            seed=chosen.seed,
            first=date(2026, 11, 26),
            days_played=chosen.days,
            out=folder / "demo",
            watch=watch,
        )
    finally:
        shutil.rmtree(folder)
    figures = {
        "cases": summary.cases,
        "letters": summary.letters,
        "pieces": summary.pieces,
        "settled": summary.settled,
        "seconds": round(summary.elapsed_s, 1),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "stages": [
            {"stage": s.stage, "items": s.items, "seconds": round(s.seconds, 1), "per_s": round(s.per_s or 0, 1)}
            for s in watch.stages
        ],
    }
    for name, value in figures.items():
        print(f"{name:12} {value}")
    if chosen.out:
        chosen.out.write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
