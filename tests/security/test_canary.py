"""The whole job on a talkative PostgreSQL, killed on the way, with every library's log at DEBUG, leaves no person anywhere."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench" / "canary_scan.py"


@pytest.mark.postgres
def test_no_row_log_or_answer_holds_a_person(tmp_path: Path) -> None:
    if not list(Path("/usr/lib/postgresql").glob("*/bin")):
        pytest.skip("PostgreSQL is not installed: sudo apt-get install postgresql")
    told = tmp_path / "told.json"
    command = [
        sys.executable,
        BENCH,
        "--cases",
        "60",
        "--days",
        "1",
        "--database",
        "postgresql",
        "--trust-scanner",
        "--out",
        told,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    (house,) = json.loads(told.read_text("utf-8"))["houses"]
    assert house["hits"] == []
    assert house["kills"] == ["run, address_record", "run, attempt"]
    # The server's log and data were there to be searched.
    assert house["letters"] > 20
    assert house["mib"] > 20
    assert house["rows_joined"] > 1000
