"""What people get wrong: one Chinese sentence with a remedy, the right exit code, nothing half-done."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2
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
    """What an office program makes of a workbook with an opening password (MS-CFB, MS-OFFCRYPTO), cut short."""
    path = folder / "locked.xlsx"
    directory = "Root Entry".encode("utf-16-le").ljust(128, b"\0") + "EncryptedPackage".encode("utf-16-le")
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 1016 + directory.ljust(4096, b"\0"))
    return path


def torn(folder: Path) -> Path:
    path = folder / "torn.xlsx"
    path.write_bytes(b"PK\x03\x04" + b"\0" * 4096)
    return path


def wrong_sheet(folder: Path) -> Path:
    import xlsxwriter

    path = folder / "menu.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet("菜单").write_row(0, 0, ["菜名", "价格"])
    return path


def far_cell(folder: Path) -> Path:
    """One value in the last cell of a sheet, which makes a grid of 17 thousand million cells."""
    import xlsxwriter

    path = folder / "far.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        page = book.add_worksheet("案件")
        page.write_row(0, 0, ["案件编号", "姓名", "身份证号", "剩余本金"])
        page.write(1_048_575, 16_383, "x")
    return path


def zeros(folder: Path) -> Path:
    path = folder / "zeros.csv"
    with path.open("wb") as file:
        file.truncate(6 << 30)
    return path


def no_amount(folder: Path) -> Path:
    return write(folder / "no-amount.csv", [["案件编号", "姓名", "身份证号", "手机号"], ["1", "甲", "2", "3"]])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (empty, "没有案件数据"),
        (locked, "设有打开密码"),
        (torn, "不是能读的表格文件"),
        (wrong_sheet, "没有找到案件表（工作表：菜单）"),
        (far_cell, "展开后过大"),
        (zeros, "不是能读的表格文件"),
        (no_amount, "缺少必需的列"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_file_that_is_no_case_file(bank: Any, tmp_path: Path, make: Callable[[Path], Path], words: str) -> None:
    path = make(tmp_path)
    for command in ("run", "check"):
        out = tmp_path / command
        done = bank.songda(command, path, "--out", out, *ON, code=65)
        sentence(done.err)
        assert words in done.err
        assert path.name in done.err or make is no_amount
        assert done.out == ""
        assert not list(out.glob("*"))


def cells_of(path: Path) -> list[list[str]]:
    from python_calamine import load_workbook

    book = load_workbook(str(path))
    return [
        [str(cell) for cell in row] for name in book.sheet_names for row in book.get_sheet_by_name(name).to_python()
    ]


def sentence(text: str) -> None:
    """One line: what is wrong, a full stop, what to do."""
    assert text.startswith("错误：")
    (line,) = text.splitlines()
    wrong, stop, remedy = line.partition("。")
    assert wrong != "错误："
    assert stop
    assert remedy


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
        ("逾期起始日", "2999-01-01"),
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
    # The reason names the column and never the template or the file that a name asked for.
    (row,) = [row for row in cells_of(tmp_path / "rejected.xlsx") if text[:40] in "".join(row)]
    assert header in "".join(row)
    assert "49" not in row
    assert not [cell for cell in row if "root:" in cell]


def test_rows_that_name_the_same_case_are_all_refused(bank: Any, tmp_path: Path) -> None:
    rows = rows_of(bank.cases(8, seed=5, name="once.csv"))
    path = write(bank.folder / "twice.csv", [*rows, rows[1]])
    sound = bank.songda("check", bank.folder / "once.csv", "--out", tmp_path / "once", *ON, "--json").json
    said = bank.songda("check", path, "--out", tmp_path, *ON, "--json").json
    assert (said["cases"], said["rejected_rows"]) == (sound["cases"] - 1, sound["rejected_rows"] + 2)
    texts = [cell for row in cells_of(tmp_path / "rejected.xlsx") for cell in row]
    assert len([text for text in texts if text == rows[1][rows[0].index("案件编号")]]) == 2


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
    sentence(bank.songda("press", "report", "run_nobody", code=65).err)
    sentence(bank.songda("press", "post", "run_nobody", code=65).err)
    sentence(bank.songda("press", "link", "run_nobody", code=65).err)
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
    assert [path.name for path in tmp_path.rglob("*")] == ["home"]


def test_a_plain_locale_changes_nothing(bank: Any) -> None:
    said = bank.songda("run", "nowhere.xlsx", *ON, code=66, environ={"LC_ALL": "C", "PYTHONUTF8": "0"})
    sentence(said.err)


def test_what_was_refused_works_once_it_is_corrected(bank: Any, tmp_path: Path) -> None:
    bad = bank.songda("run", with_cells(bank, "first", 姓名="{{7*7}}"), "--out", tmp_path / "a", *ON, "--json").json
    assert (tmp_path / "a" / "rejected.xlsx").stat().st_mode & 0o777 == 0o600
    good = bank.songda("run", bank.cases(8, seed=5, name="second.csv"), "--out", tmp_path / "b", *ON, "--json").json
    assert good["cases"] == bad["cases"] + 1


def test_a_file_that_breaks_off_decides_nothing_and_its_correction_everything(desk: Any) -> None:
    desk.profile(desk.key())
    sound = desk.cases(45, seed=9, name="sound.csv")
    lines = sound.read_text("utf-8-sig").splitlines(keepends=True)
    broken = desk.folder / "broken.csv"
    broken.write_text("".join([*lines[:40], '"', *lines[40:]]), "utf-8-sig")
    for _ in range(2):
        said = desk.songda("run", broken, "--out", "out", *ON, code=65)
        sentence(said.err)
        assert "第 41 行" in said.err
    assert desk.record("SELECT count(*) FROM letter") == [(0,)]
    desk.songda("run", "--resume", broken, "--out", "out", *ON, "--carrier", "sim", code=64)
    assert not list((desk.folder / "out").glob("*"))
    good = desk.songda("run", sound, "--out", "out", *ON, "--json").json
    assert good["cases"] + good["rejected_rows"] == len(lines) - 1
    # Every case counts once, in the batch that was read to its end.
    assert desk.record(f"SELECT count(*) FROM \"case\" WHERE batch_id = '{good['batch']}'") == [(good["cases"],)]
    assert desk.record('SELECT count(*) FROM "case"') == [(good["cases"],)]
    ready = desk.songda("letters", "list", good["batch"], "--state", "ready", "--json").json["letters"]
    assert len(ready) == good["letters"] > 0


def test_words_that_look_like_a_program_are_printed_as_they_stand(desk: Any) -> None:
    """The name of a product may hold anything; a letter repeats it and never follows it."""
    words = '#read("/etc/passwd"){{7*7}}$x$'
    desk.profile(desk.key())
    path = with_cells(desk, "words", 产品名称=words)
    batch = desk.songda("run", path, "--out", "out", *ON, "--json").json["batch"]
    query = "SELECT t.letter_no FROM letter t JOIN letter_case l ON l.letter_id = t.id"
    query += f" JOIN \"case\" c ON c.id = l.case_id WHERE c.row_no = 2 AND t.batch_id = '{batch}' AND t.state = 'ready'"
    ((number,),) = desk.record(query)
    desk.songda("letters", "show", number, "--to", "sample.pdf")
    with pypdfium2.PdfDocument(desk.folder / "sample.pdf") as pdf:
        text = "".join("".join(page.get_textpage().get_text_bounded() for page in pdf).split())
    assert words in text
    assert "root:" not in text
