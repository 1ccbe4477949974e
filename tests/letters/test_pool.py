import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sample_letters import letter

from songda.letters import Content, Rendered, RenderFailure, render_many

HERE = Path(__file__).parent


@pytest.mark.parametrize("workers", [1, 2])
def test_one_bad_letter_stops_no_other_and_order_is_kept(workers: int) -> None:
    def contents() -> Iterator[tuple[str, Content]]:
        for number in range(20):
            yield f"ltr_{number}", letter(number, name="柳\ue123烟" if number == 7 else "柳如烟", kind="reminder")

    results = list(render_many(contents(), workers=workers))
    assert [letter_id for letter_id, _ in results] == [f"ltr_{number}" for number in range(20)]
    held = [(letter_id, result) for letter_id, result in results if not isinstance(result, Rendered)]
    ((letter_id, failure),) = held
    assert letter_id == "ltr_7"
    assert isinstance(failure, RenderFailure)
    assert (failure.code, dict(failure.data)) == ("MissingGlyph", {"characters": ["U+E123"]})
    assert "柳" not in failure.message_zh


def test_contents_are_read_as_they_are_needed() -> None:
    asked = 0

    def contents() -> Iterator[tuple[str, Content]]:
        nonlocal asked
        for number in range(10_000):
            asked += 1
            yield str(number), letter(number % 100)

    results = render_many(contents(), workers=2)
    next(results)
    results.close()
    assert asked < 100


def test_nothing_in_gives_nothing_out() -> None:
    assert list(render_many(iter(()), workers=2)) == []


SCRIPT = """
import itertools, sys
sys.path[:0] = [{here!r}, {security!r}]
from sample_letters import letter
from songda.letters import render_many
if __name__ == "__main__":
    for _ in render_many(((str(n), letter(n % 100)) for n in itertools.count()), workers=2):
        print("one", flush=True)
"""


def test_a_killed_parent_leaves_no_workers_behind(tmp_path: Path) -> None:
    script = tmp_path / "endless.py"
    script.write_text(SCRIPT.format(here=str(HERE), security=str(HERE.parent / "security")), encoding="utf-8")
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE)
    try:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"one\n"
        workers = children(parent.pid)
        assert len(workers) >= 2
    finally:
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        assert parent.stdout is not None
        parent.stdout.close()
    deadline = time.monotonic() + 10
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(alive, workers))


def children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        # The pool's resource tracker is no worker and ends by itself.
        if int(fields[1]) == parent and b"resource_tracker" not in (stat.parent / "cmdline").read_bytes():
            found.append(int(stat.parent.name))
    return found


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
