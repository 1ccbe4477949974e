"""An error that nobody foresaw says where it happened, and nothing about the person whom it happened upon."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from residue import SHORTEST_NEEDLE, scan

from songda.sim.world import generate, people

HERE = Path(__file__).parent
#: Way in which it breaks (breaking_run.py) → exit code.
WAYS = {
    "message": 70,
    "key": 70,
    "chain": 70,
    "group": 70,
    "note": 70,
    "frame": 70,
    "process": 70,
    "statement": 70,
    # The database's own refusals have a sentence of their own.
    "operation": 74,
}


def needles() -> list[str]:
    texts = people(generate(cases=6, seed=7, as_of=date(2026, 11, 24)))
    return [text for text in texts if len(text.encode()) >= SHORTEST_NEEDLE]


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each way."""
    root = tmp_path_factory.mktemp("broken")
    (root / "tmp").mkdir()
    done = subprocess.run(
        [sys.executable, HERE / "breaking_run.py", root, *WAYS],
        env=os.environ | {"TMPDIR": str(root / "tmp"), "PYTHONPATH": str(HERE)},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    assert done.stdout.decode().splitlines() == [f"{way} {code}" for way, code in WAYS.items()]
    return root


def test_what_breaks_shows_no_person(broken: Path) -> None:
    found = {hit.path.relative_to(broken) for hit in scan(broken, needles())}
    # The case files themselves are found: the scan is alive.
    assert found == {Path(way, "out", "input", "cases.xlsx") for way in WAYS}


@pytest.mark.parametrize("way", [way for way, code in WAYS.items() if code == 70])
def test_whoever_repairs_it_sees_the_place_and_the_kind(broken: Path, way: str) -> None:
    said = (broken / way / "stderr").read_text("utf-8")
    assert 'breaking_run.py", line' in said
    assert "in break_with" in said
    assert "(message withheld)" in said
    assert "错误：程序内部出错" in said
    if way in ("message", "chain", "process"):
        assert "in fail_on" in said
        assert "ValueError: (message withheld)" in said
    if way == "chain":
        assert said.index("ValueError: (") < said.index("which led to:") < said.index("RuntimeError: (")


@pytest.mark.parametrize("way", WAYS)
def test_python_alone_would_have_shown_the_person(way: str) -> None:
    """Without this no way would prove anything: the control of the ways themselves."""
    import traceback

    import breaking_run
    from sqlalchemy import create_engine, text

    person = {"name": "柳如烟霜", "id_number": "42062419900101001X"}
    with create_engine("sqlite://").connect() as connection:
        connection.execute(text("CREATE TABLE person (id TEXT, sealed BLOB, lookup TEXT NOT NULL)"))
        with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is
            breaking_run.break_with(way, connection, person)
    said = "".join(traceback.format_exception(caught.value))
    assert person["name"] in said or person["id_number"] in said
