"""Hostile texts against kernels that check every index."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_ten_seconds_of_hostile_texts_find_nothing() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "bench" / "address_fuzz.py"), "--seconds", "10", "--seed", "7"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert '"findings": 0' in done.stdout
