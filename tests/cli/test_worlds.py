"""`songda sim world` and `songda sim run` as a person types them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from program import Desk


def test_a_world_is_a_case_file_and_its_truth_apart(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "home")
    told = desk.json("sim", "world", "--out", str(tmp_path / "w"), "--cases", "40", "--config", "rural")
    assert told["simulated"] is True
    assert (tmp_path / "w" / "cases.xlsx").exists()
    assert (tmp_path / "w" / "truth" / "debtors.parquet").exists()
    assert "mars" in desk.songda("sim", "world", "--out", str(tmp_path / "m"), "--config", "mars", rc=64)


def test_the_product_works_in_a_world_and_hears_of_it_as_an_institution_would(tmp_path: Path) -> None:
    desk, out = Desk(tmp_path / "home"), tmp_path / "run"
    told = desk.json(
        "sim", "run", "--out", str(out), "--cases", "120", "--days", "25", "--as-of", "2026-11-24", "--seed", "3"
    )
    assert told["simulated"] is True
    assert told["posted"] == told["letters"] > 50
    journal = [json.loads(line) for line in (out / "truth" / "journal.jsonl").read_text("utf-8").splitlines()]
    assert len(journal) >= told["posted"]
    files = sorted((out / "input").glob("payments-*.csv"))
    rows = [row for path in files for row in csv.DictReader(path.read_text("utf-8-sig").splitlines())]
    assert sum(round(float(row["还款金额"]) * 100) for row in rows) == told["paid_fen"]
    house = Desk(out / "home")
    booked = house.json("audit", "verify")
    assert booked["breaks"] == []
