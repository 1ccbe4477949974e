"""The command line as a person meets it: a process, its output and its exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from songda.cli import door


def songda(*words: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", "from songda.cli import main; main()"]
    return subprocess.run([*program, *words], capture_output=True, text=True, timeout=60, check=False)


def test_the_example_case_file_passes_the_check(tmp_path: Path) -> None:
    assert songda("template", str(tmp_path / "cases.xlsx")).returncode == 0
    answer = songda("check", str(tmp_path / "cases.xlsx"), "--as-of", "2026-11-24", "--out", str(tmp_path), "--json")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["rejected_rows"] == 0
    assert json.loads(answer.stdout)["cases"] == 6


def test_a_missing_file_is_told_in_chinese_with_a_remedy_and_exit_code(tmp_path: Path) -> None:
    answer = songda("check", str(tmp_path / "nothing.xlsx"))
    assert answer.returncode == 66
    assert answer.stderr.startswith("错误：")
    assert answer.stdout == ""


def test_help_loads_no_heavy_library() -> None:
    code = """
import sys
from songda.cli import main
try:
    main()
except SystemExit:
    pass
print(sorted({'polars', 'numpy', 'typst', 'sqlalchemy', 'fastapi', 'httpx', 'pikepdf'} & set(sys.modules)))
"""
    answer = subprocess.run(
        [sys.executable, "-c", code, "--help"], capture_output=True, text=True, timeout=60, check=True
    )
    assert answer.stdout.splitlines()[-1] == "[]"


def test_an_interrupt_is_no_failure_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(door, "app", interrupted)
    with pytest.raises(SystemExit) as ended:
        door.main()
    assert ended.value.code == 130
