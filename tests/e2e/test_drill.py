"""A drill from the case file to the grades, through the command line alone."""

from __future__ import annotations

import csv
import hashlib
import io
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from songda.letters import Manifest

KEYS = {
    *("cases", "rejected_rows", "addresses", "addresses_standardised", "letters", "not_sent", "pieces", "runs"),
    *("waybills", "posted", "settled", "grades", "cost_fen", "elapsed_s", "peak_rss_mb", "out"),
}
GRADES = ["A1", "A2", "B1", "B2", "C", "D", "E", "F"]
DRILL = ("--carrier", "sim", "--json")


@pytest.fixture(scope="module")
def way(shared_desk: Any) -> dict[str, Any]:
    """Each step's answer."""
    desk = shared_desk
    desk.profile(desk.key())
    file, out = desk.cases(45, name="cases.xlsx"), desk.folder / "out"
    found: dict[str, Any] = {"desk": desk, "out": out, "file": file}
    found["run"] = desk.songda("run", file, "--out", out, "--as-of", "2026-11-24", *DRILL).json
    batch = found["batch"] = found["run"]["batch"]
    found["again"] = desk.songda("run", file, "--out", out, "--as-of", "2026-11-24", *DRILL).json
    desk.songda("run", "--resume", "--out", out, "--as-of", "2026-11-24", *DRILL)
    found["ready"] = desk.songda("letters", "list", batch, "--json").json["letters"]
    approve = ("letters", "approve", batch, "--key", desk.folder / "lawyer.pem", "--as-of", "2026-11-24")
    desk.songda(*approve, code=77)  # nobody has said yes
    found["shown"] = desk.songda(*approve, "--samples", desk.folder / "samples", "--yes").out
    for day in (
        "2026-11-24",
        "2026-11-26",
        "2026-11-29",
        "2026-12-02",
        "2026-12-06",
        "2026-12-10",
        "2026-12-28",
        "2026-12-29",
    ):
        found[day] = desk.songda("run", "--resume", "--out", out, "--as-of", day, *DRILL).json
    found["last"] = desk.songda("run", "--resume", "--out", out, "--as-of", "2026-12-29", *DRILL).json
    found["file again"] = desk.songda("run", file, "--out", out, "--as-of", "2026-12-29", *DRILL).json
    return found


def counts(figures: dict[str, Any]) -> dict[str, Any]:
    """The figures without what no two runs share."""
    return {name: value for name, value in figures.items() if name not in ("elapsed_s", "peak_rss_mb")}


def test_a_run_stops_at_the_lawyer_and_answers_with_every_figure(way: dict[str, Any]) -> None:
    run = way["run"]
    assert set(run) >= KEYS
    assert list(run["grades"]) == GRADES
    assert run["letters"] > 20
    assert run["rejected_rows"] + run["cases"] == 45
    assert (run["pieces"], run["waybills"], run["posted"]) == (0, 0, 0)
    assert {each["state"] for each in way["ready"]} <= {"ready", "held", "not_sent"}


def test_the_same_file_again_changes_nothing(way: dict[str, Any]) -> None:
    assert counts(way["again"]) == counts(way["run"])


def test_nothing_is_done_twice_at_the_end_of_the_way(way: dict[str, Any]) -> None:
    assert counts(way["last"]) == counts(way["2026-12-29"])
    assert counts(way["file again"]) == counts(way["2026-12-29"])
    (numbers,) = way["desk"].record("SELECT count(*), count(waybill_no), count(DISTINCT waybill_no) FROM piece")
    assert numbers == (way["last"]["pieces"],) * 3
    assert way["desk"].record("SELECT attempt_id FROM piece GROUP BY attempt_id HAVING count(*) > 1") == []


def test_the_lawyer_sees_samples_and_sums_before_signing(way: dict[str, Any]) -> None:
    assert "样函" in way["shown"]
    assert "名单哈希" in way["shown"]
    samples = sorted((way["desk"].folder / "samples").glob("*.pdf"))
    assert len(samples) == 3
    assert {path.stat().st_mode & 0o777 for path in samples} == {0o600}


def test_approved_letters_are_ordered_printed_posted_and_graded(way: dict[str, Any]) -> None:
    first, last = way["2026-11-24"], way["2026-12-28"]
    assert first["posted"] == first["waybills"] == first["pieces"] == way["run"]["letters"]
    # What the stand-in plays without a world is a mixture of every outcome; doubtful ones wait for a person.
    assert last["settled"] + last["tasks"] > first["settled"]
    assert last["settled"] > 0
    assert sum(last["grades"].values()) == last["settled"]
    # What failed goes to another place on the day after.
    after = way["2026-12-29"]
    assert last["second_attempts"] > 0
    assert after["pieces"] == first["pieces"] + last["second_attempts"]
    assert after["cost_fen"] > first["cost_fen"] > 0


def test_every_artefact_says_that_it_is_a_drill(way: dict[str, Any]) -> None:
    report = (way["out"] / "report.html").read_text("utf-8")
    assert "演练" in report
    assert "http://" not in report.replace("http://www.w3.org", "")
    manifest = Manifest.from_json((way["out"] / "runs" / "000001" / "manifest.json").read_text("utf-8"))
    assert manifest.drill


def test_refused_rows_and_decisions_are_handed_back(way: dict[str, Any]) -> None:
    rows = list(csv.DictReader(io.StringIO((way["out"] / "decisions.csv").read_text("utf-8-sig"))))
    assert {row["环节"] for row in rows} >= {"accept", "approve", "lock"}
    assert all(row["理由"] for row in rows if row["结论"] in ("not_sent", "held"))
    assert all(row["输入哈希"] for row in rows if row["环节"] == "accept")
    if way["run"]["rejected_rows"]:
        assert (way["out"] / "rejected.xlsx").stat().st_mode & 0o777 == 0o600


def test_print_files_open_to_what_the_manifest_says(way: dict[str, Any], tmp_path: Path) -> None:
    desk = way["desk"]
    runs = desk.songda("press", "list", "--json").json["runs"]
    assert {run["state"] for run in runs} <= {"handed_over", "reconciled"}
    (first, *_) = [run for run in runs if run["number"] == 1]
    desk.songda("press", "open", first["id"], "--to", tmp_path / "print.pdf")
    manifest = Manifest.from_json((way["out"] / "runs" / "000001" / "manifest.json").read_text("utf-8"))
    assert hashlib.sha256((tmp_path / "print.pdf").read_bytes()).hexdigest() == manifest.files[0].sha256
    assert manifest.run_sha256 == first["manifest_sha256"]
    desk.songda("press", "open", first["id"], "--to", tmp_path / "print.pdf", code=73)
    desk.songda("press", "open", first["id"], "--file", "nothing.pdf", "--to", tmp_path / "x.pdf", code=66)


def test_a_letter_can_be_shown_and_the_audit_log_knows(way: dict[str, Any], tmp_path: Path) -> None:
    desk = way["desk"]
    number = next(each["letter_no"] for each in way["ready"] if each["state"] == "ready")
    desk.songda("letters", "show", number, "--to", tmp_path / "letter.pdf")
    assert (tmp_path / "letter.pdf").read_bytes().startswith(b"%PDF-")
    assert (tmp_path / "letter.pdf").stat().st_mode & 0o777 == 0o600
    found = desk.songda("audit", "verify", "--json").json
    assert (found["breaks"], found["seals_checked"]) == ([], True)
    # The drill has sealed its days; a copy needs nothing of the house but the institution's key.
    assert 0 < found["sealed"] < found["entries"]
    desk.songda("audit", "export", "--to", tmp_path / "audit.jsonl")
    (tmp_path / "bank.pem").write_text(desk.songda("evidence", "key").out, "utf-8")
    said = desk.songda("audit", "verify", tmp_path / "audit.jsonl", "--trust", tmp_path / "bank.pem")
    assert f"前 {found['sealed']:,} 条由 {found['sealed_on']} 的封印覆盖" in said.out
    assert "封印未核对" in desk.songda("audit", "verify", tmp_path / "audit.jsonl").out


def test_a_changed_audit_log_is_noticed(way: dict[str, Any]) -> None:
    desk = way["desk"]
    with sqlite3.connect(desk.folder / "home" / "songda.db") as database:
        (actor,) = database.execute("SELECT actor FROM audit WHERE seq = 2").fetchone()
        database.execute("UPDATE audit SET actor = 'somebody' WHERE seq = 2")
    said = desk.songda("audit", "verify", code=65)
    assert "第 2 条" in said.err
    with sqlite3.connect(desk.folder / "home" / "songda.db") as database:
        database.execute("UPDATE audit SET actor = ? WHERE seq = 2", (actor,))
    desk.songda("audit", "verify")
