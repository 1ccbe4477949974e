"""The command line in a process of its own, over a home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def songda(home: Path, *words: str, rc: int = 0) -> str:
    """What `songda WORDS` says, on stdout or else on stderr; its exit code must be `rc`."""
    program = [sys.executable, "-c", "from songda.cli import main; main()", *words]
    environ = {**os.environ, "SONGDA_HOME": str(home)}
    answer = subprocess.run(program, capture_output=True, text=True, timeout=120, check=False, env=environ)
    assert answer.returncode == rc, answer.stderr
    return answer.stdout or answer.stderr


class Desk:
    """A home, and the words that every command begins with."""

    def __init__(self, home: Path, *first: str) -> None:
        self.home = home
        self.first = first

    def songda(self, *words: str, rc: int = 0) -> str:
        return songda(self.home, *self.first, *words, rc=rc)

    def json(self, *words: str, rc: int = 0) -> Any:
        return json.loads(self.songda(*words, "--json", rc=rc))
