"""`songda letters stop | stops | lift | release | refuse` as an operator meets them: a process, its output, its exit code."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from bank import letters, opened, signed, taken_in

from songda.base.days import SHANGHAI, now
from songda.sim.case_rows import case_row, write_rows

Songda = Callable[..., tuple[int, str, str]]


@pytest.fixture
def songda(tmp_path: Path) -> Songda:
    key = base64.b64encode(bytes(range(32))).decode()
    environ = {**os.environ, "SONGDA_HOME": str(tmp_path), "SONGDA_MASTER_KEY": key}

    def run(*words: str) -> tuple[int, str, str]:
        program = [sys.executable, "-c", "from songda.cli import main; main()", "letters", *words]
        done = subprocess.run(program, capture_output=True, text=True, timeout=120, check=False, env=environ)
        return done.returncode, done.stdout, done.stderr

    return run


def test_a_stop_is_given_listed_and_lifted(tmp_path: Path, songda: Songda) -> None:
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", case_row(0, 0), case_row(1, 1)))
        signed(house, batch)
        number = letters(house, batch)[0].letter_no
    code, out, _ = songda("stop", number, "--debtor", "--reason", "paid", "--by", "ops-7", "--json")
    said = json.loads(out)
    assert (code, said["letters"]) == (
        0,
        [{"letter_no": number, "outcome": "withdrawn", "posted_at": None, "pieces": []}],
    )
    code, out, _ = songda("stop", number, "--reason", "paid", "--by", "ops-7")
    assert code == 0
    assert "已结束" in out
    (row, *_) = json.loads(songda("stops", "--json")[1])["stops"]
    assert (row["id"], row["scope"], row["reason"]) == (said["stop"], "person", "paid")
    given = datetime.fromisoformat(row["given_at"])
    assert timedelta(0) <= now() - given < timedelta(minutes=10)
    assert f"{given.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" in songda("stops")[1]
    (tmp_path / "stops.csv").write_text(f"函号,原因\n{number},监管要求\nLH1,已还款\n", "utf-8")
    code, out, _ = songda("stop", "--file", str(tmp_path / "stops.csv"), "--by", "ops-7", "--json")
    done, unknown = json.loads(out)["lines"]
    assert (code, done["line"], unknown["line"], "LH1" in unknown["error"]) == (65, 2, 3, True)
    # Nobody alone says that a regulator's word is over.
    assert songda("lift", done["stop"], "--by", "ops-7", "--second", "ops-7")[0] == 65
    assert songda("lift", done["stop"], "--by", "ops-7", "--second", "ops-2")[0] == 0
    assert songda("stop", number, "--by", "ops-7")[0] == 64
    assert songda("lift", said["stop"], "--by", "ops-7")[0] == 0
    code, _, problem = songda("lift", said["stop"], "--by", "ops-7")
    assert (code, problem.startswith("错误：没有生效中的停止令")) == (65, True)


@pytest.mark.parametrize("which", ["letter", "case"])
def test_58_of_somebody_who_has_died_everything_is_stopped(tmp_path: Path, songda: Songda, which: str) -> None:
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", case_row(0, 0), case_row(1, 1)))
        number = letters(house, batch)[0].letter_no
    about = [number] if which == "letter" else ["--case", case_row(0, 0)["案件编号"]]
    assert songda("stop", *about, "--reason", "deceased", "--by", "ops-7")[0] == 0
    (row,) = json.loads(songda("stops", "--json")[1])["stops"]
    assert (row["scope"], row["reason"]) == ("person", "deceased")


def test_a_held_letter_is_released_by_two_and_another_refused(tmp_path: Path, songda: Songda) -> None:
    rows = [case_row(n, n, 特殊情形="重病") for n in range(2)]
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", *rows))
        first, second = (each.letter_no for each in letters(house, batch))
    word = ("--reason", "circumstances_checked", "--by", "ops-7")
    code, _, problem = songda("release", first, *word)
    assert (code, "须由两人放行" in problem) == (77, True)
    code, out, _ = songda("release", first, *word, "--second", "ops-2", "--json")
    assert (code, json.loads(out)) == (0, {"released": [{"letter_no": first, "rules": ["S07"]}]})
    code, out, _ = songda("refuse", second, "--reason", "circumstances", "--by", "ops-7")
    assert (code, out.strip()) == (0, "已决定不发 1 封")
    with opened(tmp_path) as house:
        assert sorted(each.state for each in letters(house, batch)) == ["not_sent", "ready"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("stop", "--reason", "paid", "--by", "ops-7"), 64, "请指明停止什么"),
        (("stop", "X", "--all", "--reason", "paid", "--by", "ops-7"), 64, "请指明停止什么"),
        (("stop", "X", "--reason", "paid", "--by", "张三"), 64, "人员编号的写法不对"),
        (("stop", "X", "--reason", "because", "--by", "ops-7"), 64, "命令写法不对"),
        (("stop", "X", "--reason", "paid", "--by", "ops-7"), 65, "没有函号为 X 的函件"),
        (("release", "X", "--reason", "cause_removed", "--by", "ops-7"), 65, "没有函号为 X 的函件"),
    ],
)
def test_what_is_wrong_is_told_in_chinese(
    tmp_path: Path, songda: Songda, words: tuple[str, ...], code: int, told: str
) -> None:
    with opened(tmp_path):
        pass
    found, _, problem = songda(*words)
    assert (found, told in problem) == (code, True), problem
