"""A process that breaks leaves no core file, and one that is told so is not swapped out."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

BREAK = "import os, signal; os.kill(os.getpid(), signal.SIGABRT)"
KEPT = f"from songda.base.memory import keep_memory_off_the_disk as keep; keep(lock=False); {BREAK}"
LOCKED = """
from pathlib import Path
from songda.base.memory import CannotLockMemory, keep_memory_off_the_disk
try:
    keep_memory_off_the_disk(lock=True)
except CannotLockMemory as error:
    print(error.message_zh)
else:
    print(next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmLck")))
"""


def dumped(code: str, folder: Path) -> bool:
    """Whether a program that may dump as much as it likes does so when it breaks."""
    folder.mkdir()

    def unlimited() -> None:
        _, most = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (most, most))

    pid = subprocess.Popen([sys.executable, "-c", code], cwd=folder, preexec_fn=unlimited).pid  # noqa: PLW1509
    _, status = os.waitpid(pid, 0)
    assert os.WTERMSIG(status) == signal.SIGABRT
    return os.WCOREDUMP(status) or any(folder.iterdir())


def test_it_leaves_no_core_file(tmp_path: Path) -> None:
    assert not dumped(KEPT, tmp_path / "kept")


def test_another_program_would(tmp_path: Path) -> None:
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        pytest.skip("this machine lets nobody dump")
    assert dumped(BREAK, tmp_path / "other")


def test_the_command_line_and_its_workers_cannot_be_dumped() -> None:
    # 0: not dumpable (prctl(2), PR_GET_DUMPABLE = 3).
    ask = "import ctypes; print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    code = f"""
import sys
from songda.base.processes import map_ahead
def main():
    sys.argv = ["songda", "--help"]
    from songda.cli import main
    try:
        main()
    except SystemExit:
        pass
    {ask}
    print(list(map_ahead(eval, ["__import__('ctypes').CDLL(None).prctl(3, 0, 0, 0, 0)"] * 2, workers=2)))
if __name__ == "__main__":
    main()
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
    assert said.splitlines()[-2:] == ["0", "[0, 0]"]


def test_memory_is_locked_or_the_command_says_why_not() -> None:
    said = subprocess.run([sys.executable, "-c", LOCKED], capture_output=True, text=True, timeout=60, check=True).stdout
    if said.startswith("VmLck"):
        assert int(said.split()[1]) > 1000
    else:
        assert "SONGDA_LOCK_MEMORY" in said
