"""Commands, settings and places that cannot be meant: one Chinese sentence with a remedy, and nothing is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

ON = ("--as-of", "2026-11-24")


def sentence(text: str) -> None:
    (line,) = text.splitlines()
    wrong, stop, remedy = line.removeprefix("错误：").partition("。")
    assert line.startswith("错误：")
    assert wrong
    assert stop
    assert remedy


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("frobnicate",), "songda --help"),
        (("letters", "frobnicate"), "songda letters --help"),
        (("run", "a.csv", "b.csv"), "多出了参数"),
        (("run", "a.csv", "--frob"), "--frob"),
        (("run", "a.csv", "--as-of", "2026-13-45"), "--as-of"),
        (("demo", "--cases", "0"), "--cases"),
        (("demo", "--cases"), "--cases"),
        (("letters", "show", "YX2026-000001"), "缺少 --to"),
        (("press", "acknowledge", "run_nobody"), "缺少"),
    ],
)
def test_a_mistyped_command_is_told_in_one_sentence(desk: Any, words: tuple[str, ...], named: str) -> None:
    said = desk.songda(*words, code=64)
    sentence(said.err)
    assert named in said.err
    assert said.out == ""
    assert list(desk.folder.iterdir()) == []


def test_what_was_typed_is_not_repeated(desk: Any) -> None:
    """It may be a person: a name in the wrong place of the line."""
    for words in (("run", "a.csv", "张三"), ("张三",), ("demo", "--cases", "张三")):
        assert "张三" not in desk.songda(*words, code=64).err


def test_help_is_not_an_error(desk: Any) -> None:
    assert "songda" in desk.songda("--help", fresh=True).out
    assert "--resume" in desk.songda("run", "--help").out
    assert "approve" in desk.songda("letters", code=64).out


@pytest.mark.parametrize(
    ("variable", "value", "code"),
    [
        ("SONGDA_WORKERS", "many", 78),
        ("SONGDA_WORKERS", "0", 78),
        ("SONGDA_DATABASE_URL", "nonsense", 78),
        ("SONGDA_DATABASE_URL", "mysql://user:s3cret@127.0.0.1/songda", 78),
        ("SONGDA_DATABASE_URL", "postgresql+psycopg://user:s3cret@127.0.0.1:1/songda", 74),
        ("SONGDA_MASTER_KEY", "short", 78),
    ],
)
def test_a_setting_that_cannot_be_meant(desk: Any, variable: str, value: str, code: int) -> None:
    said = desk.songda("tenant", "list", environ={variable: value}, code=code)
    sentence(said.err)
    assert variable in said.err
    assert "s3cret" not in said.err


@pytest.mark.parametrize("name", ["a/b", "a b", "", "x" * 41, "a\nb"])
def test_a_name_that_no_institution_can_bear(desk: Any, name: str) -> None:
    desk.songda("template", "tenant.toml")
    sentence(desk.songda("tenant", "import", "tenant.toml", "--tenant", name, code=64).err)
    assert desk.songda("tenant", "list", "--json").json["tenants"] == []


def test_a_place_that_cannot_be_written_is_named_in_chinese(desk: Any) -> None:
    (desk.folder / "file").write_text("not a folder")
    rows = desk.cases(6).read_text("utf-8-sig").splitlines(keepends=True)
    (desk.folder / "bad.csv").write_text("".join([rows[0], *rows[1:], ",".join("x" * 4) + "\r\n"]), "utf-8-sig")
    for words in (
        ("check", "bad.csv", "--out", "file", *ON),
        ("check", "bad.csv", "--out", "file/below", *ON),
        ("template", "file/cases.xlsx"),
        ("template", "nowhere/cases.xlsx"),
        ("letters", "key", "--to", "file"),
        ("letters", "key", "--to", "file/lawyer.pem"),
        ("demo", "--cases", "5", "--days", "1", "--out", "file"),
    ):
        said = desk.songda(*words, code=73)
        sentence(said.err)
        assert not [word for word in ("exists", "directory", "Error") if word in said.err], said.err
    assert (desk.folder / "file").read_text() == "not a folder"


def test_a_folder_is_no_case_file(desk: Any) -> None:
    for folder in (".", "home"):
        (desk.folder / "home").mkdir(exist_ok=True)
        said = desk.songda("check", folder, *ON, code=66)
        sentence(said.err)
        assert f"文件 {folder}（是一个目录）" in said.err


def test_runs_and_batches_of_another_institution_are_unknown(desk: Any, tmp_path: Path) -> None:
    public = desk.key()
    desk.profile(public)
    desk.profile(public, name="other")
    drill = ("--out", "out", "--carrier", "sim", "--tenant", "bank", *ON)
    batch = desk.songda("run", desk.cases(6), *drill, "--json").json["batch"]
    desk.songda("letters", "approve", batch, "--key", "lawyer.pem", "--yes", "--tenant", "bank", *ON)
    desk.songda("run", "--resume", *drill)
    (run,) = desk.songda("press", "list", "--tenant", "bank", "--json").json["runs"]
    own = desk.songda("letters", "list", batch, "--tenant", "bank", "--json").json["letters"]
    other = ("--tenant", "other")
    assert desk.songda("press", "list", *other, "--json").json["runs"] == []
    for words in (
        ("letters", "list", batch),
        ("letters", "approve", batch, "--key", "lawyer.pem", "--yes", *ON),
        ("letters", "show", next(each["letter_no"] for each in own if each["letter_no"]), "--to", "letter.pdf"),
        ("press", "open", run["id"], "--to", "print.pdf"),
        ("press", "link", run["id"]),
        ("press", "acknowledge", run["id"], run["manifest_sha256"]),
        ("press", "report", run["id"]),
        ("press", "post", run["id"], *ON),
    ):
        sentence(desk.songda(*words, *other, code=65).err)
    desk.songda("run", "--resume", "--out", "out", "--carrier", "sim", *other, *ON, code=64)
    assert not list(tmp_path.glob("*.pdf"))
