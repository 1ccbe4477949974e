"""What people get wrong: one Chinese sentence with a remedy, the right exit code, nothing half-done."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ON = ("--as-of", "2026-11-24")


@pytest.fixture(scope="module")
def bank(shared_desk: Any) -> Any:
    shared_desk.profile(shared_desk.key())
    return shared_desk


def rows_of(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_text("utf-8-sig"))))


def write(path: Path, rows: list[list[str]]) -> Path:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    path.write_text(out.getvalue(), "utf-8-sig")
    return path


def with_cells(desk: Any, name: str, **cells: str) -> Path:
    """A case file whose first row holds these cells."""
    rows = rows_of(desk.cases(8, seed=5, name=f"{name}-sound.csv"))
    for header, text in cells.items():
        rows[1][rows[0].index(header)] = text
    return write(desk.folder / f"{name}.csv", rows)


def empty(folder: Path) -> Path:
    path = folder / "empty.csv"
    path.write_bytes(b"")
    return path


def locked(folder: Path) -> Path:
    path = folder / "locked.xlsx"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 4096)
    return path


def wrong_sheet(folder: Path) -> Path:
    import xlsxwriter

    path = folder / "menu.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet("菜单").write_row(0, 0, ["菜名", "价格"])
    return path


def huge(folder: Path) -> Path:
    path = folder / "huge.csv"
    with path.open("wb") as file:
        file.truncate(6 << 30)
    return path


@pytest.mark.parametrize("make", [empty, locked, wrong_sheet, huge], ids=lambda make: make.__name__)
def test_a_file_that_is_no_case_file(bank: Any, tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path)
    for command in ("run", "check"):
        out = tmp_path / command
        done = run_any(bank, command, path, "--out", out)
        assert done.code in (65, 66)
        sentence(done.err)
        assert not (out / "report.html").exists()


def run_any(desk: Any, *words: str | Path) -> Any:
    """A command whose exit code the test judges."""
    for code in (64, 65, 66, 73, 77, 78):
        try:
            return desk.songda(*words, code=code)
        except AssertionError as error:
            refused = error
    raise refused


def sentence(text: str) -> None:
    assert text.startswith("错误：")
    assert "。" in text, "no remedy"


def test_a_file_that_is_not_there(bank: Any) -> None:
    sentence(bank.songda("run", "nowhere.xlsx", *ON, code=66).err)


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("姓名", "王" * 10_000),
        ("姓名", "王\x07明"),
        ("姓名", "{{7*7}}"),
        ("姓名", '#read("/etc/passwd")'),
        ("剩余本金", "1e300"),
        ("逾期起始日", "1900-01-01"),
        ("身份证号", "1.1E+17"),
        ("姓名", "=HYPERLINK(1)"),
    ],
)
def test_a_bad_cell_costs_its_row_and_no_other(bank: Any, tmp_path: Path, header: str, text: str) -> None:
    name = f"bad{abs(hash((header, text))) % 10**6}"
    sound = bank.songda("check", bank.cases(8, seed=5, name=f"{name}-all.csv"), *ON, "--json").json
    said = bank.songda("check", with_cells(bank, name, **{header: text}), "--out", tmp_path, *ON, "--json").json
    assert said["rejected_rows"] == sound["rejected_rows"] + 1
    assert said["cases"] == sound["cases"] - 1
    assert (tmp_path / "rejected.xlsx").stat().st_mode & 0o777 == 0o600


def test_a_case_that_is_named_twice_is_refused_once(bank: Any, tmp_path: Path) -> None:
    rows = rows_of(bank.cases(8, seed=5, name="once.csv"))
    path = write(bank.folder / "twice.csv", [*rows, rows[1]])
    said = bank.songda("check", path, "--out", tmp_path, *ON, "--json").json
    assert said["rejected_rows"] >= 1


@pytest.mark.parametrize("out", ["file.txt", "file.txt/below"])
def test_an_output_folder_that_cannot_be_one(bank: Any, out: str) -> None:
    (bank.folder / "file.txt").write_text("not a folder")
    said = bank.songda("run", bank.cases(6, seed=6, name="six.csv"), "--out", out, *ON, code=73)
    sentence(said.err)
    assert "--out" in said.err


def test_names_that_nobody_bears(bank: Any, tmp_path: Path) -> None:
    sentence(bank.songda("run", "x.csv", "--tenant", "nobody", *ON, code=78).err)
    sentence(bank.songda("letters", "show", "YX1999-000001", "--to", tmp_path / "x.pdf", code=65).err)
    sentence(bank.songda("press", "open", "run_nobody", code=65).err)
    sentence(bank.songda("press", "acknowledge", "run_nobody", "0" * 64, code=65).err)
    sentence(bank.songda("run", "--carrier", "pigeon", "x.csv", code=64).err)
    sentence(bank.songda("run", code=64).err)
    assert not (tmp_path / "x.pdf").exists()


def test_an_unknown_batch_has_nothing_to_approve(bank: Any) -> None:
    said = bank.songda("letters", "approve", "bat_nobody", "--key", "lawyer.pem", "--yes", *ON, code=65)
    sentence(said.err)
    sentence(bank.songda("letters", "list", "bat_nobody", code=65).err)


def test_a_demonstration_does_not_overwrite_another(bank: Any, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    sentence(bank.songda("demo", "--cases", "5", "--days", "1", "--out", tmp_path, code=73).err)


def test_a_plain_locale_changes_nothing(bank: Any) -> None:
    said = bank.songda("run", "nowhere.xlsx", *ON, code=66, environ={"LC_ALL": "C", "PYTHONUTF8": "0"})
    sentence(said.err)


def test_what_was_refused_works_once_it_is_corrected(bank: Any, tmp_path: Path) -> None:
    bad = bank.songda("run", with_cells(bank, "first", 姓名="{{7*7}}"), "--out", tmp_path / "a", *ON, "--json").json
    good = bank.songda("run", bank.cases(8, seed=5, name="second.csv"), "--out", tmp_path / "b", *ON, "--json").json
    assert good["cases"] == bad["cases"] + 1
