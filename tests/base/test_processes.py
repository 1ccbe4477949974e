"""Work over processes: in order, not too far ahead, and nothing left behind."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from songda.base.processes import map_ahead
from songda.compliance import NoRuleSet, load_rules


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_items(workers: int) -> None:
    assert list(map_ahead(math.factorial, range(20), workers=workers)) == [math.factorial(n) for n in range(20)]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_ours_arrives_with_its_data(workers: int) -> None:
    with pytest.raises(NoRuleSet) as caught:
        list(map_ahead(load_rules, [date(1999, 1, 1)], workers=workers))
    assert caught.value.data["on"] == "1999-01-01"
    assert "1999-01-01" in caught.value.message_zh


def test_items_are_drawn_only_a_little_ahead() -> None:
    drawn = 0

    def endless() -> Iterator[int]:
        nonlocal drawn
        while True:
            drawn += 1
            yield drawn

    results = map_ahead(math.factorial, endless(), workers=2, ahead=2)
    assert [next(results) for _ in range(3)] == [1, 2, 6]
    results.close()  # type: ignore[attr-defined]
    assert drawn <= 3 + 2 * 2


PARENT = """
import time
from songda.base.processes import map_ahead
if __name__ == "__main__":
    for _ in map_ahead(time.sleep, [0.01] * 4 + [60] * 8, workers=2):
        print("working", flush=True)
"""


def children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                if int((path / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                    found.append(int(path.name))
            except OSError:
                continue
    return found


def test_workers_die_with_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"working\n"
        workers = children(parent.pid)
        assert len(workers) >= 2
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < deadline:
        os.sched_yield()
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
